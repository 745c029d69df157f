"""Eight films of five seconds: one after the other, as eight processes at once, and by the farm with
two workers; start-up and the loading of models counted. And what the farm itself costs a film.

    python tests/farm_measure.py --films 8
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

STORY = """\
size: 64x64
fps: 8
settings: {cutouts: 4, show_step: 2, guide: off}
scenes: [{prompt: a lighthouse at sunset, duration: 5s}]
"""


def commands(folder: Path, way: str, films: int) -> Iterator[Callable[[], subprocess.Popen]]:
    """The plain renders of all films, to be started."""
    base = [sys.executable, "-m", "vqclip_video", "render", str(folder / "story.yaml"), "-q"]
    base += ["--precision", "fp32"]
    for seed in range(films):
        film = ["-o", str(folder / way / f"{seed}.mp4"), "--set", f"seed={seed}"]
        yield lambda film=film: subprocess.Popen([*base, *film])


def in_turn(folder: Path, films: int) -> float:
    began = time.monotonic()
    for start in commands(folder, "turn", films):
        assert start().wait() == 0
    return time.monotonic() - began


def at_once(folder: Path, films: int) -> float:
    began = time.monotonic()
    running = [start() for start in commands(folder, "once", films)]
    assert all(process.wait() == 0 for process in running)
    return time.monotonic() - began


def by_farm(folder: Path, films: int) -> tuple[float, list[float]]:
    """Seconds in all, and for each film those between its order and its end beside its render."""
    from vqclip_video.engine.options import EngineOptions
    from vqclip_video.farm.cluster import RayCrew, Share
    from vqclip_video.farm.foreman import Foreman, Listener
    from vqclip_video.farm.jobs import RUNNING, jobs_of
    from vqclip_video.farm.orders import FINISHED, WorkerOptions
    from vqclip_video.farm.store import open_store

    class Clock(Listener):
        begun, beside = {}, []

        def changed(self, job):
            if job.state == RUNNING:
                self.begun[job.name] = time.monotonic()
            elif job.state == FINISHED:
                took = time.monotonic() - self.begun[job.name]
                self.beside.append(took - job.about["seconds"])

    began, clock = time.monotonic(), Clock()
    options = WorkerOptions(str(folder / "farm"), EngineOptions(precision="fp32"), threads=1)
    jobs, store = jobs_of([folder / "story.yaml"], range(films), ()), open_store(folder / "farm")
    with RayCrew("local", Share(1), options) as crew:
        Foreman(jobs, store, crew, clock).run(lambda: False)
    assert {job.state for job in jobs} == {FINISHED}
    return time.monotonic() - began, clock.beside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--films", type=int, default=8)
    films = parser.parse_args().films
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "story.yaml").write_text(STORY)
        farm, beside = by_farm(folder, films)
        for name, seconds in (
            ("in turn", in_turn(folder, films)),
            ("at once", at_once(folder, films)),
        ):
            print(f"{name}: {seconds:.0f} s, {seconds / farm:.2f} times the farm's", flush=True)
    each = ", ".join(f"{seconds:.2f}" for seconds in beside)
    print(f"farm: {farm:.0f} s; beside each render: {each} s; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
