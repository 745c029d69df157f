"""Every fault that a render can meet, made to happen: what the user reads, and that the film is
finished afterwards.

`python tests/torture.py --faults` prints the same as a table.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filmprobe import read_film
from stage import Ended, Stage, left_behind, write_story
from tiny import make_clip, make_vqgan

FRAMES = 16


class NotHere(Exception):
    """This machine does not let us have the fault."""


@contextlib.contextmanager
def nothing(folder: Path) -> Iterator[None]:
    yield


@contextlib.contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    """`outputs` is a disk of its own."""
    outputs = folder / "outputs"
    outputs.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(outputs)]
    if (
        sys.platform != "linux"
        or os.geteuid() != 0
        or subprocess.run(mount, capture_output=True).returncode
    ):
        raise NotHere("mounting a disk")
    try:
        yield outputs
    finally:
        subprocess.run(["umount", str(outputs)], check=True)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    with disk(folder, "size=400k") as outputs:
        yield
        (outputs / "ballast").unlink()
        kept = shutil.copytree(outputs, folder / "kept")
    outputs.rmdir()
    kept.rename(outputs)


@contextlib.contextmanager
def tiny_disk(folder: Path) -> Iterator[None]:
    with disk(folder, "size=40k"):
        yield


@contextlib.contextmanager
def read_only_disk(folder: Path) -> Iterator[None]:
    with disk(folder, "ro"):
        yield


@contextlib.contextmanager
def in_the_way(folder: Path, name: str, is_folder: bool = False) -> Iterator[None]:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.mkdir() if is_folder else path.write_text("mine")
    yield
    path.rmdir() if is_folder else path.unlink()


@contextlib.contextmanager
def somebody_elses_folder(folder: Path) -> Iterator[None]:
    (folder / "outputs" / "story").mkdir(parents=True)
    with in_the_way(folder, "outputs/story/thesis.txt"):
        yield


def file_for(name: str) -> Callable[[Path], contextlib.AbstractContextManager]:
    return lambda folder: in_the_way(folder, name)


def folder_for(name: str) -> Callable[[Path], contextlib.AbstractContextManager]:
    return lambda folder: in_the_way(folder, name, is_folder=True)


@dataclass(frozen=True)
class Fault:
    """One fault: how it is made, what the user reads, and what may be expected of the film after
    the remedy.
    """

    name: str
    says: str  # a regular expression
    status: int = 1
    faults: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    around: Callable[[Path], contextlib.AbstractContextManager] = nothing
    identical: bool = True  # to an undisturbed film, byte for byte


NO_FFMPEG = (("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg"), ("PATH", "/nowhere"))
FAULTS = (
    Fault("no ffmpeg", "ffmpeg cannot be started .*; install one", environment=NO_FFMPEG),
    Fault("encoder listed, not working", "h264_nvenc does not work here .* using libx264 instead", 0,
          arguments=("--encoder", "h264_nvenc")),
    Fault("unknown encoder", "'x264' is not one of 'auto', 'libx264'", 2, arguments=("--encoder", "x264")),
    Fault("ffmpeg killed once", "ffmpeg failed .* encoding frames from 0 again", 0, ("kill-ffmpeg=1",)),
    Fault("ffmpeg killed every time", "ffmpeg failed 3 times .* no frame is lost: run the", 1, ("kill-ffmpeg=99",)),
    Fault("disk fills while rendering", "not enough disk space: needs .* free .* make space and run the same", 1,
          ("fill-disk=12",), around=small_disk),
    Fault("disk too small to begin", "not enough disk space: needs .* free .* make space", around=tiny_disk),
    Fault("read-only disk", "the file system is read-only; choose another name with -o", around=read_only_disk),
    Fault("output folder vanishes", "the folder has vanished; bring it back, then run the same", 1, ("vanish=12",)),
    Fault("a folder has the film's name", "story.mp4 .* another name", around=folder_for("outputs/story.mp4")),
    Fault("a film of that name is there", "story.mp4 exists, .* another name", around=file_for("outputs/story.mp4")),
    Fault("a file has the run folder's name", "a file stands where a folder", around=file_for("outputs/story")),
    Fault("a file is called outputs", "a file stands where a folder is needed; move it", around=file_for("outputs")),
    Fault("somebody else's run folder", "thesis.txt, .* choose another name", around=somebody_elses_folder),
    Fault("device memory too small for all cutouts", "out of memory: now 1 cutouts per CLIP call", 0,
          ("device-full=1",), identical=False),
    Fault("device memory too small for one cutout", "out of memory at 32x32 with one cutout .* 16x16 needs a", 1,
          ("device-full=0",)),
    Fault("host memory too small for all cutouts", "out of memory: now 2 cutouts per CLIP call", 0,
          ("host-full=2",), identical=False),
    Fault("a number that is none, once", "iteration 9: the loss is not a number; going on from iteration 8 with 0.5", 0,
          ("nan-once=9",), identical=False),
    Fault("numbers that are none from the start", "still not a number after 4 tries .* lower", 1, ("nan-from=1",)),
    Fault("numbers that are none from then on", "still not a number after 4 tries .* lower", 1, ("nan-from=12",)),
    Fault("the device is lost", "on cpu failed: CUDA error: unspecified launch failure; run the same", 1,
          ("device-lost=12",)),
)  # fmt: skip


@dataclass
class Scene:
    """Where faults are played."""

    stage: Stage
    folder: Path
    story: Path
    undisturbed: dict[str, bytes]

    def play(self, fault: Fault) -> tuple[Ended, bool]:
        """How the render ended, and whether the film was finished after the remedy.

        NotHere where it cannot be had.
        """
        folder = self.folder / re.sub(r"\W+", "-", fault.name)
        folder.mkdir()
        shutil.copy(self.story, folder)
        with fault.around(folder):
            ended = self.stage.render(
                folder, *fault.arguments, faults=fault.faults, **dict(fault.environment)
            )
        if ended.status and self.stage.render(folder).status:
            return ended, False
        if fault.identical:
            return ended, left_behind(folder) == self.undisturbed
        return ended, read_film(folder / "outputs" / "story.mp4").frames == FRAMES


@contextlib.contextmanager
def make_scene(folder: Path) -> Iterator[Scene]:
    clip, vqgan = (
        make_clip(folder, format="safetensors"),
        make_vqgan(folder, format="safetensors")[0],
    )
    story = write_story(folder / "undisturbed", clip, vqgan, FRAMES)
    with Stage() as stage:
        ended = stage.render(story.parent)
        assert ended.status == 0, ended.said
        yield Scene(stage, folder, story, left_behind(story.parent))


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Iterator[Scene]:
    with make_scene(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_explained_in_a_line_and_the_film_finished_after_the_remedy(scene, fault):
    try:
        ended, finished = scene.play(fault)
    except NotHere as reason:
        pytest.skip(str(reason))
    assert ended.status == fault.status, ended.said
    assert re.search(fault.says, ended.err), ended.said
    assert "Traceback" not in ended.said
    assert finished


@pytest.mark.skipif(
    sys.platform != "linux", reason="how much memory a process has taken is read from /proc"
)
def test_memory_that_the_system_really_refuses(scene, tmp_path):
    shutil.copy(scene.story, tmp_path)
    many = (
        "--set",
        "settings.cutouts=1000",
        "--set",
        "scenes[0].iterations=2",
        "--set",
        "scenes[1].iterations=2",
    )
    ended = scene.stage.render(tmp_path, *many, faults=("address-space=30",))
    # How much is left of so little, after each split, is the allocator's affair.
    assert (
        ended.status in (0, 1) and "out of memory" in ended.err and "Traceback" not in ended.said
    ), ended.said
    assert scene.stage.render(tmp_path, *many).status == 0
    assert read_film(tmp_path / "outputs" / "story.mp4").frames == 4


def test_a_change_made_for_memory_is_said_once_and_kept(scene):
    ended, _ = scene.play(Fault("memory again", "", faults=("device-full=3",)))
    assert ended.err.count("out of memory") == 1
