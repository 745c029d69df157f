"""The sizes of a film's pictures, all (width, height) in pixels."""

from __future__ import annotations

# The words for a size, each with (width, height) at the storybook pair's own scale and for all
# other models. Sides of 9:16 are multiples of 9 and 16, so that what is delivered has exactly that
# shape.
_LANDSCAPE, _UPRIGHT, _SQUARE = (
    ((448, 252), (1024, 576)),
    ((252, 448), (576, 1024)),
    ((256, 256), (512, 512)),
)
SHAPES: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "square": _SQUARE, "1:1": _SQUARE, "portrait": ((256, 320), (512, 640)),
    "4:5": ((256, 320), (512, 640)), "reel": _UPRIGHT, "9:16": _UPRIGHT, "16:9": _LANDSCAPE,
    "480p": (_LANDSCAPE[0], (854, 480)), "720p": (_LANDSCAPE[0], (1280, 720)),
    "1080p": (_LANDSCAPE[0], (1920, 1080)),
}  # fmt: skip


def named_size(word: str, own_scale: bool) -> tuple[int, int]:
    """What a word of `SHAPES` stands for; `own_scale`: for the storybook pair."""
    return SHAPES[word][0 if own_scale else 1]


def frame_size(size: tuple[int, int]) -> tuple[int, int]:
    """Of the film's frames: as asked for, with odd sides one pixel longer, since H.264's colours
    come in pairs.
    """
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def picture_size(size: tuple[int, int], factor: int) -> tuple[int, int]:
    """Of the decoded picture that frames are cut from: the next multiples of the VQGAN's factor."""
    width, height = frame_size(size)
    return -(-width // factor) * factor, -(-height // factor) * factor
