"""What people write who come from other tools, or whom YAML tricks: understood, or pointed out
at its place.
"""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from vqclip_video.cli.main import main
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import PromptPart
from vqclip_video.storyboard.timeline import Timeline


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(text: str, status: int = 0, command: str = "check") -> list[str]:
    """The lines that `vqclip-video check` says of a storyboard on standard error, its file's
    name left out.
    """
    Path("story.yaml").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, [command, "story.yaml"])
    assert result.exit_code == status, result.output
    return [line.replace("story.yaml:", "") for line in result.stderr.splitlines()]


def own_models(files: dict) -> str:
    return "{{clip: {clip}, vqgan: {vqgan}, vqgan_config: {config}}}".format(**files)


def of_prompt(prompt: str) -> str:
    """What is said of a storyboard with this prompt; nothing where all is well."""
    (line,) = told(f"scenes:\n  - prompt: {prompt}\n") or [""]
    assert not line or line.startswith("warning: 2:13: ")
    return line.removeprefix("warning: 2:13: ")


@pytest.mark.parametrize(
    ("prompt", "list_form"),
    [
        ("'a castle:2 | blurry:-1'", "[{text: a castle, weight: 2}], and exclude: [blurry]"),
        ("a castle | a forest:0.5", "[a castle, {text: a forest, weight: 0.5}]"),
        ("a castle ^ a forest:0.5", "[a castle, {text: a forest, weight: 0.5}]"),
        ("a castle:1:0.2", "[{text: a castle, weight: 1}]"),
        ("castle::2", "[{text: castle, weight: 2}]"),
        ("(castle:1.3), a forest", "[{text: castle, weight: 1.3}, a forest]"),
        ("a castle --no people --ar 16:9", "[a castle], and exclude: [people]"),
        ("((masterpiece)) of a castle", "[masterpiece)) of a castle]"),
    ],
)
def test_weights_as_other_tools_write_them_are_pointed_out_with_the_list_that_says_so(
    prompt, list_form
):
    assert of_prompt(prompt).endswith(f"write a list: {list_form}")


@pytest.mark.parametrize(
    "prompt", ["a clock at 12:30", "a film in 16:9", "an oak, 3:2", "a - b", "one, two"]
)
def test_what_only_looks_like_a_weight_is_not(prompt):
    assert of_prompt(prompt) == ""


def test_weights_are_pointed_out_in_excludes_and_style_and_in_set_too(folder):
    lines = told("settings:\n  exclude: [blurry:-1]\n  style: ink | wood\nscenes: [{prompt: a}]\n")
    assert [line.split(": ")[1:3] for line in lines] == [
        ["2:13", "settings.exclude[0]"],
        ["3:10", "settings.style"],
    ]
    result = CliRunner().invoke(main, ["plan", "story.yaml", "--set", "scenes[0].prompt=a:2 | b"])
    assert "--set scenes[0].prompt" in result.stderr and "{text: a, weight: 2}, b]" in result.stderr


def test_a_still_says_what_may_not_be_meant_in_the_words_of_the_command_line(tiny_files):
    models = f"models={own_models(tiny_files)}"
    options = [
        "--size",
        "32x32",
        "--iterations",
        "2",
        "--set",
        "settings.cutouts=2",
        "--set",
        models,
    ]
    result = CliRunner().invoke(main, ["image", "a castle:2 | blurry:-1", *options])
    assert result.exit_code == 0, result.output
    assert "warning: PROMPT: 'a castle:2 | blurry:-1' is read as plain words" in result.stderr


def test_a_text_lost_to_a_comment_is_pointed_out_and_a_comment_is_not():
    assert "'#sunset' is a comment" in of_prompt("beach #sunset")
    assert of_prompt("beach # at sunset") == ""
    assert of_prompt("'beach #sunset'") == ""
    (line,) = told(
        "settings: {w1: 1}\nscenes:\n  - prompt: [a, b] #sunset\n    duration: 1s\n  - prompt: &x c"
        " #now\n  - prompt: *x\n"
    )
    assert line.startswith("warning: 5:13: scenes[1].prompt: '#now'")


def test_a_text_lost_to_an_anchor_is_pointed_out_and_one_that_is_used_is_not():
    assert of_prompt("&night sky").startswith("&night gives the value a name that nothing asks for")
    assert told("scenes:\n  - prompt: &night the sky at night\n  - prompt: *night\n") == []


