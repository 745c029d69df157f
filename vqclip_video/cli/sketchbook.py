"""`vqclip-video sketchbook …`. Nothing heavy is imported before one of the commands runs."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UsageError
from ..storyboard.schema import Models


def model_options(command):
    """Which models, as in a storyboard's `models:`."""
    for option in (
        click.option(
            "--vqgan-config",
            type=click.Path(path_type=Path),
            metavar="YAML",
            help="The VQGAN's YAML. [default: the one beside it]",
        ),
        click.option("--vqgan", metavar="NAME|PATH", help="Another VQGAN than the pair's."),
        click.option("--clip", metavar="NAME|PATH", help="Another CLIP than the pair's."),
        click.option(
            "--models", "pair", default="storybook", show_default=True, help="A named pair."
        ),
    ):
        command = option(command)
    return command


@click.group()
def sketchbook():
    """Pictures that films are drawn toward: make a sketchbook of your own, or look what matches
    a prompt.
    """


@sketchbook.command("build")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE.safetensors",
    help="Where the sketchbook goes, for `sketchbook: FILE.safetensors` in a storyboard.",
)
@model_options
@click.option(
    "--size",
    default="256x192",
    show_default=True,
    metavar="WxH",
    help="What each picture is cropped to.",
)
@click.option(
    "--words",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help='Other words for what captions show: {"cat": ["kitten", "kitty"]}.',
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
def build_book(folder, output, pair, clip, vqgan, vqgan_config, size, words, device):
    """Make a sketchbook of the pictures in FOLDER and all folders in it.

    A picture's caption is that in FOLDER/captions.json, {"a.png": {"caption": …, "subject": …}},
    the first line of a .txt beside it, or its own file name where that has words. Pictures without
    one are matched by how they look.
    """
    from tqdm import tqdm

    from ..disk.files import atomic_write
    from ..materials import find_models
    from ..sketchbook import folder as folders
    from ..sketchbook.book import book_bytes

    width_height = _size(size)
    _check_output(output, ".safetensors")
    found = folders.find_drawings(folder)
    other_words = folders.read_words(words) if words else {}
    models = _models(pair, clip, vqgan, vqgan_config)
    paths = find_models(models)
    from ..catalogue.vqgan_config import read_config
    from ..engine.cast import load_pair
    from ..engine.device import pick_device
    from ..sketchbook.build import build_sketchbook, check_size

    check_size(width_height, read_config(paths.vqgan_config).factor)
    perceptor, autoencoder = load_pair(paths, pick_device(device), "fp32")
    bad: list[str] = []
    with tqdm(total=len(found), unit="picture", dynamic_ncols=True) as bar:
        book = build_sketchbook(
            folders.drawings(found, bad.append),
            *(perceptor, autoencoder, paths, width_height, other_words),
            on_progress=lambda done: bar.update(done + len(bad) - bar.n),
        )
    for line in bad:
        click.echo(f"left out: {line}", err=True)
    content = book_bytes(book)
    atomic_write(output, content)
    named = sum(caption is not None for caption in book.notes.captions)
    click.echo(
        f"{output}: {len(book)} pictures, {named} with captions, {len(content) / 1e6:.1f} MB"
    )


@sketchbook.command("show")
@click.argument("prompt")
@click.option(
    "--book",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE.safetensors",
    help="A sketchbook. [default: the pair's own]",
)
@model_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="SHEET.png",
    help="Where the contact sheet goes. [default: outputs/sketches.png, sketches-2.png, …]",
)
@click.option(
    "--count", type=click.IntRange(1, 100), default=12, show_default=True, help="Sketches to show."
)
def show(prompt, path, pair, clip, vqgan, vqgan_config, output, count):
    """Write a contact sheet of the sketches that fit PROMPT, the best first."""
    from ..disk.files import free_path
    from ..materials import companion, find_models
    from ..sketchbook import book as books

    output = output or free_path(Path("outputs") / "sketches.png")
    _check_output(output, ".png", make=output.parent == Path("outputs"))
    models = _models(pair, clip, vqgan, vqgan_config)
    path = path or companion("sketchbook", models)
    if path is None:
        raise UsageError(
            "these models have no sketchbook; name one with --book, which `sketchbook build` makes"
        )
    paths = find_models(models)
    book = books.load_book(path)
    book.require(paths)
    from ..engine.cast import load_pair
    from ..engine.device import pick_device
    from ..sketchbook.pick import Picker
    from ..sketchbook.sheet import write_sheet
    from ..sketchbook.subject import parse_prompt

    perceptor, autoencoder = load_pair(paths, pick_device("cpu"), "fp32")
    found = Picker(book, lambda texts: perceptor.embed_text(texts).numpy()).ranked(prompt, count)
    if not found:
        click.echo(f"none fits: no sketch of {str(parse_prompt(prompt)) or prompt!r} in {path}")
        return
    write_sheet(found, book, autoencoder, prompt, output)
    for pick in found:
        click.echo(f"{pick.fit:.2f}  {pick.caption or f'picture {pick.index}, without caption'}")
    click.echo(f"{output} written")


def _models(pair: str, clip: str | None, vqgan: str | None, config: Path | None) -> Models:
    from ..storyboard import files

    clip, vqgan = (files.model(name or pair, Path.cwd()) for name in (clip, vqgan))
    return Models(clip, vqgan, config and config.absolute())


def _size(text: str) -> tuple[int, int]:
    from ..storyboard.kinds import Refusal
    from ..storyboard.reader import size_of

    try:
        return size_of(text)
    except Refusal as refusal:
        raise UsageError(f"--size: {refusal}") from None


def _check_output(output: Path, suffix: str, make: bool = False) -> None:
    if output.suffix.lower() != suffix:
        raise UsageError(f"-o {output}: its name ends in {suffix}")
    if make:
        output.parent.mkdir(exist_ok=True)
    if not output.parent.is_dir():
        raise UsageError(f"{output.parent} is no folder; create it first")
