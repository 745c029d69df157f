"""`bench`: how fast the engine is here."""

from __future__ import annotations

import json

import click

from .options import engine_options, json_option


@click.command()
@click.argument("case", default="storybook", metavar="[storybook|256|512|1080x1920|STORY.yaml]")
@click.option(
    "--against", type=click.Choice(["reference"]), help="Time the usual recipe too, in turns."
)
@click.option(
    "--until",
    type=click.FloatRange(0, 1),
    metavar="SIMILARITY",
    help=(
        "Time to quality instead: how long until the smoothed similarity of the picture to its "
        "prompt is there."
    ),
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="Rounds; the median counts.",
)
@engine_options
@json_option
def bench(case, against, until, repeats, as_json, **engine):
    """Measure how fast the engine is here: the storybook setting, 256, 512, 1080x1920 or a
    storyboard of your own.

    The sizes are the imagenet VQGAN and CLIP ViT-B/32 with 32 cutouts; random weights stand in for
    missing files.
    """
    from ..bench.run import run_bench
    from ..engine.options import EngineOptions

    options = EngineOptions(**engine)
    result, text = run_bench(case, options, against == "reference", until, repeats)
    click.echo(json.dumps(result, indent=2) if as_json else text)
