"""Every rule of a platform, with what a finished file has."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..catalogue.platforms import AVIF, GIF, H264, PLATFORMS, VP9, WEBP, Platform
from ..sound.listen import reading
from ..sound.soundtrack import loudness_of
from ..storyboard.numbers import rate_text
from ..text import readable
from .boxes import Box, Mp4
from .flashes import flashes_of, in_seconds
from .media_facts import MediaFacts, read_facts
from .source_film import BT709

CONTAINERS = {H264: "MP4", VP9: "WebM", WEBP: "WebP", GIF: "GIF", AVIF: "AVIF"}
CODED = {AVIF: "AV1"}
HIGH, HIGH_PROFILES = 100, (100, 110, 122, 144, 244)  # whose avcC says how colours are stored
MOST_HERTZ = 48_000
MOST_APART = 0.1  # seconds; an AAC packet lasts .02, a frame of 23 a second .04
PEAK, PEAK_SLACK = 0.0, 0.05  # dBTP: what is higher is cut off by a player
SLACK = 0.001  # seconds, of what is counted in thousandths


@dataclass(frozen=True)
class Finding:
    """One rule, what the file has, and whether that is right."""

    rule: str
    found: str
    ok: bool

    def __str__(self) -> str:
        return f"{'ok    ' if self.ok else 'broken'}  {self.rule:<42}  {self.found}"


def findings(path: Path, name: str) -> list[Finding]:
    """A file held against the rules of the platform called `name`.

    Raises OutputError when it cannot be read, UsageError when it is no film.
    """
    platform, facts = PLATFORMS[name], read_facts(path)
    found = [*_of_any(platform, facts), *_of_light(path, facts)]
    if platform.codec is H264 and facts.mp4:
        found += [*_of_mp4(platform, facts), *_of_sound(path, facts.mp4, facts.seconds)]
    return found


def _of_any(platform: Platform, facts: MediaFacts) -> Iterator[Finding]:
    codec, (least, most) = platform.codec, platform.fps
    container, coded = CONTAINERS[codec], CODED.get(codec, codec.name)
    yield Finding(f"container {container}", facts.container, facts.container == container)
    yield Finding(f"coded as {coded}", facts.codec, facts.codec == coded)
    pixels = "x".join(map(str, facts.size))
    if platform.size:
        yield Finding(
            "pixels " + "x".join(map(str, platform.size)), pixels, facts.size == platform.size
        )
    elif platform.exact:
        rule = f"the longer side {platform.side} pixels"
        yield Finding(rule, pixels, max(facts.size) == platform.side)
    steady = "" if facts.constant else ", not constant"
    rate = f"{rate_text(facts.rate.limit_denominator(1001))}{steady}"
    rule = f"constant, {least} to {most} frames a second"
    yield Finding(rule, rate, facts.constant and least <= round(facts.rate, 2) <= most)
    shortest, longest = platform.seconds
    fits = shortest - SLACK <= facts.seconds <= longest + SLACK
    yield Finding(f"{shortest:g} to {longest:g} seconds", f"{facts.seconds:.3f}", fits)
    if platform.bytes:
        rule = f"at most {readable(platform.bytes)}"
        yield Finding(rule, readable(facts.bytes), facts.bytes <= platform.bytes)
    if not platform.sound:
        yield Finding("no sound", "some" if facts.sound else "none", not facts.sound)


def _of_light(path: Path, facts: MediaFacts) -> Iterator[Finding]:
    """Of every film that ffmpeg shows; of a WebP it shows nothing that moves."""
    if facts.container == CONTAINERS[WEBP]:
        return
    flashing = flashes_of(path, float(facts.rate))
    found = f"more at {in_seconds(flashing)}" if flashing else "none with more"
    yield Finding("at most 3 flashes a second (WCAG)", found, not flashing)


def _of_sound(path: Path, mp4: Mp4, seconds: float) -> Iterator[Finding]:
    """Of each track, and how loud the first is; platforms turn down what is louder."""
    tracks = mp4.of_kind("soun")
    for sound in tracks:
        channels, hertz = (*sound.entry.numbers("H", 16), sound.timescale)
        right = sound.entry.kind == "mp4a" and channels <= 2 and hertz <= MOST_HERTZ
        yield Finding(
            "sound AAC, at most 2 channels of 48 kHz",
            f"{sound.entry.kind}, {channels} of {hertz / 1000:g} kHz",
            right,
        )
    if tracks:
        lasts = float(tracks[0].seconds)
        rule = "sound as long as the pictures"
        yield Finding(rule, f"{lasts:.3f}", abs(lasts - seconds) <= MOST_APART)
        with tempfile.TemporaryDirectory(prefix="vqclip-loudness-") as folder:
            heard = loudness_of(reading(path), "", Path(folder))
        yield Finding(f"peaks at most {PEAK:g} dBTP", str(heard), heard.peak <= PEAK + PEAK_SLACK)


def _of_mp4(platform: Platform, facts: MediaFacts) -> Iterator[Finding]:
    mp4, track = facts.mp4, facts.track
    order = " ".join(mp4.order)
    yield Finding("the index before the pictures", order, mp4.index_first)
    edits = sum(each.edits for each in mp4.tracks)
    yield Finding("no edit list", f"{edits} edits" if edits else "none", not edits)
    if facts.codec == "H.264":
        yield from _of_h264(track.part("avcC"))
    colours = track.part("colr")
    said = colours.content[:4] in (b"nclx", b"nclc")
    words = "/".join(map(str, colours.numbers("HHH", 4))) if said else "not said"
    yield Finding("colours bt709 (1/1/1)", words, said and colours.content[4:10] == BT709)
    group = float(track.longest_group / facts.rate)
    rule = f"a closed group every {platform.group:g} seconds"
    yield Finding(rule, f"{group:.2f} s at most", group <= platform.group + SLACK)
    if platform.bits:
        rate = facts.bytes * 8 / facts.seconds
        rule = f"at most {platform.bits / 1e6:g} Mb a second"
        yield Finding(rule, f"{rate / 1e6:.1f}", rate <= platform.bits)


def _of_h264(config: Box) -> Iterator[Finding]:
    """Profile and sampling, from the box that a decoder is set up by (ISO/IEC 14496-15)."""
    (profile,) = config.numbers("B", 1)
    yield Finding("profile High (100)", str(profile), profile == HIGH)
    at, sets = 5, 0
    while profile in HIGH_PROFILES and sets < 2:  # the sequences' parameters, then the pictures'
        count, at = config.numbers("B", at)[0] & (31 if sets == 0 else 255), at + 1
        for _ in range(count):
            at += 2 + config.numbers("H", at)[0]
        sets += 1
    chroma, depth = (n & mask for n, mask in zip(config.numbers("BB", at), (3, 7), strict=True))
    plain = profile not in HIGH_PROFILES or at >= len(config.content)
    sampling = {0: "grey", 1: "4:2:0", 2: "4:2:2", 3: "4:4:4"}[1 if plain else chroma]
    bits = 8 if plain else 8 + depth
    yield Finding("4:2:0 of 8 bits", f"{sampling} of {bits} bits", (sampling, bits) == ("4:2:0", 8))
