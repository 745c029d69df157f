"""What is asked of ffmpeg: its encoders' settings, the colours, and what a file is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

# sRGB pixels to bt709 at television range; `setparams` tags them, since a scaler only tags the
# matrix.
TO_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p,"
    "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
)
BT709_TAGS = "-color_range tv -color_primaries bt709 -color_trc bt709 -colorspace bt709"

# Pixels of a film of ours back to sRGB.
FROM_BT709 = (
    "scale=in_color_matrix=bt709:in_range=tv:out_range=pc:flags=accurate_rnd+full_chroma_inp,"
    "format=rgb24"
)

# How a picture of another shape is brought to a size: what is too much is cut off, bars are added,
# or the picture itself, cut and blurred, fills what is left. `setsar`, because a scaler that rounds
# a side would have players stretch the picture back.
_SCALE = (
    "scale={{width}}:{{height}}:force_original_aspect_ratio={}:flags=lanczos+accurate_rnd,setsar=1"
)
_CROP = f"{_SCALE.format('increase')},crop={{width}}:{{height}}"
_WHOLE = _SCALE.format("decrease")
FITS = {
    "crop": f"{_CROP},format=rgb24",
    "pad": f"{_WHOLE},pad={{width}}:{{height}}:-1:-1,format=rgb24",
    "blur": (
        f"split[behind][before];[behind]{_CROP},format=gbrp,gblur=sigma={{width}}/40[behind];"
        f"[before]{_WHOLE},format=gbrp[before];"
        "[behind][before]overlay=(W-w)/2:(H-h)/2:format=gbrp,format=rgb24"
    ),
}

# What each encoder needs for a picture about as good as x264's crf 17. The number of threads is
# part of it: x264 decides differently with another number, and equal frames are to become equal
# bytes.
ENCODERS = {
    "libx264": "-preset medium -crf 17 -profile:v high -threads 2",
    "h264_nvenc": "-preset p5 -rc vbr -cq 19 -b:v 0 -profile:v high",
    "libx265": "-preset medium -crf 19 -x265-params log-level=error:pools=2 -tag:v hvc1",
}


# Pictures as they are, for a file that others are made of.
LOSSLESS = {"libx264rgb": "-preset ultrafast -qp 0 -threads 2"}


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
        return ("-c:v", self.name, *{**ENCODERS, **LOSSLESS}[self.name].split())

    @property
    def lossless(self) -> bool:
        """Whether its pictures stay rgb24, to the last bit."""
        return self.name in LOSSLESS


@dataclass(frozen=True)
class Raw:
    """A file of raw frames, rgb24 of `size`, in the folder that ffmpeg runs in."""

    name: str
    size: tuple[int, int]
    fps: Fraction
    filters: ClassVar[tuple[str, ...]] = ()  # that make its pictures rgb24

    @property
    def arguments(self) -> list[str]:
        width, height = self.size
        picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}"]
        return [*picture, "-r", ratio(self.fps), "-i", self.name]


@dataclass(frozen=True)
class Encoded:
    """A file that a `Format` was encoded to, in the folder that ffmpeg runs in."""

    name: str
    size: tuple[int, int]
    fps: Fraction
    filters: ClassVar[tuple[str, ...]] = (FROM_BT709,)

    @property
    def arguments(self) -> list[str]:
        return ["-i", self.name]


@dataclass(frozen=True)
class Container:
    """How a finished file is packed: the name of ffmpeg's muxer, and what it is told."""

    muxer: str
    options: tuple[str, ...] = ()


# No edit list, which some platforms refuse: the first picture is shown at 0, so that others need
# negative offsets. The index comes first, so that players begin at once.
MP4 = Container("mp4", ("-movflags", "+faststart+negative_cts_offsets", "-use_editlist", "0"))


@dataclass(frozen=True)
class Format:
    """What a film's file is made of; ffmpeg is told by arguments that belong to it alone.

    `size`: of its pictures, (width, height) in pixels, both even. `fit`: how pictures of another
    size are brought to it, a key of `FITS`. `group`: the most seconds from one picture that a
    player can begin at to the next, with none in between that needs what lies before the first;
    None: as the encoder likes it.
    """

    encoder: Encoder
    size: tuple[int, int]
    fit: str = "crop"
    group: float | None = None
    container: Container = MP4

    def __post_init__(self) -> None:
        width, height = self.size
        if width % 2 or height % 2:
            raise ValueError(
                f"{width}x{height}: yuv420p stores colour for pairs of pixels, so sides are even"
            )

    def __str__(self) -> str:
        """What all segments of a film must have in common, in words."""
        width, height = self.size
        group = f", a group every {self.group:g} s" if self.group else ""
        return f"{self.encoder.name} at {width}x{height}, {self.fit}{group}"

    def filters(self, source: Raw | Encoded) -> str:
        """ffmpeg's filters that make the pictures of `source` those of the file."""
        width, height = self.size
        fit = [FITS[self.fit].format(width=width, height=height)]
        colours = "format=rgb24" if self.encoder.lossless else TO_BT709
        return ",".join([*source.filters, *(fit if source.size != self.size else []), colours])

    def segment_arguments(self, source: Raw | Encoded, frames: int, target: str) -> list[str]:
        """Arguments that turn the first `frames` frames of `source` into the MP4 `target` (both
        plain names).
        """
        pictures = ["-frames:v", str(frames), "-vf", self.filters(source)]
        exact = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "mp4"]
        if self.group:
            longest = max(int(self.group * source.fps), 1)
            pictures += ["-g", str(longest), "-flags:v", "+cgop"]
        tags = [] if self.encoder.lossless else BT709_TAGS.split()
        encoder = [*self.encoder.arguments, *tags]
        return [*source.arguments, *pictures, *encoder, *exact, target]

    def join_arguments(
        self, listing: str, metadata: str, target: Path, sound: str | None = None
    ) -> list[str]:
        """Arguments that join the segments of a concat list without touching a picture, and add
        the metadata and the sound, which is ADTS.
        """
        sources = ["-f", "concat", "-i", listing, "-f", "ffmetadata", "-i", metadata]
        heard = ["-map", "2:a"] if sound else []
        sources += ["-f", "aac", "-i", sound] if sound else []
        mapping = ["-map", "0:v", *heard, "-map_metadata", "1", "-map_chapters", "1", "-c", "copy"]
        container = [*self.container.options, "-f", self.container.muxer]
        return [*sources, *mapping, "-fflags", "+bitexact", *container, f"file:{target}"]


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


def rate(fps: float) -> Fraction:
    """Frames a second as the exact fraction that is meant: 12.5 is 25/2, 23.976 is 2997/125."""
    return Fraction(fps).limit_denominator(1001)


def ratio(fraction: Fraction) -> str:
    return f"{fraction.numerator}/{fraction.denominator}"
