"""Kills a render over and over, and checks that the film which comes of it is the film that would
have been.

    python tests/torture.py --kills 100 --faults --storyboards 10000

`--faults` makes every fault of tests/test_faults.py happen and prints what the user reads;
`--storyboards` has that many broken ones read (tests/test_fuzz_reader.py).

A quarter of the kills fall on a film with a song and a camera that moves with it.
Half of the kills come at a random moment between the start and a little after the end, the other
half just before a
random one of the render's calls on a file or an encoder, which is where a torn state would come
from. A killed
render is started again by the same command; one in three is killed again. What ends up on disk is
compared, byte for
byte, with an uninterrupted run: film, decoded frames, poster, contact sheet, log and latents. Exit
    status 1 if
anything differs, a film was not finished, or a storyboard led to a traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
from filmprobe import read_frames
from sounds import music, write_wav
from stage import Ended, Stage, left_behind, write_story

AGAIN = 1 / 3  # of the killed renders are killed again when they go on


def sound_and_camera(folder: Path) -> str:
    """Keys of a film to a song, over which a camera moves with it."""
    song = write_wav(folder / "song.wav", music(120, 4))
    return f"""\
audio: {{file: {song}, start: 0.5s, fade_out: 0.5s}}
camera: {{zoom: 1.2, pan: [0.05, 0], rotate: 5}}
drive: {{band: bass, to: camera.zoom, amount: 0.3}}"""


class Torture:
    """Films in folders of `work`, all of one storyboard, compared with one that nobody
    disturbed.
    """

    def __init__(
        self,
        stage: Stage,
        work: Path,
        clip: Path,
        vqgan: Path,
        seed: int = 0,
        frames: int = 24,
        more: str = "",
    ):
        """more: further keys of the storyboard."""
        self.stage, self.work, self.random, self.frames = stage, work, random.Random(seed), frames
        self.story = write_story(work, clip, vqgan, frames, more)
        self.counts: Counter[str] = Counter()
        undisturbed = self.folder("undisturbed")
        ended = stage.render(undisturbed, faults=("count-steps",))
        assert ended.status == 0, ended.said
        self.steps = int(ended.err.rpartition("steps: ")[2])
        self.expected = left_behind(undisturbed)
        self.pictures = read_frames(undisturbed / "outputs" / "story.mp4")
        assert len(self.pictures) == frames
        again = self.folder("again")  # the first run waited for more of the disk than any later one
        began = time.monotonic()
        stage.render(again)
        self.seconds = time.monotonic() - began
        self.compare(again)

    def folder(self, name: str) -> Path:
        folder = self.work / name
        folder.mkdir()
        shutil.copy(self.story, folder)
        return folder

    def film(self, number: int, kills: int) -> None:
        """One film, killed at least once and at most `kills` times, then left to end."""
        folder = self.folder(f"film-{number}")
        while kills:
            ended = (
                self.killed_at_a_moment(folder)
                if self.random.random() < 0.5
                else self.killed_at_a_step(folder)
            )
            if ended.status != -signal.SIGKILL:
                self.counts["ended before the kill"] += 1
                self.note_refusal(ended)
                break
            kills -= 1
            self.counts["kills"] += 1
            if self.random.random() > AGAIN:
                break
        ended = self.stage.render(folder)
        self.note_refusal(ended)
        self.counts["went on"] += "going on from" in ended.err
        self.counts["started anew"] += (
            "going on from" not in ended.err and "already" not in ended.err
        )
        self.counts["finished already"] += "already" in ended.err
        self.compare(folder)
        shutil.rmtree(folder)

    def killed_at_a_moment(self, folder: Path) -> Ended:
        call = self.stage.start(folder, "render", "story.yaml")
        timer = threading.Timer(
            self.random.uniform(0, 1.1 * self.seconds), kill_if_there, [call.pid]
        )
        timer.start()
        ended = call.wait()
        timer.cancel()
        timer.join()
        return ended

    def killed_at_a_step(self, folder: Path) -> Ended:
        return self.stage.render(folder, faults=(f"die={self.random.randrange(self.steps)}",))

    def note_refusal(self, ended: Ended) -> None:
        if ended.status != 0:
            self.counts["refused"] += 1
            print(f"refused with {ended.status}: {ended.said}", file=sys.stderr)

    def compare(self, folder: Path) -> None:
        left = left_behind(folder) if (folder / "outputs" / "story.mp4").is_file() else {}
        for name in sorted(self.expected.keys() | left.keys()):
            if self.expected.get(name) != left.get(name):
                self.counts["files that differ"] += 1
                print(f"{folder.name}: {name} differs", file=sys.stderr)
        same = left == self.expected
        self.counts["films"] += 1
        self.counts["identical"] += same
        pictures = read_frames(folder / "outputs" / "story.mp4") if left else self.pictures[:0]
        there = min(len(pictures), len(self.pictures))
        right = (
            np.all(pictures[:there] == self.pictures[:there], axis=(1, 2, 3)).sum() if there else 0
        )
        self.counts["frames lost"] += len(self.pictures) - int(right)

    @property
    def passed(self) -> bool:
        counts = self.counts
        bad = counts["refused"] + counts["files that differ"] + counts["frames lost"]
        return bad == 0 and counts["identical"] == counts["films"]


def kill_if_there(pid: int) -> None:
    """SIGKILL, unless it ended and was waited for in this very moment."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--storyboards", type=int, default=0, metavar="N")
    options = parser.parse_args()
    passed = True
    if options.kills:
        passed &= kill_films(options.kills, options.seed)
    if options.faults:
        passed &= play_faults()
    if options.storyboards:
        fuzz = [sys.executable, str(Path(__file__).with_name("test_fuzz_reader.py")), "--examples"]
        passed &= subprocess.run([*fuzz, str(options.storyboards)]).returncode == 0
    sys.exit(0 if passed else 1)


