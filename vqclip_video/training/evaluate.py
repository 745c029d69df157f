"""Judge a small pair: `python -m vqclip_video.training.evaluate --held-out PICTURES -o
outputs/evaluation`.

Prints a table of what can be counted, beside the bar for each, and writes sheets of what has to be
looked at: the 24 fixed prompts guided by the sketchbook, and the same from noise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image, ImageDraw

from ..bench.cases import find_case
from ..bench.iteration import measure
from ..catalogue.store import BUNDLED
from ..engine.cast import load_pair
from ..engine.options import EngineOptions
from ..engine.session import render
from ..errors import VqclipError
from ..materials import ModelFiles, find_models
from ..models.clip.perceptor import Perceptor
from ..sketchbook.book import load_book
from ..sketchbook.pick import Pick, Picker
from ..still import still_storyboard
from ..storyboard.schema import Models
from .storybook import judged
from .storybook.corpus import read_captions, whole_pictures
from .storybook.vqgan import flat_error, reconstruction

CPU = torch.device("cpu")
SIDE, ITERATIONS, COLUMNS = 192, 80, 6  # of the stills, and of a sheet


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


def measures(models: Models, held_out: Path | None) -> Iterator[Measure]:
    """Everything that can be counted; what needs unseen pictures only where their folder
    `held_out` is given.
    """
    paths = find_models(models)
    perceptor, vqgan = load_pair(paths, CPU, "fp32")
    megabytes = sum(path.stat().st_size for path in _files(paths)) / 1e6
    yield at_most("pair, sketchbook and prior, MB", megabytes, 40)
    if held_out:
        captions = read_captions(held_out)
        pictures = whole_pictures(held_out)
        seen = torch.cat(
            [perceptor.embed_image(part) for part in _shrunk(pictures, perceptor.size)]
        )
        top1, top5 = judged.caption_accuracy(
            seen, perceptor.embed_text(captions.texts), captions.of_picture
        )
        yield at_least(
            f"image to caption, {len(pictures)} pictures, top-1 of {judged.CAPTION_POOL}",
            top1,
            0.78,
        )
        yield at_least("the same, top-5", top5, 0.95)
    right = [meant == found for _, meant, found in judged.nearest_known(perceptor.embed_text)]
    yield at_least(f"unseen synonyms understood, of {len(right)}", sum(right), 27)
    if held_out:
        yield at_least(
            "VQGAN, PSNR of unseen pictures, dB", reconstruction(vqgan, pictures[:200]), 27.5
        )
    yield at_most("VQGAN, L1 of flat colours", flat_error(vqgan), 0.02)
    found = picks(paths, perceptor)
    for prompt, pick in found:
        click.echo(f"{prompt} → {pick.caption if pick else 'none'}", err=True)
    yield at_least(
        f"prompts with a fitting sketch, of {len(found)}",
        sum(pick is not None for _, pick in found),
        24,
    )
    case = find_case("storybook")
    case = replace(case, storyboard=replace(case.storyboard, models=models))
    for precision, bar in (("bf16", 0.15), ("fp32", 0.25)):
        taken = measure(case, EngineOptions(device="cpu", precision=precision), repeats=8)
        yield at_most(
            f"seconds an iteration, {SIDE}x{SIDE}, 16 cutouts, {precision}",
            taken.seconds.median,
            bar,
        )


def picks(paths: ModelFiles, perceptor: Perceptor) -> list[tuple[str, Pick | None]]:
    """Each fixed prompt with the sketch that it would be drawn toward, or None."""
    picker = Picker(load_book(_book(paths)), lambda texts: perceptor.embed_text(texts).numpy())
    return [(prompt, picker.pick(prompt)) for prompt in judged.prompts()]


def stills(models: Models, guide: str, seed: int = 1) -> Iterator[tuple[str, Image.Image]]:
    """Each fixed prompt optimised from noise, with `guide` auto or off; prompts and pictures."""
    named = {"clip": models.clip, "vqgan": models.vqgan}
    paths = find_models(models)
    overrides = [f"settings.guide={guide}", f"sketchbook={_book(paths)}"]
    if _prior(paths).is_file():
        overrides.append(f"prior={_prior(paths)}")
    for prompt in judged.prompts():
        board = still_storyboard(
            prompt, (), "", ITERATIONS, f"{SIDE}x{SIDE}", seed, named, overrides
        )
        for progress in render(board):
            frame = progress.frame
        yield prompt, Image.fromarray(frame)


def sheet(pictures: list[tuple[str, Image.Image]]) -> Image.Image:
    """All pictures with their prompts below."""
    line = 16
    rows = -(-len(pictures) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * (SIDE + 8) + 8, rows * (SIDE + line + 8) + 8), "white")
    draw = ImageDraw.Draw(page)
    for place, (prompt, picture) in enumerate(pictures):
        x, y = 8 + place % COLUMNS * (SIDE + 8), 8 + place // COLUMNS * (SIDE + line + 8)
        page.paste(picture, (x, y))
        draw.text((x, y + SIDE + 2), prompt[:36], fill="black")
    return page


def table(rows: list[Measure]) -> str:
    """The measures in Markdown."""
    lines = ["| measure | value | bar | |", "|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| {row.name} | {row.value:.4g} | {row.bar:g} | "
            f"{'reached' if row.good else 'not yet'} |"
        )
    return "\n".join(lines)


def _files(paths: ModelFiles) -> list[Path]:
    files = [paths.clip, paths.vqgan, paths.vqgan_config, _book(paths), _prior(paths)]
    return [path for path in files if path.is_file()]


def _book(paths: ModelFiles) -> Path:
    return paths.clip.with_name("sketchbook.safetensors")


def _prior(paths: ModelFiles) -> Path:
    return paths.clip.with_name("prior.safetensors")


def _shrunk(pictures: np.ndarray, side: int, at_once: int = 100) -> Iterator[torch.Tensor]:
    for start in range(0, len(pictures), at_once):
        part = torch.tensor(pictures[start : start + at_once]).permute(0, 3, 1, 2).float() / 255
        yield torch.nn.functional.interpolate(part, size=side, mode="area")


@click.command()
@click.option(
    "--pair",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=BUNDLED,
    help="Folder that `vqclip-video train storybook` has written.",
)
@click.option(
    "--held-out",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Pictures that the pair has not learned from, as the recipe writes them.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("outputs/evaluation"),
    show_default=True,
    help="Where the table and the sheets go.",
)
@click.option("--sheets/--no-sheets", default=True, help="Whether to render the 24 prompts, twice.")
def main(pair: Path, held_out: Path | None, output: Path, sheets: bool) -> None:
    """Judge a small pair: a table of measures, and sheets of the 24 fixed prompts."""
    models = Models(clip=str(pair / "clip.safetensors"), vqgan=str(pair / "vqgan.safetensors"))
    output.mkdir(parents=True, exist_ok=True)
    try:
        rows = list(measures(models, held_out))
        click.echo(table(rows))
        (output / "measures.json").write_text(
            json.dumps([asdict(row) for row in rows], indent=2), "utf-8"
        )
        for guide in ("auto", "off") if sheets else ():
            path = output / f"guide-{guide}.png"
            sheet(list(stills(models, guide))).save(path)
            click.echo(path)
    except VqclipError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
