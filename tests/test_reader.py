import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from complaints import ONE_SCENE, complaint, complaints
from PIL import Image

from vqclip_video.errors import StoryboardError
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.kinds import keys
from vqclip_video.storyboard.schema import PromptPart, Settings, StepSize, Transition
from vqclip_video.storyboard.template import TEMPLATE
from vqclip_video.storyboard.timeline import Timeline


@pytest.fixture
def folder(tmp_path):
    Image.new("RGB", (8, 8), "orange").save(tmp_path / "ref.png")
    return tmp_path


# The whole language


def test_a_whole_storyboard(folder):
    (folder / "story.yaml").write_text(
        """\
title: A year in the valley
size: 256x128
fps: 25
seed: 7
models: {clip: ViT-B/32, vqgan: weights/last.ckpt, vqgan_config: model.yaml}
init: {image: ref.png, noise: 0.1}
settings:
  learning_rate: 1e-2
  style: flat illustration, soft light
  exclude: [watermark, {image: ref.png, weight: 2}]
  losses: {vq: 0.5}
scenes:
  - prompt: a snowy mountain
    duration: 2s
  - prompt: [green hills, {text: sunrise, weight: 0.5}, {image: ref.png, weight: 0.3}, [clouds, 0.2]]
    transition: {duration: 1.5s, curve: linear, blend: lerp}
    settings: {learning_rate: 0.2, losses: {tv: 0.1}, exclude: people}
  - prompt: an autumn forest
    iterations: 240
""",
        encoding="utf-8",
    )
    story = reader.read(folder / "story.yaml")
    picture = folder / "ref.png"
    assert (story.title, story.size, story.fps, story.seed) == (
        "A year in the valley",
        (256, 128),
        25.0,
        7,
    )
    assert (*story.models.clips, story.models.vqgan) == (
        "ViT-B/32",
        str(folder / "weights" / "last.ckpt"),
    )
    assert story.models.vqgan_config == folder / "model.yaml"
    assert (story.init.image, story.init.noise, story.init.latent) == (picture, 0.1, None)
    first, second, third = story.scenes
    assert first.prompt == (PromptPart("a snowy mountain"),) and first.transition is None
    assert second.prompt == (
        PromptPart("green hills"),
        PromptPart("sunrise", weight=0.5),
        PromptPart(image=picture, weight=0.3),
        PromptPart("clouds", weight=0.2),
    )
    assert first.settings == story.settings
    assert story.settings.exclude == (
        PromptPart("watermark"),
        PromptPart(image=picture, weight=2.0),
    )
    assert second.settings.exclude == (PromptPart("people"),)
    assert (
        second.settings.losses == replace(story.settings.losses, tv=0.1)
        and story.settings.losses.vq == 0.5
    )
    assert (
        second.settings.learning_rate == StepSize(0.2, 0.2)
        and second.settings.style == story.settings.style
    )
    assert (first.duration, second.duration, third.duration, third.iterations) == (
        2.0,
        3.0,
        None,
        240,
    )
    assert second.transition == Transition(1.5, "linear", "lerp")
    assert story.source == folder / "story.yaml"


def test_the_smallest_storyboard_is_all_defaults():
    story = reader.parse(ONE_SCENE)
    assert story.settings == Settings() and story.scenes[0].duration == 3.0
    assert (*story.models.clips, story.models.vqgan) == ("storybook", "storybook")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("3", 3),
        ("2.5", 2.5),
        ("3s", 3),
        ("'3 s'", 3),
        ("500ms", 0.5),
        ("1:30", 90),
        ("'1:30'", 90),
        ("2m", 120),
        ("1m30s", 90),
        ("1m 30s", 90),
        ("1:02:03.5", 3723.5),
        ("1h", 3600),
        ("1h1m1s500ms", 3661.5),
        ("1e1", 10),
        (".5", 0.5),
    ],
)
def test_times(written, seconds):
    assert (
        reader.parse(f"scenes: [{{prompt: x, duration: {written}}}]").scenes[0].duration == seconds
    )


@pytest.mark.parametrize(
    "written", ["3x", "s", "1:99", "-3", "0", "25h", ".nan", "inf", "1e999", "[3]", "1 2s", "''"]
)
def test_what_is_no_time(written):
    assert "expected a time such as 3, 2.5s, 500ms, 1:30, 4b or 100f above 0" in complaint(
        f"scenes: [{{prompt: x, duration: {written}}}]"
    )


