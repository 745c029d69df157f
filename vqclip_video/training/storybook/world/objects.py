"""Pictures of things without a place: one, several, two together, a pattern, a whole field."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFilter

from ..artwork import SPRITE_SIDE
from .canvas import Canvas
from .captions import NUMBER_WORDS, joined, plural, with_article
from .colours import COLOURS
from .grounds import lawn
from .light import TIMES_OF_DAY
from .scene import PaintedScene
from .scenes import paint_setting, random_setting
from .skies import paint_sky
from .textures import TEXTURES
from .things import Thing, shown_of

GROUND_COLOURS = tuple(COLOURS)
FIELD_HOURS = {
    "day": 4, "cloudy": 2, "sunset": 3, "sunrise": 2, "night": 1, "gold": 1, "dream": 0.5,
    "dusk": 0.6,
}  # fmt: skip
FIELDS = ("sunflower", "tulip", "poppy", "daisy", "rose", "flower", "tree", "pine tree", "cherry tree",
          "autumn tree", "mushroom",
          "pumpkin", "cactus", "strawberry", "cow", "sheep", "palm tree", "lotus", "sunflower", "tulip")  # fmt: skip


def background(canvas: Canvas) -> str:
    """Something quiet behind a thing; returns the phrase that names it, or ""."""
    dice = canvas.dice
    kind = dice.weighed(
        {"plain": 0.34, "spot": 0.2, "gradient": 0.16, "texture": 0.12, "blurred": 0.18}
    )
    if kind == "texture":
        dice.pick(TEXTURES)(canvas)
        canvas.pixels[:] = canvas.pixels * 0.8 + 40
        return ""
    if kind == "blurred":
        paint_setting(canvas, random_setting(dice))
        whole = Image.fromarray(np.clip(canvas.pixels, 0, 255).astype(np.uint8))
        canvas.pixels[:] = np.asarray(
            whole.filter(ImageFilter.GaussianBlur(dice.between(0.015, 0.04) * canvas.unit)),
            np.float32,
        )
        return ""
    return coloured_ground(canvas, dice.pick(GROUND_COLOURS), kind)


def coloured_ground(canvas: Canvas, name: str, kind: str = "spot") -> str:
    """A ground of the colour `name`: "plain", a "gradient" or lit by a "spot"; returns the
    phrase for it.
    """
    colour = canvas.dice.near(COLOURS[name], 8)
    canvas.pixels[:] = colour
    if kind == "gradient":
        canvas.gradient([np.clip(colour * 1.12 + 14, 0, 255), colour * 0.8])
    elif kind == "spot":
        canvas.glow(-0.1, -0.15, 0.55, (70, 70, 66))
        canvas.pixels *= (1 - 0.3 * np.clip(np.hypot(canvas.x, canvas.y) - 0.25, 0, 1))[..., None]
    return f"on {with_article(name)} background"


def single(canvas: Canvas, thing: Thing) -> tuple[str, ...]:
    """One thing, large, on a quiet ground."""
    dice = canvas.dice
    behind = background(canvas)
    shown, size = shown_of(thing, dice, repaint=0.14), dice.between(0.56, 0.98)
    x, y = dice.between(-0.06, 0.06), dice.between(-0.06, 0.06)
    turn = 0 if dice.chance(0.65) else dice.between(-16, 16)
    hover(canvas, shown.pixels, x, y, size, mirrored=dice.chance(0.5), turn=turn)

    def caption() -> str:
        who = with_article(shown.called(dice))
        forms = [
            who,
            f"{who} {behind}",
            f"{who} {behind}",
            f"a picture of {who}",
            f"a close up of {who}",
            f"an illustration of {who}",
        ]
        return dice.pick(forms).strip()

    return with_article(shown.called(dice)) + (f" {behind}" if behind else ""), caption(), caption()


def hover(
    canvas: Canvas,
    pixels: np.ndarray,
    x: float,
    y: float,
    size: float,
    mirrored=False,
    turn: float = 0,
) -> None:
    """A sprite in front of a ground, over its shadow, its middle at (x, y)."""
    shown = pixels[:, ::-1] if mirrored else pixels
    _soft_shadow(canvas, shown, x, y, size)
    canvas.paste(shown, x, y + size / 2, size, turn=turn)


def _soft_shadow(canvas: Canvas, pixels: np.ndarray, x: float, y: float, size: float) -> None:
    """What a thing hovering before the ground casts on it."""
    alpha = np.pad(pixels[::2, ::2, 3], SPRITE_SIDE // 8)
    shade = np.zeros((*alpha.shape, 4), np.uint8)
    shade[..., 3] = np.asarray(Image.fromarray(alpha).filter(ImageFilter.GaussianBlur(3)))
    whole = size * alpha.shape[0] / (SPRITE_SIDE // 2)
    canvas.paste(shade, x + 0.02 * size, y + 0.035 * size + whole / 2, whole, alpha=0.26)


def several(canvas: Canvas, thing: Thing) -> tuple[str, ...]:
    """Two to six of a thing in loose rows."""
    dice, behind = canvas.dice, background(canvas)
    shown, count = shown_of(thing, dice, repaint=0.15), dice.whole(2, 6)
    rows = [count] if count < 4 else [(count + 1) // 2, count // 2]
    size = min(0.9 / rows[0], 0.46) * dice.between(0.86, 1.0)
    for row, columns in enumerate(rows):
        y = (row - (len(rows) - 1) / 2) * 0.46
        for column in range(columns):
            x = (column - (columns - 1) / 2) * 0.94 / rows[0] + dice.between(-0.02, 0.02)
            shift = y + dice.between(-0.03, 0.03)
            hover(canvas, shown.pixels, x, shift, size, mirrored=dice.chance(0.3))
    name = plural(shown.called(dice))
    return (
        joined(NUMBER_WORDS[count], name, behind),
        f"{NUMBER_WORDS[count]} {plural(shown.called(dice))}",
        f"several {name}",
    )


def pattern(canvas: Canvas, thing: Thing) -> tuple[str, ...]:
    """A thing repeated all over, every second row shifted."""
    dice = canvas.dice
    name = dice.pick(GROUND_COLOURS)
    canvas.pixels[:] = dice.near(COLOURS[name], 6)
    shown, size = shown_of(thing, dice, repaint=0.15), dice.between(0.13, 0.25)
    for row, y in enumerate(np.arange(-canvas.bottom, canvas.bottom + size, size * 1.12)):
        for x in np.arange(-canvas.right, canvas.right + size, size * 1.15):
            canvas.paste(shown.pixels, x + (row % 2) * size * 0.55, y + size / 2, size)
    many, behind = plural(shown.called(dice)), f"on {with_article(name)} background"
    return f"a pattern of {many} {behind}", f"many {many}", f"a wallpaper with {many}"


def pair(canvas: Canvas, thing: Thing, other: Thing) -> tuple[str, ...]:
    """Two different things side by side."""
    dice, behind = canvas.dice, background(canvas)
    shown = [shown_of(thing, dice, repaint=0.12), shown_of(other, dice, repaint=0.12)]
    for x, one in zip((-0.23, 0.23), shown, strict=True):
        size, y = dice.between(0.38, 0.5), dice.between(-0.08, 0.08)
        hover(canvas, one.pixels, x + dice.between(-0.02, 0.02), y, size, mirrored=dice.chance(0.5))
    first, second = (with_article(one.called(dice)) for one in shown)
    return (
        f"{first} and {second}",
        f"{second} and {first}",
        joined(first, "next to", second, behind),
    )


def field(
    canvas: Canvas, thing: Thing, hour: str | None = None, plain: float = 0.0
) -> tuple[str, ...]:
    """Rows of a thing that shrink towards the horizon."""
    dice = canvas.dice
    hour = hour or dice.weighed(FIELD_HOURS)
    scene = PaintedScene(canvas, hour, horizon=dice.between(-0.16, 0.06))
    paint_sky(scene)
    scene.ridge(scene.horizon - 0.1 * canvas.curve(1.6, 2), (104, 150, 110), haze=0.4)
    lawn(scene)
    shown = shown_of(thing, dice)
    for y, size in _rows(scene):
        _plant_row(scene, shown.pixels, y, size)
    np.clip(canvas.pixels, 0, 255, out=canvas.pixels)
    many = [plural(shown.called(dice, plain)) for _ in range(3)]
    when = [dice.pick(TIMES_OF_DAY[hour].phrases) for _ in range(2)]
    endings = (
        f"many {many[2]} in a field {when[1]}",
        f"rows of {many[2]} {when[1]}",
        f"{many[2]} {when[1]}",
    )
    return f"a field of {many[0]} {when[0]}", f"a field of {many[1]}", dice.pick(endings)


def _rows(scene: PaintedScene) -> Iterator[tuple[float, float]]:
    """The foot of each row of a field and the size of what stands there, the farthest first."""
    y, size = scene.horizon + 0.035, 0.05
    while y < scene.canvas.bottom + 0.12:
        yield y, size
        y, size = y + size * 0.5, size * 1.27


def _plant_row(scene: PaintedScene, pixels: np.ndarray, y: float, size: float) -> None:
    canvas, dice = scene.canvas, scene.dice
    lit = _lit(scene, pixels, 0.35 * np.clip(1 - (y - scene.horizon) * 4, 0, 1))
    places = np.arange(-canvas.right - size, canvas.right + size, size * 0.86)
    for x in places + dice.between(0, size):
        canvas.paste(
            lit,
            x + dice.between(-0.12, 0.12) * size,
            y + dice.between(-0.08, 0.08) * size,
            size * dice.between(0.88, 1.12),
            mirrored=dice.chance(0.5),
        )


def _lit(scene: PaintedScene, sprite: np.ndarray, haze: float) -> np.ndarray:
    alpha = sprite[..., 3:].astype(np.float32)
    lit = (
        scene.time.on(sprite[..., :3], 0.8) * (1 - haze)
        + alpha / 255 * np.array(scene.time.sky[-1]) * haze
    )
    return np.concatenate([np.minimum(lit, alpha), alpha], -1)
