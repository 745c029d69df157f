"""`image`: one still picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..errors import StoryboardError, UsageError
from ..storyboard.problems import Problem
from .options import OUTPUTS, PATH, engine_options, quiet_option, say_warnings, set_option

# What a value of the storyboard is called here.
WORDS = {
    "scenes[0].prompt": "PROMPT",
    "scenes[0].iterations": "--iterations",
    "settings.style": "--style",
    "settings.exclude": "--exclude",
    "size": "--size",
    "seed": "--seed",
    "models": "--models",
}


@click.command()
@click.argument("prompt")
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="PICTURE.png",
    help=(
        "Where the picture goes; its latent lies beside it. "
        "[default: outputs/image.png, image-2.png, …]"
    ),
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="TEXT",
    help="What the picture should not be like. Repeatable.",
)
@click.option("--style", default="", metavar="TEXT", help="Extra text, mixed in with settings.w2.")
@click.option("--iterations", default=60, show_default=True, help="Optimiser steps.")
@click.option("--size", default="256x256", show_default=True, metavar="WxH")
@click.option("--seed", default="0", show_default=True, metavar="NUMBER|random")
@click.option("--models", default="storybook", show_default=True, help="A named pair.")
@click.option(
    "--every", type=click.IntRange(min=1), metavar="N", help="Also save every N-th picture."
)
@set_option
@engine_options
@quiet_option
def image(
    prompt,
    output,
    exclude,
    style,
    iterations,
    size,
    seed,
    models,
    every,
    overrides,
    quiet,
    **engine,
):
    """Optimise one still picture for PROMPT, and save it with its latent."""
    from ..disk.files import free_path
    from ..engine.options import EngineOptions
    from ..materials import find_materials
    from ..show.displays import Display
    from ..show.terminal import terminal_display
    from ..still import make_still, still_storyboard

    with refused_as_said_here():
        board = still_storyboard(prompt, exclude, style, iterations, size, seed, models, overrides)
    materials = find_materials(board)
    say_warnings(board, quiet, said_of_still)
    output = output or free_path(OUTPUTS / "image.png", ".safetensors")
    display = Display() if quiet else terminal_display()
    try:
        make_still(board, materials, output, EngineOptions(**engine), every, display)
    finally:
        display.close()


@contextmanager
def refused_as_said_here() -> Iterator[None]:
    """A storyboard made of a command's options is refused in the words of the command."""
    try:
        yield
    except StoryboardError as error:
        said = dict.fromkeys(map(said_of_still, error.problems))
        raise UsageError("\n".join(said)) from error


def said_of_still(problem: Problem) -> str:
    """A mistake or a warning in the words of this command."""
    words = (word for name, word in WORDS.items() if problem.where.startswith(name))
    word = next(words, problem.where)
    return f"{word}: {problem.message}" if word else problem.message
