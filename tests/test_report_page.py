"""report.html of a film, opened from disk in a browser: it plays, seeks, draws and asks nobody."""

import json
import re
from pathlib import Path

import pytest
from browser import Looked, chromium
from click.testing import CliRunner

from vqclip_video.cli.main import main
from vqclip_video.output.report import curves
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.timeline import Timeline

EVIL = "</script><script>window.evil = 1</script> \"it's\" <img src=x onerror='window.evil = 1'> {{ 7 * 7 }} 🌊"
STORY = """\
title: {evil}
size: 64x48
fps: 24
models: {{clip: {clip}, vqgan: {vqgan}}}
settings: {{cutouts: 2, show_step: 1, exclude: {evil}}}
scenes:
  - {{prompt: {evil}, duration: 1s}}
  - {{prompt: the sea, duration: 1s, transition: {{duration: 0.5s}}, settings: {{learning_rate: 0.2}}}}
"""
FRAMES, FPS = 48, 24
REPORT = Path("outputs/it's 100% mine/report.html")


@pytest.fixture(scope="module")
def project(tmp_path_factory, tiny_files):
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("VQCLIP_HOME", str(folder / "home"))
        story = STORY.format(evil=json.dumps(EVIL, ensure_ascii=False), **tiny_files)
        Path("story.yaml").write_text(story, encoding="utf-8")
        film = REPORT.parent.with_suffix(".mp4")
        result = CliRunner().invoke(main, ["render", "story.yaml", "-q", "-o", str(film)])
    assert result.exit_code == 0, result.output + repr(result.exception)
    return folder


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def report(project, browser):
    looked = Looked(browser.new_page(viewport={"width": 1100, "height": 900}))
    looked.open(project / REPORT)
    looked.until("film.readyState >= 2")
    yield looked
    looked.page.close()


def shown_frame(report):
    """The frame that the browser has decoded and drawn, by its own clock."""
    report.until("!film.seeking && film.readyState >= 2")
    script = "new Promise((done) => { film.requestVideoFrameCallback((_, about) => done(about.mediaTime)); film.currentTime += 1e-5; })"
    return round(report(script) * FPS)


def test_it_plays_and_asks_nobody(report, project):
    assert report("film.duration") == pytest.approx(FRAMES / FPS, abs=0.01)
    report.page.locator("#play").click()
    report.until("film.currentTime > 0.2 && shown > 3")
    report.page.locator("#play").click()
    assert report("film.paused")
    own = {(project / REPORT).as_uri(), (project / REPORT.parent.with_suffix(".mp4")).as_uri()}
    assert {url.replace("'", "%27") for url in report.requests} == {
        url.replace("'", "%27") for url in own
    }
    assert report.complaints == []


@pytest.mark.parametrize("frame", [0, 1, 17, 24, 46, 47])
def test_a_click_on_the_timeline_shows_that_frame(report, frame):
    report.click_at("#timeline", (frame + 0.5) / FRAMES)
    assert abs(shown_frame(report) - frame) <= 1
    assert report("shown") == frame
    assert report.page.locator("#frame").text_content() == str(frame + 1)
    scene = frame >= 24
    assert report.page.locator("#now-prompt").text_content() == (
        "the sea" if scene else report("curves.scenes[0].prompt")
    )
    assert report.complaints == []


def test_curves_stills_and_rows_seek_too(report):
    report.click_at("#similarity .u-over", (30 + 0.5) / FRAMES)
    assert abs(report("shown") - 30) <= 1
    report.click_at("#losses .u-over", (10 + 0.5) / FRAMES)
    assert abs(report("shown") - 10) <= 1
    report.page.locator(".still").last.click()
    assert report("shown") == FRAMES - 1
    report.page.locator("tr.row").nth(1).click()
    assert report("shown") == 24
    report.page.keyboard.press("ArrowLeft")
    assert report("shown") == 23 and abs(shown_frame(report) - 23) <= 1


def test_every_frame_is_on_the_curves(report):
    assert report("charts.map(({ plot }) => plot.data[0].length)") == [FRAMES, FRAMES]
    lines = report(
        "charts[0].plot.data.slice(1).map((line) => line.filter((value) => value !== null).length)"
    )
    assert len(lines) == 2 and all(count >= 24 for count in lines)
    assert "clip" in report("charts[1].series.map((each) => each.label)")


def test_words_stay_words(report):
    words = report("curves.scenes[0].prompt")
    assert words.startswith('</script><script>window.evil = 1</script> "it\'s" <img')
    assert "{{ 7 * 7 }}" in words and words in report("document.body.textContent")
    assert report("typeof window.evil") == "undefined"
    assert report.page.title().startswith("</script>")
    assert report("document.querySelectorAll('img[src=x]').length") == 0


def test_light_and_dark(report):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    report.page.emulate_media(color_scheme="light")
    light = report(ground)
    report.page.emulate_media(color_scheme="dark")
    assert report(ground) != light and report.complaints == []


def test_a_report_without_its_film_says_where_it_should_be(project, browser, tmp_path):
    copy = tmp_path / "folder" / "report.html"
    copy.parent.mkdir()
    copy.write_bytes((project / REPORT).read_bytes())
    looked = Looked(browser.new_page())
    looked.open(copy)
    looked.until("!document.getElementById('lacking').hidden")
    looked.click_at("#timeline", 0.75)
    assert looked("shown") == 36
    looked.page.close()


def test_the_page_is_small_and_names_no_place(project):
    text = (project / REPORT).read_text("utf-8")
    assert len(text.encode()) < 300_000
    assert str(project) not in text and str(Path.home()) not in text
    assert "Permission is hereby granted" in text  # uPlot's licence goes where its code goes
    for word in (
        "torch",
        "sha256 ",
        "learning_rate: {start: 0.2, end: 0.2}",
        "vqclip-video recover",
    ):
        assert word in text
    assert not re.search(r'(?:src|href)="(?!data:|\.\./)', text)


def test_curves_lack_nothing_where_records_do():
    """What only some records have is a gap in the others."""
    board = reader.parse("scenes: [{prompt: a, duration: 0.1s}, {prompt: b, duration: 0.1s}]\n")
    rows = [
        {"frame": 0, "scene": 0, "similarity": 0.123456, "losses": {"clip": 1.0}},
        {
            "frame": 1,
            "scene": 0,
            "similarity": None,
            "losses": {"clip": None, "tv": 2.0},
            "scenes": {"0": 0.5, "1": 0.25},
        },
    ]
    found = curves(Timeline(board), rows)
    assert found["similarity"] == [0.1235, None]
    assert found["losses"] == {"clip": [1.0, None], "tv": [None, 2.0]}
    assert found["toward"] == [None, {"0": 0.5, "1": 0.25}]
