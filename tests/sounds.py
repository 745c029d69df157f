"""Sounds made of numbers, and what is heard in a film."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from filmprobe import ffmpeg

HERTZ = 48_000


def write_wav(path: Path, samples: np.ndarray, hertz: int = HERTZ) -> Path:
    """Samples from -1 to 1, [n] or [n, channels], as 16 bits."""
    samples = samples[:, None] if samples.ndim == 1 else samples
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(hertz)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def clicks(seconds: float, at: list[float], hertz: int = HERTZ) -> np.ndarray:
    """Silence with short clicks."""
    samples, k = np.zeros(round(seconds * hertz)), np.arange(hertz // 100)
    click = 0.5 * np.exp(-k / (hertz / 800)) * np.sign(np.sin(2000 * np.pi * k / hertz + 0.1))
    for second in at:
        first = round(second * hertz)
        samples[first : first + len(k)] += click[: len(samples) - first]
    return samples


def drums(
    bpm: float, seconds: float, first: float = 0.37, drift: float = 0.0, hertz: int = HERTZ
) -> np.ndarray:
    """Kick, snare, and hats on eighths; `drift`: by which share each beat is late of the tempo."""
    dice, period = np.random.default_rng(0), 60 / bpm * (1 + drift)
    samples, k = np.zeros(round((seconds + 1) * hertz)), np.arange(hertz // 4) / hertz
    kick = 0.5 * np.sin(2 * np.pi * (50 * k + 3 * (1 - np.exp(-k * 30)))) * np.exp(-k * 14)
    snare = 0.3 * dice.standard_normal(len(k)) * np.exp(-k * 22)
    hat = 0.1 * np.diff(dice.standard_normal(len(k) + 1)) * np.exp(-k * 60)
    for number, second in enumerate(np.arange(first, seconds, period)):
        for place, sound in (
            (second, snare if number % 2 else kick),
            (second, hat),
            (second + period / 2, hat),
        ):
            begin = round(place * hertz)
            samples[begin : begin + len(sound)] += sound[: len(samples) - begin]
    return samples[: round(seconds * hertz)]


def music(bpm: float, seconds: float) -> np.ndarray:
    """Drums over a chord."""
    t = np.arange(round(seconds * HERTZ)) / HERTZ
    chord = sum(np.sin(2 * np.pi * f * t) for f in (110, 138.6, 164.8, 220))
    return 0.5 * drums(bpm, seconds) + 0.06 * chord * (1 + 0.4 * np.sin(np.pi * t))


def heard(film: Path) -> np.ndarray:
    """The sound of a film as a player decodes it, one channel of `HERTZ`."""
    left = ("-af", f"pan=mono|c0=c0,aresample={HERTZ}", "-f", "f32le", "-")
    raw = ffmpeg("-i", film, "-map", "0:a:0", *left).stdout
    return np.frombuffer(raw, "<f4")


def onset_after(samples: np.ndarray, second: float, reach: float = 0.1) -> float:
    """The second of the first loud sample from shortly before `second` on."""
    begin = max(round((second - reach) * HERTZ), 0)
    some = np.abs(samples[begin : begin + round(2 * reach * HERTZ)])
    return (begin + int(np.argmax(some > 0.4 * some.max()))) / HERTZ
