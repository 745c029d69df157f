"""Films printed from what was captured: evenly paced, in loops, held, at other rates, in parts."""

import json
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from commands import run
from complaints import complaints
from filmprobe import read_film, read_frames
from killing import kill_while_replacing

from vqclip_video.engine.options import EngineOptions
from vqclip_video.output.boxes import read_mp4
from vqclip_video.output.latents import KeptLatents
from vqclip_video.output.rules import findings
from vqclip_video.output.self_description import read_origin
from vqclip_video.printing.passage import Passage
from vqclip_video.printing.reprint import Wish, reel_of
from vqclip_video.printing.route import Leg, Route
from vqclip_video.printing.shot import open_shot
from vqclip_video.storyboard.reader import parse
from vqclip_video.storyboard.timeline import Timeline

SETTINGS = "settings: {cutouts: 4, show_step: 1, dream: {tries: 1}}"
MORPH = "transition: {duration: 0.5s, keyframes: 3}"
LOOP = f"""
size: 64x64
fps: 12
seed: 7
loop: true
{SETTINGS}
scenes:
  - {{prompt: a lighthouse at sunset, duration: 1.25s, {MORPH}}}
  - {{prompt: a sailboat on the ocean, duration: 1.25s, {MORPH}}}
"""
PLAIN = f"""
size: 64x64
fps: 12
seed: 3
{SETTINGS}
scenes:
  - {{prompt: an owl in a forest, duration: 2s}}
  - {{prompt: a castle on a hill, duration: 2s, {MORPH}}}
"""
TINY = """
size: 32x32
fps: 8
seed: 5
models: {{clip: {clip}, vqgan: {vqgan}}}
settings: {{cutouts: 4, show_step: 1}}
{more}
scenes:
  - {{prompt: a red apple, duration: 0.75s}}
  - {{prompt: the sea, duration: 0.75s, transition: {{duration: 0.25s}}}}
"""


def rendered(folder: Path, text: str, *arguments) -> Path:
    """The film of a storyboard."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "story.yaml").write_text(text, encoding="utf-8")
    exact = ("--device", "cpu", "--precision", "fp32", "-q")
    run("render", folder / "story.yaml", "-o", folder / "film.mp4", *exact, *arguments)
    return folder / "film.mp4"


def steps(frames: np.ndarray) -> np.ndarray:
    """From frame to frame, how far the pictures are apart."""
    pictures = frames.astype(np.float32) / 255
    return np.sqrt(np.square(pictures[1:] - pictures[:-1]).mean((1, 2, 3)))


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    return rendered(tmp_path_factory.mktemp("plain"), PLAIN)


@pytest.fixture(scope="module")
def looping(tmp_path_factory) -> Path:
    return rendered(tmp_path_factory.mktemp("loop"), LOOP)


def tiny_story(folder: Path, files: dict[str, Path], more: str = "") -> str:
    """A storyboard of the tiny pair, whose files are put into the film's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {kind: Path(shutil.copy(path, folder)).name for kind, path in files.items()}
    return TINY.format(**names, more=more)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, tiny_files) -> Path:
    folder = tmp_path_factory.mktemp("tiny-print")
    return rendered(folder, tiny_story(folder, tiny_files))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Where frames are placed


def test_even_frames_are_equally_far_apart():
    passed = np.array([0, 9, 5, 1, 1, 1, 1, 3, 1, 1, 1, 1], float)
    route = Route([Leg(0, 7, True), Leg(7, 5, True)], passed)
    way = np.interp(route.places, np.arange(12), np.cumsum(passed))
    assert np.allclose(np.diff(way[:7]), 18 / 6, atol=1e-5)
    assert np.allclose(np.diff(way[6:]), 7 / 5, atol=1e-5)
    assert route.places[0] == 0 and np.allclose(route.places[[6, 11]], [6, 11])


def test_steady_frames_are_the_captured_ones():
    route = Route([Leg(0, 4, False), Leg(4, 4, False)], np.ones(8))
    assert list(route.places) == list(range(8))
    assert route.at(2.5) == 2.5 and route.at(7.9) == 7


def test_a_held_end_stands_still_within_the_scene():
    route = Route([Leg(0, 8, False, held=3), Leg(8, 4, True)], np.ones(12))
    assert list(route.places[4:8]) == [7] * 4 and len(route.places) == 12
    assert np.all(np.diff(route.places[:5]) > 1)


