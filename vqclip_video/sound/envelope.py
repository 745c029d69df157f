"""How loud a band of a sound is over time: numbers from 0 to 1 that rise and fall smoothly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .listen import HERTZ

if TYPE_CHECKING:
    import numpy as np

HOP = 120  # samples: 5 ms
WINDOW = 480  # samples: 20 ms
LONG_WINDOW = 1920  # samples, for bands that begin under 100 Hz: lines of 12.5 Hz
NAMED_BANDS = {"bass": (20.0, 150.0), "mid": (150.0, 2000.0), "high": (2000.0, 12000.0)}
INAUDIBLE = 1e-6
BLOCK = 1 << 13  # windows that are looked at together


@dataclass(frozen=True)
class Envelope:
    """Values from 0 to 1, one for each `step` seconds, from second 0 on; 0 before and after."""

    values: np.ndarray
    step: float = HOP / HERTZ

    def at(self, seconds):
        """The value at a time, or at an array of them; straight between two steps."""
        import numpy as np

        places = np.arange(len(self.values)) * self.step
        return np.interp(seconds, places, self.values, left=0.0, right=0.0)


def envelope_of(
    samples: np.ndarray, band: tuple[float, float], attack: float, release: float
) -> Envelope:
    """The loudness of a band of frequencies (Hz), as a share of its loudest in these samples.

    samples: float [n] of `HERTZ`. From a sudden sound on it rises to its full in `attack` seconds,
    in a straight line, and after the sound it falls to 1/e of that in each `release` seconds.
    Silence is 0 all through.
    """
    import numpy as np

    level = _level(samples, band)
    loudest = level.max(initial=0.0)
    if loudest < 1e-7:
        return Envelope(np.zeros(len(level)))
    return Envelope(_followed(level / loudest, attack, release))


def _level(samples: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    """The root mean square of a band around each hop."""
    import numpy as np

    length = LONG_WINDOW if band[0] < 100 else WINDOW
    window = np.hanning(length).astype(np.float32)
    padded = np.concatenate([np.zeros(length // 2, "f4"), samples, np.zeros(length, "f4")])
    frequencies = np.fft.rfftfreq(length, 1 / HERTZ)
    inside = (frequencies >= band[0]) & (frequencies <= band[1])
    if not inside.any():  # narrower than two lines of the spectrum
        inside[np.abs(frequencies - sum(band) / 2).argmin()] = True
    count = len(samples) // HOP + 1
    level = np.empty(count)
    for begin in range(0, count, BLOCK):
        starts = np.arange(begin, min(begin + BLOCK, count)) * HOP
        frames = np.lib.stride_tricks.sliding_window_view(padded, length)[starts]
        power = np.abs(np.fft.rfft(frames * window)[:, inside]) ** 2
        level[begin : begin + len(starts)] = np.sqrt(power.sum(1))
    return level


def _followed(level: np.ndarray, attack: float, release: float) -> np.ndarray:
    """Held for the attack, let fall, and averaged over the attack, which makes a straight rise of a
    jump.
    """
    import numpy as np

    hops = min(max(round(attack * HERTZ / HOP), 1), len(level))
    held, span = level, 1
    while span < hops:  # the maximum of twice as many, until there are enough
        further = min(span, hops - span)
        held = np.maximum(held, np.concatenate([np.zeros(further), held[:-further]]))
        span += further
    fall = HOP / HERTZ / max(release, HOP / HERTZ / 40)
    falling = _falling(held, fall)
    sums = np.cumsum(np.concatenate([np.zeros(hops), falling]))
    level = np.clip((sums[hops:] - sums[:-hops]) / hops, 0.0, 1.0)
    return np.where(level < INAUDIBLE, 0.0, level)


def _falling(values: np.ndarray, fall: float) -> np.ndarray:
    """The largest of each value and those before it, each less by exp(-fall) a step.

    By a running maximum of logarithms, in blocks, so that no number grows large.
    """
    import numpy as np

    block = max(int(500 / fall), 1)
    found, before = np.empty(len(values)), 0.0
    for begin in range(0, len(values), block):
        some = values[begin : begin + block]
        steps = np.arange(1, len(some) + 1) * fall
        logs = np.log(np.maximum(some, 1e-30)) + steps
        carried = math.log(max(before, 1e-30))
        found[begin : begin + len(some)] = np.exp(
            np.maximum(np.maximum.accumulate(logs), carried) - steps
        )
        before = float(found[begin + len(some) - 1])
    return found
