"""Broken and hostile input to the real commands: nothing is executed, nothing leaves its folder,
no traceback.
"""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from filmprobe import ffmpeg, read_film
from PIL import Image
from safetensors.torch import save_file
from stage import Ended, Stage, write_story
from tiny import make_clip, make_vqgan

import vqclip_video

PACKAGE = Path(vqclip_video.__file__).parent
FRAMES = 4


@pytest.fixture(scope="module")
def stage():
    with Stage() as started:
        yield started


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pair")
    return make_clip(folder, format="safetensors"), make_vqgan(folder, format="safetensors")[0]


@pytest.fixture
def story(pair, tmp_path) -> Path:
    return write_story(tmp_path, *pair, frames=FRAMES)


def refused(ended: Ended, *words: str) -> None:
    assert ended.status in (1, 2), ended.said
    assert "Traceback" not in ended.said and "Error(" not in ended.said
    for word in words:
        assert word in ended.err, ended.err


# --- what the program never calls


def test_no_module_can_run_what_a_file_says():
    """No eval, exec, compile of text, unsafe yaml, stock unpickler or shell anywhere in the
    package.
    """
    forbidden = {"eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "yaml.full_load",
                 "pickle.load", "pickle.loads", "pickle.Unpickler", "torch.load", "numpy.load", "np.load",
                 "subprocess.getoutput", "marshal.loads", "importlib.import_module"}  # fmt: skip
    safe = {("yaml.load", "Loader"), ("np.load", "allow_pickle")}
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name, options = (
                ast.unparse(node.func),
                {option.arg: ast.unparse(option.value) for option in node.keywords},
            )
            allowed = any(
                name == call
                and "Unsafe" not in options.get(option, "Unsafe")
                and options[option] != "True"
                for call, option in safe
            )
            if (name in forbidden and not allowed) or options.get("shell", "False") != "False":
                found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}: {name}")
    assert found == []


# --- checkpoints


