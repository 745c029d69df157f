"""Which size and rate a film has where it is delivered."""

from __future__ import annotations

import math
from fractions import Fraction

from ..catalogue.platforms import Platform


def delivered_size(size: tuple[int, int], platform: Platform) -> tuple[int, int]:
    """Pixels of the file: the platform's own, or the film's shape with even sides."""
    if platform.size:
        return platform.size
    longer = max(size)
    factor = platform.side / longer
    if factor > 1 and not platform.enlarge:
        factor = 1.0
    return tuple(max(2 * round(side * factor / 2), 2) for side in size)


def delivered_rate(fps: Fraction, platform: Platform) -> Fraction:
    """Frames a second of the file: the film's, times or divided by the smallest whole number that
    the platform takes, so that no frame is shown longer than another.
    """
    least, most = platform.fps
    if fps < least:
        return fps * math.ceil(least / fps)
    return fps / math.ceil(fps / most)
