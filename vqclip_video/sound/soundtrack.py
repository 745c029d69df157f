"""The sound of a film: cut to it by the sample, as loud as platforms play it, encoded.

AAC-LC hands its samples on one packet late: the first packet that a decoder is given comes out as
1,024 samples of silence, which an edit list tells players to leave out. Films here carry none,
since some platforms refuse it. So the first packet is left out instead. What the second one holds,
which is the sound's first 21 ms, then lacks the half of it that the first would have brought: it
comes in over its first 10 ms, at its own time, and everything after it is whole and in time.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from ..disk.ffmpeg import find_ffmpeg, run
from ..errors import OutputError
from .listen import facts_of, reading

HERTZ = 48_000  # of what films are heard with
AAC = ("-c:a", "aac", "-ar", str(HERTZ), "-ac", "2", "-flags:a", "+bitexact")
IN_TIME = ("-bsf:a", "noise=drop=not(n)")  # without the first packet
BITS = 256_000
TARGET = -14.0  # LUFS, to which platforms turn down what is louder
LOUDEST_PEAK = -1.0  # dBTP, of what a decoder gives
CEILING = -1.5  # dBTP, before encoding; deliveries encode once more
MOST_GAIN = 12.0  # dB: very quiet sound stays quieter, or its noise would be heard
MOST_LIMITED = 8.0  # dB that peaks are pressed down at most; more would be heard
SILENCE = -70.0  # LUFS
ROUNDS = 4
NEAR = 0.2  # LU, and dB of a peak


@dataclass(frozen=True)
class Cut:
    """What of a sound file is heard.

    start: seconds of the file that come before. seconds: that are wanted; what the file lacks is
    silence. gain: dB, or None for the loudness that platforms want.
    """

    path: Path
    seconds: float
    start: float = 0.0
    fade_in: float = 0.0
    fade_out: float = 0.0
    gain: float | None = None

    def filters(self, channels: int) -> str:
        """ffmpeg's filters that cut it out of a file of so many channels: stereo at `HERTZ`."""
        count, first = round(self.seconds * HERTZ), round(self.start * HERTZ)
        stereo = "pan=stereo|c0=c0|c1=c0" if channels == 1 else "aformat=channel_layouts=stereo"
        chain = [f"aresample={HERTZ}", stereo, f"atrim=start_sample={first}"]
        chain += ["asetpts=N/SR/TB", f"apad=whole_len={count}", f"atrim=end_sample={count}"]
        rise, fall = (min(round(s * HERTZ), count) for s in (self.fade_in, self.fade_out))
        chain += [f"afade=t=in:start_sample=0:nb_samples={rise}"] if rise else []
        last = f"start_sample={count - fall}:nb_samples={fall}"
        chain += [f"afade=t=out:{last}"] if fall else []
        return ",".join(chain)


@dataclass(frozen=True)
class Loudness:
    """By EBU R 128: integrated, in LUFS, and the true peak in dBTP."""

    lufs: float
    peak: float

    def __str__(self) -> str:
        return f"{self.lufs:.1f} LUFS, peak {self.peak:.1f} dBTP"


@dataclass(frozen=True)
class Soundtrack:
    """An encoded sound: its file, a plain name in a folder; the gain in dB; what it is like."""

    name: str
    gain: float
    loudness: Loudness

    def __str__(self) -> str:
        return f"{self.loudness}, a gain of {self.gain:+.1f} dB"

    def as_dict(self) -> dict[str, float]:
        about = {"lufs": self.loudness.lufs, "peak_dbtp": self.loudness.peak, "gain_db": self.gain}
        return {name: round(value, 2) for name, value in about.items()}


def loudness_of(source: list[str], filters: str, folder: Path) -> Loudness:
    """Measures what ffmpeg reads by `source`, after filters, with a file in `folder`.

    Raises OutputError.
    """
    listing = folder / "loudness"
    meter = "ebur128=peak=true:metadata=1:framelog=quiet,ametadata=mode=print:file=loudness"
    # a tenth of a second at the end would not be looked at
    chain = [*([filters] if filters else []), "apad=pad_dur=0.5", meter]
    _run([*source, "-af", ",".join(chain), "-f", "null", "-"], folder)
    said = listing.read_text("utf-8", "replace")
    listing.unlink()
    lufs, peak = (re.findall(rf"{key}=(\S+)", said)[-1:] for key in (r"\.I", r"\.true_peak"))
    highest = float(peak[0]) if peak else 0.0
    return Loudness(float(lufs[0]) if lufs else SILENCE, 20 * math.log10(max(highest, 1e-6)))


def make_soundtrack(cut: Cut, folder: Path) -> Soundtrack:
    """Encodes the cut as AAC-LC in `folder`, as ADTS, ready to be copied into a film.

    Raises UsageError where the file holds no sound any more, OutputError where ffmpeg refuses.
    """
    filters = cut.filters(facts_of(cut.path).channels)
    if cut.gain is not None:
        return _encoded(cut, f"{filters},volume={cut.gain}dB", cut.gain, folder)
    heard = loudness_of(reading(cut.path), filters, folder)
    gain, ceiling = _gain(heard), CEILING
    for _ in range(ROUNDS):
        pressed = heard.peak + gain > ceiling
        chain = f"{filters},volume={gain:.3f}dB{_limiter(ceiling) if pressed else ''}"
        made = _encoded(cut, chain, gain, folder)
        lacking = min(gain + TARGET - made.loudness.lufs, _most(heard)) - gain
        excess = made.loudness.peak - LOUDEST_PEAK
        if excess <= 0 and not (pressed and lacking > NEAR):
            return made
        ceiling -= max(excess + NEAR, 0.0)
        gain += max(lacking, 0.0)
    # What the encoder itself adds to the peaks of such a sound is taken off all of it.
    return _encoded(cut, f"{chain},volume={-max(excess, 0.0) - NEAR:.3f}dB", gain, folder)


def _gain(heard: Loudness) -> float:
    return min(TARGET - heard.lufs, _most(heard)) if heard.lufs > SILENCE else 0.0


def _most(heard: Loudness) -> float:
    return min(MOST_GAIN, CEILING - heard.peak + MOST_LIMITED)


def _limiter(ceiling: float) -> str:
    """Holds peaks down, those between samples too: four times as many are looked at."""
    most = 10 ** (ceiling / 20)
    limiter = f"alimiter=limit={most:.6f}:level=false:attack=5:release=80:latency=true"
    return f",aresample={4 * HERTZ},{limiter},aresample={HERTZ}"


def _encoded(cut: Cut, filters: str, gain: float, folder: Path) -> Soundtrack:
    target = folder / "sound.adts"
    exact = ["-b:a", str(BITS), *IN_TIME, "-fflags", "+bitexact", "-f", "adts", target.name]
    _run([*reading(cut.path), "-af", filters, *AAC, *exact], folder)
    found = loudness_of(["-f", "aac", "-i", target.name], "", folder)
    return Soundtrack(target.name, gain, found)


def _run(arguments: list[str], folder: Path) -> None:
    outcome = run(find_ffmpeg(), arguments, folder)
    if not outcome.ok:
        raise OutputError(f"ffmpeg cannot make the film's sound ({outcome.message}); try again")
