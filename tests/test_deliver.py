"""What platforms take, made of a finished film: by the command and by the storyboard."""

import json
import os
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from commands import run
from filmprobe import ffmpeg, read_film, read_frames
from footage import fake_ffmpeg
from killing import kill_while_replacing, killed_at
from PIL import Image, ImageDraw

from vqclip_video.catalogue.platforms import FITS as FIT_WORDS
from vqclip_video.catalogue.platforms import PLATFORMS
from vqclip_video.deliveries import deliver_ordered
from vqclip_video.disk.ffmpeg import find_ffmpeg
from vqclip_video.disk.lock import Lock
from vqclip_video.errors import OutputError
from vqclip_video.output import captions
from vqclip_video.output import deliver as delivering
from vqclip_video.output.boxes import read_mp4
from vqclip_video.output.captions import Cue, font_of, laid_out, srt_text
from vqclip_video.output.fitting import delivered_rate, delivered_size
from vqclip_video.output.formats import FITS
from vqclip_video.output.guides import draw_safe_zones
from vqclip_video.output.rules import findings
from vqclip_video.output.rundir import RunDir
from vqclip_video.output.self_description import described
from vqclip_video.output.source_film import read_source
from vqclip_video.storyboard.reader import read
from vqclip_video.storyboard.timeline import Timeline

WORDS = "A lighthouse, שלום עולם, مرحبا بالعالم, नमस्ते दुनिया, маяк 🚀🌊👩‍🚀"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(path, pictures, *more):
    """A film as others make them: with an edit list, the index last, no colours said."""
    ffmpeg("-f", "lavfi", "-i", pictures, *more, "-c:v", "libx264", "-pix_fmt", "yuv420p", path)
    return path


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    sound = ("-f", "lavfi", "-i", "sine=d=0.5", "-c:a", "aac")
    path = tmp_path_factory.mktemp("films") / "theirs, 100%.mp4"
    return make(path, "testsrc2=s=96x64:r=12:d=0.5", *sound)


@pytest.mark.parametrize("name", PLATFORMS)
def test_every_platform_gets_what_it_takes(folder, theirs, name):
    run("deliver", theirs, "--to", name, "-o", folder)
    (made,) = folder.glob("theirs*")
    broken = [str(finding) for finding in findings(made, name) if not finding.ok]
    shortest = PLATFORMS[name].seconds[0]
    assert len(broken) == (shortest > 0.5) and all(f"{shortest:g} to" in line for line in broken)
    if made.suffix == ".mp4":
        track = read_mp4(made).of_kind("vide")[0]
        assert (track.rate, track.samples, track.offsets[0][1]) == (24, 12, 0)
        assert len(read_mp4(made).of_kind("soun")) == 1
    result = run("check", made, "--for", name, status=1 if broken else 0)
    assert len(result.output.splitlines()) >= 5


@pytest.mark.parametrize("name", ["discord", "telegram-sticker", "gif", "webp", "avif"])
def test_the_same_command_gives_the_same_bytes(folder, theirs, name):
    for copy in ("one", "two"):
        (folder / copy).mkdir()
        run("deliver", theirs, "--to", name, "-o", folder / copy, "--captions", "burnt", "-q")
    one, two = ({p.name: p.read_bytes() for p in folder.glob(f"{c}/*")} for c in ("one", "two"))
    assert one == two and one


def test_frames_are_repeated_or_left_out_evenly(folder):
    slow = make(folder / "slow.mp4", "testsrc2=s=64x64:r=8:d=1")
    run("deliver", slow, "--to", "discord")
    frames = read_frames(folder / "slow.discord.mp4").astype(int)
    assert len(frames) == 24
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    assert steps[2::3].min() > 3 * max(steps[0::3].max(), steps[1::3].max())
    rates = {"12.5": 25, "24000/1001": "24000/1001", "120": 60, "90": 45, "1": 23, "60": 60}
    for fps, delivered in rates.items():
        assert delivered_rate(Fraction(fps), PLATFORMS["reel"]) == Fraction(delivered)
    assert delivered_rate(Fraction(24), PLATFORMS["whatsapp-sticker"]) == 12


