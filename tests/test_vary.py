"""Drafts, and sheets of them to choose from."""

import json
import re
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest
from commands import run
from filmprobe import read_film, read_frames
from PIL import Image
from stage import Stage

from vqclip_video import vary
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.draft import drafted, work
from vqclip_video.storyboard.timeline import Timeline
from vqclip_video.vary import MOST, PICTURES, shown_frames

STORY = """\
title: Fruit
size: 64x64
fps: 8
seed: 5
models: {{clip: {clip}, vqgan: {vqgan}}}
settings: {{cutouts: 2, show_step: 2}}
scenes:
  - {{prompt: a red apple, duration: 1s}}
  - {{prompt: the sea, duration: 1s, transition: {{duration: 0.5s}}}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, tiny_files):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "story.yaml").write_text(STORY.format(**tiny_files))
    return tmp_path


# --- drafts

FILMS = {
    "ordinary": "size: 256x256\nscenes: [{prompt: a}, {prompt: b, duration: 1.7s}, {prompt: c, iterations: 37}]\n",
    "odd": "size: 333x217\nfps: 30000/1001\nsettings: {show_step: 3}\nscenes: [{prompt: a, duration: 2.3s}, {prompt: b, duration: 0.9s}]\n",
    "a step each": "size: 128x96\nfps: 12\nsettings: {show_step: 1}\nscenes: [{prompt: a, duration: 5s}, {prompt: b, duration: 1s, settings: {show_step: 7}}]\n",
    "small": "size: 32x32\nfps: 24\nscenes: [{prompt: a, at: 0s}, {prompt: b, at: 2s}, {prompt: c, at: 3s}]\n",
    "one": "scenes: [{prompt: a}]\n",
}


@pytest.mark.parametrize("factor", [4, 8, 16])
@pytest.mark.parametrize("text", FILMS.values(), ids=FILMS)
def test_a_draft_has_the_same_scenes_at_the_same_seconds_in_an_eighth_of_the_work(text, factor):
    film = reader.parse(text)
    draft = drafted(film, factor)
    assert work(draft, factor) * 8 <= work(film, factor)
    assert [scene.prompt for scene in draft.scenes] == [scene.prompt for scene in film.scenes]
    for full, quick in zip(Timeline(film).spans, Timeline(draft).spans, strict=True):
        assert abs(full.first_frame / film.fps - quick.first_frame / draft.fps) <= 1 / draft.fps
    assert abs(Timeline(film).seconds - Timeline(draft).seconds) <= 1 / draft.fps
    assert draft.seed == film.seed and draft.deliver == ()


def test_a_draft_keeps_the_rate_where_it_can_and_few_dreams():
    film = reader.parse(
        "deliver: [gif]\nscenes: [{prompt: a}, {prompt: b, transition: {keyframes: 20}}]\n"
    )
    draft = drafted(film, 8)
    assert (draft.fps, draft.size) == (film.fps, (128, 128))
    assert {scene.settings.show_step for scene in draft.scenes} == {1}
    assert draft.scenes[1].transition.keyframes == 3


def test_what_is_too_small_for_a_draft_is_said(folder):
    settings = ("--set", "size=16x16", "--set", "fps=1", "--set", "settings.show_step=1")
    said = run("plan", "story.yaml", "--draft", *settings, status=2).output
    assert "too small or short for a draft" in said


def test_a_draft_lies_beside_its_film(folder):
    told = json.loads(run("plan", "story.yaml", "--draft", "--json").stdout)
    assert told["film"] == "outputs/story.draft.mp4" and told["im_shape"] == [32, 32, 3]
    run("render", "story.yaml", "--draft", "-q")
    film = read_film(Path("outputs/story.draft.mp4"))
    assert film.size == (32, 32) and sum(film.lasts) == 2
    assert Path("outputs/story.draft/report.html").exists()
    assert not Path("outputs/story.mp4").exists()


# --- sheets


def test_a_sheet_of_seeds_with_the_command_of_each(folder):
    result = run("vary", "story.yaml", "--seeds", 3, "--set", "settings.w2=0.1")
    lines = [line.split("  ", 1) for line in result.stdout.splitlines()]
    likeness = [float(number) for number, _ in lines]
    assert len(lines) == 3 and likeness == sorted(likeness, reverse=True)
    seeds = sorted(re.search(r"seed=(\d+)", command)[1] for _, command in lines)
    assert seeds == ["5", "6", "7"]
    assert all("--set settings.w2=0.1" in command for _, command in lines)
    with Image.open("outputs/story.vary.png") as sheet:
        assert sheet.width > 300 and sheet.height > 300
    assert len(list(Path("outputs/story.vary").glob("*.mp4"))) == 3


def test_each_is_the_draft_of_that_seed_alone_and_its_command_renders_it_in_full(folder):
    result = run("vary", "story.yaml", "--seeds", 2, "-o", "sheet.png")
    run("render", "story.yaml", "--draft", "--set", "seed=6", "-q", "-o", "alone.mp4")
    (varied,) = Path("sheet").glob("seed-6.*.mp4")
    assert np.array_equal(read_frames(varied), read_frames(Path("alone.mp4")))
    command = next(line for line in result.stdout.splitlines() if "seed=6" in line)
    words = shlex.split(command.partition("vqclip-video ")[2])
    run(*words, "-q")
    run("render", "story.yaml", "--set", "seed=6", "-q", "-o", "full.mp4")
    full = Path("full.mp4")
    assert read_film(full).size == (64, 64)
    assert np.array_equal(read_frames(Path(words[words.index("-o") + 1])), read_frames(full))


def test_values_vary_each_with_each(folder):
    axes = ("--set", "settings.cutouts=1,2", "--set", "scenes[0].prompt='a, b',c")
    result = run("vary", "story.yaml", *axes, "-o", "sheet.png")
    assert len(result.stdout.splitlines()) == 4 and "seed" not in result.stdout
    assert "'a, b'" in result.stdout


def test_finished_drafts_are_not_made_again(folder, monkeypatch):
    run("vary", "story.yaml", "--seeds", 2, "-o", "sheet.png")
    before = {path: path.stat().st_mtime_ns for path in Path("sheet").glob("*.mp4")}
    run("vary", "story.yaml", "--seeds", 3, "-o", "sheet.png")
    after = {path: path.stat().st_mtime_ns for path in Path("sheet").glob("*.mp4")}
    assert len(after) == 3 and before.items() <= after.items()
    monkeypatch.setattr(vary._Lent, "make", lambda *_: pytest.fail("made again"))
    run("vary", "story.yaml", "--seeds", 3, "-o", "sheet.png")


def test_killed_it_goes_on_and_ends_in_the_same_sheet(tmp_path):
    asked = ("vary", "story.yaml", "--seeds", "3", "-o", "sheet.png")
    with Stage() as stage:
        call = stage.start(tmp_path, *asked)
        call.wait_until("1 of 3")
        call.signal(signal.SIGKILL)
        call.wait()
        assert not Path("sheet.png").exists()
        done = {path: path.stat().st_mtime_ns for path in Path("sheet").glob("*.mp4")}
        assert done
        ended = stage.run(tmp_path, *asked)
        assert ended.status == 0, ended.said
        assert (
            done.items() <= {p: p.stat().st_mtime_ns for p in Path("sheet").glob("*.mp4")}.items()
        )
        sheet = Path("sheet.png").read_bytes()
        asked = (*asked[:-1], "other.png")
        assert stage.run(tmp_path, *asked).status == 0
    assert Path("other.png").read_bytes() == sheet


def test_stopped_politely_it_says_how_to_go_on(tmp_path):
    with Stage() as stage:
        call = stage.start(tmp_path, "vary", "story.yaml", "--seeds", "4")
        call.wait_until("1 of 4")
        call.signal(signal.SIGINT)
        ended = call.wait()
    assert ended.status == 130 and "same command again" in ended.said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "settings.cutout=1,2"), "cutouts"),
        (("--set", "settings.cutouts=1,x"), "whole number"),
        (("--set", "nonsense"), "expected KEY=VALUE"),
        (("--seeds", "20", "--set", "settings.w2=1,2,3,4,5,6"), f"{MOST} at most"),
        (("--seeds", "2", "--set", "seed=1,2"), "seeds are named"),
        (("-o", "sheet.txt"), "a picture's name ends in"),
        (("--seeds", "0"), "range"),
        (
            (
                "--seeds",
                "2",
                "--set",
                "size=16x16",
                "--set",
                "fps=1",
                "--set",
                "settings.show_step=1",
            ),
            "too small or short",
        ),
    ],
)
def test_what_cannot_be_is_answered(folder, arguments, words):
    said = run("vary", "story.yaml", *arguments, status=2).output
    assert words in said and not list(folder.glob("outputs/*/*.mp4"))


@pytest.mark.parametrize(("scenes", "count"), [(1, 3), (2, 4), (3, 3), (6, 6), (40, PICTURES)])
def test_a_draft_shows_the_ends_of_its_scenes(scenes, count):
    listed = ", ".join("{prompt: a, duration: 1s}" for _ in range(scenes))
    timeline = Timeline(reader.parse(f"fps: 10\nscenes: [{listed}]\n"))
    shown = shown_frames(timeline)
    assert len(shown) == count and shown == sorted(set(shown))
    assert shown[-1] == timeline.frames - 1