def kill_films(kills: int, seed: int) -> bool:
    from tiny import make_clip, make_vqgan

    with tempfile.TemporaryDirectory(prefix="torture-") as folder, Stage() as stage:
        work = Path(folder)
        clip, vqgan = (
            make_clip(work, format="safetensors"),
            make_vqgan(work, format="safetensors")[0],
        )
        plain = Torture(stage, work / "films", clip, vqgan, seed)
        heard = Torture(stage, work / "heard", clip, vqgan, seed + 1, more=sound_and_camera(work))
        for torture, until in ((plain, kills - kills // 4), (heard, kills // 4)):
            while torture.counts["kills"] < until:
                torture.film(torture.counts["films"], until - torture.counts["kills"])
    counts = plain.counts + heard.counts
    rows = (
        "kills",
        "films",
        "went on",
        "started anew",
        "finished already",
        "ended before the kill",
        "refused",
        "identical",
        "frames lost",
    )
    for row in rows:
        print(f"{row:<24}{counts[row]:>6}")
    return plain.passed and heard.passed


def play_faults() -> bool:
    from test_faults import FAULTS, NotHere, make_scene

    passed = True
    with (
        tempfile.TemporaryDirectory(prefix="torture-") as folder,
        make_scene(Path(folder)) as scene,
    ):
        for fault in FAULTS:
            try:
                ended, finished = scene.play(fault)
            except NotHere as reason:
                print(f"{fault.name}: not tried here ({reason})")
                continue
            said = re.search(f".*{fault.says}.*", ended.err)
            explained = ended.status == fault.status and said and "Traceback" not in ended.said
            passed &= bool(explained) and finished
            outcome = "finished" if finished else "NOT FINISHED"
            print(
                f"{fault.name}: exit {ended.status}, film {outcome}\n    "
                f"{said[0] if said else ended.said}"
            )
    return passed


if __name__ == "__main__":
    main()
