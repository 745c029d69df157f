"""Whatever the bytes: a Storyboard that works, or messages with places; quickly, and in little
memory.

The suite runs a short form. The long one prints its counts:

    python tests/test_fuzz_reader.py --examples 10000
"""

import argparse
import collections
import json
import tempfile
import time
import tracemalloc
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from vqclip_video.errors import StoryboardError
from vqclip_video.storyboard import reader, yaml_nodes
from vqclip_video.storyboard.kinds import keys
from vqclip_video.storyboard.schema import (
    Audio,
    Augment,
    Drive,
    Losses,
    Scene,
    Settings,
    Storyboard,
    Transition,
)
from vqclip_video.storyboard.template import TEMPLATE
from vqclip_video.storyboard.timeline import Timeline

SECONDS = 20.0  # no measure of speed: what grows with the square of these inputs takes minutes
MEBIBYTES = 200
SHORT = 100
OUTCOMES: collections.Counter[str] = collections.Counter()

SOUND = str(Path(__file__).parent / "sound.wav")
SEEDS = [
    TEMPLATE,
    (
        "scenes:\n- prompt: a hill\n- prompt: [b, {text: c, weight: 0.5}, [d, 2]]\n  transition: "
        "linear\n"
    ),
    (
        "size: [64, 48]\nscenes:\n- {prompt: a, at: 0}\n- {prompt: b, at: '1:00', iterations: 40, "
        "settings: &s {w1: 2}}\n"
    ),
    (
        "settings: &s {losses: {tv: 1}, exclude: [x]}\nscenes: [{prompt: a, settings: *s}, {prompt:"
        " b, settings: *s}]\n"
    ),
    (
        f"audio: {{file: {SOUND}, start: 0.2s, gain: -3dB}}\nlength: audio\nbpm: 240\noffset: 0.1s\nland: beats\n"
        f"drive: [{{file: {SOUND}, to: w1, amount: 0.1, band: [40, 120]}}]\nscenes:\n"
        "- {prompt: a, duration: 1b}\n- {prompt: b, transition: 0.5b, settings: {w2: {0b: 1, 1b: 2}}}\n"
    ),
    (
        "init: {image: none.png}\nmodels: {clip: ViT-B/32, vqgan: x.ckpt}\nscenes: [{prompt: "
        "{image: 'a\\0'}}]\n"
    ),
    (
        "settings: {learning_rate: {0s: 0.1, 50%: {value: 0.2, ease: hold}, ease: out}, w1: "
        "'0:(1), 9:(1+t/9)'}\nscenes:\n- prompt: [[a, {0s: 0, 24f: 1}], b]\n  settings: {w2: "
        "'sin(period=2s, from=0.1, to=1)'}\n"
    ),
    "settings:\n  noise_factor: 0.05 + 0.02*sin(2*pi*t)\nscenes: [{prompt: a}]\n",
]
NAMES = [
    name
    for section in (Audio, Drive, Storyboard, Scene, Settings, Losses, Augment, Transition)
    for name in keys(section)
]
NASTY = [
    "~", ".nan", ".inf", "1e400", "-1", "0", "1e-300", "0x10", "1_000", "99999999999999999999", "on", "''", "'x",
    '"\\0"', '"\\uD800"', "[", "{", "]", "- ", "*s", "&s", "!!python/name:os.system", "!", "<<: *s", "? ", ":", "|",
    ">", "%", "@", "\t", "\0", "\x85", "\u2028", "\ufeff", "\ud7ff", "🔥", "{}", "[]", "[[]]", "{text: a}",
    "{image: /dev/zero}", "/", "..", "3s", "1:30", "24h", "4b", "2bars", "audio", "bass", "-3dB", "[40, 120]", "64x64", "8192x8192", "cut", "---", "...", "# ", "\r",
    "10000", "240", "a" * 300, "{0s: 1, 2s: 2}", "{2s: 1, 1s: 2}", "{0s: 1, 24f: 1}", "sin(period=1s)", "t",
    "1e308**2", "1/t", "(" * 50 + "t", "t+" * 5000 + "t", "0:(1), 60:(t)", "0:(", "t % 0", "-" * 60 + "t", "4b",
    "1 + nan", "log(-t)", "100%", "ease: out", "value: t",
]  # fmt: skip


