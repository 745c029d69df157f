"""`deliver`: files for the places where films are shown, of a film that is there."""

from __future__ import annotations

from pathlib import Path

import click

from ..catalogue.platforms import CAPTION_WAYS, FITS, PLATFORMS
from ..errors import UsageError
from .options import PATH, quiet_option


@click.command()
@click.argument("film", type=PATH, metavar="RUN|FILM.mp4")
@click.option(
    "--to",
    "names",
    multiple=True,
    required=True,
    type=click.Choice(tuple(PLATFORMS)),
    help="Where it goes. Repeatable.",
)
@click.option(
    "-o",
    "--output",
    type=PATH,
    help=(
        "The file to make, or the folder for several. [default: in the folder of the run, or "
        "beside a film that has none, as NAME.reel.mp4]"
    ),
)
@click.option(
    "--fit", type=click.Choice(FITS), help="What becomes of another shape. [default: crop]"
)
@click.option(
    "--max-mb",
    type=click.FloatRange(min=0, min_open=True),
    help="Most megabytes, instead of the platform's own.",
)
@click.option(
    "--captions",
    type=click.Choice(CAPTION_WAYS),
    help="How captions are shown. [default: where the storyboard asks, the platform's own way]",
)
@click.option(
    "--guides", is_flag=True, help="Also a PNG of one frame with the zones that stay visible."
)
@quiet_option
def deliver(film, names, output, fit, max_mb, captions, guides, quiet):
    """Make the files that platforms take, of a finished film: RUN is the folder of one."""
    from .. import deliveries
    from ..storyboard.schema import Order

    film = deliveries.film_at(film)
    with deliveries.run_held(film):
        shown = deliveries.read_shown(film)
        say = (lambda text: None) if quiet else (lambda text: click.echo(text, err=True))
        if not shown.label.source:
            say(f"{film} does not say whether it was generated; neither will what is made of it")
        for name in dict.fromkeys(names):
            order = deliveries.order_with(Order(name), fit=fit, max_mb=max_mb, captions=captions)
            target = target_of(deliveries.delivery_path(film, name), output, len(set(names)))
            if target.absolute() == film.absolute():
                raise UsageError(f"{target} is the film itself; choose another output")
            deliveries.deliver_one(shown, order, target, say)
            if guides:
                deliveries.deliver_guides(shown, order, target, say)


def target_of(usual: Path, output: Path | None, count: int) -> Path:
    """Where a delivery goes. Raises UsageError for a file's name that does not suit."""
    if output is None:
        return usual
    if output.is_dir() or count > 1:
        return output / usual.name
    if output.suffix.lower() != usual.suffix:
        raise UsageError(f"-o {output}: the name of such a file ends in {usual.suffix}")
    return output