def test_shapes_that_are_kept_have_even_sides():
    for size in ((256, 256), (331, 17), (17, 331), (1920, 1080), (4000, 2)):
        for platform in PLATFORMS.values():
            width, height = delivered_size(size, platform)
            assert width % 2 == height % 2 == 0 and min(width, height) >= 2
            assert platform.size or max(width, height) <= platform.side
    assert delivered_size((64, 32), PLATFORMS["telegram-sticker"]) == (512, 256)
    assert delivered_size((64, 32), PLATFORMS["discord"]) == (64, 32)
    assert set(FIT_WORDS) == set(FITS)


def noise(path, seconds):
    pictures = f"color=s=64x64:r=24:d={seconds},geq=random(1)*255:128:128"
    return make(path, pictures)


@pytest.mark.parametrize(
    ("name", "cap"), [("discord", 0.06), ("telegram-sticker", 0.256), ("gif", 0.05), ("webp", 0.03)]
)
def test_a_cap_is_kept_on_noise(folder, name, cap):
    film = noise(folder / "noise.mp4", 0.5)
    run("deliver", film, "--to", name, "--max-mb", cap)
    (made,) = folder.glob(f"noise.{name}*")
    assert 0.2 * cap < made.stat().st_size / 1e6 <= cap
    assert not list(folder.glob(".*"))


def test_a_cap_that_cannot_be_kept_leaves_what_is_there(folder):
    film = noise(folder / "noise.mp4", 0.5)
    there = folder / "noise.gif"
    there.write_bytes(b"mine")
    result = run("deliver", film, "--to", "gif", "--max-mb", 0.004, status=2)
    assert "max_mb" in result.output or "--max-mb" in result.output
    assert there.read_bytes() == b"mine" and not list(folder.glob(".*"))


def test_too_long_is_cut_and_too_short_is_said(folder, theirs):
    film = make(folder / "long.mp4", "testsrc2=s=32x32:r=4:d=4")
    assert "only its beginning" in run("deliver", film, "--to", "telegram-sticker").output
    assert not [
        f for f in findings(folder / "long.telegram-sticker.webm", "telegram-sticker") if not f.ok
    ]
    assert "under 3s" in run("deliver", theirs, "--to", "square", "-o", "s.mp4").output


def test_sound_begins_with_the_first_picture(folder):
    """A click at 0.25 s is there in what is delivered, without an edit list that says so."""
    click = "aevalsrc='if(between(t,0.25,0.26),1,0)':s=48000:d=0.5"
    sound = ("-f", "lavfi", "-i", click, "-c:a", "aac", "-b:a", "256k")
    film = make(folder / "click.mp4", "color=s=32x32:r=24:d=0.5", *sound)
    run("deliver", film, "--to", "discord")
    raw = ffmpeg("-i", folder / "click.discord.mp4", "-map", "0:a", "-ac", "1", "-f", "s16le", "-")
    heard = np.abs(np.frombuffer(raw.stdout, np.int16).astype(int))
    assert abs(np.argmax(heard > heard.max() / 2) / 48000 - 0.25) < 0.005


# -- captions ---------------------------------------------------------------------------------


def frame_with(folder, colour, style, text=WORDS, name="square"):
    """A picture in the middle of a film of one colour with a caption."""
    film = make(folder / f"{colour}.mp4", f"color={colour}:s=64x64:r=24:d=0.1")
    words = delivering.Words((Cue(Fraction(0), Fraction(1), text),), style)
    target = folder / f"{colour}.{style}.mp4"
    order = delivering.Order(name, captions="burnt")
    delivering.make_delivery(read_source(film), order, target, delivering.Label(), words)
    return read_frames(target)[1]


@pytest.mark.parametrize("style", ["outline", "box"])
def test_captions_are_inside_the_safe_box_and_stand_out(folder, style):
    black = frame_with(folder, "black", style, name="reel").min(axis=-1)
    rows, columns = np.where(black > 150)
    left, top, right, bottom = PLATFORMS["reel"].safe.pixels((1080, 1920))
    assert left <= columns.min() and columns.max() <= right
    assert top <= rows.min() and rows.max() <= bottom and len(rows) > 2000
    white = frame_with(folder, "white", style, name="reel")
    # From the border on, everything that is not at least 4.5 times darker than the letters.
    light = Image.fromarray((white.max(axis=-1) > 118).astype(np.uint8) * 255)
    ImageDraw.floodfill(light, (0, 0), 0)
    assert (np.asarray(light) > 0).sum() > 0.6 * (black > 118).sum()


