"""How good a small pair is: a table of what can be counted, beside the bar for each, and sheets of
what has to be looked at: the 24 fixed prompts drawn toward what guides them by default, a dream or
else a sketch, and the same from noise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..bench.cases import find_case
from ..bench.iteration import measure
from ..disk.files import atomic_write
from ..engine.cast import load_pair
from ..engine.options import EngineOptions
from ..engine.session import render
from ..materials import ModelFiles, find_models
from ..models.clip.perceptor import Perceptor
from ..models.vqgan.first_stage import VQGAN
from ..sketchbook import book
from ..sketchbook.pick import Pick, Picker
from ..still import still_storyboard
from ..storyboard.schema import Models
from .storybook import judged
from .storybook.corpus import read_captions, whole_pictures
from .storybook.presets import CLIP_FILE, PRIOR_FILE, SKETCHBOOK_FILE, VQGAN_FILE

CPU = torch.device("cpu")
STILL_SIDE, ITERATIONS, COLUMNS = 192, 80, 6  # of the stills, and of a sheet


@dataclass(frozen=True)
class Measure:
    """One row of the table; `bar` is the least or the most that is wanted."""

    name: str
    value: float
    bar: float
    good: bool


def at_least(name: str, value: float, bar: float) -> Measure:
    return Measure(name, value, bar, value >= bar)


def at_most(name: str, value: float, bar: float) -> Measure:
    return Measure(name, value, bar, value <= bar)


def evaluate_pair(
    pair: Path, held_out: Path | None, output: Path, sheets: bool, report: Callable[[str], None]
) -> Iterator[str]:
    """Judge the pair in a folder, and write measures.json and the sheets into `output`.

    held_out: a folder of pictures that it has not learned from, as the recipe writes them.
    Yields the table in Markdown, then where each sheet is.
    """
    models = Models(clip=str(pair / CLIP_FILE), vqgan=str(pair / VQGAN_FILE))
    output.mkdir(parents=True, exist_ok=True)
    rows = list(measures(models, held_out, report))
    yield table(rows)
    atomic_write(output / "measures.json", json.dumps([asdict(row) for row in rows], indent=2))
    for guide in ("auto", "off") if sheets else ():
        path = output / f"guide-{guide}.png"
        sheet(list(stills(models, guide))).save(path)
        yield str(path)


def measures(
    models: Models, held_out: Path | None, report: Callable[[str], None]
) -> Iterator[Measure]:
    """Everything that can be counted; what needs unseen pictures only where their folder
    `held_out` is given.

    report: told which sketch each of the fixed prompts would be drawn toward.
    """
    paths = find_models(models)
    perceptor, vqgan = load_pair(paths, CPU, "fp32")
    megabytes = sum(path.stat().st_size for path in _files(paths)) / 1e6
    yield at_most("pair, sketchbook and prior, MB", megabytes, 70)
    right = [meant == found for _, meant, found in judged.nearest_known(perceptor.embed_text)]
    yield at_least(f"unseen synonyms understood, of {len(right)}", sum(right), 27)
    if held_out:
        yield from _of_unseen(held_out, perceptor, vqgan)
    yield at_most("VQGAN, L1 of flat colours", judged.flat_error(vqgan), 0.02)
    found = picks(paths, perceptor)
    for prompt, pick in found:
        report(f"{prompt} → {pick.caption if pick else 'none'}")
    fitting = sum(pick is not None for _, pick in found)
    yield at_least(f"prompts with a fitting sketch, of {len(found)}", fitting, 24)
    yield from _speeds(models)


def _of_unseen(held_out: Path, perceptor: Perceptor, vqgan: VQGAN) -> Iterator[Measure]:
    captions, pictures = read_captions(held_out), whole_pictures(held_out)
    seen = torch.cat([perceptor.embed_image(part) for part in _shrunk(pictures, perceptor.size)])
    texts = perceptor.embed_text(captions.texts)
    top1, top5 = judged.caption_accuracy(seen, texts, captions.of_picture)
    name = f"image to caption, {len(pictures)} pictures, top-1 of {judged.CAPTION_POOL}"
    yield at_least(name, top1, 0.78)
    yield at_least("the same, top-5", top5, 0.95)
    found = judged.reconstruction(vqgan, pictures[:200])
    yield at_least("VQGAN, PSNR of unseen pictures, dB", found, 27.5)


def _speeds(models: Models) -> Iterator[Measure]:
    case = find_case("storybook")
    case = replace(case, storyboard=replace(case.storyboard, models=models))
    for precision, bar in (("bf16", 0.15), ("fp32", 0.25)):
        taken = measure(case, EngineOptions(device="cpu", precision=precision), repeats=8)
        name = f"seconds an iteration, {STILL_SIDE}x{STILL_SIDE}, 16 cutouts, {precision}"
        yield at_most(name, taken.seconds.median, bar)


def picks(paths: ModelFiles, perceptor: Perceptor) -> list[tuple[str, Pick | None]]:
    """Each fixed prompt with the sketch that it would be drawn toward, or None."""
    picker = Picker(book.load_book(_book(paths)), lambda texts: perceptor.embed_text(texts).numpy())
    return [(prompt, picker.pick(prompt)) for prompt in judged.prompts()]


def stills(models: Models, guide: str, seed: int = 1) -> Iterator[tuple[str, Image.Image]]:
    """Each fixed prompt optimised from noise, with `guide` auto or off; prompts and pictures."""
    named = {"clip": models.clips[0], "vqgan": models.vqgan}
    paths = find_models(models)
    overrides = [f"settings.guide={guide}", f"sketchbook={_book(paths)}"]
    if _prior(paths).is_file():
        overrides.append(f"prior={_prior(paths)}")
    for prompt in judged.prompts():
        board = still_storyboard(
            prompt, (), "", ITERATIONS, f"{STILL_SIDE}x{STILL_SIDE}", seed, named, overrides
        )
        for progress in render(board):
            frame = progress.frame
        yield prompt, Image.fromarray(frame)


def sheet(pictures: list[tuple[str, Image.Image]]) -> Image.Image:
    """All pictures with their prompts below."""
    across, down = STILL_SIDE + 8, STILL_SIDE + 24
    rows = -(-len(pictures) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * across + 8, rows * down + 8), "white")
    draw = ImageDraw.Draw(page)
    for place, (prompt, picture) in enumerate(pictures):
        x, y = 8 + place % COLUMNS * across, 8 + place // COLUMNS * down
        page.paste(picture, (x, y))
        draw.text((x, y + STILL_SIDE + 2), prompt[:36], fill="black")
    return page


def table(rows: list[Measure]) -> str:
    """The measures in Markdown."""
    lines = ["| measure | value | bar | |", "|---|---|---|---|"]
    for row in rows:
        verdict = "reached" if row.good else "not yet"
        lines.append(f"| {row.name} | {row.value:.4g} | {row.bar:g} | {verdict} |")
    return "\n".join(lines)


def _files(paths: ModelFiles) -> list[Path]:
    files = [paths.clip, paths.vqgan, paths.vqgan_config, _book(paths), _prior(paths)]
    return [path for path in files if path.is_file()]


def _book(paths: ModelFiles) -> Path:
    return paths.clip.with_name(SKETCHBOOK_FILE)


def _prior(paths: ModelFiles) -> Path:
    return paths.clip.with_name(PRIOR_FILE)


def _shrunk(pictures: np.ndarray, side: int, at_once: int = 100) -> Iterator[torch.Tensor]:
    for start in range(0, len(pictures), at_once):
        part = torch.tensor(pictures[start : start + at_once]).permute(0, 3, 1, 2).float() / 255
        yield torch.nn.functional.interpolate(part, size=side, mode="area")
