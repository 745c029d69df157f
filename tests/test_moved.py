"""A film tells nobody where on a disk its maker keeps what, and goes on wherever its project is
moved to.
"""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
from filmprobe import read_film
from PIL import Image
from stage import Stage
from tiny import make_clip, make_vqgan

STORY = """
title: Mine
size: 32x32
fps: 8
seed: 5
models: {clip: weights/clip.pt, vqgan: weights/vqgan.ckpt, vqgan_config: weights/vqgan.yaml}
init: {image: ref.png}
settings: {cutouts: 3, show_step: 1, exclude: [{image: elsewhere}]}
scenes:
  - {prompt: [the sea, {image: ref.png, weight: 0.5}], duration: 2s, settings: {guide: {image: pictures/goal.png}}}
"""


@pytest.fixture(scope="module")
def stage():
    with Stage() as started:
        yield started


@pytest.fixture
def project(tmp_path) -> Path:
    """A folder with a story that names pictures in it, below it and, one, elsewhere."""
    folder, elsewhere = (
        tmp_path / "home" / "jane" / "film",
        tmp_path / "home" / "jane" / "private.png",
    )
    (folder / "weights").mkdir(parents=True)
    (folder / "pictures").mkdir()
    vqgan, config = make_vqgan(tmp_path)
    for source, name in (
        (make_clip(tmp_path), "clip.pt"),
        (vqgan, "vqgan.ckpt"),
        (config, "vqgan.yaml"),
    ):
        shutil.copy(source, folder / "weights" / name)
    for number, path in enumerate((folder / "ref.png", folder / "pictures/goal.png", elsewhere)):
        Image.effect_noise((40, 40), 50 + 50 * number).save(path)
    (folder / "story.yaml").write_text(STORY.replace("elsewhere", str(elsewhere)))
    return folder


def test_what_a_render_leaves_names_no_place(stage, project):
    assert stage.render(project).status == 0
    outputs = project / "outputs"
    written = {path: path.read_bytes() for path in outputs.rglob("*") if path.is_file()}
    assert {"story.mp4", "run.json", "storyboard.yaml"} <= {path.name for path in written}
    for path, content in written.items():
        for private in (project.parent, project.parent.parent, Path.home()):
            assert str(private).encode() not in content, path
        assert b"jane" not in content and b"home/" not in content, path
    told = read_film(outputs / "story.mp4").metadata
    assert "./ref.png" in told and "pictures/goal.png" in told and "private.png" in told


def test_the_storyboard_as_rendered_names_its_files_by_content_and_renders_the_same_film(
    stage, project
):
    (project / "story.yaml").write_text(STORY.replace(", exclude: [{image: elsewhere}]", ""))
    assert stage.render(project).status == 0
    rendered = (project / "outputs/story/storyboard.yaml").read_text()
    assert "image: ../../ref.png" in rendered and "#   ref.png  sha256 " in rendered
    assert (
        stage.run(project, "render", "outputs/story/storyboard.yaml", "-o", "again.mp4").status == 0
    )
    frames = [
        json.loads(line)
        for line in (project / "outputs/story/progress.jsonl").read_text().splitlines()
    ]
    assert frames == [
        json.loads(line) for line in (project / "again/progress.jsonl").read_text().splitlines()
    ]


def stopped_half_way(stage: Stage, project: Path) -> None:
    call = stage.start(project, "render", "story.yaml", faults=("slow=0.1",))
    call.wait_until("iteration")
    call.signal(signal.SIGTERM)
    assert call.wait().status == 130


def test_a_project_that_was_moved_and_its_pictures_renamed_goes_on(stage, project, tmp_path):
    stopped_half_way(stage, project)
    moved = tmp_path / "elsewhere entirely"
    shutil.move(project, moved)
    (moved / "ref.png").rename(moved / "first.png")
    (moved / "weights").rename(moved / "models")
    text = (moved / "story.yaml").read_text()
    (moved / "story.yaml").write_text(
        text.replace("ref.png", "first.png").replace("weights/", "models/")
    )
    ended = stage.render(moved)
    assert ended.status == 0 and "going on from frame" in ended.err


def test_a_picture_of_another_content_is_another_film_and_is_named(stage, project):
    stopped_half_way(stage, project)
    Image.new("RGB", (40, 40), "red").save(project / "ref.png")
    ended = stage.render(project)
    assert ended.status == 1 and "a different film" in ended.err and "ref.png (sha256 " in ended.err


def test_after_going_on_the_time_is_that_of_all_sittings(stage, project):
    stopped_half_way(stage, project)
    ended = stage.render(project, "--json")
    end = json.loads(ended.out.splitlines()[-1])
    about = json.loads((project / "outputs/story/run.json").read_text())
    # the first was slowed down
    assert about["sittings"] == 2 and end["seconds"] > about["seconds"]["render"] > 0.3


def test_the_last_line_says_how_many_sittings_there_were(stage, project):
    stopped_half_way(stage, project)
    assert " and 2 sittings" in stage.render(project).err
