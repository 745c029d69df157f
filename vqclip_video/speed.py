"""How fast this machine renders: remembered after a film, so that a plan can say how long the
next one takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from .disk import cache
from .storyboard.sizes import picture_size
from .storyboard.timeline import Timeline

FILE = "speed.json"
PRECISION_NOTES = "precision.json"  # what engine/precision.py has measured


@dataclass(frozen=True)
class Speed:
    """Seconds that an iteration takes, and on what that was measured."""

    seconds: float
    on: str  # device and precision


def recall_speed(timeline: Timeline, factor: int) -> Speed | None:
    """The speed to expect of a film on this machine, or None before a first one with its models.

    From a film of another size it is scaled: half of the time goes with the pixels, half with the
    cutouts, which is what the measured splits come to (docs/benchmarks.md).
    """
    known = cache.recall(FILE).get(_key(timeline))
    try:
        pixels, cutouts = _work(timeline, factor)
        share = 0.5 * pixels / known["pixels"] + 0.5 * cutouts / known["cutouts"]
        return Speed(float(known["seconds"]) * share, str(known["on"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def remember_speed(timeline: Timeline, factor: int, seconds: float, on: str) -> None:
    """Keep the seconds per iteration of a film just rendered; a folder that cannot be written is
    no error.
    """
    pixels, cutouts = _work(timeline, factor)
    entry = {"pixels": pixels, "cutouts": cutouts, "seconds": seconds, "on": on}
    cache.remember(FILE, {_key(timeline): entry})


def half_pays() -> bool:
    """Whether this machine has been found to multiply half precision faster (see
    engine/precision.py).
    """
    return any(answer is True for answer in cache.recall(PRECISION_NOTES).values())


def _key(timeline: Timeline) -> str:
    models = timeline.storyboard.models
    in_turns = ["in turns"] if models.alternate else []
    return " + ".join([*models.clips, models.vqgan, *in_turns])


def _work(timeline: Timeline, factor: int) -> tuple[int, float]:
    """Pixels decoded in an iteration, and cutouts, averaged over the film."""
    width, height = picture_size(timeline.storyboard.size, factor)
    scenes = timeline.storyboard.scenes
    cutouts = sum(span.iterations * scenes[span.scene].settings.cutouts for span in timeline.spans)
    return width * height, cutouts / timeline.total_iter
