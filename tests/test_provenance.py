"""What every file says of its origin, read back by others' programs."""

import json
import random
import subprocess
from pathlib import Path

import pytest
from commands import run
from filmprobe import ffmpeg, read_film
from PIL import Image
from sounds import drums, write_wav

from vqclip_video.disk.ffmpeg import find_ffmpeg
from vqclip_video.errors import UsageError
from vqclip_video.output.media_facts import MediaFacts, read_facts
from vqclip_video.output.provenance import COMPOSITE, GENERATED, TERMS, Label, read_label
from vqclip_video.output.xmp import with_packet

MOVING = ("webp", "gif", "avif")
STORY = """\
size: 32x32
fps: 24
models: {{clip: {clip}, vqgan: {vqgan}}}
settings: {{cutouts: 2, show_step: 1}}
deliver: [webp, gif, avif, discord]
scenes: [{{prompt: a red apple, duration: 0.25s}}]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def render(folder, files, more=""):
    (folder / "story.yaml").write_text(STORY.format(**files) + more)
    run("render", "story.yaml", "-q")
    return folder / "outputs"


def packet_of(path):
    """As Pillow finds it, or, in films, ffmpeg."""
    if path.suffix == ".mp4":
        command = [find_ffmpeg(), "-hide_banner", "-export_xmp", "1", "-i", path]
        said = subprocess.run(command, capture_output=True).stderr.decode("utf-8", "replace")
        return said[said.find("xmpmeta") :] if "xmpmeta" in said else ""
    with Image.open(path) as image:
        if path.suffix == ".gif":  # Pillow looks for none there
            return path.read_bytes().partition(b"XMP DataXMP")[2].decode("utf-8", "replace")
        image.seek(getattr(image, "n_frames", 1) - 1)
        image.load()
        found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or ""
    return found if isinstance(found, str) else found.decode()


def test_every_file_of_a_film_says_that_it_was_generated(folder, tiny_files):
    outputs = render(folder, tiny_files)
    files = [outputs / "story.mp4", *outputs.glob("story/*.*g"), *outputs.glob("story/story.*")]
    assert {path.suffix for path in files} == {".mp4", ".png", ".jpg", ".webp", ".gif", ".avif"}
    for path in files:
        assert f"{TERMS}{GENERATED}<" in packet_of(path), path
        assert "not filmed" in packet_of(path)
        assert read_label(path) == Label(GENERATED)
    assert "not filmed" in read_film(outputs / "story.mp4").metadata
    assert json.loads((outputs / "story/run.json").read_text())["provenance"] == GENERATED


def test_a_picture_of_the_users_makes_a_composite(folder, tiny_files):
    Image.new("RGB", (32, 32), "red").save("mine.png")
    outputs = render(folder, tiny_files, "init: {image: mine.png}\n")
    for path in (outputs / "story.mp4", outputs / "story/poster.png", outputs / "story/story.gif"):
        assert read_label(path) == Label(COMPOSITE) and COMPOSITE in packet_of(path)


@pytest.mark.parametrize(
    "where",
    [
        "prompt: [{image: mine.png}]",
        "prompt: the sea, settings: {guide: {image: mine.png}}",
        "prompt: the sea, from: {image: mine.png}",
    ],
)
def test_wherever_it_takes_part(folder, tiny_files, where):
    Image.new("RGB", (32, 32), "red").save("mine.png")
    last = f", {{{where}, duration: 0.25s, transition: cut}}]\n"
    (folder / "story.yaml").write_text(STORY.format(**tiny_files).rstrip("]\n") + last)
    run("render", "story.yaml", "-q", "--set", "deliver=[]")
    assert read_label(Path("outputs/story/poster.png")) == Label(COMPOSITE)


def test_a_song_its_beats_and_its_drums_are_no_pictures(folder, tiny_files):
    write_wav(folder / "song.wav", drums(120, 1.0))
    write_wav(folder / "drums.wav", drums(120, 1.0))
    (folder / "song.beats").write_text("0.0 1\n0.1 2\n0.2 1\n")
    sounding = "audio: song.wav\nbeats: song.beats\n"
    driven = "drive: [{file: drums.wav, to: learning_rate, amount: 0.1}]\n"
    outputs = render(folder, tiny_files, sounding + driven)
    for path in (outputs / "story.mp4", outputs / "story/poster.png", outputs / "story/story.gif"):
        assert read_label(path) == Label(GENERATED)


def test_a_picture_that_no_scene_is_drawn_toward_took_no_part(folder, tiny_files):
    Image.new("RGB", (32, 32), "red").save("mine.png")
    own = ("settings.guide={image: mine.png}", "scenes[0].settings.guide=off", "deliver=[]")
    (folder / "story.yaml").write_text(STORY.format(**tiny_files))
    run("render", "story.yaml", "-q", *(word for each in own for word in ("--set", each)))
    assert read_label(Path("outputs/story/poster.png")) == Label(GENERATED)


def test_provenance_can_be_off_and_that_is_noted(folder, tiny_files):
    outputs = render(folder, tiny_files, "provenance: off\n")
    for path in (
        outputs / "story.mp4",
        *outputs.glob("story/*.*g"),
        *outputs.glob("story/story.*"),
    ):
        assert not packet_of(path) and b"xmpmeta" not in path.read_bytes()
    assert json.loads((outputs / "story/run.json").read_text())["provenance"] == "off"


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_stills_say_so_too(folder, tiny_files, suffix):
    models = f"{{clip: {tiny_files['clip']}, vqgan: {tiny_files['vqgan']}}}"
    sizes = ("--iterations", 1, "--size", "32x32")
    run("image", "a sea", "-o", f"sea.{suffix}", *sizes, "--set", f"models={models}")
    assert GENERATED in packet_of(Path(f"sea.{suffix}"))


def test_a_film_that_says_nothing_is_not_labelled(folder):
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32:r=24:d=0.2", "theirs.mp4")
    assert "does not say" in run("deliver", "theirs.mp4", "--to", "gif").output
    assert read_label(Path("theirs.gif")) == Label()
    assert b"xmpmeta" not in Path("theirs.gif").read_bytes()


@pytest.mark.parametrize("suffix", [f".{kind}" for kind in MOVING])
def test_a_label_changes_no_picture(folder, suffix):
    path = folder / f"plain{suffix}"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.4", path)
    labelled = folder / f"labelled{suffix}"
    labelled.write_bytes(with_packet(path.read_bytes(), suffix, Label(GENERATED).packet))
    with Image.open(path) as plain, Image.open(labelled) as other:
        assert plain.n_frames == other.n_frames == 4
        for frame in range(4):
            plain.seek(frame)
            other.seek(frame)
            assert plain.convert("RGB").tobytes() == other.convert("RGB").tobytes()
    if suffix != ".webp":  # which not every ffmpeg reads where it moves
        decoded = [ffmpeg("-i", each, "-f", "framecrc", "-").stdout for each in (path, labelled)]
        assert decoded[0] == decoded[1]


@pytest.mark.parametrize("suffix", [".webp", ".gif", ".avif", ".webm", ".mp4"])
def test_damaged_files_are_read_or_refused_and_nothing_else(folder, suffix):
    """Two hundred files with bytes changed, or cut short."""
    path, draw = folder / f"film{suffix}", random.Random(1)
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.4", path)
    whole, read = path.read_bytes(), 0
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(draw.choice((1, 3, 30))):
            data[draw.randrange(min(len(data), 600))] = draw.randrange(256)
        path.write_bytes(data[: draw.choice((None, draw.randrange(len(data))))])
        try:
            read += isinstance(read_facts(path), MediaFacts)
        except UsageError:
            continue
    assert read > 10


def test_check_tells_films_from_storyboards(folder, tiny_files):
    outputs = render(folder, tiny_files)
    assert "story.yaml: ok" in run("check", "story.yaml").output
    film = outputs / "story.mp4"
    said = run("check", film, "--for", "reel", status=1)
    assert "broken  pixels 1080x1920" in said.output and "32x32" in said.output
    assert "ok      no edit list" in said.output
    run("check", outputs / "story/story.discord.mp4", "--for", "discord")
    assert "--for" in run("check", film, status=2).output
    assert "is of films" in run("check", "story.yaml", "--for", "reel", status=2).output
    run("check", "nothing.mp4", status=2)
