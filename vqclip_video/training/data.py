"""Pictures for a training: a folder of the user's own, or the one array of an illustrated world,
as random squares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import IterableDataset

from ..disk.files import atomic_write
from ..disk.picture_files import pictures_in
from ..disk.pictures import open_picture
from ..errors import UsageError, VqclipError
from ..storyboard.files import picture as checked_picture
from ..storyboard.kinds import Refusal
from .config import Data

ARRAY = "pictures.npy"  # uint8 [N, H, W, 3], as `training.storybook` writes it
# times the shorter side; of a line a pixel high, the whole at its scaled size would fill the memory
LONGEST_SHAPE = 8
FEWEST = 2
SKIPPED = "skipped.txt"


class Pictures(Protocol):
    """Pictures by number, each uint8 [H, W, 3]."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> np.ndarray: ...


class PictureFiles:
    """Picture files, decoded each time they are asked for: upright, RGB, on white where
    transparent.

    The shorter side is scaled to `size`; 0 leaves pictures alone that are at least `smallest`. Of a
    picture longer than `LONGEST` times its shorter side, that much of its middle is taken.
    """

    def __init__(self, paths: Sequence[Path], size: int, smallest: int):
        self.paths, self.size, self.smallest = list(paths), size, smallest

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        image = open_picture(self.paths[index])
        shorter = min(image.size)
        if max(image.size) > LONGEST_SHAPE * shorter:
            image = ImageOps.fit(image, [min(side, LONGEST_SHAPE * shorter) for side in image.size])
        scale = (self.size or max(shorter, self.smallest)) / shorter
        if scale != 1:
            sides = [max(round(side * scale), self.size or self.smallest) for side in image.size]
            image = image.resize(sides, Image.Resampling.LANCZOS)
        return np.asarray(image)


def open_pictures(
    folder: Path,
    data: Data,
    report: Path,
    on_checked: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Pictures, int]:
    """The pictures in a folder and below it, checked one by one, and how many of them will not do.

    The bad ones are listed with their faults in the file `report`. A folder with `pictures.npy` is
    read from that array alone. on_checked: told how many of how many are checked. Raises UsageError
    where the folder, or what is left of it, will not do.
    """
    largest = max(data.crop)
    if (folder / ARRAY).is_file():
        return _array(folder / ARRAY, largest), 0
    paths = pictures_in(folder)
    good, bad = [], []
    for done, path in enumerate(paths, 1):
        try:
            good.append(checked_picture(path))
        except Refusal as refusal:
            bad.append(f"{path}: {refusal}")
        on_checked(done, len(paths))
    if bad:
        atomic_write(report, "\n".join(bad) + "\n")
    else:
        report.unlink(missing_ok=True)
    if len(good) < FEWEST:
        raise UsageError(
            f"{folder}: {len(good)} usable of {len(paths)} pictures, {FEWEST} at least are needed"
            + (f"; {report} says what is wrong with the others" if bad else "")
        )
    return PictureFiles(good, data.size, largest), len(bad)


def _array(path: Path, largest: int) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path}: not an array of pictures ({error}); write it again") from None
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] != 3 or len(array) < FEWEST:
        raise UsageError(
            f"{path}: found {array.dtype} {list(array.shape)}, uint8 [N, height, width, 3] is "
            "needed"
        )
    if min(array.shape[1:3]) < largest:
        raise UsageError(
            f"{path}: pictures of {array.shape[2]}x{array.shape[1]} hold no square of {largest} "
            "pixels; lower data.crop"
        )
    return array


def hold_out(count: int, wanted: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the pictures to learn from, and of those kept apart: `wanted`, or a tenth where
    that is less.
    """
    order = np.random.default_rng([seed, 1]).permutation(count)
    apart = min(wanted, count // 10)
    return np.sort(order[apart:]), np.sort(order[:apart])


class RandomSquares(IterableDataset):
    """Endless batches uint8 [n, 3, crop, crop]: random squares of random pictures. One seed, one
    order.

    Each batch has squares of one of the sizes; large ones are fewer, so that all take about the
    same time.
    """

    def __init__(self, pictures: Pictures, chosen: np.ndarray, data: Data, seed: Sequence[int]):
        self.pictures, self.chosen, self.data, self.seed = pictures, chosen, data, tuple(seed)

    def __iter__(self) -> Iterator[Tensor]:
        worker = torch.utils.data.get_worker_info()
        random = np.random.default_rng([*self.seed, worker.id if worker else 0])
        while True:
            crop = int(random.choice(self.data.crop))
            count = max(2, round(self.data.batch_size * (self.data.crop[0] / crop) ** 2))
            batch = np.stack([self._square(crop, random) for _ in range(count)])
            yield torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))

    def _square(self, crop: int, random: np.random.Generator) -> np.ndarray:
        if random.random() < self.data.flat:
            return plain_square(crop, random)
        picture = self._readable(random)
        top, left = (int(random.integers(side - crop + 1)) for side in picture.shape[:2])
        square = picture[top : top + crop, left : left + crop]
        return square[:, ::-1] if random.random() < self.data.flip else square

    def _readable(self, random: np.random.Generator) -> np.ndarray:
        """A random picture; one whose damage no check had seen is passed over."""
        for _ in range(100):
            try:
                return self.pictures[int(random.choice(self.chosen))]
            except VqclipError as error:
                reason = error
        raise UsageError(f"a hundred pictures in a row cannot be read, the last one is {reason}")


def plain_square(side: int, random: np.random.Generator) -> np.ndarray:
    """A square uint8 [side, side, 3] of one colour, or one that goes over into another in some
    direction.
    """
    # Drawn from a little more than the range, so that pure white, black and red are among them.
    first, second = np.clip(random.uniform(-40, 295, (2, 3)), 0, 255)
    if random.random() < 0.5:
        second = first
    angle = random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:side, :side] / side - 0.5
    share = np.clip(0.5 + (x * np.cos(angle) + y * np.sin(angle)) / 1.4, 0, 1)[..., None]
    return np.round(first + (second - first) * share).astype(np.uint8)


def whole(pictures: Pictures, chosen: np.ndarray, factor: int, longest: int = 512) -> list[Tensor]:
    """Whole pictures, uint8 [1, 3, H, W], their middle where a side is longer or no multiple of
    `factor`.

    One whose damage no check had seen is left out.
    """
    found = []
    for index in chosen:
        try:
            picture = pictures[int(index)]
        except VqclipError:
            continue
        sides = [min(side, longest) // factor * factor for side in picture.shape[:2]]
        top, left = (
            (whole - side) // 2 for whole, side in zip(picture.shape[:2], sides, strict=True)
        )
        middle = np.array(picture[top : top + sides[0], left : left + sides[1]])
        found.append(torch.from_numpy(middle).permute(2, 0, 1)[None])
    return found
