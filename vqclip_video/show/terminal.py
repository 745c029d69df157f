"""What a person reads: a progress bar on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

from ..storyboard.timeline import Moment, Timeline
from ..storyboard.words import prompt_text
from ..text import clock
from .displays import Display
from .flags import in_flags
from .streams import ERR

SECONDS_BETWEEN_LINES = 10.0


class Lines(Display):
    """A line at each scene, and every ten seconds."""

    scene, shown = None, 0.0  # of the last line: which scene it was of, and when

    def start(self, timeline: Timeline, done: int) -> None:
        self.timeline, self.first, self.began = timeline, done, time.monotonic()

    def update(self, progress) -> None:
        moment, now = progress.moment, time.monotonic()
        if moment.scene != self.scene:
            self.scene = moment.scene
            scenes = len(self.timeline.storyboard.scenes)
            self.notice(f"scene {moment.scene + 1}/{scenes}: {self._prompt(moment)}")
        if progress.similarity is not None and now - self.shown >= SECONDS_BETWEEN_LINES:
            self.shown = now
            speed = (progress.iteration - self.first) / max(now - self.began, 1e-9)
            left = (progress.total - progress.iteration) / max(speed, 1e-9)
            self.notice(
                f"iteration {progress.iteration}/{progress.total}, similarity "
                f"{progress.similarity:.3f}, {speed:.1f} it/s, {clock(left)} left"
            )

    def printing(self, done: int, frames: int) -> None:
        if time.monotonic() - self.shown >= SECONDS_BETWEEN_LINES:
            self.shown = time.monotonic()
            self.notice(f"printing frame {done}/{frames}")

    def notice(self, text: str) -> None:
        ERR.write(f"{in_flags(text)}\n")

    def end(self, result) -> None:
        if result.state == "there":
            self.notice(f"{result.film} is finished already; --fresh renders it anew")
        elif result.state == "stopped":
            so_far = f"; so far: {result.film}" if result.film else ""
            self.notice(
                f"stopped after {result.frames} frames{so_far}\nrun the same command again to go on"
                " from there"
            )
        else:
            best = "" if result.similarity is None else f", best similarity {result.similarity:.3f}"
            length = f"{result.frames} frames, {clock(self.timeline.seconds)} of film"
            sittings = f" and {result.sittings} sittings" if result.sittings > 1 else ""
            self.notice(f"{result.film}: {length} in {clock(result.seconds)}{sittings}{best}")

    def _prompt(self, moment: Moment, width: int = 60) -> str:
        return prompt_text(self.timeline.storyboard.scenes[moment.scene].prompt, width)


class Bar(Lines):
    """A progress bar with scene, prompt, similarity, iterations per second and the time left."""

    bar = None

    def start(self, timeline: Timeline, done: int) -> None:
        super().start(timeline, done)
        layout = (
            "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {rate_fmt}{postfix} {remaining} "
            "left"
        )
        self.bar = tqdm(
            total=timeline.total_iter,
            initial=done,
            unit="it",
            file=ERR,
            dynamic_ncols=True,
            bar_format=layout,
            leave=False,
        )

    def update(self, progress) -> None:
        if self.bar is None:
            return
        if progress.moment.scene != self.scene:
            self.scene = progress.moment.scene
            scenes, prompt = len(self.timeline.storyboard.scenes), self._prompt(progress.moment, 36)
            self.bar.set_description_str(f"{self.scene + 1}/{scenes} {prompt}")
        if progress.similarity is not None:
            self.bar.set_postfix_str(f"similarity {progress.similarity:.3f}", refresh=False)
        self.bar.update(progress.iteration - self.bar.n)

    def printing(self, done: int, frames: int) -> None:
        self.bar.set_description_str(f"printing {done}/{frames}")

    def notice(self, text: str) -> None:
        tqdm.write(in_flags(text), file=ERR)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def terminal_display() -> Display:
    """A bar where somebody watches standard error, lines where it is written down."""
    return Bar() if sys.stderr.isatty() else Lines()