def test_a_star_asks_for_quotes():
    (line,) = told("scenes:\n  - prompt: *star\n", status=2)
    assert line.startswith("error: 2:13:") and "put a text in quotes" in line


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\u200b", "\u3000"])
def test_a_space_that_is_none_to_yaml_is_found_where_it_stands(space):
    for text, place in (
        (f"scenes:\n  - prompt:{space}a castle\n    duration: 1s\n", "2:12"),
        (f"scenes:\n  - prompt:{space}a castle\n", "2:12"),
        (f"title: x\nscenes:\n  - prompt: a\n{space}   duration: 1s\n", "4:1"),
        (f"fps:{space}12\nscenes: [{{prompt: a}}]\n", "1:5"),
    ):
        (line,) = told(text, status=2)
        assert line.startswith(
            f"error: {place}: the character U+{ord(space):04X} looks like a space"
        )


@pytest.mark.parametrize(
    "key", ["prompt: {image: %s}", "prompt: a, settings: {guide: {image: %s}}"]
)
def test_a_web_address_is_no_file_and_nothing_is_fetched(key):
    (line,) = told("scenes:\n  - {" + key % "'https://example.org/a.png'" + "}\n", status=2)
    assert "is a web address, and nothing is fetched" in line
    (line,) = told("models: {vqgan: 'https://x.org/last.ckpt'}\nscenes: [{prompt: a}]\n", status=2)
    assert line.startswith("error: 1:17: models.vqgan: 'https://x.org/last.ckpt' is a web address")


@pytest.mark.parametrize(
    ("path", "place"),
    [(r"C:\Users\me.png", "2:30"), (r"C:\new.png", "2:22"), (r"C:\dir.png", "2:2")],
)
def test_backslashes_in_double_quotes_are_escapes_and_that_is_said(path, place):
    (line,) = told(f'scenes:\n  - {{prompt: {{image: "{path}"}}}}\n', status=2)
    assert line.startswith("error: 2:2") and "a backslash in double quotes begins an escape" in line
    assert "single quotes" in line and "/ in paths" in line


WEB_PAGE = (
    "\n\n<!DOCTYPE html>\n<html lang='en'>\n<head>\n<title>box</title>\n</head>\n<body>Link does "
    "not exist.</body></html>\n"
)


def test_a_saved_web_page_is_told_from_every_file_that_a_film_is_made_of(folder, tiny_files):
    for name in ("page.yaml", "page.ckpt", "page.pt", "page.png", "page.safetensors"):
        (folder / name).write_text(WEB_PAGE)
    result = CliRunner().invoke(main, ["check", "page.yaml"])
    assert (
        result.exit_code == 2
        and "page.yaml:1:1: this is a saved web page, not a storyboard" in result.stderr
    )
    for models in (
        f"{{clip: {tiny_files['clip']}, vqgan: {tiny_files['vqgan']}, vqgan_config: page.yaml}}",
        f"{{clip: page.pt, vqgan: {tiny_files['vqgan']}}}",
        "{clip: storybook, vqgan: page.ckpt}",
    ):
        lines = told(f"models: {models}\nscenes: [{{prompt: a}}]\n", status=2)
        assert "this is a saved web page" in lines[0] and lines[0].startswith("error: 1:")
    for wanted in ("{image: page.png}", "{latent: page.safetensors}"):
        (line,) = told(f"init: {wanted}\nscenes: [{{prompt: a}}]\n", status=2)
        assert "a saved web page, not a" in line


def test_a_saved_web_page_is_told_from_what_trainings_and_sketchbooks_are_made_of(folder):
    for name in ("page.yaml", "words.json"):
        (folder / name).write_text(WEB_PAGE)
    Image.new("RGB", (16, 16)).save("a.png")
    for command in (
        ["train", "vqgan", ".", "-o", "own", "--config", "page.yaml"],
        ["sketchbook", "build", ".", "-o", "book.safetensors", "--words", "words.json"],
    ):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 2 and "this is a saved web page, not" in result.stderr, (
            result.output
        )


@pytest.mark.parametrize(
    ("key", "slip"),
    [
        ("durration", "duration"),
        ("promt", "prompt"),
        ("transitoin", "transition"),
        ("settigns", "settings"),
        ("portion", None),
        ("length", None),
        ("weight", None),
    ],
)
def test_an_unknown_key_is_called_a_slip_only_where_it_looks_like_one(key, slip):
    (line,) = told(f"scenes:\n  - prompt: a\n    {key}: 1\n", status=2)
    assert (f"did you mean '{slip}'?" in line) if slip else "did you mean" not in line


