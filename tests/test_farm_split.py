"""A film parted at its cuts is, put together again, byte for byte the film in one piece."""

from dataclasses import replace

import pytest
from click.testing import CliRunner
from tiny import make_clip, make_vqgan

from vqclip_video.cli.main import main
from vqclip_video.disk.part import Part
from vqclip_video.engine.options import EngineOptions
from vqclip_video.farm import orders, split
from vqclip_video.farm.jobs import jobs_of, parts_of
from vqclip_video.farm.orders import Assignment, WorkerOptions
from vqclip_video.farm.renderer import Renderer
from vqclip_video.farm.shipping import packed
from vqclip_video.farm.split import film_parts
from vqclip_video.output import space

STORY = """\
size: 32x32
fps: 8
seed: 5
models: {{clip: {clip}, vqgan: {vqgan}}}
settings: {{cutouts: 2, show_step: 2, guide: off}}
latents: frames
scenes:
  - {{prompt: a red apple, duration: 1.5s}}
  - {{prompt: the sea, duration: 1s, transition: cut}}
  - {{prompt: fire, duration: 1s, transition: {{duration: 0.5s}}}}
  - {{prompt: snow, duration: 2.25s, transition: cut}}
"""


@pytest.fixture
def story(tmp_path, one_thread, monkeypatch):
    monkeypatch.setattr(space, "SEGMENT_FRAMES", (8, 8))
    files = make_clip(tmp_path, format="safetensors"), make_vqgan(tmp_path, format="safetensors")[0]
    path = tmp_path / "story.yaml"
    path.write_text(STORY.format(clip=files[0], vqgan=files[1]))
    return path


def left(folder):
    files = [
        folder / "story.mp4",
        *(path for path in (folder / "story").rglob("*") if path.is_file()),
    ]
    timed = ("run.json", "report.html")
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in files if path.name not in timed
    }


def test_where_a_film_is_parted(story):
    (job,) = jobs_of([story], (), ())
    frames = [(each.first_frame, each.end_frame, each.last) for each in film_parts(job.storyboard)]
    assert frames == [(0, 12, False), (12, 28, False), (28, 46, True)]
    assert [part.name for part in parts_of(job)] == [f"story.part-{n}" for n in (1, 2, 3)]


def test_short_scenes_and_clips_in_turns_are_not_parted(story, tmp_path):
    short = ("scenes[3]={prompt: snow, iterations: 4, transition: cut}",)
    (job,) = jobs_of([story], (), short)
    assert [each.end_frame for each in film_parts(job.storyboard)] == [12, 30]
    carried = ("scenes[3]={prompt: snow, duration: 1s, from: {scene: '1'}}",)
    assert len(film_parts(jobs_of([story], (), carried)[0].storyboard)) == 1
    resnet = make_clip(tmp_path, "resnet", "safetensors")
    clips = f"[{job.storyboard.models.clip[0].model},{resnet}]"
    (job,) = jobs_of([story], (), (f"models.clip={clips}", "models.alternate=true"))
    assert len(film_parts(job.storyboard)) == 1 and not parts_of(job)


def test_parted_and_put_together_it_is_the_film_in_one_piece(story, tmp_path):
    plain = ["render", str(story), "-o", str(tmp_path / "plain/story.mp4"), "-q"]
    ended = CliRunner().invoke(main, [*plain, "--precision", "fp32", "--device", "cpu"])
    assert ended.exit_code == 0, ended.output
    place = tmp_path / "farm"
    (job,) = jobs_of([story], (), ())
    cargo = packed(job.storyboard, job.name, place)
    parts = parts_of(job)
    options = WorkerOptions(str(place), EngineOptions("cpu", "fp32"), threads=1)
    workers = [Renderer(options, name) for name in "ab"]
    for number, part in reversed(list(enumerate(parts))):
        outcome = workers[number % 2].render(Assignment(part.name, cargo, part.stretch))
        assert outcome.state == orders.FINISHED, outcome.message
    whole = Assignment(job.name, cargo, parts=tuple((part.name, part.stretch) for part in parts))
    outcome = workers[1].render(whole)
    assert outcome.state == orders.FINISHED, outcome.message
    assert outcome.about["frames"] == 46
    assert left(place) == left(tmp_path / "plain")
    assert workers[0].ledger.taken() == {"story"}


def test_parts_whose_learning_rate_was_lowered_are_not_put_together(monkeypatch, story, tmp_path):
    (job,) = jobs_of([story], (), ())
    cargo = packed(job.storyboard, job.name, tmp_path / "farm")
    worker = Renderer(
        WorkerOptions(str(tmp_path / "farm"), EngineOptions("cpu", "fp32"), threads=1), "a"
    )

    def state(part):
        lines = part.stretch.end_frame - part.stretch.first_frame
        return {
            "recovery": Part(numbers={"rate_scale": 0.5}),
            "log": Part(numbers={"lines": lines}),
        }

    monkeypatch.setattr(split.Rendered, "state", state)
    parts = tuple((part.name, part.stretch) for part in parts_of(job))
    assert worker.render(Assignment(job.name, cargo, parts=parts)).state == orders.APART


def test_a_part_that_was_left_where_it_ends_is_taken_up_there(story, tmp_path):
    """A machine that dies between the last step of a part and the note that it is done."""
    place = tmp_path / "farm"
    (job,) = jobs_of([story], (), ())
    cargo = packed(job.storyboard, job.name, place)
    options = WorkerOptions(str(place), EngineOptions("cpu", "fp32"), threads=1)
    worker = Renderer(options, "a")
    for part in parts_of(job):
        ended = part.stretch.stop_at
        early = replace(part.stretch, end_iteration=ended + (2 if part.stretch.last else 0))
        assert worker.render(Assignment(part.name, cargo, early)).state == orders.FINISHED
        for name in ("result", "job"):
            worker.store.remove(f".farm/jobs/{part.name}/{name}.json")
        again = worker.render(Assignment(part.name, cargo, part.stretch))
        assert again.state == orders.FINISHED, again.message
    parts = tuple((part.name, part.stretch) for part in parts_of(job))
    assert worker.render(Assignment(job.name, cargo, parts=parts)).state == orders.FINISHED
    plain = ["render", str(story), "-o", str(tmp_path / "plain/story.mp4"), "-q"]
    assert (
        not CliRunner().invoke(main, [*plain, "--precision", "fp32", "--device", "cpu"]).exit_code
    )
    assert left(place) == left(tmp_path / "plain")