def check(content: bytes, path: Path, overrides: list[str]) -> None:
    """Read the bytes as the file `path`; anything but a working Storyboard or a well-formed
    refusal is a failure.
    """
    path.write_bytes(content)
    began = time.process_time()
    try:
        storyboard = reader.read(path, overrides)
    except StoryboardError as error:
        OUTCOMES["refused"] += 1
        check_messages(error, content, path)
    else:
        OUTCOMES["read"] += 1
        check_works(storyboard)
    assert time.process_time() - began < SECONDS


def check_messages(error: StoryboardError, content: bytes, path: Path) -> None:
    lines = (
        content.count(b"\n")
        + content.count(b"\r")
        + content.count(b"\xc2\x85")
        + content.count(b"\xe2\x80")
        + 1
    )
    assert error.problems
    for problem in error.problems:
        assert problem.file == str(path) or problem.file.startswith("override=")
        assert problem.message and "\n" not in str(problem) and len(str(problem)) < 1000
        assert 0 <= problem.line <= lines + 1 and (problem.column >= 1 or problem.line == 0)


def check_works(storyboard: Storyboard) -> None:
    line = Timeline(storyboard)
    assert line.frames >= 1
    for iteration in (0, line.total_iter // 2, line.total_iter - 1):
        assert 0 <= line.at(iteration).mix <= 1
    assert reader.parse(reader.dump(storyboard)) == storyboard


pieces = st.one_of(
    st.sampled_from(NASTY),
    st.sampled_from(NAMES),
    st.sampled_from(["\n", ": ", "  "]),
    st.text(max_size=4),
)
edits = st.lists(
    st.tuples(
        st.sampled_from(["insert", "replace", "delete", "repeat"]),
        st.floats(0, 1),
        st.integers(0, 12),
        pieces,
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def mutated_bytes(draw):
    """A good storyboard with some bytes changed."""
    content = draw(st.sampled_from(SEEDS)).encode()
    for kind, place, length, piece in draw(edits):
        at = int(place * len(content))
        put = {
            "insert": piece.encode("utf-8", "surrogatepass"),
            "repeat": content[at : at + 8 * length],
            "delete": b"",
        }
        cut = 0 if kind in ("insert", "repeat") else length
        content = content[:at] + put.get(kind, bytes([length * 21])) + content[at + cut :]
    return content


@st.composite
def mutated_words(draw):
    """A good storyboard with some keys or values exchanged for bad ones."""
    lines = draw(st.sampled_from(SEEDS)).split("\n")
    for kind, place, _, piece in draw(edits):
        at = min(int(place * len(lines)), len(lines) - 1)
        name, colon, value = lines[at].partition(":")
        if kind == "insert":
            lines.insert(at, f"{name[: len(name) - len(name.lstrip())]}{piece}: {value}")
        elif kind == "replace":
            lines[at] = f"{name}{colon} {piece}"
        elif kind == "repeat":
            lines.insert(at, lines[at])
        else:
            del lines[at]
            lines = lines or [""]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(NASTY),
    st.floats(0, 3),
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.sampled_from(NAMES), st.sampled_from(["text", "image", "weight"])),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)
scenes = st.dictionaries(st.sampled_from(list(keys(Scene))), trees, max_size=3).map(
    lambda scene: {"prompt": "a hill", **scene}
)
boards = st.builds(
    lambda film, scenes: {**film, "scenes": scenes} if scenes is not None else film,
    st.dictionaries(st.sampled_from(NAMES), trees, max_size=3),
    st.none() | trees | st.lists(scenes, max_size=3),
)


def as_yaml(tree) -> bytes:
    return yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "replace")


def as_json(tree) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace")


KINDS = {
    "arbitrary bytes": st.binary(max_size=200),
    "arbitrary text": st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")),
    "mutated bytes": mutated_bytes(),
    "mutated keys and values": mutated_words(),
    "structured YAML": boards.map(as_yaml),
    "structured JSON": boards.map(as_json),
}
PATHS = st.sampled_from(
    [*NAMES, "scenes[0]", "scenes.1", "scenes[99999]", "settings.w1", "a..b", ""]
)
OVERRIDES = st.sampled_from([0, 0, 0, 3]).flatmap(
    lambda most: st.lists(st.tuples(PATHS, pieces), max_size=most)
)


