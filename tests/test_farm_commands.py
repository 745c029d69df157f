"""What a farm says: the commands beside `farm render`, its lines, its table and its page. No Ray."""

import io
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from vqclip_video.cli.main import main
from vqclip_video.farm import orders, table
from vqclip_video.farm.forecast import LOADING, PER_FILM, forecast, makespan
from vqclip_video.farm.jobs import RUNNING, FilmJob, jobs_of
from vqclip_video.farm.ledger import Ledger
from vqclip_video.farm.orders import Report
from vqclip_video.farm.queue import Waiting
from vqclip_video.farm.store import open_store
from vqclip_video.farm.summary import write_summary
from vqclip_video.speed import remember_speed
from vqclip_video.storyboard.timeline import Timeline

STORY = "settings: {guide: off}\nscenes: [{prompt: a fox, duration: 1s}]\n"
ABOUT = {"frames": 24, "seconds": 3.0, "device": "cpu", "similarity": 0.5}


@pytest.fixture
def story(tmp_path):
    path = tmp_path / "fox.yaml"
    path.write_text(STORY)
    return path


def said(*arguments, status=0):
    ended = CliRunner().invoke(main, ["farm", *map(str, arguments)])
    assert ended.exit_code == status, ended.output
    return ended.output


def job(name, state, **values):
    return FilmJob(name, None, Path("fox.yaml"), state, **values)


def test_a_plan_of_seconds_that_were_measured(story):
    (board,) = [each.storyboard for each in jobs_of([story], (), ())]
    assert "known after a first render" in said("plan", story)
    remember_speed(Timeline(board), 8, 1.0, "cpu, float32")
    told = json.loads(
        said("plan", story, "--seeds", "1-8", "--cards", "4", "--price", "2", "--json")
    )
    film = 1.0 * Timeline(board).total_iter + PER_FILM
    assert told["seconds"] == pytest.approx(LOADING + 2 * film)
    assert told["card_hours"] == pytest.approx(4 * told["seconds"] / 3600)
    assert told["cost"] == pytest.approx(2 * told["card_hours"]) and told["films"] == 8
    faster = json.loads(said("plan", story, "--seconds", "0.1", "--json"))
    assert faster["seconds"] == pytest.approx(LOADING + 0.1 * Timeline(board).total_iter + PER_FILM)
    assert "card-hours" in said("plan", story, "--seconds", "0.1")


def test_a_plan_lists_a_bad_storyboard_and_counts_the_others(story, tmp_path):
    (tmp_path / "bad.yaml").write_text("scenes:\n  - {prompt: a fox, sed: 3}\n")
    text = said("plan", story, tmp_path / "bad.yaml", "--seconds", "1", status=2)
    assert "bad.yaml:2:" in text and "films   1," in text
    assert "--seeds" in said("plan", story, "--seeds", "x", status=2)


def test_disk_is_counted_for_as_many_as_render_at_once(story):
    boards = [each.storyboard for each in jobs_of([story], range(10), ())]
    one, four = (forecast(boards, cards) for cards in (1, 4))
    assert four.node_bytes == 4 * one.node_bytes and four.films_bytes == one.films_bytes > 0
    assert one.seconds is None and one.unknown == 10


def test_the_longest_first_ends_sooner_than_it_must():
    jobs = [Waiting(str(n), "a", work) for n, work in enumerate((8.0, 7.0, 6.0, 5.0, 4.0))]
    assert makespan(jobs, 2) == LOADING + 17.0  # the best there is: 8 + 5 + 4 beside 7 + 6
    assert makespan(jobs, 5) == LOADING + 8.0


def test_status_logs_and_stop(tmp_path):
    place = tmp_path / "films"
    for command in (("status",), ("stop",), ("logs", "fox")):
        assert "error" in said(*command, "-o", place, status=2)
    ledger = Ledger(open_store(place))
    running = job("fox", RUNNING, worker="a", device="H100")
    running.report = Report("fox", "rendering", 10, 40, 5, 20, 2.0)
    ledger.tell([running.row(), job("owl", orders.FAILED, message="no number").row()], ended=False)
    text = said("status", "-o", place)
    assert "5/20" in text and "2.00" in text and "15s" in text and "owl: no number" in text
    assert json.loads(said("status", "-o", place, "--json"))["jobs"][0]["iteration"] == 10
    said("stop", "-o", place)
    assert ledger.asked_to_stop()
    ledger.note("fox", "log", 1, "hello\n")
    assert "hello" in said("logs", "fox", "-o", place)
    assert "did you mean 'fox'" in said("logs", "fx", "-o", place, status=2)


def test_without_ray_the_way_to_get_it_is_told(story, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    text = said("render", story, "-o", tmp_path / "films", status=2)
    assert "vqclip-video[farm]" in text


def test_lines_and_events_say_what_changed(capsys, monkeypatch):
    lines, events = table.FarmLines(), table.FarmEvents()
    jobs = [
        job("a", RUNNING, worker="node-1", device="H100"),
        job("b", orders.FINISHED, about=ABOUT),
        job("c", orders.FAILED, message="no number"),
        job("d", orders.REFUSED, message="x.yaml:1:1: no"),
        job("e", "waiting", message="its machine is gone"),
        job("f", orders.STOPPED),
        job("g", orders.THERE, about=ABOUT),
    ]
    monkeypatch.setattr(table, "SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(table, "SECONDS_BETWEEN_ROWS", 0.0)
    for each in jobs:
        lines.changed(each)
        events.changed(each)
    lines.table(jobs, 90.0)
    events.table(jobs, 90.0)
    out, err = capsys.readouterr()
    for words in (
        "on node-1, H100",
        "24 frames in 3.0s",
        "set aside: no number",
        "again: its machine",
    ):
        assert words in err
    assert "7 films: " in err and "1:30 left" in err
    found = [json.loads(line) for line in out.splitlines()]
    assert [event["job"] for event in found[:7]] == list("abcdefg")
    assert found[-1]["event"] == "farm" and found[-1]["running"] == 1


def test_a_long_table_shows_what_matters_first():
    rows = [job(f"film-{n}", orders.FINISHED, about=ABOUT).row() for n in range(50)]
    rows.append(job("mine", RUNNING).row())
    lines = table.table_text(rows, 5)
    assert lines[1].startswith("mine") and lines[-1] == "… and 46 more"


def test_the_page_shows_films_and_says_what_is_not_there(tmp_path):
    store, sheet = open_store(tmp_path), io.BytesIO()
    Image.new("RGB", (2000, 900), "red").save(sheet, "JPEG")
    store.write("a fox & co/contact_sheet.jpg", sheet.getvalue())
    jobs = [
        job("a fox & co", orders.FINISHED, about=ABOUT),
        job("plain", orders.THERE, about={**ABOUT, "similarity": None}),
        job("bad", orders.REFUSED, message="bad.yaml:1:2: <script>"),
    ]
    write_summary(store, jobs)
    page = store.read("index.html").decode()
    assert 'href="a%20fox%20%26%20co.mp4"' in page and "data:image/jpeg;base64," in page
    assert "bad.yaml:1:2: &lt;script&gt;" in page and "2 films" in page
    assert page.count("<img") == 1
