"""What is asked of ffmpeg: its encoders' settings, the colours, and what a file is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

# sRGB pixels to bt709 at television range; `setparams` tags them, since a scaler only tags the
# matrix.
TO_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p,"
    "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
)
BT709_TAGS = "-color_range tv -color_primaries bt709 -color_trc bt709 -colorspace bt709"

# What each encoder needs for a picture about as good as x264's crf 17. The number of threads is
# part of it: x264 decides differently with another number, and equal frames are to become equal
# bytes.
ENCODERS = {
    "libx264": "-preset medium -crf 17 -profile:v high -threads 2",
    "h264_nvenc": "-preset p5 -rc vbr -cq 19 -b:v 0 -profile:v high",
    "libx265": "-preset medium -crf 19 -x265-params log-level=error:pools=2 -tag:v hvc1",
}


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
        return ("-c:v", self.name, *ENCODERS[self.name].split())


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
    picture = ["-frames:v", str(frames), "-vf", TO_BT709, *encoder.arguments, *BT709_TAGS.split()]
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
