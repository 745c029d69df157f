"""What a render tells its user: a bar on a terminal, plain lines in a pipe, JSON for machines,
or nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress

from tqdm import tqdm

from ..output.progress import frame_record
from ..storyboard.schema import Storyboard
from ..storyboard.timeline import Moment, Timeline
from ..storyboard.words import prompt_text
from ..text import clock

SECONDS_BETWEEN_LINES = 10.0


class Audience:
    """One of the standard streams, for as long as somebody reads it.

    A pipe's reader may leave (`| head`) and a terminal be closed while a film renders on. What is
    left to say then goes nowhere, what Python itself flushes at its end included.
    """

    def __init__(self, name: str):
        self.name = name  # stdout or stderr

    def write(self, text: str) -> int:
        stream = getattr(sys, self.name)
        sayable = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
        try:
            stream.write(sayable)
            stream.flush()
        except (OSError, ValueError):
            self._leave()
        return len(text)

    def flush(self) -> None:
        """Every write is flushed already."""

    @property
    def encoding(self) -> str:
        return getattr(sys, self.name).encoding or "utf-8"

    def isatty(self) -> bool:
        return getattr(sys, self.name).isatty()

    def fileno(self) -> int:
        return getattr(sys, self.name).fileno()

    def _leave(self) -> None:
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


OUT, ERR = Audience("stdout"), Audience("stderr")


def make_display(storyboard: Storyboard, quiet: bool, as_json: bool):
    """The display that suits the options and whether somebody is watching standard error."""
    if as_json:
        return JsonDisplay(storyboard)
    if quiet:
        return Display(storyboard)
    return Bar(storyboard) if sys.stderr.isatty() else Lines(storyboard)


class Display:
    """Says nothing but errors; the others add to it."""

    def __init__(self, storyboard: Storyboard):
        self.storyboard, self.timeline = storyboard, Timeline(storyboard)

    def start(self, done: int) -> None:
        """Rendering begins after `done` iterations of an earlier run."""

    def update(self, progress) -> None:
        """An iteration is done."""

    def notice(self, text: str) -> None:
        """Something the user should know."""

    def end(self, result) -> None:
        """The render is over; `result` is a `recorder.FilmResult`."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Lines(Display):
    """A line at each scene, and every ten seconds."""

    def __init__(self, storyboard: Storyboard):
        super().__init__(storyboard)
        self.scene, self.shown, self.first, self.began = None, 0.0, 0, time.monotonic()

    def start(self, done: int) -> None:
        self.first, self.began = done, time.monotonic()

    def update(self, progress) -> None:
        moment, now = progress.moment, time.monotonic()
        if moment.scene != self.scene:
            self.scene = moment.scene
            self.notice(
                f"scene {moment.scene + 1}/{len(self.storyboard.scenes)}: {self._prompt(moment)}"
            )
        if progress.similarity is not None and now - self.shown >= SECONDS_BETWEEN_LINES:
            self.shown = now
            speed = (progress.iteration - self.first) / max(now - self.began, 1e-9)
            left = (progress.total - progress.iteration) / max(speed, 1e-9)
            self.notice(
                f"iteration {progress.iteration}/{progress.total}, similarity "
                f"{progress.similarity:.3f}, {speed:.1f} it/s, {clock(left)} left"
            )

    def notice(self, text: str) -> None:
        ERR.write(f"{text}\n")

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
        return prompt_text(self.storyboard.scenes[moment.scene].prompt, width)


class Bar(Lines):
    """A progress bar with scene, prompt, similarity, iterations per second and the time left."""

    bar = None

    def start(self, done: int) -> None:
        layout = (
            "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {rate_fmt}{postfix} {remaining} "
            "left"
        )
        total = self.timeline.total_iter
        self.bar = tqdm(
            total=total,
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
            scenes, prompt = len(self.storyboard.scenes), self._prompt(progress.moment, 36)
            self.bar.set_description_str(f"{self.scene + 1}/{scenes} {prompt}")
        if progress.similarity is not None:
            self.bar.set_postfix_str(f"similarity {progress.similarity:.3f}", refresh=False)
        self.bar.update(progress.iteration - self.bar.n)

    def notice(self, text: str) -> None:
        tqdm.write(text, file=ERR)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


class JsonDisplay(Display):
    """One JSON object a line on standard output: `event` is start, frame, notice, finished,
    stopped or there.
    """

    def _say(self, event: str, **values) -> None:
        OUT.write(json.dumps({"event": event, **values}) + "\n")

    def start(self, done: int) -> None:
        self._say(
            "start", done=done, total_iter=self.timeline.total_iter, frames=self.timeline.frames
        )

    def update(self, progress) -> None:
        if progress.frame is not None:
            self._say("frame", **frame_record(progress))

    def notice(self, text: str) -> None:
        self._say("notice", text=text)

    def end(self, result) -> None:
        film = str(result.film) if result.film else None
        about = {
            "frames": result.frames,
            "seconds": round(result.seconds, 3),
            "best_similarity": result.similarity,
        }
        self._say(result.state, film=film, **about)
