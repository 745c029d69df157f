"""A picture of a film with what a platform leaves free drawn on it."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..catalogue.platforms import PLATFORMS
from ..disk.files import atomic_write, explained
from ..storyboard.schema import Order
from .captions import FOLDER, LATIN
from .deliver import Kitchen, plan_job, ready_for, workshop
from .provenance import Label
from .source_film import SourceFilm
from .stills import encoded_picture

SHADE, LINE, GRID = (0, 0, 0, 110), (255, 255, 255, 255), (255, 220, 0, 255)
# What of an upright film is shown elsewhere, and at which end of it that is written.
CROPS = {"4:5 in the feed": (4 / 5, "md"), "3:4 in the grid": (3 / 4, "ma")}


def draw_safe_zones(film: SourceFilm, order: Order, target: Path, label: Label) -> None:
    """Draws the zones on the picture in the middle of what is delivered, as PNG.

    Raises OutputError.
    """
    job = plan_job(film, order)
    with workshop(target) as work:
        middle = f"{job.seconds / 2:.3f}"
        kitchen = Kitchen(ready_for(job.platform.codec), work, target)
        picture = ["-vf", job.pictures, "-frames:v", "1", "still.png"]
        kitchen.run(["-ss", middle, *film.arguments, *picture], job.size[0] * job.size[1] * 3)
        with explained(target):
            content = (work / "still.png").read_bytes()
    image = Image.open(io.BytesIO(content)).convert("RGB")
    drawn = with_zones(image, order.name)
    atomic_write(target, encoded_picture(drawn, "PNG", **label.in_picture("PNG")))


def with_zones(image: Image.Image, name: str) -> Image.Image:
    """A picture as the platform called `name` shows it, darker where something may lie over it."""
    platform, size = PLATFORMS[name], image.size
    box = platform.safe.pixels(size)
    veil = Image.new("RGBA", size, SHADE)
    draw = ImageDraw.Draw(veil)
    line = max(min(size) // 300, 1)
    draw.rectangle(box, (0, 0, 0, 0), LINE, line)
    letters = ImageFont.truetype(FOLDER / LATIN.file, max(min(size) // 36, 9))
    draw.text((box[0] + 3 * line, box[1] + 2 * line), "texts stay visible here", LINE, letters)
    for words, (shape, anchor) in CROPS.items() if size[1] > 1.5 * size[0] else ():
        top = (size[1] - round(size[0] / shape)) // 2
        draw.rectangle((0, top, size[0] - 1, size[1] - top), None, GRID, line)
        y = top + line if anchor == "ma" else size[1] - top - line
        draw.text((size[0] // 2, y), words, GRID, letters, anchor=anchor)
    return Image.alpha_composite(image.convert("RGBA"), veil).convert("RGB")