def test_nothing_is_placed_across_a_cut():
    route = Route([Leg(0, 4, True), Leg(4, 4, True, afresh=True)], np.arange(8, dtype=float))
    assert route.places[4] == 4 and route.at(3.7) == 3
    still = Route([Leg(0, 3, True)], np.zeros(3))
    assert list(still.places) == [0, 1, 2]


def test_times_of_a_cut():
    there = Passage(Fraction(0), Fraction(10), Fraction(2, 5))
    assert there.frames == 25 and there.time(1) == Fraction(2, 5)
    back = Passage(Fraction(2), Fraction(6), loop="pingpong")
    assert [int(back.time(frame)) for frame in range(back.frames)] == [2, 3, 4, 5, 4, 3]


@pytest.mark.parametrize("frames", [1, 2, 5, 9])
def test_each_frame_of_a_film_that_goes_there_and_back_shows_one_scene(frames):
    scenes = "\n".join(f"  - {{prompt: a sea, duration: {frames}f}}" for _ in range(3))
    timeline = Timeline(parse(f"loop: pingpong\nsettings: {{show_step: 1}}\nscenes:\n{scenes}"))
    shown = [seen.scene for seen in timeline.showings() for _ in range(seen.start, seen.end)]
    there = [scene for scene in range(3) for _ in range(frames)]
    assert shown == there + there[-2:0:-1] and len(shown) == timeline.film_frames


# Films


def test_even_films_move_evenly_where_steady_ones_jump(plain, folder):
    run("print", plain, "-o", "steady.mp4", "--pacing", "steady", "-q")
    even, steady = steps(read_frames(plain)), steps(read_frames(folder / "steady.mp4"))
    assert len(even) == len(steady) == 47
    assert even.max() <= 3 * np.median(even)
    assert steady.max() >= 6 * np.median(steady)


def test_a_steady_film_is_the_captured_frames(folder, tiny_files):
    """Byte for byte, also where other scenes are even; and a film says of each scene how."""
    story = tiny_story(folder / "a", tiny_files, "pacing: steady")
    film = rendered(folder / "a", story)
    run("print", film, "-o", "again.mp4", "-q")
    assert not (folder / "a/film/.work").exists()
    shot, again = read_frames(film), read_frames(folder / "again.mp4")
    assert np.abs(shot.astype(int) - again).mean() < 4  # half precision, and H.264
    text = tiny_story(folder / "b", tiny_files, "pacing: steady")
    mixed = rendered(folder / "b", text.replace("n: 0.75s}", "n: 0.75s, pacing: even}", 1))
    assert read_film(mixed).frames == 12


def pictures(film: Path, wish: Wish) -> np.ndarray:
    """What a print encodes: H.264 draws its first picture better than its last."""
    shot = open_shot(film)
    with shot.vqgan(EngineOptions(device="cpu")) as vqgan:
        reel = reel_of(shot, wish, vqgan)
        return np.stack([reel.picture(frame) for frame in range(reel.frames)])


@pytest.mark.parametrize("fps", [12, 60])
def test_a_loop_closes(looping, fps):
    frames = pictures(looping, Wish(fps=Fraction(fps)))
    assert len(frames) == 2.5 * fps
    ordinary, (seam,) = steps(frames), steps(frames[[-1, 0]])
    assert 0 < seam <= np.median(ordinary)
    assert abs(frames[0].mean() - frames[-1].mean()) <= 2


def test_a_film_of_a_run_printed_as_it_is_is_the_film(looping, folder):
    assert np.array_equal(read_frames(looping), frames_at(looping, 12, folder))


def frames_at(film: Path, fps: int, folder: Path) -> np.ndarray:
    run("print", film, "-o", "at.mp4", "--fps", fps, "-q")
    return read_frames(folder / "at.mp4")


def test_every_captured_picture_is_within_half_a_frame_of_its_time(tiny, folder):
    slow, fast = (frames_at(tiny, fps, folder).astype(int) for fps in (8, 24))
    assert len(fast) == 3 * len(slow)
    assert np.abs(fast[::3] - slow).mean() < 4


def test_there_and_back(folder, tiny_files):
    film = rendered(folder, tiny_story(folder, tiny_files, "loop: pingpong"))
    frames = read_frames(film).astype(int)
    assert len(frames) == 22 and np.abs(frames[12:] - frames[10:0:-1]).mean() < 6
    assert json.loads(run("plan", "story.yaml", "--json").stdout)["frames"] == 22
    run("print", film, "-o", "there.mp4", "--to", "1.5s", "-q")
    assert read_film(folder / "there.mp4").frames == 12