def run(kind: str, examples: int) -> None:
    @given(KINDS[kind], OVERRIDES)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples
        == SHORT,  # the suite is the same for everyone; the long run is new each time
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    def fuzz(content, overrides):
        check(
            content, Path(folder) / "story.yaml", [f"{path}={piece}" for path, piece in overrides]
        )

    with tempfile.TemporaryDirectory() as folder:
        fuzz()


@pytest.mark.parametrize("kind", KINDS)
def test_a_storyboard_or_messages_and_nothing_else(kind):
    run(kind, SHORT)


@pytest.mark.parametrize("kind", ["arbitrary text", "mutated bytes", "mutated keys and values"])
def test_a_machine_without_libyaml_is_no_different(kind, monkeypatch):
    monkeypatch.setattr(yaml_nodes, "Loader", yaml.SafeLoader)
    run(kind, SHORT)


def bomb() -> str:
    lines = ["title: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    return "\n".join(lines)


TRAPS = {
    "alias bomb": bomb(),
    "aliased scene": (
        "scenes:\n- &s {prompt: [a, b, c, d], settings: {w1: x, w2: y}}\n" + "- *s\n" * 9_999
    ),
    "brackets": "[" * 100_000,
    "dashes": "- " * 100_000,
    "question marks": "? " * 100_000,
    "braces": "{a: " * 100_000,
    "long text": "scenes: [{prompt: '" + "x" * 200_000 + "'}]",
    "long number": "seed: " + "9" * 200_000,
    "long time": "scenes: [{prompt: a, duration: " + "9" * 200_000 + "s}]",
    "long key": "x" * 200_000 + ": 1",
    "long path": "scenes: [{prompt: {image: " + "../" * 6_000 + "}}]",
    "10,000 keys": "".join(f"titel{i}: 1\n" for i in range(10_000)),
    "10,000 near keys": "".join(f"learning_rat{i % 10}{i}: 1\n" for i in range(10_000)),
    "repeated key": "title: x\n" * 50_000,
    "one long list": "scenes: [{prompt: [" + "a," * 140_000 + "]}]",
    "anchors": "".join(f"- &a{i} x\n" for i in range(50_000)),
    "quotes": '"' * 200_000,
    "comments": "# x\n" * 400_000,
    "10,000 scenes": "scenes:\n" + "- {prompt: a, duration: 1.0001, settings: {w1: 2}}\n" * 10_000,
    "10,001 scenes": "scenes:\n" + "- {prompt: a}\n" * 10_001,
    "too large": "# " + "x" * 3_000_000,
}


@pytest.mark.parametrize("trap", TRAPS)
def test_traps_cost_little_time(trap, tmp_path):
    (tmp_path / "trap.yaml").write_text(TRAPS[trap], encoding="utf-8")
    began = time.process_time()
    outcome(tmp_path / "trap.yaml")
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    "trap", ["alias bomb", "aliased scene", "brackets", "long text", "one long list", "too large"]
)
def test_traps_cost_little_memory(trap, tmp_path):
    (tmp_path / "trap.yaml").write_text(TRAPS[trap], encoding="utf-8")
    tracemalloc.start()
    try:
        outcome(tmp_path / "trap.yaml")
        assert tracemalloc.get_traced_memory()[1] < MEBIBYTES * 2**20
    finally:
        tracemalloc.stop()


def outcome(path: Path) -> None:
    try:
        Timeline(reader.read(path))
    except StoryboardError as error:
        assert 1 <= len(error.problems) <= 101 and max(map(len, str(error).splitlines())) < 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Fuzz the storyboard reader and print what came of it."
    )
    parser.add_argument("--examples", type=int, default=10_000, help="inputs, over all kinds")
    examples = parser.parse_args().examples
    print(f"{'kind':<26}{'inputs':>8}{'read':>8}{'refused':>9}{'tracebacks':>12}")
    for kind in KINDS:
        OUTCOMES.clear()
        # raises, with the smallest input that does it, at the first traceback
        run(kind, examples // len(KINDS))
        print(
            f"{kind:<26}{OUTCOMES.total():>8}{OUTCOMES['read']:>8}{OUTCOMES['refused']:>9}{0:>12}"
        )


if __name__ == "__main__":
    main()