@pytest.mark.parametrize("text", [WORDS, "word " * 60, "x" * 300, "{\\an8} \\N {", "🚀" * 200, "a"])
def test_captions_have_three_lines_at_most(text):
    for platform in PLATFORMS.values():
        size = platform.size or (512, 512)
        box = platform.safe.pixels(size)
        laid = laid_out(text, size, box)
        ruler = captions.Ruler(laid.em)
        assert 1 <= len(laid.lines) <= 3
        assert max(map(ruler.getlength, laid.lines)) <= box[2] - box[0]


def test_every_sign_is_in_one_of_the_fonts():
    kept = [char for char in WORDS + "ßğœŁΩЖ“”—…€☀️♥⚡" if not char.isspace()]
    for char in kept:
        font = font_of(char).scaled
        if char not in "\u200d\ufe0f":  # of which there is nothing to see
            assert bytes(font.getmask(char)) != bytes(font.getmask("\uffff")), char


def test_signs_of_the_script_are_shown_as_they_are(folder):
    plain = frame_with(folder, "black", "outline", "{\\an8\\fs90} a\\Nb")
    assert np.where(plain.min(axis=-1) > 150)[0].min() > 700  # neither moved nor enlarged


def test_subtitles_as_a_file_and_as_a_track(folder):
    cues = [
        Cue(Fraction(0), Fraction(5, 4), "One\nline"),
        Cue(Fraction(5, 4), Fraction(3661), "🚀"),
    ]
    assert srt_text(cues).splitlines()[:3] == ["1", "00:00:00,000 --> 00:00:01,250", "One line"]
    assert "00:00:01,250 --> 01:01:01,000" in srt_text(cues)


def test_chapters_of_anybodys_film_can_be_shown(folder, theirs):
    about = folder / "about"
    about.write_text(
        ";FFMETADATA1\ncomment=x\\=y\\\nz\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=3\ntitle=a\\;b\n"
        "[CHAPTER]\nTIMEBASE=1/10\nSTART=3\nEND=5\ntitle=c\n"
    )
    ffmpeg("-i", theirs, "-i", about, "-map_metadata", "1", "-map", "0:v", "-c", "copy", "c.mp4")
    told = described(Path("c.mp4"))
    assert [(round(float(c.start), 2), c.text) for c in told.cues] == [(0, "a;b"), (0.3, "c")]
    assert not told.asked
    run("deliver", "c.mp4", "--to", "discord")
    assert not Path("c.discord.srt").exists()
    run("deliver", "c.mp4", "--to", "discord", "--captions", "track")
    (words,) = read_mp4(Path("c.discord.mp4")).of_kind("sbtl")
    assert words.entry.kind == "tx3g" and words.edits == 0
    assert "a;b" in Path("c.discord.srt").read_text()


# -- by the storyboard ------------------------------------------------------------------------

STORY = """\
size: 32x32
fps: 8
models: {{clip: {clip}, vqgan: {vqgan}}}
settings: {{cutouts: 2, show_step: 1}}
scenes:
  - {{prompt: a red apple, duration: 0.5s, caption: Apples}}
  - {{prompt: the sea, duration: 0.5s}}
"""


def write(folder, files, more=""):
    (folder / "story.yaml").write_text(STORY.format(**files) + more)
    return folder / "story.yaml"


