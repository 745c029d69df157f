"""What a film is heard with, and what of it moves with a sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..sound.envelope import NAMED_BANDS
from .kinds import option
from .numbers import Number, Time
from .sections import Section
from .sounds import AudioValue, Band, DriveList, Gain, SoundFile
from .texts import Text

A_DAY = 86400.0


@dataclass(frozen=True)
class Audio:
    """The sound of the film."""

    file: Path = option(Path(), "a sound, or a film with one", SoundFile())
    start: float = option(
        0.0, "seconds of it that come before the film", Time(least=0.0, most=A_DAY)
    )
    fade_in: float = option(
        0.0, "seconds in which it comes, at the film's start", Time(least=0.0, most=A_DAY)
    )
    fade_out: float = option(
        0.0, "seconds in which it goes, at the film's end", Time(least=0.0, most=A_DAY)
    )
    gain: float | None = option(
        None, "louder or quieter: -3dB; `auto` is -14 LUFS, peaks below -1 dBTP", Gain()
    )


@dataclass(frozen=True)
class Drive:
    """A setting that moves with a band of a sound."""

    to: str = option(
        "", "what it moves: a number of `settings`, such as learning_rate, or camera.zoom", Text()
    )
    amount: float = option(
        0.0, "what the loudest adds to the setting", Number(least=-1e6, most=1e6)
    )
    band: str | tuple[float, float] = option(
        "bass", "which of its frequencies: bass, mid, high or [40, 120] in Hz", Band()
    )
    file: Path | None = option(
        None, "another sound than the one that is heard, such as its drums", SoundFile()
    )
    attack: float = option(
        0.02, "seconds from a sudden sound to its full", Time(least=0.0, most=A_DAY)
    )
    release: float = option(
        0.2, "seconds in which it falls to a third (1/e)", Time(least=0.0, most=A_DAY)
    )

    @property
    def hertz(self) -> tuple[float, float]:
        """The band's lowest and highest frequency."""
        return NAMED_BANDS[self.band] if isinstance(self.band, str) else self.band


AUDIO = AudioValue(Section(Audio, {"required": ["file"]}))
DRIVES = DriveList(Section(Drive, {"required": ["to", "amount"]}))
