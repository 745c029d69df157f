"""ffmpeg: where it is, which of its encoders truly work, and one process of it at a time.

Every command is a list of arguments run in the folder of the files, which it names plainly, so that
no quote, colon, `%` or leading dash in a user's path is ever read as something else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

from ..disk.files import explained
from ..errors import OutputError

REMEDY = (
    "install one with `pip install imageio-ffmpeg`, or name yours in the variable "
    "IMAGEIO_FFMPEG_EXE"
)
PROBE_SECONDS = 30
FULL = "No space left"

# sRGB pixels to bt709 at television range; `setparams` tags them, since a scaler only tags the
# matrix.
TO_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p,"
    "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
)
BT709_TAGS = (
    "-color_range",
    "tv",
    "-color_primaries",
    "bt709",
    "-color_trc",
    "bt709",
    "-colorspace",
    "bt709",
)

# What each encoder needs for a picture about as good as x264's crf 17. The number of threads is
# part of it: x264 decides differently with another number, and equal frames are to become equal
# bytes.
ENCODERS: dict[str, tuple[str, ...]] = {
    "libx264": ("-preset", "medium", "-crf", "17", "-profile:v", "high", "-threads", "2"),
    "h264_nvenc": ("-preset", "p5", "-rc", "vbr", "-cq", "19", "-b:v", "0", "-profile:v", "high"),
    "libx265": (
        "-preset",
        "medium",
        "-crf",
        "19",
        "-x265-params",
        "log-level=error:pools=2",
        "-tag:v",
        "hvc1",
    ),
}
ENCODER_CHOICES = ("auto", *ENCODERS)


@dataclass(frozen=True)
class Encoder:
    """An ffmpeg and the encoder of it that has been seen to work.

    `message`: why it is not the one asked for.
    """

    ffmpeg: str
    name: str
    message: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        return ("-c:v", self.name, *ENCODERS[self.name])


@dataclass(frozen=True)
class Outcome:
    """How an ffmpeg process ended."""

    ok: bool
    frames: int  # written, by its own count
    message: str  # the first line it said, which is the cause, or that the disk is full

    @property
    def disk_full(self) -> bool:
        return FULL in self.message


class Process:
    """A running ffmpeg.

    What it says goes to an unnamed file: a pipe that nobody reads could fill and stop it.
    """

    def __init__(self, ffmpeg: str, arguments: Sequence[str], folder: Path) -> None:
        with explained(temporary_folder() / "ffmpeg's messages"):
            self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `wait`)
        command = [
            ffmpeg,
            "-hide_banner",
            "-nostdin",
            "-y",
            "-loglevel",
            "error",
            "-nostats",
            "-progress",
            "pipe:1",
        ]
        # In a session of its own, so that Ctrl-C in the terminal stops the renderer and not the
        # encoder.
        windows = os.name == "nt"
        apart = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
            if windows
            else {"start_new_session": True}
        )
        streams = {"stdin": subprocess.DEVNULL, "stdout": self._log, "stderr": self._log}
        try:
            self._process = subprocess.Popen([*command, *arguments], cwd=folder, **streams, **apart)
        except BaseException as error:
            self._log.close()
            if isinstance(error, OSError) and folder.is_dir():
                raise OutputError(
                    f"{ffmpeg} cannot be started ({error.strerror or error}); {REMEDY}"
                ) from error
            raise

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, timeout: float | None = None) -> Outcome:
        """Waits for the end. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        code = self._process.wait(timeout)
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace")
        self._log.close()
        counts = re.findall(r"^frame=\s*(\d+)", said, re.MULTILINE)
        words = [
            re.sub(r"^(\[[^]]*\] )+", "", line)
            for line in said.splitlines()
            if not re.match(r"\w+=|$", line)
        ]
        words.append(f"ended by signal {-code}" if code < 0 else f"exit status {code}")
        message = next((line for line in words if FULL in line), words[0])
        return Outcome(code == 0, int(counts[-1]) if counts else 0, message)

    def kill(self) -> None:
        """Ends the process now and waits until it is gone."""
        self._process.kill()
        self._process.wait()
        self._log.close()


