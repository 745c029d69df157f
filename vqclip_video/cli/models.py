"""`models …`: which there are, which are here, and how to get the others."""

from __future__ import annotations

import json

import click

from ..errors import VqclipError
from .options import json_option


@click.group()
def models():
    """The CLIP and VQGAN files: which are here, and how to get the others."""


@models.command("list")
@json_option
def list_models(as_json):
    """List the models known by name."""
    from ..catalogue.known import MODELS, PAIRS
    from ..catalogue.store import describe

    rows = [describe(model) for model in MODELS.values()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        present = row["status"] == "present"
        here = click.style("here   ", fg="green") if present else f"{row['status']:<7}"
        click.echo(
            f"{here} {row['name']:<26} {row['kind']:<10} {row['size']:>8}  {row['licence']}\n"
            f"        {row['summary']}; {row['source']}"
        )
    pairs = ", ".join(f"{name} = {pair.clip} + {pair.vqgan}" for name, pair in PAIRS.items())
    click.echo(f"\npairs: {pairs}")


@models.command()
@click.argument("name")
def fetch(name):
    """Download a model, or both of a pair, and verify it."""
    from tqdm import tqdm

    from ..catalogue import fetch as fetching
    from ..catalogue.names import members

    for model in members(name):
        with tqdm(
            desc=model.name, unit="B", unit_scale=True, unit_divisor=1024, dynamic_ncols=True
        ) as bar:

            def show(done: int, total: int | None, bar=bar) -> None:
                bar.total = total
                bar.update(done - bar.n)

            paths = fetching.fetch(model, on_progress=show)
        for path in paths:
            click.echo(path)


@models.command()
@click.argument("names", nargs=-1)
def verify(names):
    """Compare the files that are here with their sha256."""
    from ..catalogue import store
    from ..catalogue.names import members

    wanted = [model for name in names for model in members(name)] or store.present()
    damaged = False
    for model in wanted:
        for result in store.verify(model):
            damaged |= not result.ok
            click.echo(f"{'ok ' if result.ok else 'BAD'} {result.detail}")
    if damaged:
        raise VqclipError("a file is not what it should be; remove it and fetch it again")


@models.command()
@click.argument("name", required=False)
def where(name):
    """Print where models are stored, or the files of one."""
    from ..catalogue import store
    from ..catalogue.names import members

    if name is None:
        click.echo(store.models_dir())
        return
    for model in members(name):
        for path in store.paths_of(model):
            click.echo(path)
