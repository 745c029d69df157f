"""What a film and its prints are heard with."""

from __future__ import annotations

from collections.abc import Callable

from ..disk.checksums import remembered_sha256
from ..sound.soundtrack import Cut
from ..storyboard.audio import Audio
from .passage import Passage
from .shot import ShotFilm


def film_sound(
    audio: Audio, seconds: float, start: float = 0.0, begins: bool = True, ends: bool = True
) -> Cut:
    """The sound of so many seconds of a film, `start` seconds after its beginning.

    begins, ends: whether the film's own beginning and end are among them, where it fades.
    """
    rise, fall = audio.fade_in if begins else 0.0, audio.fade_out if ends else 0.0
    return Cut(audio.file, seconds, audio.start + start, rise, fall, audio.gain)


def print_sound(
    shot: ShotFilm, cut: Passage, slow: float, seconds: float, notice: Callable[[str], None]
) -> Cut | None:
    """The sound of a print that shows `cut` in so many seconds, `slow` times as long; None where
    the film has none, or, which is told, none that belongs to such a print.
    """
    board = shot.timeline.storyboard
    if (audio := board.audio) is None:
        return None
    if why := _why_unheard(shot, cut, slow):
        notice(f"no sound: {why}")
        return None
    turns = board.loop == "pingpong" and not cut.loop
    ends = cut.end == shot.timeline.frames and not turns
    return film_sound(audio, seconds, float(cut.start / board.fps), cut.start == 0, ends)


def _why_unheard(shot: ShotFilm, cut: Passage, slow: float) -> str:
    """Why the film's sound does not belong to a print; empty where it does."""
    board, whole = shot.timeline.storyboard, (0, shot.timeline.frames)
    if slow != 1:
        return "the pictures go at another pace than what the film is heard with"
    if cut.loop and not (cut.loop == board.loop and (cut.start, cut.end) == whole):
        return "the pictures come back to their beginning, which the film's sound does not"
    known = {file.sha256 for file in shot.origin.files} if shot.origin else set()
    if known and remembered_sha256(board.audio.file) not in known:
        return f"{board.audio.file.name} is no longer what the film was heard with"
    return ""
