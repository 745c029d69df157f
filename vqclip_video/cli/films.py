"""`render`, and what is asked of a storyboard without rendering it."""

from __future__ import annotations

import json
import sys

import click

from ..errors import OutputError, UsageError
from ..output.encoders import ENCODER_CHOICES
from .options import (
    PATH,
    checked,
    engine_options,
    json_option,
    output_option,
    output_path,
    quiet_option,
    set_option,
    storyboard_argument,
)


@click.command()
@storyboard_argument
@output_option
@set_option
@engine_options
@click.option(
    "--encoder",
    type=click.Choice(ENCODER_CHOICES),
    default="auto",
    show_default=True,
    help=(
        "Which of ffmpeg's encoders; auto is libx264. One that does not work here is replaced, "
        "with a line."
    ),
)
@click.option(
    "--fresh", is_flag=True, help="Start over, removing what an earlier render of this film left."
)
@quiet_option
@json_option
def render(storyboard, output, overrides, encoder, fresh, quiet, as_json, **engine):
    """Render a storyboard to an MP4. A render that was stopped goes on where it was."""
    from ..materials import find_materials
    from ..signals import StopRequests

    board, _ = checked(storyboard, overrides, quiet)
    film = output_path(storyboard, output)
    display = make_display(quiet, as_json)

    def stopping() -> None:
        display.notice("stopping after this step; once more stops at once")

    with StopRequests(stopping) as requests:
        materials = find_materials(board)  # whatever is missing is said before torch is loaded
        from ..film import FilmOptions, make_film

        options = FilmOptions(**engine, encoder=encoder, fresh=fresh)
        told = {"display": display, "should_stop": lambda: requests.wanted}
        try:
            result = make_film(board, film, options, **told, materials=materials)
        except KeyboardInterrupt:
            display.notice("run the same command again to go on from the last checkpoint")
            raise
        finally:
            display.close()
    sys.exit(130 if result.state == "stopped" else 0)


def make_display(quiet: bool, as_json: bool):
    """The listener that suits the options and whether somebody is watching standard error."""
    from ..show.displays import Display
    from ..show.json_lines import JsonLines
    from ..show.terminal import terminal_display

    if as_json:
        return JsonLines()
    return Display() if quiet else terminal_display()


@click.command()
@storyboard_argument
@output_option
@set_option
@click.option(
    "--sketches",
    is_flag=True,
    help="Also which sketch each scene is drawn toward; loads CLIP for it.",
)
@click.option(
    "--tracks",
    type=PATH,
    metavar="SHEET.png",
    help="Also draw what moves as curves over the film, into this file.",
)
@json_option
def plan(storyboard, output, overrides, sketches, tracks, as_json):
    """Show what a storyboard will become, without rendering it."""
    from ..plan import choose_guides, make_plan
    from ..storyboard.timeline import Timeline

    board, outline = checked(storyboard, overrides)
    guides = choose_guides(board) if sketches else ()
    planned = make_plan(Timeline(board), outline, output_path(storyboard, output), guides)
    if tracks:
        draw_tracks(planned, tracks)
    click.echo(json.dumps(planned.as_dict(), indent=2) if as_json else planned.as_text())


def draw_tracks(planned, path):
    """Write the tracks of a plan as a sheet of curves."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"--tracks {path}: a sheet's name ends in .png")
    if not planned.tracks:
        raise UsageError(f"{planned.storyboard}: nothing in it moves, so there are no curves")
    from ..output.curves import draw_curves
    from ..output.stills import write_picture

    ends = [scene.start + scene.seconds for scene in planned.scenes]
    write_picture(draw_curves(planned.tracks, ends, planned.title), path)


@click.command()
@storyboard_argument
@set_option
def check(storyboard, overrides):
    """Check a storyboard; every mistake is listed with its line."""
    from ..plan import make_plan
    from ..storyboard.timeline import Timeline

    board, outline = checked(storyboard, overrides)
    planned = make_plan(Timeline(board), outline, output_path(storyboard, None))
    click.echo(planned.summary())


@click.command()
def schema():
    """Print the JSON Schema of storyboards, for editors."""
    from ..storyboard.json_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@click.command()
@click.argument("storyboard", type=PATH)
def new(storyboard):
    """Write a commented storyboard to start from."""
    from ..disk.files import atomic_write
    from ..storyboard.template import TEMPLATE

    if storyboard.exists():
        raise UsageError(f"{storyboard} is there already; choose another name or remove it first")
    if not storyboard.parent.is_dir():
        raise OutputError(f"{storyboard.parent} is no folder; create it first")
    atomic_write(storyboard, TEMPLATE)
    click.echo(
        f"{storyboard} written. Look what it will become, then render it:\n"
        f"  vqclip-video plan {storyboard}\n  vqclip-video render {storyboard}"
    )
