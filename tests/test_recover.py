"""A film is its own source: the storyboard comes back from whatever a render left."""

import json
import re
import shutil
from pathlib import Path

import pytest
from commands import run
from filmprobe import ffmpeg, read_frames
from PIL import Image
from sounds import drums, write_wav
from tiny import make_clip, make_vqgan

from vqclip_video.disk.checksums import sha256_of
from vqclip_video.output.origin import MOST_PACKED, Origin, from_json, unpacked
from vqclip_video.output.provenance import Label
from vqclip_video.recover import origin_of_file

STORY = """\
title: "it's </script> \\"so\\" & 🌊"
size: 32x32
fps: 24
seed: 5
models: {clip: weights/clip.pt, vqgan: weights/vqgan.ckpt}
init: {image: pictures/mine.png}
settings: {cutouts: 2, show_step: 1}
deliver: [webp, gif, avif, discord]
captions: true
scenes:
  - {prompt: a red apple, duration: 0.25s}
  - {prompt: the sea, duration: 0.25s, transition: {duration: 0.1s}}
"""
LEFT = (
    "story.mp4",
    "story/poster.png",
    "story/contact_sheet.jpg",
    "story/report.html",
    "story/story.discord.mp4",
    "story/story.webp",
    "story/story.gif",
    "story/story.avif",
)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory) -> Path:
    """The project of a film, rendered; it is looked at only."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "weights").mkdir()
    (folder / "pictures").mkdir()
    vqgan, config = make_vqgan(folder)
    shutil.move(make_clip(folder), folder / "weights/clip.pt")
    shutil.move(vqgan, folder / "weights/vqgan.ckpt")
    shutil.move(config, folder / "weights/vqgan.yaml")
    Image.effect_noise((40, 40), 90).save(folder / "pictures/mine.png")
    (folder / "story.yaml").write_text(STORY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("VQCLIP_HOME", str(folder / "home"))
        run("render", "story.yaml", "-q", "--precision", "fp32")
    return folder


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def bring(rendered, folder):
    for name in ("weights", "pictures"):
        shutil.copytree(rendered / name, folder / name)


@pytest.mark.parametrize("name", LEFT)
def test_every_file_of_a_film_gives_its_storyboard_back(rendered, elsewhere, name):
    shutil.copy(rendered / "outputs" / name, elsewhere)
    said = run("recover", Path(name).name, "-o", "back.yaml").output
    text = Path("back.yaml").read_text()
    assert "a red apple" in text and "image: ./pictures/mine.png" in text and "seed: 5" in text
    digest = sha256_of(rendered / "pictures/mine.png")
    size = (rendered / "pictures/mine.png").stat().st_size
    assert f"pictures/mine.png: wanted is one of {size:,} bytes" in said and digest in said
    for model in ("clip.pt", "vqgan.ckpt", "vqgan.yaml"):
        assert (
            f"weights/{model}: wanted" in said and sha256_of(rendered / "weights" / model) in said
        )


@pytest.mark.parametrize("name", ["story.mp4", "story/poster.png"])
def test_what_comes_back_renders_the_same_film(rendered, elsewhere, name):
    shutil.copy(rendered / "outputs" / name, elsewhere / "x")
    Path("x").rename(Path(name).name)
    bring(rendered, elsewhere)
    said = run("recover", Path(name).name, "-o", "story.yaml").output
    assert "the same film again, bit for bit" in said
    command = re.search(r"vqclip-video (render .*)", said)[1].split()
    assert command == ["render", "story.yaml", "--device", "cpu", "--precision", "fp32"]
    run(*command, "-q")
    film = Path("outputs/story.mp4")
    assert (read_frames(film) == read_frames(rendered / "outputs/story.mp4")).all()
    assert film.read_bytes() == (rendered / "outputs/story.mp4").read_bytes()


SOUNDING = """\
size: 32x32
fps: 24
models: {clip: weights/clip.pt, vqgan: weights/vqgan.ckpt}
audio: {file: song.wav, start: 100ms}
bpm: 120
drive: [{to: learning_rate, amount: 0.1}]
settings: {cutouts: 2, show_step: 2, learning_rate: "0.05 + 0.02*sin(2*pi*t)"}
scenes:
  - {prompt: a red apple, duration: 1b}
  - {prompt: the sea, duration: 1b, transition: {duration: 0.1s}}
"""


def test_a_film_with_sound_and_moving_settings_comes_back_too(rendered, elsewhere):
    bring(rendered, elsewhere)
    write_wav(Path("song.wav"), drums(120, 3.0))
    Path("story.yaml").write_text(SOUNDING)
    run("render", "story.yaml", "-q")
    film = Path("outputs/story.mp4").read_bytes()
    Path("outputs").rename("before")
    Path("story.yaml").unlink()
    said = run("recover", "before/story.mp4", "-o", "story.yaml").output
    assert "the same film again, bit for bit" in said
    run("render", "story.yaml", "-q")
    assert Path("outputs/story.mp4").read_bytes() == film
    run("render", "story.yaml", "--draft", "-q")
    Path("song.wav").unlink()
    assert "song.wav: wanted" in run("recover", "before/story.mp4", "-o", "again.yaml").output


NAMESAKES = """\
size: 32x32
fps: 24
models: {clip: ../a/model.ckpt, vqgan: ../b/model.ckpt}
init: {image: ../a/mine.png}
settings: {cutouts: 2, show_step: 1}
scenes:
  - {prompt: [{image: mine.png}], duration: 0.1s}
  - {prompt: [{image: ../b/mine.png}], duration: 0.1s}
