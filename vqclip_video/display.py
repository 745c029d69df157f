"""What a render tells its user: a bar on a terminal, plain lines in a pipe, JSON for machines, or nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress

from tqdm import tqdm

from .storyboard.schema import Prompt, Storyboard
from .storyboard.timeline import Timeline

SECONDS_BETWEEN_LINES = 10.0


class Audience:
    """One of the standard streams, for as long as somebody reads it.

    A pipe's reader may leave (`| head`) and a terminal be closed while a film renders on. What is left to say then
    goes nowhere, what Python itself flushes at its end included.
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


def prompt_text(prompt: Prompt, width: int = 60) -> str:
    """A scene's prompt on one line, at most `width` characters."""
    parts = [part.text if part.text is not None else part.image.name for part in prompt]
    line = " ".join(" + ".join(parts).split())
    return line if len(line) <= width else line[: width - 1] + "…"


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

    def finish(self, film, seconds: float, similarity: float | None) -> None:
        """The film is there."""

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
            self.notice(f"scene {moment.scene + 1}/{len(self.storyboard.scenes)}: {scene_prompt(self, moment)}")
        if progress.similarity is not None and now - self.shown >= SECONDS_BETWEEN_LINES:
            self.shown = now
            speed = (progress.iteration - self.first) / max(now - self.began, 1e-9)
            left = (progress.total - progress.iteration) / max(speed, 1e-9)
            self.notice(
                f"iteration {progress.iteration}/{progress.total}, similarity {progress.similarity:.3f}, "
                f"{speed:.1f} it/s, {clock(left)} left"
            )

    def notice(self, text: str) -> None:
        ERR.write(f"{text}\n")

    def finish(self, film, seconds: float, similarity: float | None) -> None:
        best = "" if similarity is None else f", best similarity {similarity:.3f}"
        length = f"{self.timeline.frames} frames, {clock(self.timeline.seconds)} of film"
        self.notice(f"{film}: {length} in {clock(seconds)}{best}")


class Bar(Lines):
    """A progress bar with scene, prompt, similarity, iterations per second and the time left."""

    bar = None

    def start(self, done: int) -> None:
        layout = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {rate_fmt}{postfix} {remaining} left"
        total = self.timeline.total_iter
        self.bar = tqdm(
            total=total, initial=done, unit="it", file=ERR, dynamic_ncols=True, bar_format=layout, leave=False
        )

    def update(self, progress) -> None:
        if self.bar is None:
            return
        if progress.moment.scene != self.scene:
            self.scene = progress.moment.scene
            scenes, prompt = len(self.storyboard.scenes), scene_prompt(self, progress.moment, 36)
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
    """One JSON object a line on standard output: `event` is start, frame, notice or finished."""

    def _say(self, event: str, **values) -> None:
        OUT.write(json.dumps({"event": event, **values}, ensure_ascii=False) + "\n")

    def start(self, done: int) -> None:
        self._say("start", done=done, total_iter=self.timeline.total_iter, frames=self.timeline.frames)

    def update(self, progress) -> None:
        if progress.frame is not None:
            self._say("frame", **frame_record(progress))

    def notice(self, text: str) -> None:
        self._say("notice", text=text)

    def finish(self, film, seconds: float, similarity: float | None) -> None:
        self._say("finished", film=str(film), seconds=round(seconds, 3), best_similarity=similarity)


def frame_record(progress) -> dict:
    """What is kept of a captured frame in progress.jsonl and told by --json."""
    moment = progress.moment
    return {
        "frame": moment.frame,
        "iteration": progress.iteration,
        "time": round(moment.time, 4),
        "scene": moment.scene,
        "mix": round(moment.mix, 4),
        "similarity": round(progress.similarity, 5),
        "losses": {name: round(value, 6) for name, value in progress.losses.items()},
    }


def scene_prompt(display: Display, moment, width: int = 60) -> str:
    return prompt_text(display.storyboard.scenes[moment.scene].prompt, width)


def clock(seconds: float) -> str:
    """A duration a person reads: 0.8s, 42s, 3:07, 1:02:03."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