def test_an_end_that_is_held(folder, tiny_files):
    film = rendered(folder, tiny_story(folder, tiny_files, "hold: 0.5s"))
    moved = steps(read_frames(film))
    assert len(moved) == 11 and moved[-3:].max() < 0.01 < moved[5]


def test_nothing_of_what_was_not_wanted_stays(folder, tiny_files):
    film = rendered(folder, tiny_story(folder, tiny_files, "latents: ends"))
    left = {path.name for path in (folder / "film").rglob("*")}
    assert "scene-01.safetensors" in left and not {"frames.f16", "frames.json", ".work"} & left
    assert "latents: frames" in run("print", film, "-o", "x.mp4", status=2).stderr


# The command


def test_a_part_slower_larger_and_for_a_place(tiny, folder):
    cut = ("--from", "0.5s", "--to", "1.25s", "--slow", 2, "--fps", 24, "--size", "64x48")
    run("print", tiny.with_suffix(""), "-o", "part.mp4", *cut, "--to", "discord", "-q")
    film = read_film(folder / "part.mp4")
    assert film.frames == 36 and film.size == (64, 48)
    assert "a red apple" in film.metadata and "the sea" in film.metadata
    assert read_origin(folder / "part.mp4") == read_origin(tiny)
    delivered = read_mp4(folder / "part.discord.mp4").of_kind("vide")[0]
    assert delivered.samples == 36
    assert all(finding.ok for finding in findings(folder / "part.discord.mp4", "discord"))
    assert {path.name for path in folder.iterdir()} == {"part.mp4", "part.discord.mp4"}


def test_a_part_becomes_a_loop_and_the_best_one_is_found(plain, folder):
    frames = pictures(plain, Wish(start=1.5, end=3.5, loop=True))
    ordinary, (seam,) = steps(frames), steps(frames[[-1, 0]])
    assert len(frames) == 24 and 0 < seam <= np.median(ordinary)
    said = run("print", plain, "-o", "best.mp4", "--best-loop", "1s").stderr
    assert "begins at" in said and read_film(folder / "best.mp4").frames == 12
    assert (
        "ask for less" in run("print", plain, "-o", "x.mp4", "--best-loop", "9s", status=2).stderr
    )


def test_a_vqgan_that_lies_elsewhere_now(folder, tiny_files):
    story = tiny_story(folder, tiny_files)
    film = rendered(folder, story)
    weights = folder / tiny_files["vqgan"].name
    (folder / "models").mkdir()
    for name in (weights.name, tiny_files["config"].name):
        (folder / name).rename(folder / "models" / name)
    assert "--vqgan" in run("print", film, "-o", "x.mp4", status=1).stderr
    there = folder / "models" / weights.name
    run("print", film, "-o", "x.mp4", "-q", "--vqgan", there)
    assert read_film(folder / "x.mp4").frames == 12
    there.write_bytes(there.read_bytes() + b"x")
    assert "--vqgan" in run("print", film, "-o", "y.mp4", "--vqgan", there, status=1).stderr


def test_printing_twice_gives_the_same_bytes(tiny, folder):
    for name in ("one", "two"):
        run("print", tiny, "-o", f"{name}.mp4", "--fps", 20, "--loop", "-q")
    assert (folder / "one.mp4").read_bytes() == (folder / "two.mp4").read_bytes()


def test_no_optimiser_is_imported(tiny, folder):
    code = """
import sys
from vqclip_video.cli.main import main
main(sys.argv[1:], standalone_mode=False)
banned = ("session", "objective", "judge", "latent", "guiding", "cutouts")
print([name for name in banned if f"vqclip_video.engine.{name}" in sys.modules])
print("clip" in sys.modules)
"""
    arguments = ["print", str(tiny), "-o", "film.mp4", "-q"]
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert ended.stdout.split("\n")[:2] == ["[]", "False"], ended.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2s"), "no part of the film"),
        (("--to", "0.5s", "--from", "1s"), "no part of the film"),
        (("--to", "soon"), "--to soon: expected a time"),
        (("--fps", "0"), "--fps 0"),
        (("--size", "8x8"), "--size 8x8"),
        (("--to", "1s", "--to", "1.2s"), "ends once"),
        (("--loop", "--pingpong"), "choose one"),
        (("--best-loop", "0.5s", "--from", "1s"), "leave out"),
    ],
)
def test_wishes_that_cannot_be_fulfilled(tiny, arguments, said):
    assert said in run("print", tiny, "-o", "x.mp4", *arguments, status=2).stderr


