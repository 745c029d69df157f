"""Who is told how a render goes: the interface of a listener, and several of them as one."""

from __future__ import annotations

from collections.abc import Sequence

from ..storyboard.timeline import Timeline


class Display:
    """A listener that says nothing; the others add to it."""

    def start(self, timeline: Timeline, done: int) -> None:
        """Rendering of this film begins, after `done` iterations of an earlier run."""

    def update(self, progress) -> None:
        """An iteration is done: an `engine.session.Progress`."""

    def printing(self, done: int, frames: int) -> None:
        """So many of the film's frames are printed, once all of it is rendered."""

    def notice(self, text: str) -> None:
        """Something the user should know."""

    def end(self, result) -> None:
        """The render is over; `result` is a `recorder.FilmResult`."""

    def close(self) -> None:
        """Leave everything as it was."""


class Displays(Display):
    """Several listeners, each told everything, in order."""

    def __init__(self, listeners: Sequence[Display]):
        self.listeners = tuple(listeners)

    def start(self, timeline: Timeline, done: int) -> None:
        for each in self.listeners:
            each.start(timeline, done)

    def update(self, progress) -> None:
        for each in self.listeners:
            each.update(progress)

    def printing(self, done: int, frames: int) -> None:
        for each in self.listeners:
            each.printing(done, frames)

    def notice(self, text: str) -> None:
        for each in self.listeners:
            each.notice(text)

    def end(self, result) -> None:
        for each in self.listeners:
            each.end(result)

    def close(self) -> None:
        for each in self.listeners:
            each.close()