@pytest.mark.parametrize(
    ("prompt", "script"),
    [("猫と月", "Chinese"), ("Москва ночью", "Cyrillic"), ("قصر في الصحراء", "Arabic")],
)
def test_a_prompt_in_another_script_is_told_that_clip_reads_english(prompt, script):
    assert (
        of_prompt(prompt)
        == "scenes[0].prompt: CLIP has learned from English captions and understands little"
        f" {script}; write it in English"
    )


@pytest.mark.parametrize("prompt", ["a café in Zürich", "a cat 猫", "🔥 fire", "naïve art"])
def test_english_with_some_letters_of_others_is_english(prompt):
    assert of_prompt(prompt) == ""


# Accepted where people write it so


def scene(text: str, film: str = "", **values):
    return reader.parse(
        f"{film}\nscenes:\n  - {{prompt: a, duration: 3s}}\n  - {{prompt: b, {text}}}\n"
    ).scenes[1]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2 seconds", 2),
        ("2 s", 2),
        ("2sec", 2),
        ("2min", 120),
        ("2 minutes", 120),
        ("1 hour", 3600),
        ("1h 2 min", 3720),
        ("250 milliseconds", 0.25),
        ("1m30s", 90),
    ],
)
def test_times_in_words(written, seconds):
    assert scene(f"duration: {written}").duration == seconds


@pytest.mark.parametrize("fps", ["24", "23.976", "30000/1001", "12.5"])
@pytest.mark.parametrize("frames", [1, 7, 100, 101])
def test_times_in_frames_are_so_many_frames(fps, frames):
    film = reader.parse(
        f"scenes: [{{prompt: a, duration: 3f}}, {{prompt: b, duration: {frames}f}}]\nfps: {fps}\n"
    )
    assert [span.frames for span in Timeline(film).spans] == [3, frames]
    again = reader.parse(reader.dump(film))
    assert again == film and [span.frames for span in Timeline(again).spans] == [3, frames]


def test_a_transition_may_be_its_duration_alone():
    assert scene("transition: 1s").transition.duration == 1
    assert scene("transition: 12f", "fps: 24").transition.duration == 0.5
    assert scene("transition: cut").transition.curve == "cut"


def test_a_cut_takes_no_time_and_says_so():
    (line,) = told(
        "scenes:\n  - prompt: a\n  - prompt: b\n    transition: {duration: 0.4s, curve: cut}\n",
        status=2,
    )
    assert (
        line
        == "error: 4:28: scenes[1].transition.duration: a cut takes no time; remove the duration,"
        " or choose another curve"
    )


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("24", Fraction(24)),
        ("12.5", Fraction(25, 2)),
        ("30000/1001", Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("24.5", Fraction(49, 2)),
    ],
)
def test_rates_are_exact(written, rate):
    film = reader.parse(f"fps: {written}\nscenes: [{{prompt: a}}]")
    assert film.fps == rate and reader.parse(reader.dump(film)).fps == rate


@pytest.mark.parametrize(
    ("written", "said"), [("0/1", "'0/1'"), ("24/0", "'24/0'"), ("500/1", "'500/1'"), ("a", "'a'")]
)
def test_what_is_no_rate(written, said):
    (line,) = told(f"fps: {written}\nscenes: [{{prompt: a}}]\n", status=2)
    assert line.startswith("error: 1:6: fps: expected a number or a ratio") and said in line


@pytest.mark.parametrize(
    ("word", "storybook", "others"),
    [
        ("square", (256, 256), (512, 512)),
        ("portrait", (256, 320), (512, 640)),
        ("reel", (252, 448), (576, 1024)),
        ("9:16", (252, 448), (576, 1024)),
        ("16:9", (448, 252), (1024, 576)),
        ("1080p", (448, 252), (1920, 1080)),
        ("720p", (448, 252), (1280, 720)),
        ("Square", (256, 256), (512, 512)),
    ],
)
def test_words_for_sizes_are_at_the_scale_of_the_models(word, storybook, others):
    assert reader.parse(f"size: {word}\nscenes: [{{prompt: a}}]").size == storybook
    assert reader.parse(f"size: {word}\nmodels: imagenet\nscenes: [{{prompt: a}}]").size == others
    assert reader.parse("size: 1920 x 1080\nscenes: [{prompt: a}]").size == (1920, 1080)