def test_films_that_cannot_be_printed_from(tiny, folder):
    foreign = shutil.copy(tiny, folder / "theirs.mp4")
    assert "no run lies beside" in run("print", foreign, "-o", "x.mp4", status=2).stderr
    assert "there is no film" in run("print", "nothing.mp4", "-o", "x.mp4", status=2).stderr
    assert "the film itself" in run("print", tiny, "-o", tiny, status=2).stderr
    assert ".mp4" in run("print", tiny, "-o", "x.gif", status=2).stderr
    shutil.copytree(tiny.with_suffix(""), folder / "film")
    log = folder / "film/progress.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    assert "not of one film" in run("print", "film", "-o", "x.mp4", status=1).stderr
    about = json.loads((folder / "film/run.json").read_text())
    (folder / "film/run.json").write_text(json.dumps({**about, "finished": False}))
    assert "not finished" in run("print", "film", "-o", "x.mp4", status=2).stderr
    assert len(KeptLatents.indexed(tiny.with_suffix("") / "latents")) == 12


def test_a_full_disk_is_told_before_anything_is_decoded(tiny, folder, monkeypatch):
    monkeypatch.setattr("vqclip_video.output.space.free_space", lambda path: 1000)
    said = run("print", tiny, "-o", "x.mp4", status=1).stderr
    assert "not enough disk space" in said and not list(folder.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_a_killed_print_leaves_what_was_there(tiny, folder, one_thread):
    def work():
        run("print", tiny, "-o", "film.mp4", "-q")

    kill_while_replacing(folder / "film.mp4", work, 10, 15)
    assert {path.name for path in folder.iterdir()} == {"film.mp4"}


# What a storyboard may say of it


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("pacing: evn\nscenes: [{prompt: a}]", ["1:9: pacing"]),
        ("loop: pingpog\nscenes: [{prompt: a}]", ["1:7: loop"]),
        ('loop: "true"\nscenes: [{prompt: a}]', ["1:7: loop"]),
        ("hold: long\nscenes: [{prompt: a}]", ["1:7: hold"]),
        ("hold: 3s\nscenes: [{prompt: a}]", ["1:7: hold"]),
        ("scenes:\n  - {prompt: a, hold: 4s}", ["2:23: scenes[0].hold"]),
        ("scenes:\n  - {prompt: a, pacing: slow}", ["2:25: scenes[0].pacing"]),
        ("loop: true\nhold: 1s\nscenes: [{prompt: a}]", ["2:7: hold"]),
        ("loop: true\nscenes:\n  - {prompt: a, transition: cut}", ["3:29: scenes[0].transition"]),
        (
            "loop: true\nscenes:\n  - {prompt: a, transition: 2.5s}\n  - {prompt: b}",
            ["scenes[0].transition"],
        ),
        (
            "loop: true\nscenes: [{prompt: a}, {prompt: b, transition: 3s}]",
            ["scenes[0].transition"],
        ),
    ],
)
def test_mistakes_are_told_at_their_place(text, places):
    found = complaints(text)
    assert len(found) == 1 and all(place in str(found[0]) for place in places), found


def test_a_plan_says_when_what_is_shown(folder):
    scenes = "scenes: [{prompt: a, pacing: steady}, {prompt: b, hold: 1s}]"
    Path("story.yaml").write_text(f"loop: pingpong\n{scenes}\n")
    said = run("plan", "story.yaml").stdout
    assert "even; scene 1 steady; scene 2 stands still for the last 1s; there and back" in said
    assert "286 frames" in said


def test_a_loop_travels_home_in_its_last_seconds():
    story = "fps: 10\nloop: true\nscenes:\n  - {prompt: a, transition: 1s}\n  - {prompt: b}"
    timeline = Timeline(parse(story))
    away, home = timeline.at(timeline.total_iter - 21), timeline.at(timeline.total_iter - 11)
    assert not away.homeward and away.scene == 1 and away.previous is None
    assert home.homeward and home.scene == 0 and home.previous == 1 and 0.4 < home.mix < 0.6
    assert timeline.at(timeline.total_iter - 1).mix == 1