@pytest.mark.parametrize("written", ["64x48", "64X48", "64×48", "'64 x 48'", "[64, 48]"])
def test_sizes(written):
    assert reader.parse(f"size: {written}\n{ONE_SCENE}").size == (64, 48)


@pytest.mark.parametrize(
    "written", ["64", "64x", "8x64", "64x9000", "[64]", "[64, 48, 3]", "[64, x]", "{a: 1}", "-64x9"]
)
def test_what_is_no_size(written):
    said = complaint(f"size: {written}\n{ONE_SCENE}")
    assert "size: expected a size such as 256x256, each side from 16 to 8192" in said


@pytest.mark.parametrize(
    "word", ["on", "no", "1:30", "1e-3", "2024", "'null'", "0x10", "true", "🔥"]
)
def test_what_yaml_takes_for_something_else_is_a_text_where_a_text_is_meant(word):
    assert reader.parse(f"scenes: [{{prompt: {word}}}]").scenes[0].prompt == (
        PromptPart(word.strip("'")),
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            "cutouts: 2.5",
            "1:21: settings.cutouts: expected a whole number from 1 to 1024, found '2.5'",
        ),
        (
            "cutouts: '24'",
            "expected a whole number from 1 to 1024, found the text '24'; remove the quotes",
        ),
        ("cutouts: 1_000", "found '1_000'"),
        ("cutouts: 0x10", "found '0x10'"),
        ("cutouts: on", "found 'on'"),
        ("w1: .nan", "settings.w1: expected a number from 0 to 1000, found '.nan'"),
        ("w1: nan", "found 'nan'"),
        ("w1: -.inf", "found '-.inf'"),
        ("w1: 1e400", "found '1e400'"),
        ("w1: -1", "found '-1'"),
        ("w1: ", "found nothing"),
        ("w1: ~", "found nothing"),
        ("w1: null", "found nothing"),
        ("w1: [1]", "found a list"),
        ("w1: {a: 1}", "50% (of the scene or film) or ease, found 'a'"),
        ("w1: {}", "found a mapping"),
        ("learning_rate: 0", "expected a number above 0 and at most 10, found '0'"),
        ("style: ", 'found nothing; write "" for an empty text'),
        ("losses: 3", "expected a mapping with keys such as clip, vq, gan, tv; found '3'"),
        ("losses: {clip: 0}", "every loss has the weight 0"),
        ("losses: {clip: 0, prior: 1}", "every loss has the weight 0 (prior alone is not enough)"),
        ("w1: 0", "w1 is 0 and there is no style"),
        ("w1: 0, w2: 0, style: ink", "w1 is 0 and there is no style"),
        ("exclude: {text: x, weight: -1}", "found '-1'; what is excluded has a positive weight"),
        ("augment: {flip: 2}", "settings.augment.flip: expected a number from 0 to 1, found '2'"),
        ('style: "a\\0b"', "settings.style: the character U+0000 does not belong in a text"),
    ],
)
def test_values_that_do_not_fit_their_key(settings, message):
    assert message in complaint(f"settings: {{{settings}}}\n{ONE_SCENE}")


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("", "scenes[0].prompt: expected a text, or a list of texts"),
        ("'  '", "expected a text with words in it, found the text '  '"),
        ("'?!'", "expected a text with words in it"),
        ("[]", "expected at least one text or image"),
        ("[a, [b, c]]", "scenes[0].prompt[1].weight: expected a number above 0"),
        ("[a, 0.5]", "scenes[0].prompt[1]: found the number '0.5' among texts"),
        ("[a, ~]", "scenes[0].prompt[1]: expected a text"),
        ("[[a, 1, 2]]", "scenes[0].prompt[0]: expected a text"),
        ("{weight: 1}", "expected a text or an image, found neither"),
        ("{text: a, image: b}", "found both text and image"),
        ("{text: a, weight: -0.5}", "found '-0.5'; name what should not be seen in exclude"),
        ("{text: a, weigth: 1}", "scenes[0].prompt: unknown key 'weigth'; did you mean 'weight'?"),
        (
            "{text: 7, weight: 0}",
            "scenes[0].prompt.weight: expected a number above 0 and at most 1000",
        ),
    ],
)
def test_what_is_no_prompt(prompt, message):
    assert any(message in said for said in complaints(f"scenes: [{{prompt: {prompt}}}]"))


@pytest.mark.parametrize("number", ["-1", "2000", "2.5"])
def test_quotes_are_not_the_fault_of_a_number_that_is_none_without_them(number):
    (said,) = complaints(f"settings: {{cutouts: '{number}'}}\nscenes: [{{prompt: a}}]")
    assert said.endswith(f"found the text '{number}'")