def test_a_storyboards_deliveries_are_made_once_and_change_no_film(folder, tiny_files):
    story = write(folder, tiny_files, "deliver: [discord]\ncaptions: {text: own}\n")
    said = run("render", story).output
    made = Path("outputs/story/story.discord.mp4")
    assert "story.discord.mp4" in said and read_film(made).frames == 24
    assert Path("outputs/story/story.discord.srt").read_text().count("-->") == 1
    film, before = Path("outputs/story.mp4").read_bytes(), made.stat().st_mtime_ns
    write(folder, tiny_files, "deliver: [discord, gif]\ncaptions: {text: own}\n")
    said = run("render", story).output
    assert "finished already" in said and Path("outputs/story/story.gif").exists()
    assert made.stat().st_mtime_ns == before
    write(folder, tiny_files, "deliver: [{name: discord, max_mb: 5}]\n")
    run("render", story)
    assert made.stat().st_mtime_ns != before
    assert Path("outputs/story.mp4").read_bytes() == film
    Path("outputs/story/story.psd").write_text("mine")
    write(folder, tiny_files)
    run("render", story, "--fresh")
    left = {path.name for path in Path("outputs/story").glob("story.*")}
    assert left == {"story.psd"}


def test_a_run_is_delivered_by_its_folder(folder, tiny_files):
    run("render", write(folder, tiny_files, "captions: true\n"))
    run("deliver", "outputs/story", "--to", "discord", "--to", "gif", "--guides")
    there = {path.name for path in Path("outputs/story").glob("story.*")}
    assert there == {
        *(f"story.discord.{kind}" for kind in ("mp4", "srt", "guides.png")),
        *("story.gif", "story.guides.png"),
    }
    words = Path("outputs/story/story.discord.srt").read_text()
    assert "Apples" in words and "the sea" in words
    assert Image.open("outputs/story/story.guides.png").size == (32, 32)


def test_guides_are_drawn_on_the_pictures_shape(folder, theirs):
    film = read_source(theirs)
    draw_safe_zones(film, delivering.Order("reel", "pad"), folder / "g.png", delivering.Label())
    with Image.open(folder / "g.png") as image:
        assert image.size == (1080, 1920) and image.getpixel((65, 700)) == (255, 255, 255)


def test_one_delivery_that_fails_keeps_no_other(folder, tiny_files):
    story = write(folder, tiny_files, "deliver: [{name: gif, max_mb: 0.001}, discord]\n")
    result = run("render", story, status=1)
    assert "is finished, but" in result.output
    assert Path("outputs/story/story.discord.mp4").exists()
    assert json.loads(Path("outputs/story/run.json").read_text())["finished"]


def test_plan_says_what_is_delivered_and_what_a_platform_will_say(folder, tiny_files):
    story = write(folder, tiny_files, "deliver: [reel, {name: gif, fit: pad, max_mb: 2}]\n")
    result = run("plan", story)
    assert "delivers    reel: 1080x1920 at 24 fps, 1.0s, crop, at most 300 MB" in result.output
    assert "delivers    gif: 32x32 at 8 fps, 1.0s, pad, at most 2.0 MB" in result.output
    assert "story.yaml:8:11: deliver[0]" in result.output and "under 3s" in result.output


# -- what is not there, or goes wrong ---------------------------------------------------------


def test_what_cannot_be_delivered(folder, theirs):
    (folder / "run").mkdir()
    (folder / "text.mp4").write_text("no film")
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", "-c:a", "aac", "sound.mp4")
    for film, words in (
        ("run", "finished film"),
        ("nothing.mp4", "nothing.mp4"),
        ("text.mp4", "not an MP4"),
        ("sound.mp4", "no pictures"),
    ):
        assert words in run("deliver", film, "--to", "reel", status=2).output
    assert "ends in .gif" in run("deliver", theirs, "--to", "gif", "-o", "x.mp4", status=2).output
    run("deliver", theirs, "--to", "discord", "-o", theirs, status=2)


@pytest.mark.skipif(os.name == "nt", reason="needs scripts that can be run")
@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("av_interleaved_write_frame(): No space left on device", "not enough disk space"),
        ("Error while encoding", "3 times"),
    ],
)
def test_an_ffmpeg_that_fails_leaves_what_was_there(folder, theirs, monkeypatch, says, words):
    real = find_ffmpeg()
    refuse = f"import sys, os\nif 'palette.png' in sys.argv: sys.exit({says!r})\n"
    fake = fake_ffmpeg(folder, f"{refuse}os.execv({real!r}, [{real!r}, *sys.argv[1:]])")
    delivering.ready_for.cache_clear()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", fake)
    (folder / "x.gif").write_bytes(b"mine")
    assert words in run("deliver", theirs, "--to", "gif", "-o", "x.gif", status=1).output
    delivering.ready_for.cache_clear()
    assert (folder / "x.gif").read_bytes() == b"mine" and not list(folder.glob(".*"))


