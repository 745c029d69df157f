"""How fast this machine renders: remembered after a film, so that a plan can say how long the
next one takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from .disk import cache
from .storyboard.schema import Storyboard
from .storyboard.sizes import picture_size
from .storyboard.timeline import Timeline

FILE = "speed.json"
PRECISION_NOTES = "precision.json"  # what engine/precision.py has measured


@dataclass(frozen=True)
class Speed:
    """Seconds that an iteration takes, and on what that was measured."""

    seconds: float
    on: str  # device and precision


def recall(storyboard: Storyboard, factor: int) -> Speed | None:
    """The speed to expect of a film on this machine, or None before a first one with its models.

    From a film of another size it is scaled: half of the time goes with the pixels, half with the
    cutouts, which is what the measured splits come to (docs/benchmarks.md).
    """
    known = cache.recall(FILE).get(_key(storyboard))
    try:
        pixels, cutouts = _work(storyboard, factor)
        share = 0.5 * pixels / known["pixels"] + 0.5 * cutouts / known["cutouts"]
        return Speed(float(known["seconds"]) * share, str(known["on"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def remember(storyboard: Storyboard, factor: int, seconds: float, on: str) -> None:
    """Keep the seconds per iteration of a film just rendered; a folder that cannot be written is
    no error.
    """
    pixels, cutouts = _work(storyboard, factor)
    entry = {"pixels": pixels, "cutouts": cutouts, "seconds": seconds, "on": on}
    cache.remember(FILE, {_key(storyboard): entry})


def half_pays() -> bool:
    """Whether this machine has been found to multiply half precision faster (see
    engine/precision.py).
    """
    return any(answer is True for answer in cache.recall(PRECISION_NOTES).values())


def _key(storyboard: Storyboard) -> str:
    return f"{storyboard.models.clip} + {storyboard.models.vqgan}"


def _work(storyboard: Storyboard, factor: int) -> tuple[int, float]:
    """Pixels decoded in an iteration, and cutouts, averaged over the film."""
    width, height = picture_size(storyboard.size, factor)
    timeline = Timeline(storyboard)
    cutouts = sum(
        span.iterations * storyboard.scenes[span.scene].settings.cutouts for span in timeline.spans
    )
    return width * height, cutouts / timeline.total_iter