def test_a_style_may_be_a_list_and_may_be_none():
    board = reader.parse(
        "settings: {style: [ink, {text: wood, weight: 2}]}\nscenes: [{prompt: a, settings: {style: "
        "''}}]"
    )
    assert board.settings.style == (PromptPart("ink"), PromptPart("wood", weight=2.0))
    assert board.scenes[0].settings.style == ()


STORY = """
size: 32x32
fps: 10
seed: random
settings: {cutouts: 2, show_step: 1}
scenes: [{prompt: the sea, duration: 0.4s}]
"""


def test_a_random_seed_is_drawn_once_and_written_down(folder, tiny_files):
    models = f"models: {own_models(tiny_files)}"
    (folder / "story.yaml").write_text(models + STORY)

    def seed(*options: str) -> int:
        result = CliRunner().invoke(main, ["render", "story.yaml", *options])
        assert result.exit_code == 0, result.output
        drawn = json.loads((folder / "outputs/story/run.json").read_text())["seed"]
        assert f"seed: {drawn}\n" in (folder / "outputs/story/storyboard.yaml").read_text()
        return drawn

    assert "random" in CliRunner().invoke(main, ["plan", "story.yaml"]).stdout
    first = seed()
    assert seed() == first  # finished already
    assert seed("--fresh") != first


# Files


def test_pictures_of_floats_are_scaled_and_that_is_said_once(folder):
    for name, low, high in (("unit.tif", 0, 1), ("dark.tif", 0, 0.5), ("any.tif", -3, 500)):
        Image.fromarray(np.linspace(low, high, 64, dtype=np.float32).reshape(8, 8)).save(name)
    lines = told(
        "scenes:\n  - prompt: [{image: unit.tif}, {image: unit.tif}]\n  - prompt: {image: "
        "any.tif}\n"
    )
    assert len(lines) == 3 and all("has values without a fixed range" in line for line in lines)
    from vqclip_video.engine.pictures import load_picture

    for name, most in (("unit.tif", 1.0), ("dark.tif", 0.5), ("any.tif", 1.0)):
        picture = load_picture(folder / name, 8, 8)
        assert float(picture.min()) == pytest.approx(0, abs=0.01) and float(
            picture.max()
        ) == pytest.approx(most, abs=0.01)


@pytest.mark.parametrize("name", ["deep.png", "deep.tif", "deep.pgm"])
def test_a_dark_picture_of_sixteen_bits_stays_dark(folder, name):
    from vqclip_video.engine.pictures import load_picture

    Image.fromarray(np.full((8, 8), 200, np.uint16)).save(name)
    assert float(load_picture(folder / name, 8, 8).max()) < 0.01


def test_avif_is_read(folder):
    features = pytest.importorskip("PIL.features")
    if not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    from vqclip_video.engine.pictures import load_picture

    Image.new("RGB", (16, 16), "red").save("red.avif")
    assert told("init: {image: red.avif}\nscenes: [{prompt: a}]\n") == []
    assert load_picture(folder / "red.avif", 8, 8)[0, :, 4, 4].tolist() == pytest.approx(
        [1, 0, 0], abs=0.05
    )


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"heix"])
def test_heic_is_refused_by_name_with_the_way_out(folder, brand):
    (folder / "photo.heic").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(64))
    (line,) = told("init: {image: photo.heic}\nscenes: [{prompt: a}]\n", status=2)
    assert "is a HEIC picture" in line and "save it as JPEG or PNG" in line


@pytest.mark.parametrize("device", ["xpu", "hpu", "vulkan", "meta", "gpu", "cuda:x", "cpu:0"])
def test_a_device_that_is_none_here_is_refused_before_anything_is_loaded(folder, device):
    (folder / "story.yaml").write_text("size: 32x32\nscenes: [{prompt: a, duration: 0.1s}]\n")
    for command in (["render", "story.yaml"], ["image", "a hill"], ["bench", "storybook"]):
        result = CliRunner().invoke(main, [*command, "--device", device])
        assert result.exit_code == 2, result.output
        assert (
            f"error: --device {device}: no such device; auto, cpu, cuda, cuda:N or mps"
            in result.stderr
        )
    assert not (folder / "outputs/story").exists()