@pytest.mark.skipif(os.name == "nt", reason="needs scripts that can be run")
@pytest.mark.parametrize(
    ("name", "asked", "says"),
    [
        ("telegram-sticker", "'libvpx-vp9' in sys.argv", "Unknown encoder 'libvpx-vp9'"),
        ("gif", "'palette.png' in sys.argv", "No such filter: 'ass'"),
    ],
)
def test_what_an_ffmpeg_lacks_is_named(folder, theirs, monkeypatch, name, asked, says):
    real = find_ffmpeg()
    refuse = f"import sys, os\nif {asked}: sys.exit({says!r})\n"
    fake = fake_ffmpeg(folder, f"{refuse}os.execv({real!r}, [{real!r}, *sys.argv[1:]])")
    delivering.ready_for.cache_clear()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", fake)
    said = run("deliver", theirs, "--to", name, status=1).output
    delivering.ready_for.cache_clear()
    assert says in said and "pip install imageio-ffmpeg" in said and "times" not in said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_a_killed_delivery_leaves_the_old_file_or_the_new(folder, theirs):
    order, source = delivering.Order("gif"), read_source(theirs)
    target = folder / "x.gif"

    def work():
        delivering.make_delivery(source, order, target, delivering.Label("trainedAlgorithmicMedia"))

    kill_while_replacing(target, work, 0, 4)
    assert not list(folder.glob(".*"))


def test_a_folder_is_held_while_its_deliveries_are_made(folder, tiny_files, monkeypatch):
    """Nobody starts over, or delivers the same, in the meantime."""
    asked = []

    def meanwhile(*arguments):
        with pytest.raises(OutputError, match="another process|process"):
            Lock(Path("outputs/story/.work/lock")).acquire()
        asked.append(arguments)

    monkeypatch.setattr("vqclip_video.deliveries.deliver_one", meanwhile)
    run("render", write(folder, tiny_files, "deliver: [gif]\n"), "-q")
    assert len(asked) == 1 and not Path("outputs/story/.work").exists()
    for name in ("outputs/story", "outputs/story.mp4"):
        run("deliver", name, "--to", "gif", "--to", "webp", "-q")
    assert len(asked) == 5 and not Path("outputs/story/.work").exists()


def test_a_run_that_is_rendered_anew_is_not_delivered(folder, tiny_files):
    run("render", write(folder, tiny_files), "-q")
    lock = Lock(Path("outputs/story/.work/lock"))
    lock.acquire()
    said = run("deliver", "outputs/story", "--to", "gif", status=1).output
    assert "rendering here" in said and not Path("outputs/story/story.gif").exists()
    lock.release()
    shutil.copy("outputs/story.mp4", "theirs.mp4")
    run("deliver", "theirs.mp4", "--to", "gif", "-q")
    assert Path("theirs.gif").exists() and not Path("theirs").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_a_kill_between_two_deliveries_of_a_run_loses_none(folder, tiny_files):
    run("render", write(folder, tiny_files), "-q")
    timeline = Timeline(read(write(folder, tiny_files, "deliver: [gif, webp]\n")))
    rundir = RunDir(Path("outputs/story.mp4"))

    def work():
        deliver_ordered(rundir, timeline, lambda text: None, lambda: False)

    def made():
        return {path.name: path.read_bytes() for path in Path("outputs/story").glob("story.*")}

    work()
    whole, deaths, step = made(), 0, 1
    assert set(whole) == {"story.gif", "story.webp"}
    while True:
        for name in (*whole, "deliveries.json"):
            (Path("outputs/story") / name).unlink(missing_ok=True)
        killed = killed_at(step, work)
        work()
        assert made() == whole
        if not killed:
            break
        deaths, step = deaths + 1, step + 9
    assert deaths > 3
    Path("outputs/story/deliveries.json").write_text("{torn")
    work()
    assert made() == whole
