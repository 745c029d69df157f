"""`vary`: drafts to choose from; `recover`: a storyboard back from what a render left."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..errors import VqclipError
from ..show.flags import in_flags
from .options import OUTPUTS, PATH, engine_options, quiet_option, storyboard_argument

OF_THE_RUN = ("poster.png", "contact_sheet.jpg", "report.html")  # called alike in every folder


@click.command()
@storyboard_argument
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    metavar="N",
    help="How many seeds, from the storyboard's own on. [default: 12; 1 where --set varies]",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE[,VALUE…]",
    help=(
        "Values to try, each with each: settings.learning_rate=0.05,0.1. Commas in quotes and "
        "brackets part nothing; one value alone is for all drafts. Repeatable."
    ),
)
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="SHEET.png",
    help="Where the sheet goes; the drafts lie in the folder of its name. "
    "[default: outputs/NAME.vary.png]",
)
@engine_options
@click.option("--fresh", is_flag=True, help="Make drafts anew that are there already.")
@quiet_option
def vary(storyboard, seeds, overrides, output, fresh, quiet, **engine):
    """Drafts of a storyboard with other seeds or values, on one sheet, with the command under
    each that renders it in full. One that was stopped goes on where it was.
    """
    from ..output.stills import check_picture_place
    from ..signals import StopRequests
    from ..text import safe_name
    from ..vary import candidates, make_drafts, save_drafts

    say = (lambda text: None) if quiet else (lambda text: click.echo(text, err=True))
    found = candidates(storyboard, overrides, seeds)
    sheet = output or OUTPUTS / f"{safe_name(storyboard.stem)}.vary.png"
    check_picture_place(sheet)
    drafts = []
    with StopRequests(lambda: say("stopping after this step; once more stops at once")) as requests:
        from ..film import FilmOptions

        options, stopping = FilmOptions(**engine, fresh=fresh), lambda: requests.wanted
        for draft in make_drafts(found, sheet.with_suffix(""), options, stopping):
            drafts.append(draft)
            about = f"similarity {draft.likeness:.3f}"
            say(f"{len(drafts)} of {len(found)}: {draft.candidate.words}, {about}")
    if len(drafts) < len(found):
        say("run the same command again to go on from there")
        sys.exit(130)
    for draft in save_drafts(drafts, storyboard, sheet):
        if not quiet:
            click.echo(f"{draft.likeness:.3f}  {draft.candidate.command(storyboard)}")
    say(f"{sheet} written")


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