def run(
    ffmpeg: str, arguments: Sequence[str], folder: Path, timeout: float | None = None
) -> Outcome:
    """Runs ffmpeg to its end; it is gone when this returns or raises."""
    process = Process(ffmpeg, arguments, folder)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return Outcome(False, 0, f"no answer in {timeout:.0f} s")
    except BaseException:
        process.kill()
        raise


def temporary_folder() -> Path:
    """The system's folder for temporary files.

    OutputError where there is none that can be written.
    """
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise OutputError(
            f"{error.strerror}; make one writable, or name one in the variable TMPDIR"
        ) from error


def find_ffmpeg() -> str:
    """Path of the ffmpeg to use: imageio-ffmpeg's (or IMAGEIO_FFMPEG_EXE), else the one on the
    PATH.
    """
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        found = shutil.which("ffmpeg")
        if found is None:
            raise OutputError(f"ffmpeg, which writes the video, was not found; {REMEDY}") from error
        return found


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
        arguments = encode_arguments(encoder, "probe.rgb", "probe.mp4", size, rate(fps), 2)
        outcome = run(encoder.ffmpeg, arguments, Path(folder), PROBE_SECONDS)
    if outcome.ok and outcome.frames != 2:
        return f"of 2 frames it wrote {outcome.frames}"
    return None if outcome.ok else outcome.message


def encode_arguments(
    encoder: Encoder, source: str, target: str, size: tuple[int, int], fps: Fraction, frames: int
) -> list[str]:
    """Arguments that turn the first `frames` raw frames of `source` into the MP4 `target` (both
    plain names).
    """
    width, height = size
    raw = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-video_size",
        f"{width}x{height}",
        "-r",
        ratio(fps),
    ]
    exact = ["-fflags", "+bitexact", "-flags:v", "+bitexact"]
    picture = ["-frames:v", str(frames), "-vf", TO_BT709, *encoder.arguments, *BT709_TAGS]
    return [*raw, "-i", source, *picture, *exact, "-f", "mp4", target]


def concat_list(segments: Sequence[tuple[str, int]], fps: Fraction) -> str:
    """The concat demuxer's list of (plain name, frames).

    MP4 keeps a file's length in milliseconds and the demuxer adds lengths up in microseconds, so
    left alone each joint would shift the rest a little. The lengths given here add up to within one
    microsecond of the truth everywhere, which then rounds to the exact tick.
    """
    lines, frames, said = ["ffconcat version 1.0"], 0, 0
    for name, count in segments:
        frames += count
        end = round(frames / fps * 1_000_000)
        lines += [
            f"file {name}",
            f"duration {(end - said) // 1_000_000}.{(end - said) % 1_000_000:06d}",
        ]
        said = end
    return "\n".join(lines) + "\n"


def join_arguments(listing: str, metadata: str, target: Path) -> list[str]:
    """Arguments that join the segments of a concat list without touching a picture, and add the
    metadata.
    """
    sources = ["-f", "concat", "-i", listing, "-f", "ffmetadata", "-i", metadata]
    mapping = ["-map", "0:v", "-map_metadata", "1", "-map_chapters", "1", "-c", "copy"]
    return [
        *sources,
        *mapping,
        "-fflags",
        "+bitexact",
        "-movflags",
        "+faststart",
        "-f",
        "mp4",
        f"file:{target}",
    ]


def rate(fps: float) -> Fraction:
    """Frames a second as the exact fraction that is meant: 12.5 is 25/2, 23.976 is 2997/125."""
    return Fraction(fps).limit_denominator(1001)


def ratio(fraction: Fraction) -> str:
    return f"{fraction.numerator}/{fraction.denominator}"
