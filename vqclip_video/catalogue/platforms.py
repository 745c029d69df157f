"""Where films are shown, and what each place takes: one dated table.

Pages of the platforms and of those who post there were read on the day of `AS_OF`; where they
disagree, the stricter figure stands here.
"""

from __future__ import annotations

from dataclasses import dataclass

AS_OF = "2026-11-26"
MB, KB, GB = 1_000_000, 1_000, 1_000_000_000
FITS = ("crop", "pad", "blur")  # how a film of another shape is brought to a platform's
BURNT, TRACK, OFF = CAPTION_WAYS = ("burnt", "track", "off")


@dataclass(frozen=True)
class Codec:
    """How pictures are stored: the suffix of such files, and what ffmpeg has to have for it."""

    name: str
    suffix: str
    encoder: str


H264 = Codec("H.264", ".mp4", "libx264")
VP9 = Codec("VP9", ".webm", "libvpx-vp9")
WEBP = Codec("WebP", ".webp", "libwebp_anim")
GIF = Codec("GIF", ".gif", "gif")
AVIF = Codec("AVIF", ".avif", "libaom-av1")


@dataclass(frozen=True)
class SafeBox:
    """Where a platform covers nothing with its own buttons and texts: shares of width and height.

    No platform publishes stable figures; these are what guides agree on, with a margin.
    """

    left: float = 0.05
    top: float = 0.05
    right: float = 0.95
    bottom: float = 0.95

    def pixels(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in a picture of `size`."""
        width, height = size
        sides = (self.left * width, self.top * height, self.right * width, self.bottom * height)
        return tuple(round(side) for side in sides)


# What TikTok, Reels and Shorts leave free, all of them, in 1080x1920.
UPRIGHT = SafeBox(65 / 1080, 270 / 1920, 950 / 1080, 1245 / 1920)
# A text in the lowest tenth lies under a player's own bar.
PLAYER = SafeBox(0.05, 0.05, 0.95, 0.9)


@dataclass(frozen=True)
class Platform:
    """What one place takes. Pixels exactly `size`; or, where that is None, the film's own shape
    with a longer side of `side` pixels, to which smaller films are enlarged where `enlarge` says
    so.
    """

    title: str  # with its article, for messages
    size: tuple[int, int] | None = None
    side: int = 0
    enlarge: bool = False
    exact: bool = False  # whether the platform itself wants that side
    fps: tuple[int, int] = (23, 60)
    seconds: tuple[float, float] = (0.0, 86400.0)  # shortest and longest
    codec: Codec = H264
    bytes: int | None = None  # at most
    bits: int | None = None  # a second, at most
    group: float = 2.0  # seconds from one picture that a player can begin at to the next, at most
    safe: SafeBox = SafeBox()
    captions: str = BURNT
    sound: bool = True


PLATFORMS = {
    "tiktok": Platform(
        "a TikTok", (1080, 1920), seconds=(3, 600), bytes=GB, bits=25 * MB, safe=UPRIGHT
    ),
    "reel": Platform(
        "an Instagram reel",
        (1080, 1920),
        seconds=(3, 900),
        bytes=300 * MB,
        bits=25 * MB,
        safe=UPRIGHT,
    ),
    "feed": Platform(
        "an Instagram post (4:5)", (1080, 1350), seconds=(3, 900), bytes=300 * MB, bits=25 * MB
    ),
    "square": Platform(
        "a square post", (1080, 1080), seconds=(3, 900), bytes=300 * MB, bits=25 * MB
    ),
    "story": Platform(
        "an Instagram story",
        (1080, 1920),
        seconds=(3, 60),
        bytes=100 * MB,
        bits=25 * MB,
        safe=UPRIGHT,
    ),
    "short": Platform("a YouTube Short", (1080, 1920), seconds=(1, 180), group=0.5, safe=UPRIGHT),
    "youtube": Platform(
        "YouTube (16:9)", (1920, 1080), seconds=(1, 43200), group=0.5, safe=PLAYER, captions=TRACK
    ),
    "x": Platform(
        "X", side=1280, enlarge=True, seconds=(0.5, 140), bytes=512 * MB, bits=25 * MB, safe=PLAYER
    ),
    "discord": Platform("Discord without Nitro", side=1280, bytes=10 * MB, safe=PLAYER),
    "telegram-sticker": Platform(
        "a Telegram video sticker",
        side=512,
        enlarge=True,
        exact=True,
        fps=(1, 30),
        seconds=(0, 3),
        codec=VP9,
        bytes=256 * KB,
        sound=False,
    ),
    "whatsapp-sticker": Platform(
        "a WhatsApp sticker",
        (512, 512),
        fps=(1, 15),
        seconds=(0, 10),
        codec=WEBP,
        bytes=500 * KB,
        sound=False,
    ),
    "gif": Platform("a GIF", side=480, fps=(1, 25), seconds=(0, 60), codec=GIF, sound=False),
    "webp": Platform(
        "an animated WebP", side=720, fps=(1, 30), seconds=(0, 60), codec=WEBP, sound=False
    ),
    "avif": Platform(
        "an animated AVIF", side=720, fps=(1, 60), seconds=(0, 60), codec=AVIF, sound=False
    ),
}