def test_a_long_prompt_is_the_tokenizers_business():
    assert reader.parse(f"scenes: [{{prompt: {'very ' * 80} long}}]").scenes


# Mistakes, all at once and each in its place


def test_every_mistake_is_told_at_once_with_its_place(tmp_path):
    story = tmp_path / "story.yaml"
    story.write_text("""\
titel: x
fps: 0
settings:
  cutouts: 4
  learnig_rate: 0.1
  cutouts: 8
scenes:
  - prompt: a
    transition: {curve: eas-in}
  - duration: 2s
  - 7
""")
    with pytest.raises(StoryboardError) as caught:
        reader.read(story)
    assert caught.value.exit_code == 2
    assert str(caught.value).splitlines() == [
        f"{story}:1:1: unknown key 'titel'; did you mean 'title'?",
        (
            f"{story}:2:6: fps: expected a number or a ratio such as 24, 23.976 or 30000/1001 from "
            "1 to 240, found '0'"
        ),
        f"{story}:5:3: settings: unknown key 'learnig_rate'; did you mean 'learning_rate'?",
        f"{story}:6:3: settings: the key 'cutouts' is repeated; it stands in line 4",
        (
            f"{story}:9:25: scenes[0].transition.curve: expected one of linear, ease-in, ease-out, "
            "ease-in-out, cut, found 'eas-in'; did you mean 'ease-in'?"
        ),
        f"{story}:10:5: scenes[1]: the prompt is missing: what should the picture show?",
        (
            f"{story}:11:5: scenes[2]: expected a mapping with keys such as prompt, duration, "
            "iterations, at; found '7'"
        ),
    ]


def test_a_mistake_that_aliases_repeat_is_told_once():
    text = "scenes:\n- {prompt: a, settings: &s {w1: x}}\n" + "- {prompt: a, settings: *s}\n" * 5
    assert complaint(text).startswith("2:33: scenes[0].settings.w1:")


def test_a_flood_of_mistakes_is_cut_short():
    said = complaints("".join(f"key{i}: 1\n" for i in range(10_000)))
    assert len(said) == 101 and "mend these" in said[-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1", "2:1: a tab in the indentation"),
        ('title: "x\n', "1:8: a quote is opened and never closed"),
        ("title: a: b", "1:9: a ': ' inside an unquoted text"),
        ("size: [1, 2\nfps: 3\n", "1:7: a list opened with [ is not closed"),
        ("init: {noise: 1\nfps: 3\n", "1:7: a mapping opened with { is not closed"),
        ("fps: 3\nfoo\nsize: 2", "2:1: a line that is no 'key: value'"),
        ("settings:\n   w1: 1\n  w2: 2\n", "3:3: not in line with what is around it"),
        ("title: @home", "1:8: a text cannot begin with this character"),
        ('title: "C:\\dir"', "1:11: a backslash in double quotes"),
        ("a: *b", "1:4: *b stands for nothing"),
        ("a: &a [*a]", "1:8: *a contains itself"),
        (
            "a: !!python/object:os.system x",
            "1:4: the tag 'tag:yaml.org,2002:python/object:os.system' is not allowed",
        ),
        ("a: !!str x", "the tag"),
        ("a: 1\n---\nb: 2", "2:1: a second document"),
        ("? [a]\n: b", "1:3: a list cannot be a key"),
        ("a: b\0", "1:5: the character U+0000 does not belong"),
        ("{<<: {w1: 2}, scenes: [{prompt: a}]}", "1:2: merge keys (<<) are not read"),
        ("[" * 100_000, "nested more than 50 levels deep"),
        ("- " * 100_000, "nested more than 50 levels deep"),
        ("", "the storyboard is empty"),
        ("# nothing\n", "the storyboard is empty"),
        ("~", "the storyboard is empty"),
        (
            "just words",
            "1:1: expected a mapping with keys such as title, size, fps, seed; found 'just words'",
        ),
        ("[1]", "1:1: expected a mapping"),
        ("title: x", "1:1: the scenes are missing"),
        ("scenes: []", "1:9: scenes: expected at least one scene"),
        ("scenes: a hill", "1:9: scenes: expected a list of scenes, found 'a hill'"),
    ],
)
def test_what_is_no_storyboard(text, message):
    assert message in complaint(text)


def test_an_exploding_alias_is_refused():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert "aliases written out" in complaint("\n".join(lines))


