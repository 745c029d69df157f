"""What goes on while a worker renders a job: how far it is, and when its position is sent."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..disk.files import explained
from ..output.steps import coarse
from ..show.displays import Display
from ..show.flags import in_flags
from ..storyboard.timeline import Timeline
from .split import FIRST

if TYPE_CHECKING:
    from .renderer import Sitting

SYNC_SHARE = 0.02  # of the time at most goes into sending positions


class Watcher(Display):
    """Tells how far a job is, and sends its position to the store now and then."""

    def __init__(self, sitting: Sitting, output: Path, begin_only: bool = False) -> None:
        """begin_only: stop before the first iteration."""
        self.sitting, self.output, self.begin_only = sitting, output, begin_only
        self._newest, self._pushed, self._cost = "", time.monotonic(), 0.0
        self._began, self._first, self._moved = 0.0, 0, False

    def should_stop(self) -> bool:
        """Also where a part ends. One step more is at work already, so a sitting that begins where
        it would be told to stop has to make one.
        """
        stretch, renderer = self.sitting.order.stretch, self.sitting.renderer
        begun = self.begin_only and self._began > 0.0
        past = renderer.report.iteration - (stretch.stop_at if stretch else 0)
        at_cut = stretch is not None and (past > 0 or (past == 0 and self._moved))
        return begun or at_cut or renderer.stopping or not self.sitting.lease.held

    def start(self, timeline: Timeline, done: int) -> None:
        self._began, self._first = time.monotonic(), done
        now = self.sitting.renderer.report
        told = {"state": "rendering", "iteration": done, "total": timeline.total_iter}
        self.sitting.renderer.report = replace(now, **told, frames=timeline.frames)

    def update(self, progress) -> None:
        renderer, done = self.sitting.renderer, progress.iteration - self._first
        self._moved, told = True, {"iteration": progress.iteration}
        told["rate"] = done / max(time.monotonic() - self._began, 1e-9)
        if progress.frame is not None:
            told |= {"frame": progress.moment.frame + 1, "similarity": progress.similarity}
            self._keep_first(progress)
        renderer.report = replace(renderer.report, **told)
        self._push_now_and_then()

    def _keep_first(self, progress) -> None:
        """The first frame of a part, for its distance from the part before."""
        stretch = self.sitting.order.stretch
        if stretch and progress.moment.frame == stretch.first_frame:
            with explained(self._work):
                np.save(self._work / FIRST, coarse(progress.frame))

    def notice(self, text: str) -> None:
        self.sitting.lines.append(in_flags(text))

    def _push_now_and_then(self) -> None:
        pause = max(self.sitting.options.sync_seconds, self._cost / SYNC_SHARE)
        if time.monotonic() - self._pushed < pause:
            return
        newest = max((path.name for path in self._work.glob("checkpoint-*")), default="")
        if newest != self._newest:
            began = time.monotonic()
            self.sitting.push(self.output)
            self._newest, self._pushed = newest, time.monotonic()
            self._cost = self._pushed - began

    @property
    def _work(self) -> Path:
        return self.output.with_suffix("") / ".work"
