"""A film that has begun is never lost: whatever ends a render, the same command goes on to the film
it would have been.

`python tests/torture.py --kills 100` is the long form of the first test.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filmprobe import read_film
from stage import Call, Stage, left_behind
from tiny import make_clip, make_vqgan
from torture import Torture, sound_and_camera

from vqclip_video.film import NUMERICS
from vqclip_video.output.boxes import read_mp4

FRAMES = 16


@pytest.fixture(scope="module")
def stage():
    with Stage() as started:
        yield started


@pytest.fixture(scope="module")
def torture(stage, tmp_path_factory) -> Torture:
    folder = tmp_path_factory.mktemp("resume")
    clip, vqgan = (
        make_clip(folder, format="safetensors"),
        make_vqgan(folder, format="safetensors")[0],
    )
    return Torture(stage, folder / "films", clip, vqgan, frames=FRAMES)


@pytest.fixture
def folder(torture, tmp_path) -> Path:
    """A place with the story in it."""
    shutil.copy(torture.story, tmp_path)
    return tmp_path


def begin(
    stage: Stage, folder: Path, *arguments: str, faults: tuple[str, ...] = ("slow=0.1",)
) -> Call:
    """A render that takes its time, with some frames done."""
    call = stage.start(folder, "render", "story.yaml", *arguments, faults=faults)
    call.wait_until("iteration")
    return call


def kill(call: Call) -> None:
    call.signal(signal.SIGKILL)
    assert call.wait().status == -signal.SIGKILL


def die_half_way(stage: Stage, torture: Torture, folder: Path) -> None:
    assert stage.render(folder, faults=(f"die={torture.steps // 2}",)).status == -signal.SIGKILL


def test_killed_renders_end_in_the_film_that_would_have_been(torture):
    while torture.counts["kills"] < 4:
        torture.film(torture.counts["films"], 4 - torture.counts["kills"])
    assert torture.passed, torture.counts


def test_a_film_with_sound_and_a_camera_is_the_same_when_it_was_killed(stage, torture, tmp_path):
    files = re.search(r"clip: (\S+), vqgan: (\S+)\}", torture.story.read_text()).groups()
    heard = Torture(
        stage, tmp_path / "films", *files, frames=FRAMES, more=sound_and_camera(tmp_path)
    )
    assert read_mp4(tmp_path / "films/undisturbed/outputs/story.mp4").of_kind("soun")
    folder = heard.folder("killed")
    for step in (heard.steps // 2, heard.steps // 5, 20):
        assert stage.render(folder, faults=(f"die={step}",)).status == -signal.SIGKILL
    assert stage.render(folder).status == 0
    heard.compare(folder)
    assert heard.passed, heard.counts


@pytest.mark.parametrize("before_the_end", [1, 5, 12])
def test_kills_while_the_film_is_being_finished(stage, torture, folder, before_the_end):
    for fewer in range(0, 60, 10):  # a run has some steps more or fewer, as ffmpeg keeps up with it
        ended = stage.render(folder, faults=(f"die={torture.steps - before_the_end - fewer}",))
        if ended.status:
            break
        shutil.rmtree(folder / "outputs")
    assert ended.status == -signal.SIGKILL
    assert stage.render(folder).status == 0
    assert left_behind(folder) == torture.expected


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_stop_keeps_a_playable_preview_and_goes_on(stage, torture, folder, name):
    call = begin(stage, folder)
    call.signal(getattr(signal, name))
    ended = call.wait()
    assert ended.status == 130 and "Traceback" not in ended.said
    assert "stopping after this step" in ended.err and "run the same command again" in ended.err
    frames = int(re.search(r"stopped after (\d+) frames", ended.err)[1])
    preview = folder / "outputs" / "story.preview.mp4"
    assert read_film(preview).frames == frames > 0
    going_on = stage.render(folder)
    assert going_on.status == 0 and f"going on from frame {frames} of {FRAMES}" in going_on.err
    assert left_behind(folder) == torture.expected  # in which there is no preview


def test_a_second_stop_is_at_once_and_loses_nothing(stage, torture, folder):
    call = begin(stage, folder, faults=("slow=1",))
    call.signal(signal.SIGINT)
    call.wait_until("once more stops at once")
    call.signal(signal.SIGINT)
    ended = call.wait()
    assert ended.status == 130 and "Traceback" not in ended.said
    assert "run the same command again" in ended.err
    assert stage.render(folder).status == 0
    assert left_behind(folder) == torture.expected


def test_a_stop_while_the_models_load(stage, torture, folder):
    call = stage.start(folder, "render", "story.yaml", faults=("slow-loading=0.5",))
    call.wait_until("loading")
    call.signal(signal.SIGINT)
    ended = call.wait()
    assert ended.status == 130 and "stopped after 0 frames" in ended.err
    assert stage.render(folder).status == 0
    assert left_behind(folder) == torture.expected


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows")
def test_a_render_under_nohup_outlives_its_terminal(stage, torture, folder):
    call = begin(stage, folder, faults=("nohup", "slow=0.02"))
    call.signal(signal.SIGHUP)
    assert call.wait().status == 0
    assert left_behind(folder) == torture.expected


def test_a_finished_film_is_left_alone_unless_told_otherwise(stage, torture, folder):
    assert stage.render(folder).status == 0
    film = folder / "outputs" / "story.mp4"
    made = film.stat()
    again = stage.render(folder)
    assert again.status == 0 and "is finished already; --fresh renders it anew" in again.err
    assert film.stat() == made
    fresh = stage.render(folder, "--fresh")
    # by its time, not its inode: a file system may give the new file the old one's number
    assert fresh.status == 0 and film.stat().st_mtime_ns > made.st_mtime_ns
    assert left_behind(folder) == torture.expected


def test_the_run_of_another_film_is_refused_with_the_differences(stage, torture, folder):
    die_half_way(stage, torture, folder)
    other_seed = stage.render(folder, "--set", "seed=6")
    assert (
        other_seed.status == 1
        and "seed: 5 there" in other_seed.err
        and "seed: 6 now" in other_seed.err
    )
    assert "-o" in other_seed.err and "--fresh" in other_seed.err
    other_version = stage.render(folder, faults=("other-numerics",))
    assert other_version.status == 1 and f"numerics: {NUMERICS}" in other_version.err
    assert stage.render(folder).status == 0
    assert left_behind(folder) == torture.expected


def test_another_model_file_of_the_same_name_is_refused(stage, torture, folder):
    vqgan, config = make_vqgan(folder, format="safetensors")
    story = folder / "story.yaml"
    story.write_text(re.sub(r"vqgan: \S+\}", f"vqgan: {vqgan}}}", story.read_text()))
    die_half_way(stage, torture, folder)
    data = bytearray(vqgan.read_bytes())
    data[-1] ^= 1
    vqgan.write_bytes(data)
    refused = stage.render(folder)
    assert (
        refused.status == 1 and "VQGAN file (sha256): " in refused.err and "CLIP" not in refused.err
    )
    assert stage.render(folder, "--fresh").status == 0


def test_two_renders_at_once(stage, torture, folder):
    first = begin(stage, folder)
    second = stage.render(folder)
    assert (
        second.status == 1
        and f"process {first.pid}" in second.err
        and "is rendering here" in second.err
    )
    kill(first)
    assert stage.render(folder).status == 0
    assert left_behind(folder) == torture.expected


@pytest.mark.parametrize("whole", [1, 0])
def test_torn_checkpoints_are_passed_over(stage, torture, folder, whole):
    die_half_way(stage, torture, folder)
    checkpoints = sorted((folder / "outputs" / "story" / ".work").glob("checkpoint-*"))
    assert len(checkpoints) >= 2
    for path in checkpoints[whole:]:
        path.write_bytes(path.read_bytes()[:-7] + b"garbage")
    ended = stage.render(folder)
    assert ended.status == 0 and f"{checkpoints[-1].name} is damaged" in ended.err
    assert left_behind(folder) == torture.expected


def test_the_command_itself_killed_then_left_alone_by_its_reader(folder):
    """Without the stage: SIGKILL while it renders, then `render --json | head -1`."""
    command = [sys.executable, "-m", "vqclip_video", "render", "story.yaml"]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE) as process:
        assert process.stderr.readline().startswith(b"scene 1")
        process.kill()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, "--json"], cwd=folder, env=environment, **pipes) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
    assert read_film(folder / "outputs" / "story.mp4").frames == FRAMES