"""


def test_files_of_the_same_name_from_elsewhere_are_told_apart(rendered, elsewhere):
    for colour, folder in {"red": "../a", "blue": "../b", "green": "."}.items():
        Path(folder).mkdir(exist_ok=True)
        Image.new("RGB", (40, 40), colour).save(Path(folder, "mine.png"))
    shutil.copy(rendered / "weights/clip.pt", "../a/model.ckpt")
    shutil.copy(rendered / "weights/vqgan.ckpt", "../b/model.ckpt")
    shutil.copy(rendered / "weights/vqgan.yaml", "../b/model.yaml")
    given = [path for place in ("../a", "../b", ".") for path in Path(place).iterdir()]
    Path("story.yaml").write_text(NAMESAKES)
    run("render", "story.yaml", "-q", "--precision", "fp32")
    Path("new").mkdir()
    said = run("recover", "outputs/story.mp4", "-o", "new/story.yaml").output
    by_content = {sha256_of(path): path for path in given}
    wanted = origin_of_file(Path("outputs/story.mp4")).files
    assert len({file.name for file in wanted}) == len(wanted) == len(given)
    assert not any("/a/" in file.name or str(elsewhere.parent) in file.name for file in wanted)
    for file in wanted:
        assert file.name in said
        Path("new", file.name).parent.mkdir(exist_ok=True)
        shutil.copy(by_content[file.sha256], Path("new", file.name))
    run("render", "new/story.yaml", "-q", "--precision", "fp32", "-o", "again.mp4")
    assert (read_frames(Path("again.mp4")) == read_frames(Path("outputs/story.mp4"))).all()


def test_another_picture_in_its_place_is_refused(rendered, elsewhere):
    bring(rendered, elsewhere)
    Image.new("RGB", (40, 40), "red").save("pictures/mine.png")
    said = run("recover", rendered / "outputs/story.mp4", status=2).output
    assert "pictures/mine.png: another file than the film was made with" in said
    assert sha256_of(rendered / "pictures/mine.png") in said
    assert not Path("story.yaml").exists()


def test_what_this_machine_does_otherwise_is_said(rendered, elsewhere, monkeypatch):
    bring(rendered, elsewhere)
    from vqclip_video import film

    monkeypatch.setattr(film, "NUMERICS", film.NUMERICS + 1)
    said = run("recover", rendered / "outputs/story.mp4").output
    assert "not the same to the last bit" in said and "numerics: " in said


def test_a_storyboard_that_is_there_is_left_alone(rendered, elsewhere):
    Path("story.yaml").write_text("mine")
    said = run("recover", rendered / "outputs/story.mp4", status=2).output
    assert "is there already" in said and Path("story.yaml").read_text() == "mine"
    assert (
        "no folder"
        in run("recover", rendered / "outputs/story.mp4", "-o", "a/b.yaml", status=1).output
    )


def test_a_still_of_the_folder_is_called_by_it(rendered, elsewhere):
    run("recover", rendered / "outputs/story/poster.png", "-q")
    assert Path("story.yaml").exists()


@pytest.mark.parametrize(
    "kind", ["missing", "folder", "foreign film", "foreign picture", "text", "empty", "stripped"]
)
def test_files_that_hold_no_storyboard_are_refused(rendered, elsewhere, kind):
    path = Path("theirs.mp4" if "film" in kind else "theirs.png")
    if kind == "folder":
        path.mkdir()
    elif kind == "foreign film":
        ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32:r=24:d=0.2", path)
    elif kind == "foreign picture":
        Image.new("RGB", (8, 8)).save(path)
    elif kind == "stripped":
        with Image.open(rendered / "outputs/story/poster.png") as image:
            Image.frombytes(image.mode, image.size, image.tobytes()).save(path)
    elif kind != "missing":
        path.write_text("hello" if kind == "text" else "")
    said = run("recover", path, status=2).output
    assert "no file" in said or "no storyboard in it" in said
    assert not list(elsewhere.glob("*.yaml"))


def test_a_film_without_a_label_still_tells_by_its_comment(rendered, elsewhere):
    bring(rendered, elsewhere)
    text = STORY.replace("deliver: [webp, gif, avif, discord]", "provenance: off")
    Path("story.yaml").write_text(text, encoding="utf-8")
    run("render", "story.yaml", "-q")
    assert "a red apple" in recovered_text("outputs/story.mp4")
    run("recover", "outputs/story/poster.png", status=2)


def recovered_text(film):
    run("recover", film, "-o", "back.yaml", "-q")
    return Path("back.yaml").read_text()


ORIGIN = Origin(
    "vqclip-video 1", 3, "storybook", "scenes: [{prompt: 猫 🌊}]\n", made={"device": "cpu"}
)


def test_packed_and_unpacked_are_the_same():
    assert unpacked(ORIGIN.packed()) == ORIGIN == from_json(ORIGIN.as_json())
    assert ORIGIN.packed() in Label("x", ORIGIN.packed()).packet.decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "AAAA",
        "[]",
        "{}",
        '{"storyboard": 1}',
        "[" * 100_000,
        '{"program": "", "models": "", "storyboard": "", "files": [1]}',
        '{"program": "", "models": "", "storyboard": "", "files": [{"name": "x"}]}',
    ],
)
def test_what_is_not_ours_is_none(text):
    assert unpacked(text) is None and from_json(text) is None


def test_a_bomb_is_not_unpacked():
    import base64
    import zlib

    bomb = base64.b64encode(zlib.compress(json.dumps({"storyboard": "x" * 50_000_000}).encode()))
    assert unpacked(bomb.decode()) is None


def test_more_than_a_packet_holds_is_left_out():
    import random

    letters = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=2 * MOST_PACKED))
    assert Origin("", 0, "", letters).packed() == ""
