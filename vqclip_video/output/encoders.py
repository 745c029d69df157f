"""Which of ffmpeg's encoders truly work here."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..disk.ffmpeg import REMEDY, find_ffmpeg, run, temporary_folder
from ..disk.files import explained
from ..errors import OutputError
from .formats import ENCODERS, Encoder, Format, Raw, rate

PROBE_SECONDS = 30
ENCODER_CHOICES = ("auto", *ENCODERS)


def pick_encoder(
    name: str = "auto", size: tuple[int, int] = (256, 256), fps: float = 24.0
) -> Encoder:
    """The encoder `name`, or the next best one that truly encodes two frames of this size here.

    Raises OutputError when there is no ffmpeg or nothing works.
    """
    if name not in ENCODER_CHOICES:
        raise OutputError(f"there is no encoder {name!r}; there are: {', '.join(ENCODER_CHOICES)}")
    ffmpeg = find_ffmpeg()
    wanted = [name] if name != "auto" else []
    refusals = []
    for candidate in (*wanted, *(other for other in ENCODERS if other not in wanted)):
        encoder = Encoder(ffmpeg, candidate)
        refusal = probe(encoder, size, fps)
        if refusal is None:
            message = f"{refusals[0]}; using {candidate} instead" if refusals else ""
            return Encoder(ffmpeg, candidate, message)
        refusals.append(f"the encoder {candidate} does not work here ({refusal})")
    raise OutputError(f"no video encoder of {ffmpeg} works: {'; '.join(refusals)}; {REMEDY}")


def probe(encoder: Encoder, size: tuple[int, int], fps: float) -> str | None:
    """Encodes two frames as the film's would be; None when that works, else why not."""
    width, height = size
    with (
        explained(temporary_folder() / "probe"),
        tempfile.TemporaryDirectory(prefix="vqclip-probe-") as folder,
    ):
        (Path(folder) / "probe.rgb").write_bytes(bytes(2 * width * height * 3))
        raw = Raw("probe.rgb", size, rate(fps))
        arguments = Format(encoder, size).segment_arguments(raw, 2, "probe.mp4")
        outcome = run(encoder.ffmpeg, arguments, Path(folder), PROBE_SECONDS)
    if outcome.ok and outcome.frames != 2:
        return f"of 2 frames it wrote {outcome.frames}"
    return None if outcome.ok else outcome.message
