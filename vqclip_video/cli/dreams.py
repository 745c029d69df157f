"""`dream`: what the models' prior draws for a prompt, a picture for each seed."""

from __future__ import annotations

import click

from .images import refused_as_said_here, said_of_still
from .options import OUTPUTS, PATH, network_options, quiet_option, say_warnings, set_option


@click.command()
@click.argument("prompt")
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="SHEET.png",
    help="Where the sheet goes. [default: outputs/dreams.png, dreams-2.png, …]",
)
@click.option(
    "-n",
    "--count",
    type=click.IntRange(1, 100),
    default=12,
    show_default=True,
    help="Dreams to draw, each of the next seed.",
)
@click.option("--style", default="", metavar="TEXT", help="Extra text, mixed in with settings.w2.")
@click.option(
    "--size",
    default="256x256",
    show_default=True,
    metavar="WxH",
    help="The film's size; its shape decides what is drawn.",
)
@click.option(
    "--seed", default="0", show_default=True, metavar="NUMBER|random", help="The first seed."
)
@click.option("--models", default="storybook", show_default=True, help="A named pair.")
@set_option
@network_options
@quiet_option
def dream(prompt, output, count, style, size, seed, models, overrides, quiet, **engine):
    """Draw dreams of PROMPT: a sheet with the seed under each.

    A film that says `dream: {seed: 9}` is drawn toward the one with seed 9, and one with `seed: 0`
    and `dream: {tries: 4}` toward the best of seeds 0 to 3.
    """
    from tqdm import tqdm

    from ..disk.files import free_path
    from ..engine.options import EngineOptions
    from ..materials import find_materials
    from ..output.stills import check_picture_place
    from ..previews import check_dreams, draw_dreams, dream_storyboard, storyboard_of

    with refused_as_said_here():
        board = dream_storyboard(prompt, style, size, seed, models, overrides)
    check_dreams(board, count)
    materials = find_materials(board)
    say_warnings(board, quiet, said_of_still)
    output = output or free_path(OUTPUTS / "dreams.png")
    check_picture_place(output)
    with tqdm(total=count, unit="dream", disable=quiet, dynamic_ncols=True) as bar:
        options = EngineOptions(**engine)
        best = draw_dreams(board, materials, count, output, options, lambda line: bar.update())
    if quiet:
        return
    click.echo(
        f"{output} written; seed {best.seed} shows the prompt best, to CLIP and the prior. A "
        f"storyboard that is drawn toward it:\n\n{storyboard_of(board, best.seed)}",
        nl=False,
    )