# Files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the storyboard is empty"),
        (b"title: a\nstyle: caf\xe9", ":2:11: this is not UTF-8 text"),
        (b"\x7fELF\x02\x01\x01\0\0", "the character U+007F does not belong in a text file"),
        ("title: x".encode("utf-16"), ":1:1: this is not UTF-8 text"),
        (b"# " + b"x" * 2**22, "more than 2,097,152 bytes"),
    ],
)
def test_files_that_are_no_storyboards(tmp_path, content, message):
    (tmp_path / "story.yaml").write_bytes(content)
    with pytest.raises(StoryboardError, match="^[^\n]*$") as caught:
        reader.read(tmp_path / "story.yaml")
    assert str(caught.value).startswith(str(tmp_path / "story.yaml")) and message in str(
        caught.value
    )


def test_missing_files_folders_and_odd_names(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / ("x" * 300), "a\0b"):
        with pytest.raises(StoryboardError, match="cannot read the storyboard|this is not a file"):
            reader.read(path)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path):
    (tmp_path / "story.yaml").write_bytes(
        b"\xef\xbb\xbffps: 12\r\nscenes:\r\n- prompt: caf\xc3\xa9\r\n"
    )
    assert reader.read(tmp_path / "story.yaml").scenes[0].prompt[0].text == "café"


def test_init_words():
    assert reader.parse(f"init: noise\n{ONE_SCENE}").init == reader.parse(ONE_SCENE).init
    assert "init: expected noise, or a mapping" in complaint(f"init: zeros\n{ONE_SCENE}")


def test_models_are_names_unless_they_look_like_paths(folder):
    (folder / "mine").write_bytes(b"")
    for taken in ("storybook", "ViT-B/32", "vq"):
        (folder / taken).mkdir(parents=True)
    (folder / "imagenet").write_bytes(b"")
    for name in ("ViT-L/14@336px", "ViT-B/32", "storybook", "imagenet", "other", "x" * 5000):
        story = reader.parse(f"models: {{clip: {name}}}\n{ONE_SCENE}", base=folder)
        assert story.models.clips == (name,)
    for path in ("./x", "a/b.pt", "../b.ckpt", "mine", "vq"):
        clip = reader.parse(f"models: {{clip: {path}}}\n{ONE_SCENE}", base=folder).models.clips
        assert clip[0] == os.path.normpath(folder / path)
    assert reader.parse(f"models: imagenet\n{ONE_SCENE}").models.vqgan == "imagenet"


# For what comes after


def test_later_checks_can_point_at_the_file(tmp_path):
    story = tmp_path / "story.yaml"
    story.write_text("models:\n  clip: nope\nscenes:\n- prompt: [a, b]\n")
    board = reader.read(story, ["models.vqgan=other"])
    assert board.marks["models.clip"][:2] == (2, 9) and board.marks["scenes[0].prompt[1]"][:2] == (
        4,
        15,
    )
    assert (
        str(reader.problem_at(board, "models.clip", "unknown"))
        == f"{story}:2:9: models.clip: unknown"
    )
    assert (
        str(reader.problem_at(board, "models.vqgan", "unknown")) == "override=models.vqgan: unknown"
    )
    assert str(reader.problem_at(board, "scenes[0].prompt[1].text", "!")).startswith(
        f"{story}:4:15: scenes[0]"
    )
    assert reader.problem_at(board, "init.image", "!").line == 1


def test_reading_needs_no_torch():
    code = (
        "import sys; from vqclip_video.storyboard import json_schema, reader, template; "
        "print('torch' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "False\n"
    )


def test_the_template_reads_as_it_is_and_with_every_option(folder):
    (folder / "reference.png").write_bytes((folder / "ref.png").read_bytes())
    story = reader.parse(TEMPLATE)
    assert len(story.scenes) == 3 and Timeline(story).seconds == 6.0 and story.size == (192, 192)
    full = re.sub(r"(?m)^(\s*)#(?=\S)", r"\1", TEMPLATE)
    assert full.count("\n") == TEMPLATE.count("\n") and full != TEMPLATE
    assert reader.parse(full, base=folder).scenes[1].prompt[2].image == folder / "reference.png"
    for name in [*keys(type(story)), *keys(type(story.scenes[0])), *keys(Settings)]:
        assert re.search(rf"\b{name}\b", TEMPLATE), name


def test_storyboards_of_the_repository_read():
    for story in sorted((Path(__file__).parent.parent / "storyboards").glob("*.yaml")):
        assert Timeline(reader.read(story)).frames > 0
