"""`recover`: a storyboard back from what a render left."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import VqclipError
from ..show.flags import in_flags
from .options import PATH, quiet_option

OF_THE_RUN = ("poster.png", "contact_sheet.jpg", "report.html")  # called alike in every folder


@click.command()
@click.argument("file", type=PATH, metavar="FILM.mp4|poster.png|report.html")
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="STORY.yaml",
    help="Where the storyboard goes. [default: NAME.yaml in the current folder]",
)
@quiet_option
def recover(file, output, quiet):
    """Get the storyboard back from a film, a delivery, a still or a report.

    It renders the same film, on the same kind of CPU bit for bit. Pictures and models of your own
    that it names are asked for by their sha256: put them beside it, by the names that it says.
    """
    from ..recover import asked_for, recover

    home = file.absolute().parent
    output = output or Path(f"{home.name if file.name in OF_THE_RUN else file.stem}.yaml")
    found = recover(file, output)
    if quiet:
        return
    click.echo(f"{output} written, as {found.origin.program} rendered it", err=True)
    command = found.origin.command(output)
    if found.lacking:
        click.echo("it names files that are not here; put them there first:", err=True)
        for each in found.lacking:
            click.echo(f"  {output.parent / each.name}: {asked_for(each)}", err=True)
        click.echo(f"then render it:\n  {command}", err=True)
    else:
        click.echo(f"{what_comes_of_it(found)}:\n  {command}", err=True)


def what_comes_of_it(found) -> str:
    """How near this machine comes to the film, in words."""
    from ..recover import same_film

    try:
        differences = same_film(found)
    except VqclipError as error:
        return in_flags(f"it cannot be rendered here yet: {error}\nthen")
    if differences:
        return "\n  ".join(["a film like it, not the same to the last bit:", *differences, "by"])
    return "the same film again, bit for bit"
