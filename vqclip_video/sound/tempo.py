"""Where a sound's beats lie: a grid fitted to it for a tempo that is given, and tempos it may have.

Which of several tempos people tap to cannot be told from the sound alone (half, double and two
thirds of it explain the same onsets), so likely ones are named and one is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .listen import HERTZ

if TYPE_CHECKING:
    import numpy as np

HOP = 120  # samples: 5 ms
WINDOW = 960  # samples: 40 ms, so that kicks of 50 Hz are not heard as two onsets
BANDS = ((20, 200), (200, 1000), (1000, 4000), (4000, 12000))  # Hz
EARLY = 0.0089  # seconds before it that an onset is strongest, as it enters the window
BLOCK = 1 << 14  # frames that are looked at together
FLOOR = 1e-4  # of a band's loudest, below which it is taken for silence
SLOWEST, FASTEST = 50.0, 220.0  # beats a minute that are proposed
ASTRAY = 0.01  # how far the tempo may be from the one that is given, as a share of it
DRIFT_STEPS, PHASES = 81, 96
SHARP = 3  # hops: how near to a beat an onset counts, at half its strength
CUT = 0.03  # seconds
MOST_CANDIDATES = 4
RELATED = (1.0, 2.0, 0.5, 1.5, 2 / 3)


@dataclass(frozen=True)
class Pulse:
    """An even beat: seconds of the first one in the sound, and from one to the next."""

    first: float
    period: float


def onset_strength(samples: np.ndarray) -> np.ndarray:
    """How much begins at each hop: float [n], rising energy by band, on a scale of ratios.

    samples: float [m] of `HERTZ`. Spectral flux, after Bello et al., "A tutorial on onset detection
    in music signals" (2005).
    """
    import numpy as np

    padded = np.concatenate([np.zeros(WINDOW // 2, np.float32), samples, np.zeros(WINDOW, "f4")])
    count = len(samples) // HOP + 1
    window = np.hanning(WINDOW).astype(np.float32)
    edges = [[round(f * WINDOW / HERTZ) for f in band] for band in BANDS]
    energy = np.empty((count, len(BANDS)))
    for begin in range(0, count, BLOCK):
        starts = np.arange(begin, min(begin + BLOCK, count)) * HOP
        frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[starts]
        power = np.abs(np.fft.rfft(frames * window)) ** 2
        for band, (low, high) in enumerate(edges):
            energy[begin : begin + len(starts), band] = power[:, max(low, 1) : high].sum(1)
    loudest = np.maximum(energy.max(0), 1e-12)
    levels = np.log(energy / loudest + FLOOR)
    return np.maximum(np.diff(levels, axis=0, prepend=levels[:1]), 0).mean(1)


def fitted_pulse(samples: np.ndarray, bpm: float) -> Pulse:
    """The pulse near a tempo, with its true period and phase, that most onsets lie on.

    samples: float [m] of `HERTZ`.
    """
    import numpy as np

    strength = onset_strength(samples)
    strength = _near(strength - strength.mean(), SHARP)
    period = 60 / bpm * HERTZ / HOP
    best = (-np.inf, 0.0, period)
    wide = ASTRAY
    for _ in range(3):  # coarse, then twice finer around the best
        centre = best[2]
        for each in centre * (1 + np.linspace(-wide, wide, DRIFT_STEPS)):
            firsts = np.arange(PHASES) / PHASES * each
            scores = _score(strength, firsts, each)
            top = int(scores.argmax())
            best = max(best, (float(scores[top]), float(firsts[top]), float(each)))
        wide *= 4 / DRIFT_STEPS
    first, period = _settled(strength, best[1], best[2])
    first = first * HOP / HERTZ + EARLY
    period *= HOP / HERTZ
    first %= period
    # the sound's own first beat may begin with it, or be cut a little
    return Pulse(first - period if period - first < CUT else first, period)


def likely_tempos(samples: np.ndarray) -> list[float]:
    """Tempos that a sound may have, in whole beats a minute, the likeliest first; none of silence.

    samples: float [m] of `HERTZ`.
    """
    import numpy as np

    strength = onset_strength(samples)
    strength = _near(strength - strength.mean(), SHARP)
    if len(strength) < 2 * 60 / SLOWEST * HERTZ / HOP or not strength.any():
        return []
    size = 1 << (2 * len(strength) - 1).bit_length()
    alike = np.fft.irfft(np.abs(np.fft.rfft(strength, size)) ** 2)[: len(strength) // 2]
    tempos = np.arange(SLOWEST, FASTEST + 0.25, 0.25)
    lags = 60 / tempos * HERTZ / HOP
    # a beat comes again after one, two, three and four of them
    comb = sum(np.interp(lags * k, np.arange(len(alike)), alike) for k in (1, 2, 3, 4))
    usual = np.exp(-0.5 * (np.log2(tempos / 120) / 0.9) ** 2)
    likely = comb * usual
    best = tempos[int(likely.argmax())]
    near = [best * ratio for ratio in RELATED if SLOWEST <= best * ratio <= FASTEST]
    near.sort(key=lambda tempo: -float(np.interp(tempo, tempos, likely)))
    return [round(float(tempo)) for tempo in near[:MOST_CANDIDATES]]


def _near(strength: np.ndarray, hops: int) -> np.ndarray:
    import numpy as np

    reach = np.arange(-3 * hops, 3 * hops + 1)
    return np.convolve(strength, np.exp2(-((reach / hops) ** 2)), "same")


def _score(strength: np.ndarray, firsts: np.ndarray, period: float) -> np.ndarray:
    """How much begins on the beats of each phase."""
    import numpy as np

    count = int((len(strength) - 2) / period)
    places = firsts[:, None] + np.arange(max(count, 1)) * period
    return np.interp(places, np.arange(len(strength)), strength).sum(1)


def _settled(strength: np.ndarray, first: float, period: float) -> tuple[float, float]:
    """The same pulse, through the middle of the onsets nearest to its beats (least squares)."""
    import numpy as np

    beats = np.arange(int((len(strength) - 1 - first) / period) + 1)
    reach = np.arange(-2 * SHARP, 2 * SHARP + 1)
    for _ in range(3):
        places = np.rint(first + beats * period).astype(int)
        window = np.clip(places[:, None] + reach, 0, len(strength) - 1)
        weight = np.maximum(strength[window], 0)
        total = weight.sum(1)
        heard = total > 0
        if heard.sum() < 2:
            return first, period
        middle = places[heard] + (weight[heard] * reach).sum(1) / total[heard]
        slope, first = np.polyfit(beats[heard], middle, 1, w=np.sqrt(total[heard]))
        period = float(slope)
    return float(first), period
