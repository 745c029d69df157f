"""`farm`: many films over many machines."""

from __future__ import annotations

import json
import sys
import time

import click

from ..errors import UsageError
from ..output.encoders import ENCODER_CHOICES
from ..show.flags import in_flags
from ..text import clock
from .options import OUTPUTS, PATH, engine_options, json_option, quiet_option

DEFAULT = str(OUTPUTS / "farm")
storyboards = click.argument(
    "storyboards", nargs=-1, required=True, type=PATH, metavar="STORY.yaml…"
)
store_option = click.option(
    "-o",
    "--output",
    default=DEFAULT,
    show_default=True,
    metavar="FOLDER|URL",
    help="Where the films go: a folder that all machines share, or a URL such as s3://bucket/films.",
)
seeds_option = click.option(
    "--seeds", metavar="1-12", help="A film for each of these seeds: 1-12, or 3,7,9."
)
settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=A,B",
    help=(
        "A film for each of these values, in every combination; one value alone holds for all. "
        "Repeatable."
    ),
)


@click.group()
def farm():
    """Many films over many machines, on Ray: every storyboard with every seed and every value.

    Needs pip install 'vqclip-video[farm]'.
    """


@farm.command()
@storyboards
@store_option
@seeds_option
@settings_option
@click.option(
    "--address",
    default="auto",
    show_default=True,
    help="auto: the cluster that runs here, else this machine alone; local; or ray://HOST:10001.",
)
@click.option(
    "--gpus-per-film",
    type=click.FloatRange(min=0),
    help="A share of a GPU for each film, such as 0.5. [default: 1 where there are GPUs]",
)
@click.option(
    "--cpus-per-film",
    type=click.FloatRange(min=0.1),
    default=2,
    show_default=True,
    help="Processor cores for each film, which is also how many threads it computes with.",
)
@click.option(
    "--split",
    type=click.Choice(("off", "cuts")),
    default="off",
    show_default=True,
    help="cuts: what lies between a film's cuts is rendered apart, and put together.",
)
@engine_options
@click.option("--encoder", type=click.Choice(ENCODER_CHOICES), default="auto", show_default=True)
@click.option("--fresh", is_flag=True, help="Start over, finished films included.")
@quiet_option
@json_option
def render(storyboards, output, seeds, settings, address, gpus_per_film, cpus_per_film, split,
           encoder, fresh, quiet, as_json, **engine):  # fmt: skip
    """Render all films. Ctrl-C stops, resumably; the same command goes on, and renders nothing
    twice.
    """
    from ..engine.options import EngineOptions
    from ..farm.cluster import RayCrew, Share
    from ..farm.foreman import Foreman, Listener
    from ..farm.orders import WorkerOptions
    from ..farm.store import open_store
    from ..farm.summary import PAGE, write_summary
    from ..farm.table import totals
    from ..signals import StopRequests

    jobs = _jobs(storyboards, seeds, settings, quiet)
    store = open_store(output)
    options = WorkerOptions(
        str(store), EngineOptions(**engine), encoder, max(1, int(cpus_per_film))
    )
    listener = Listener() if quiet else _listener(as_json)
    with RayCrew(address, Share(cpus_per_film, gpus_per_film), options) as crew:
        foreman = Foreman(jobs, store, crew, listener, split == "cuts")
        if fresh:
            foreman.forget()
        say = "stopping: every film is saved after its step; once more stops at once"
        with StopRequests(lambda: click.echo(say, err=True)) as requests:
            foreman.run(lambda: requests.wanted)
    write_summary(store, jobs)
    if not quiet:
        said = totals([job.row() for job in jobs], None)
        click.echo(f"{said}; {store}/{PAGE} shows them", err=True)
    sys.exit(foreman.exit_code)


def _jobs(storyboards, seeds, settings, quiet: bool = True):
    from ..farm.jobs import jobs_of
    from ..storyboard.variants import seeds_in
    from .options import say_warnings

    jobs = jobs_of(storyboards, seeds_in(seeds) if seeds else (), settings)
    warned = {job.source: job.storyboard for job in reversed(jobs) if job.storyboard}
    for storyboard in reversed(warned.values()):
        say_warnings(storyboard, quiet)
    return jobs


def _listener(as_json: bool):
    from ..farm.table import FarmEvents, FarmLines, FarmTable

    if as_json:
        return FarmEvents()
    return FarmTable() if sys.stderr.isatty() else FarmLines()


@farm.command()
@storyboards
@seeds_option
@settings_option
@click.option("--cards", type=click.IntRange(1), default=1, show_default=True, help="GPUs.")
@click.option(
    "--films-per-card", type=click.IntRange(1), default=1, show_default=True, help="At a time."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Of an iteration on such a card. [default: what renders here have shown]",
)
@click.option("--price", type=click.FloatRange(min=0), help="Of a card for an hour.")
@json_option
def plan(storyboards, seeds, settings, cards, films_per_card, seconds, price, as_json):
    """Show what films will take on so many cards: hours, card-hours, cost and disk."""
    from ..farm.forecast import forecast

    jobs = _jobs(storyboards, seeds, settings)
    boards = [job.storyboard for job in jobs if job.storyboard]
    found = forecast(boards, cards, films_per_card, seconds, price)
    refused = [job.message for job in jobs if not job.storyboard]
    if refused:
        click.echo("\n".join(refused), err=True)
    click.echo(json.dumps(found.as_dict()) if as_json else in_flags(found.as_text()))
    sys.exit(2 if refused else 0)


@farm.command()
@store_option
@json_option
def status(output, as_json):
    """Show how a farm goes, or went, from any machine that reaches its films."""
    from ..farm.ledger import Ledger
    from ..farm.store import open_store
    from ..farm.table import table_text, totals

    told = Ledger(open_store(output)).told()
    if not told:
        raise UsageError(f"{output}: no farm has been here")
    if as_json:
        click.echo(json.dumps(told))
        return
    ago = clock(max(0.0, time.time() - told["at"]))
    click.echo("\n".join(table_text(told["jobs"])))
    for row in told["jobs"]:
        if message := row.get("message"):
            click.echo(f"{row['job']}: {message}")
    ended = "it ended" if told["ended"] else "told"
    click.echo(f"{totals(told['jobs'], None)}; {ended} {ago} ago")


@farm.command()
@click.argument("job")
@store_option
def logs(job, output):
    """Print what was said while a film was rendered, and why it failed."""
    from ..farm.ledger import Ledger
    from ..farm.store import open_store
    from ..text import did_you_mean

    ledger = Ledger(open_store(output))
    found = ledger.logs(job)
    if not found:
        near = did_you_mean(job, sorted(ledger.taken()))
        raise UsageError(f"{output}: nothing was said of a job {job!r}{near}")
    for title, text in found:
        click.echo(f"== {title}\n{text}", nl=False)


@farm.command()
@store_option
def stop(output):
    """Have the farm at work there stop, resumably, from any machine that reaches its films."""
    from ..farm.ledger import Ledger
    from ..farm.store import open_store

    ledger = Ledger(open_store(output))
    told = ledger.told()
    if not told or told["ended"]:
        raise UsageError(f"{output}: no farm is at work there")
    ledger.ask_to_stop()
    click.echo("asked to stop: every film is saved after its step", err=True)
