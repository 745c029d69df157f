"""Ways in which a picture can be made: each changes finished pixels and puts itself into the
captions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from .canvas import Canvas

GREY = np.array([0.3, 0.59, 0.11], np.float32)


def _picture(canvas: Canvas) -> Image.Image:
    return Image.fromarray(np.clip(canvas.pixels, 0, 255).astype(np.uint8))


def _blurred(canvas: Canvas, radius: float) -> np.ndarray:
    return np.asarray(
        _picture(canvas).filter(ImageFilter.GaussianBlur(radius * canvas.unit)), np.float32
    )


def _edges(grey: np.ndarray) -> np.ndarray:
    down, across = np.gradient(grey)
    return np.hypot(down, across)


def _vivid(pixels: np.ndarray, strength: float) -> np.ndarray:
    grey = (pixels @ GREY)[..., None]
    return np.clip(grey + (pixels - grey) * strength, 0, 255)


def pixel_art(canvas: Canvas) -> None:
    cell = canvas.unit / canvas.dice.pick((24, 32, 40, 48))
    size = max(2, round(canvas.width / cell)), max(2, round(canvas.height / cell))
    small = (
        Image.fromarray(_vivid(canvas.pixels, 1.15).astype(np.uint8))
        .resize(size, Image.Resampling.BOX)
        .quantize(24)
    )
    canvas.pixels[:] = np.asarray(
        small.convert("RGB").resize(canvas.size, Image.Resampling.NEAREST), np.float32
    )


def stained_glass(canvas: Canvas) -> None:
    """Panes of one colour between dark leads that follow the outlines of what is shown.

    A pane is what lies nearest to one of many scattered points, in place and in colour at once, as
    the superpixels of SLIC (Achanta et al., 2012) without their iterations.
    """
    dice, count = canvas.dice, int(canvas.dice.between(90, 150))
    pixels = _vivid(_blurred(canvas, 0.01), 1.5)[::2, ::2]
    down, across = (
        np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]].astype(np.float32) * 2 / canvas.unit
    )
    rows, columns = (dice.numbers.integers(0, side, count) for side in pixels.shape[:2])
    away = np.zeros((*down.shape, count), np.float32)
    for values, weight in (
        (down, 1.0),
        (across, 1.0),
        *((pixels[..., c] / 255, 0.16) for c in range(3)),
    ):
        away += weight * (values[..., None] - values[rows, columns]) ** 2
    pane = away.argmin(-1)
    sizes = np.bincount(pane.ravel(), minlength=count) + 1e-6
    colours = np.stack(
        [np.bincount(pane.ravel(), pixels[..., c].ravel(), count) / sizes for c in range(3)], -1
    )
    glass = (
        colours[pane] * (0.94 + 0.3 * (canvas.noise(16, octaves=2)[::2, ::2] - 0.4))[..., None] + 12
    )
    between = np.zeros(pane.shape, bool)
    between[1:] |= pane[1:] != pane[:-1]
    between[:, 1:] |= pane[:, 1:] != pane[:, :-1]
    lead = Image.fromarray(between.astype(np.uint8) * 255).resize(
        canvas.size, Image.Resampling.BILINEAR
    )
    lead = (
        np.asarray(lead.filter(ImageFilter.GaussianBlur(0.003 * canvas.unit)), np.float32)[
            ..., None
        ]
        / 255
    )
    large = Image.fromarray(np.clip(glass, 0, 255).astype(np.uint8)).resize(
        canvas.size, Image.Resampling.NEAREST
    )
    canvas.pixels[:] = np.asarray(large, np.float32) * (1 - np.clip(1.7 * lead, 0, 0.92))


def mosaic(canvas: Canvas) -> None:
    cell = max(3, round(canvas.unit / canvas.dice.pick((26, 32, 38))))
    size = -(-canvas.width // cell), -(-canvas.height // cell)
    small = np.asarray(_picture(canvas).resize(size, Image.Resampling.BOX), np.float32)
    small = np.clip(
        _vivid(small, 1.2) * (1 + canvas.dice.numbers.normal(0, 0.07, (*small.shape[:2], 1))),
        0,
        255,
    )
    tiles = np.repeat(np.repeat(small, cell, 0), cell, 1)[: canvas.height, : canvas.width]
    down, across = np.ogrid[0 : canvas.height, 0 : canvas.width]
    joint = (down % cell == 0) | (across % cell == 0)
    canvas.pixels[:] = np.where(joint[..., None], tiles * 0.35 + 120, tiles)


def pencil_sketch(canvas: Canvas) -> None:
    """Graphite on paper: dark at edges, hatched in the shade."""
    grey = canvas.pixels @ GREY
    lines = 190 * (1 - np.exp(-_edges(_blurred(canvas, 0.003) @ GREY) / 20))
    hatch = np.sin((canvas.x + canvas.y) * 150) * 0.5 + 0.5
    shade = (255 - grey) * (0.12 + 0.16 * hatch)
    paper = 246 - lines - shade + canvas.dice.numbers.normal(0, 4, grey.shape)
    canvas.pixels[:] = np.clip(paper, 0, 255)[..., None] * np.array((1, 0.99, 0.96))


def watercolour(canvas: Canvas) -> None:
    """Washes: flat patches with wandering edges, pigment that pools, white paper at the rim."""
    patches = np.asarray(
        _picture(canvas)
        .filter(ImageFilter.MedianFilter(5))
        .filter(ImageFilter.GaussianBlur(0.007 * canvas.unit)),
        np.float32,
    )
    shift_x, shift_y = ((canvas.noise(7, octaves=3) - 0.5) * 0.05 * canvas.unit for _ in range(2))
    rows = np.clip(np.arange(canvas.height)[:, None] + shift_y, 0, canvas.height - 1).astype(int)
    columns = np.clip(np.arange(canvas.width)[None] + shift_x, 0, canvas.width - 1).astype(int)
    washed = patches[rows, columns]
    pools = np.clip(_edges(washed @ GREY) * 0.02, 0, 0.3)
    strength = 0.66 + 0.4 * canvas.noise(3, octaves=4) + pools
    rim = (
        np.minimum(canvas.right - np.abs(canvas.x), canvas.bottom - np.abs(canvas.y))
        + (canvas.noise(5, octaves=3) - 0.5) * 0.09
    )
    strength = strength * np.clip(rim * 22 + 0.2, 0, 1)
    canvas.pixels[:] = np.clip(252 - (252 - washed) * strength[..., None], 0, 255)
    canvas.pixels *= (0.97 + 0.05 * canvas.noise(90, octaves=1))[..., None]


def oil(canvas: Canvas) -> None:
    """Strokes: patches of one colour with the relief of bristles."""
    patches = np.asarray(_picture(canvas).filter(ImageFilter.MedianFilter(7)), np.float32)
    relief = canvas.noise(44, 26, 2) + 0.6 * canvas.noise(20, 50, 2)
    light = np.gradient(relief)[0] - np.gradient(relief)[1]
    canvas.pixels[:] = np.clip(_vivid(patches, 1.2) * (1 + 0.6 * light)[..., None], 0, 255)


def neon(canvas: Canvas) -> None:
    """Glowing outlines in the dark."""
    soft = _blurred(canvas, 0.006)
    edges = np.stack([_edges(soft[..., c]) for c in range(3)], -1)
    strength = edges.max(-1, keepdims=True)
    hue = _vivid(soft, 2.2) / np.maximum(_vivid(soft, 2.2).max(-1, keepdims=True), 1)
    tubes = np.clip(strength * 9, 0, 255) * (0.25 + 0.75 * hue)
    halo = np.asarray(
        Image.fromarray(tubes.astype(np.uint8)).filter(
            ImageFilter.GaussianBlur(0.02 * canvas.unit)
        ),
        np.float32,
    )
    canvas.pixels[:] = np.clip(np.array((12, 8, 26)) + tubes + halo, 0, 255)


def black_and_white(canvas: Canvas) -> None:
    canvas.pixels[:] = np.clip(((canvas.pixels @ GREY) - 128) * 1.1 + 128, 0, 255)[..., None]


def sepia(canvas: Canvas) -> None:
    light = (canvas.pixels @ GREY)[..., None] / 255
    vignette = 1 - 0.5 * np.clip(np.hypot(canvas.x, canvas.y) - 0.25, 0, 1)[..., None]
    toned = light * np.array((246, 218, 170)) + (1 - light) * np.array((40, 26, 14))
    canvas.pixels[:] = np.clip(toned * vignette, 0, 255)


def pastel(canvas: Canvas) -> None:
    canvas.pixels[:] = _vivid(canvas.pixels, 0.9) * 0.5 + 124


def dark(canvas: Canvas) -> None:
    canvas.pixels *= np.array((0.42, 0.44, 0.54))


def blurry(canvas: Canvas) -> None:
    canvas.pixels[:] = _blurred(canvas, canvas.dice.between(0.012, 0.026))


def comic(canvas: Canvas) -> None:
    """Flat colours, black outlines, dots of print in the shade."""
    flat = np.asarray(
        _picture(canvas).filter(ImageFilter.MedianFilter(5)).quantize(10).convert("RGB"), np.float32
    )
    lines = np.clip(1.35 - _edges(_blurred(canvas, 0.005) @ GREY) / 12, 0, 1)
    period = 0.032
    print_ = np.hypot((canvas.x / period) % 1 - 0.5, (canvas.y / period) % 1 - 0.5) < 0.3
    shade = 1 - 0.22 * print_ * ((flat @ GREY) < 140)
    canvas.pixels[:] = _vivid(flat, 1.3) * (lines * shade)[..., None]


def vivid(canvas: Canvas) -> None:
    """Bold blocks of a few inks, as a printed poster."""
    bold = Image.fromarray(_vivid(_blurred(canvas, 0.006), 1.4).astype(np.uint8))
    canvas.pixels[:] = np.asarray(bold.quantize(10).convert("RGB"), np.float32)


@dataclass(frozen=True)
class PictureLook:
    """`phrases` hold {} for the caption of the picture."""

    change: Callable[[Canvas], None]
    phrases: tuple[str, ...]


PICTURE_LOOKS = {
    "pixel art": PictureLook(
        pixel_art,
        ("pixel art of {}", "{} in pixel art style", "{}, pixel art", "8 bit pixel art of {}"),
    ),
    "stained glass": PictureLook(
        stained_glass, ("{} in stained glass", "a stained glass window of {}", "{}, stained glass")
    ),
    "mosaic": PictureLook(mosaic, ("a mosaic of {}", "{} as a tile mosaic", "{}, mosaic")),
    "pencil sketch": PictureLook(
        pencil_sketch,
        ("a pencil sketch of {}", "a sketch of {}", "a pencil drawing of {}", "{}, pencil sketch"),
    ),
    "watercolor": PictureLook(
        watercolour,
        (
            "a watercolor painting of {}",
            "{}, watercolor",
            "a watercolor of {}",
            "{} in watercolour",
        ),
    ),
    "oil painting": PictureLook(
        oil, ("an oil painting of {}", "{}, oil painting", "{} painted in oil")
    ),
    "neon": PictureLook(neon, ("{} in neon lights", "a neon sign of {}", "{}, glowing neon")),
    "black and white": PictureLook(
        black_and_white, ("a black and white picture of {}", "{} in black and white")
    ),
    "sepia": PictureLook(
        sepia, ("a sepia photo of {}", "an old sepia picture of {}", "{} in sepia")
    ),
    "pastel": PictureLook(
        pastel, ("{} in pastel colors", "a pastel drawing of {}", "{}, pale pastel colors")
    ),
    "dark": PictureLook(dark, ("{} in the dark", "a dark picture of {}")),
    "blurry": PictureLook(blurry, ("a blurry picture of {}", "{} out of focus")),
    "comic": PictureLook(
        comic, ("a comic book drawing of {}", "{} in comic style", "{}, comic book art")
    ),
    "poster": PictureLook(vivid, ("a screen print of {}", "a bold poster of {}", "{}, poster art")),
}