class Evil:
    def __init__(self, canary: Path):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def evil_pickle(path: Path, canary: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": Evil(canary)}))


def evil_torch_file(path: Path, canary: Path) -> None:
    torch.save(
        {"state_dict": {"encoder.conv_in.weight": torch.zeros(2), "evil": Evil(canary)}}, path
    )


def lying_header(path: Path, canary: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")


def cut_off(path: Path, canary: Path) -> None:
    save_file({"x": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:-100])


def zip_bomb(path: Path, canary: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(300_000_000))


def wrong_network(path: Path, canary: Path) -> None:
    save_file({"visual.proj": torch.zeros(3, 3)}, path)


@pytest.mark.parametrize("half", ["clip", "vqgan"])
@pytest.mark.parametrize(
    "make, name",
    [
        (evil_pickle, "evil.pt"),
        (evil_pickle, "evil.ckpt"),
        (evil_torch_file, "evil.pt"),
        (zip_bomb, "bomb.pt"),
        (lying_header, "lying.safetensors"),
        (cut_off, "cut.safetensors"),
        (wrong_network, "other.safetensors"),
    ],
)
def test_a_hostile_or_broken_checkpoint_is_refused_and_never_executed(
    stage, pair, story, half, make, name
):
    canary, file = story.parent / "canary", story.parent / name
    make(file, canary)
    shutil.copy(pair[1].with_suffix(".yaml"), file.with_suffix(".yaml"))
    ended = stage.run(story.parent, "render", "story.yaml", "--set", f"models.{half}={file}")
    refused(ended, name)
    assert not canary.exists()


def test_weights_that_are_no_numbers_are_refused(stage, pair, story):
    from safetensors.torch import load_file

    tensors = load_file(pair[1])
    name = next(name for name in tensors if name.startswith("decoder.") and name.endswith("weight"))
    tensors[name][...] = float("nan")
    file = story.parent / "nan.safetensors"
    save_file(tensors, file)
    shutil.copy(pair[1].with_suffix(".yaml"), file.with_suffix(".yaml"))
    refused(
        stage.run(story.parent, "render", "story.yaml", "--set", f"models.vqgan={file}"),
        "nan.safetensors",
    )


@pytest.mark.parametrize(
    "target", ["os.system", "subprocess.Popen", "taming.models.vqgan.VQModel; import os"]
)
def test_a_config_that_names_another_class_is_refused(stage, pair, story, target):
    file = story.parent / "model.safetensors"
    shutil.copy(pair[1], file)
    config = (
        pair[1]
        .with_suffix(".yaml")
        .read_text()
        .replace("taming.models.vqgan.VQModel", f"'{target}'")
    )
    file.with_suffix(".yaml").write_text(config)
    refused(
        stage.run(story.parent, "render", "story.yaml", "--set", f"models.vqgan={file}"),
        "model.yaml",
    )


# --- pictures


def png_header_of(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def make_picture(folder: Path, kind: str) -> Path:
    """A picture that renders, of a kind that trips programs."""
    colours = np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    picture, options, suffix = Image.fromarray(colours), {}, ".png"
    if kind == "animated":
        options, suffix = {"save_all": True, "append_images": [picture.rotate(90)] * 2}, ".gif"
    elif kind == "16 bits":
        picture = Image.fromarray(colours[..., 0].astype(np.uint16) * 257)
    elif kind == "cmyk":
        picture, suffix = picture.convert("CMYK"), ".jpg"
    elif kind == "alpha":
        picture.putalpha(100)
    elif kind == "rotated":
        exif = Image.Exif()
        exif[0x0112] = 6
        options, suffix = {"exif": exif}, ".jpg"
    path = folder / f"picture{suffix}"
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("kind", ["animated", "16 bits", "cmyk", "alpha", "rotated"])
def test_pictures_of_every_kind_start_and_prompt_a_film(stage, story, kind):
    picture = make_picture(story.parent, kind)
    story.write_text(
        story.read_text().replace("prompt: the sea", f"prompt: {{image: {picture.name}}}")
    )
    ended = stage.run(story.parent, "render", "story.yaml", "--set", f"init.image={picture}")
    assert ended.status == 0, ended.said


@pytest.mark.parametrize("use", ["init.image={}", "scenes[1].prompt={{image: {}}}"])
@pytest.mark.parametrize("kind", ["bomb", "text", "empty", "truncated"])
def test_a_broken_picture_is_refused(stage, story, kind, use):
    path = story.parent / "broken.png"
    Image.new("RGB", (64, 64), "red").effect_spread(9).save(path)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "bomb": png_header_of(60_000, 60_000),
            "text": b"<svg/>",
            "empty": b"",
            "truncated": whole[: len(whole) // 2],
        }[kind]
    )
    refused(
        stage.run(story.parent, "render", "story.yaml", "--set", use.format(path)), "broken.png"
    )


# --- texts and names

TEXTS = {
    "quotes": 'it\'s "so" `called` $HOME %s %d \\n \\ .',
    "marks of ffmpeg": "a=b;c#d:e,f[g]'h' | -i /etc/passwd",
    "lines": "first\nsecond\r\n;FFMETADATA1\n[CHAPTER]\ntitle=forged",
    "emoji": "🌊👩‍👩‍👧‍👦 sea é̂",
    "right to left": "בוקר טוב \u202eשלום",
    "long": "word " * 2000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_any_title_and_prompt_reach_the_film_intact_or_shortened(stage, story, text):
    board = story.read_text().replace(
        "prompt: a red apple", f"prompt: {json.dumps(text, ensure_ascii=False)}"
    )
    story.write_text(f"title: {json.dumps(text, ensure_ascii=False)}\n{board}", encoding="utf-8")
    ended = stage.run(story.parent, "render", "story.yaml")
    assert ended.status == 0, ended.said
    film = story.parent / "outputs" / "story.mp4"
    assert read_film(film).frames == FRAMES
    metadata = re.sub(r"\\(.)", r"\1", read_film(film).metadata.replace("\\\n", "\n"))
    words = " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())
    title = re.search(r"^title=(.*)$", metadata, re.MULTILINE)[1]
    assert title == words or (title.endswith("…") and words.startswith(title[:-1]))
    assert metadata.count("[CHAPTER]\n") == 2
    comment = re.search(r"^comment=(\{.*\})$", metadata, re.MULTILINE)
    assert comment and json.loads(comment[1])["seed"] == 5


def test_a_current_folder_that_is_gone(stage, story):
    gone = story.parent / "gone"
    gone.mkdir()
    refused(stage.run(gone, "render", str(story), faults=("no-folder",)), "vanished")


def test_a_text_that_would_write_to_the_terminal_is_refused(stage, story):
    story.write_text(story.read_text().replace("prompt: the sea", 'prompt: "a\\e[31mb"'))
    ended = stage.run(story.parent, "render", "story.yaml")
    refused(ended, "U+001B")
    assert "\x1b[31m" not in ended.said


NAMES = [
    "a film",
    "it's",
    'q"uote',
    "100%d",
    "-dash",
    "ünï—🎬",
    "a:b",
    "$(touch x)",
    "x;y&z",
    "name.v2",
    "[x]",
    "con",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_storyboard_stays_in_outputs(stage, story, name):
    story = story.rename(story.with_name(f"{name}.yaml"))
    before = set(story.parent.rglob("*"))
    ended = stage.run(story.parent, "render", "--quiet", "--", story.name)
    assert ended.status == 0, ended.said
    outputs = story.parent / "outputs"
    new = {path for path in set(story.parent.rglob("*")) - before if "home" not in path.parts}
    assert all(path == outputs or outputs in path.parents for path in new)
    (film,) = outputs.glob("*.mp4")
    assert read_film(film.rename(outputs / "film.mp4")).frames == FRAMES


OUTPUTS = ["here.mp4", "a b/c'd%03d.mp4", "-x.mp4", "file:x.mp4", "pipe:1.mp4", "deep/er/é.MP4"]
NO_FILMS = ["film.avi", "", ".mp4", "..", "/", "x" * 300 + ".mp4", "story.yaml/a.mp4"]


@pytest.mark.parametrize("output", OUTPUTS)
def test_any_output_goes_where_it_was_said(stage, story, output):
    ended = stage.run(story.parent, "render", "story.yaml", f"--output={output}")
    assert ended.status == 0, ended.said
    made = story.parent / f"{output[:-4]}.mp4"
    assert (
        made.is_file() and made.with_suffix("").is_dir() and not (story.parent / "outputs").exists()
    )
    assert ffmpeg("-i", f"file:{made}", "-f", "null", "-").returncode == 0


@pytest.mark.parametrize("output", NO_FILMS)
def test_an_output_that_names_no_film_is_refused(stage, story, output):
    refused(stage.run(story.parent, "render", "story.yaml", f"--output={output}"))
    assert story.read_text()
