"""How ffmpeg makes a file of each codec: in one pass or two, smaller and smaller under a cap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..catalogue.platforms import AVIF, GIF, H264, VP9, WEBP, Platform
from ..sound.soundtrack import AAC, HERTZ, IN_TIME
from .formats import BT709_TAGS, TO_BT709

# The number of threads is part of a recipe: equal films are to become equal bytes.
X264 = "-c:v libx264 -preset medium -profile:v high -bf 2 -flags:v +cgop+bitexact -threads 2"
VPX = "-c:v libvpx-vp9 -deadline good -cpu-used 2 -row-mt 0 -threads 2 -pix_fmt yuv420p"
AOM = "-c:v libaom-av1 -cpu-used 6 -row-mt 0 -threads 2 -pix_fmt yuv420p -b:v 0"
CRF = {H264: 18, VP9: 24}
FILLED = 0.96  # of a cap, by the pictures; the rest is the container's
AGAIN = 0.92  # of the bits of an attempt that came out too large
LEAST_BITS = 0.004  # a pixel and frame; with fewer there is no picture to speak of
WEBP_QUALITIES = (80, 60, 40, 20, 8)
AVIF_QUALITIES = (26, 34, 42, 50, 58)
GIF_COLOURS = (256, 128, 64, 32)
PALETTE, SUBTITLES = "palette.png", "captions.srt"
# Of a language that is not known, and shown only to who asks.
TRACK = "-map 1:s:0 -c:s mov_text -metadata:s:s:0 language=und -disposition:s:0 0"
SOUND_BITS = 128_000


@dataclass(frozen=True)
class Job:
    """What is to be encoded: pictures of `size`, rgb24, by the filters `pictures`."""

    platform: Platform
    pictures: str
    size: tuple[int, int]
    fps: Fraction
    frames: int
    sound: bool
    cap: int | None  # bytes at most
    subtitles: bool = False  # whether SUBTITLES beside the target becomes a track

    @property
    def seconds(self) -> float:
        return float(self.frames / self.fps)


Arguments = list[str]


def attempts(job: Job, target: str) -> Iterator[list[Arguments]]:
    """The passes of ffmpeg, without its input, that make `target`; each attempt makes it smaller
    than the one before. The last of them is the last that makes sense.
    """
    codec = job.platform.codec
    if codec in (H264, VP9):
        yield from _streams(job, target)
    elif codec is GIF:
        yield from _gifs(job, target)
    else:
        yield from _pictures(job, target)


def _streams(job: Job, target: str) -> Iterator[list[Arguments]]:
    """By quality first; then, where that is too large, to a size in two passes."""
    codec, video = job.platform.codec, _video(job)
    by_quality = ["-crf", str(CRF[codec]), *(["-b:v", "0"] if codec is VP9 else _ceiling(job))]
    yield [[*video, *by_quality, *_sound(job), *_container(job, target)]]
    if job.cap is None:
        return
    sound = SOUND_BITS if job.sound else 0
    bits = job.cap * 8 * FILLED / job.seconds - sound
    if job.platform.bits:
        bits = min(bits, job.platform.bits * FILLED)
    least = LEAST_BITS * job.size[0] * job.size[1] * float(job.fps)
    while bits >= least:
        rate = ["-b:v", str(round(bits))]
        if codec is H264:
            rate += ["-maxrate", str(round(1.5 * bits)), "-bufsize", str(round(2 * bits))]
        first = [*video, *rate, "-pass", "1", "-an", "-f", "null", "-"]
        second = [*video, *rate, "-pass", "2", *_sound(job), *_container(job, target)]
        yield [first, second]
        bits *= AGAIN


def _video(job: Job) -> Arguments:
    codec, group = job.platform.codec, max(int(job.platform.group * job.fps), 1)
    encoder = (X264 if codec is H264 else VPX).split()
    colours = f"{job.pictures},{TO_BT709}"
    words = ["-i", SUBTITLES] if job.subtitles else []
    return [*words, *_shown(job, colours), *encoder, "-g", str(group), *BT709_TAGS.split()]


def _ceiling(job: Job) -> Arguments:
    """The most bits a second that a platform takes."""
    bits = job.platform.bits
    return ["-maxrate", str(bits), "-bufsize", str(bits)] if bits else []


def _sound(job: Job) -> Arguments:
    if not job.sound:
        return ["-an"]
    coded = [*AAC, "-b:a", str(SOUND_BITS), *IN_TIME]
    return ["-map", "0:a:0", "-af", f"aresample={HERTZ}", *coded, "-t", f"{job.seconds:.6f}"]


def _container(job: Job, target: str) -> Arguments:
    exact = ["-fflags", "+bitexact", "-map_chapters", "-1"]
    if job.platform.codec is VP9:
        return [*exact, "-map_metadata", "-1", "-f", "webm", target]
    moov = ["-movflags", "+faststart+negative_cts_offsets", "-use_editlist", "0"]
    return [*exact, *(TRACK.split() if job.subtitles else []), *moov, "-f", "mp4", target]


def _gifs(job: Job, target: str) -> Iterator[list[Arguments]]:
    """A palette of the whole film first, then the pictures in its colours."""
    for colours in GIF_COLOURS:
        palette = f"{job.pictures},palettegen=max_colors={colours}:reserve_transparent=0"
        first = ["-vf", f"trim=end_frame={job.frames},{palette}", "-frames:v", "1", PALETTE]
        used = "paletteuse=dither=sierra2_4a:diff_mode=rectangle"
        graph = f"[0:v]{job.pictures}[film];[film][1:v]{used}"
        second = ["-i", PALETTE, "-lavfi", graph, "-frames:v", str(job.frames), *_plain("gif")]
        yield [first, [*second, "-loop", "0", target]]


def _pictures(job: Job, target: str) -> Iterator[list[Arguments]]:
    if job.platform.codec is WEBP:
        shown = _shown(job, f"{job.pictures},format=bgra")
        for quality in WEBP_QUALITIES:
            encoder = ["-c:v", "libwebp_anim", "-quality", str(quality), "-loop", "0"]
            yield [[*shown, *encoder, *_plain("webp"), target]]
    elif job.platform.codec is AVIF:
        shown = _shown(job, f"{job.pictures},{TO_BT709}")
        for quality in AVIF_QUALITIES:
            encoder = [*AOM.split(), "-crf", str(quality), *BT709_TAGS.split()]
            yield [[*shown, *encoder, "-movflags", "+faststart", *_plain("avif"), target]]


def _shown(job: Job, filters: str) -> Arguments:
    return ["-map", "0:v:0", "-vf", filters, "-frames:v", str(job.frames)]


def _plain(muxer: str) -> Arguments:
    return ["-an", "-map_metadata", "-1", "-fflags", "+bitexact", "-f", muxer]
