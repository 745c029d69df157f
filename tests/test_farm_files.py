"""What is sent to a machine: a film rendered from it is the one that its maker would have."""

import shutil
import wave

import pytest
from click.testing import CliRunner
from PIL import Image
from tiny import make_clip, make_vqgan

from vqclip_video.cli.main import main
from vqclip_video.engine.options import EngineOptions
from vqclip_video.errors import FullDiskError, OutputError
from vqclip_video.farm import orders, renderer
from vqclip_video.farm.jobs import jobs_of
from vqclip_video.farm.orders import Assignment, WorkerOptions
from vqclip_video.farm.renderer import Renderer
from vqclip_video.farm.shipping import STORED, locate, packed, put, shipped
from vqclip_video.farm.store import open_store

STORY = """\
size: 32x32
fps: 8
models: {{clip: {clip}, vqgan: models/{vqgan}}}
audio: song.wav
settings: {{cutouts: 2, show_step: 1, guide: {{image: pictures/a.png}}}}
scenes:
  - {{prompt: [a red apple, {{image: ../elsewhere/b.png, weight: 0.3}}], duration: 1s}}
"""


@pytest.fixture
def project(tmp_path, one_thread):
    """A storyboard with files in its folder, below it and outside of it."""
    home, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder in (home / "pictures", home / "models", elsewhere):
        folder.mkdir(parents=True)
    Image.effect_noise((40, 30), 90).save(home / "pictures/a.png")
    Image.effect_noise((30, 30), 60).save(elsewhere / "b.png")
    with wave.open(str(home / "song.wav"), "wb") as song:
        song.setparams((1, 2, 8000, 0, "NONE", ""))
        song.writeframes(bytes(8000 * 2 * 2))
    clip, vqgan = make_clip(elsewhere, format="safetensors"), make_vqgan(home / "models")[0]
    story = home / "story.yaml"
    story.write_text(STORY.format(clip=clip, vqgan=vqgan.name))
    return story


def order_of(story, place):
    (job,) = jobs_of([story], (), ())
    assert job.storyboard, job.message
    return Assignment(job.name, packed(job.storyboard, job.name, place))


def worker_at(place):
    return Renderer(WorkerOptions(str(place), EngineOptions("cpu", "fp32"), threads=1), "a")


def left(folder):
    files = [
        folder / "story.mp4",
        *(path for path in (folder / "story").rglob("*") if path.is_file()),
    ]
    timed = ("run.json", "report.html")
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in files if path.name not in timed
    }


@pytest.mark.parametrize("inside", [True, False])
def test_a_film_with_files_of_all_kinds_is_the_plain_one(project, tmp_path, inside):
    base = project.parent if inside else tmp_path
    plain = ["render", str(project), "-o", str(base / "plain/story.mp4"), "-q", "--device", "cpu"]
    ended = CliRunner().invoke(main, [*plain, "--precision", "fp32"])
    assert ended.exit_code == 0, ended.output
    outcome = worker_at(base / "farm").render(order_of(project, base / "farm"))
    assert outcome.state == orders.FINISHED, outcome.message
    assert left(base / "farm") == left(base / "plain")


def test_what_a_machine_lacks_is_asked_for_fetched_once_and_kept(project, tmp_path, monkeypatch):
    order, worker = order_of(project, tmp_path / "farm"), worker_at(tmp_path / "farm")
    away = tmp_path / "away"
    shutil.move(project.parent, away)  # as on a machine that never had it
    lacking = worker.render(order)
    assert lacking.state == orders.LACKING, lacking.message
    assert len(lacking.lacking) == 4
    shutil.move(away, project.parent)
    for file in lacking.lacking:
        put(worker.store, file)
    shutil.move(project.parent, away)
    assert worker.render(order).state == orders.FINISHED
    for name in worker.store.names(STORED):
        worker.store.remove(name)
    worker.ledger.forget(order.job)
    assert worker.render(order).state == orders.FINISHED  # from the machine's own cache
    assert worker.casts_loaded == 1


def test_a_file_that_is_not_what_it_should_be_is_refused(tmp_path):
    store, path = open_store(tmp_path / "farm"), tmp_path / "model.pt"
    path.write_bytes(b"right")
    file = shipped(path)
    put(store, file)
    store.write(f"{STORED}/{file.key}/model.pt", b"wrong")
    assert locate(store, file) == path
    path.write_bytes(b"other")
    with pytest.raises(OutputError, match="not what it should be"):
        locate(store, file)


def test_a_full_disk_and_an_error_end_one_try_and_are_told_apart(project, tmp_path, monkeypatch):
    order, worker = order_of(project, tmp_path / "farm"), worker_at(tmp_path / "farm")

    def refuse(error):
        def film(*arguments, **options):
            raise error

        monkeypatch.setattr(renderer, "make_film", film)
        return worker.render(order)

    full = refuse(FullDiskError("not enough disk space"))
    assert full.state == orders.FULL and "disk space" in full.message
    broken = refuse(ZeroDivisionError("by nobody"))
    assert broken.state == orders.FAILED and broken.message == "by nobody"
    logs = dict(worker.ledger.logs(order.job))
    assert "ZeroDivisionError" in logs["failure-000002"] and "failure-000001" in logs


def test_a_worker_stops_at_once_where_another_took_its_job(project, tmp_path, monkeypatch):
    order, worker = order_of(project, tmp_path / "farm"), worker_at(tmp_path / "farm")
    make_film = renderer.make_film

    def taken_over(*arguments, **options):
        worker.store.write(f".farm/jobs/{order.job}/lease/000002.json", b"{}")
        return make_film(*arguments, **options)

    monkeypatch.setattr(renderer, "make_film", taken_over)
    assert worker.render(order).state == orders.HELD
    assert worker.store.read("story.mp4") is None and not worker.ledger.finished()
