"""`render`, and what is asked of a storyboard without rendering it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..catalogue.platforms import AS_OF, PLATFORMS
from ..errors import UsageError
from ..output.encoders import ENCODER_CHOICES
from .options import (
    PATH,
    checked,
    draft_option,
    engine_options,
    json_option,
    output_option,
    output_path,
    quiet_option,
    set_option,
    storyboard_argument,
)

if TYPE_CHECKING:
    from ..plan import Plan
    from ..show.displays import Display
    from ..show.live import LivePage
    from ..storyboard.schema import Storyboard
    from ..storyboard.timeline import Timeline


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
@draft_option
@click.option(
    "--live", is_flag=True, help="Watch it grow in a browser on this machine, with a stop button."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Of that page, which it asks for too. [default: a free one]",
)
@click.option(
    "--show", is_flag=True, help="Draw the newest frame in this terminal, twice a second at most."
)
@quiet_option
@json_option
def render(
    storyboard, output, overrides, encoder, fresh, draft, live, port, show, quiet, as_json, **engine
):
    """Render a storyboard to an MP4. A render that was stopped goes on where it was."""
    from ..materials import find_materials
    from ..signals import StopRequests

    board, _ = checked(storyboard, overrides, quiet, draft)
    film = output_path(storyboard, output, draft)
    display, page = make_display(quiet, as_json, show), None
    if live or port is not None:
        display, page = watched(display, film, port or 0)
        click.echo(f"watch it at {page.address}", err=True)

    def stopping() -> None:
        display.notice("stopping after this step; once more stops at once")

    with StopRequests(stopping) as requests:
        materials = find_materials(board)  # whatever is missing is said before torch is loaded
        from ..film import FilmOptions, make_film

        options = FilmOptions(**engine, encoder=encoder, fresh=fresh)
        told = {
            "display": display,
            "should_stop": lambda: requests.wanted or (page and page.stop_wanted),
        }
        try:
            result = make_film(board, film, options, **told, materials=materials)
        except KeyboardInterrupt:
            display.notice("run the same command again to go on from the last checkpoint")
            raise
        finally:
            display.close()
    sys.exit(130 if result.state == "stopped" else 0)


def watched(display: Display, film: Path, port: int) -> tuple[Display, LivePage]:
    """The display and a page for a browser, as one listener, and the page. Raises UsageError."""
    from ..output.rundir import RunDir
    from ..show.displays import Displays
    from ..show.live import LivePage

    run = RunDir(film)
    page = LivePage(run.folder.name, run.progress, port)
    return Displays([display, page]), page


def make_display(quiet: bool, as_json: bool, show: bool = False) -> Display:
    """The listener that suits the options and whether somebody is watching standard error."""
    from ..show.displays import Display, Displays
    from ..show.json_lines import JsonLines
    from ..show.terminal import terminal_display

    told = JsonLines() if as_json else Display() if quiet else terminal_display()
    if not show:
        return told
    from ..show.inline import InlineFrames

    return Displays([InlineFrames(), told])


@click.command()
@storyboard_argument
@output_option
@set_option
@click.option(
    "--guides",
    "--sketches",
    is_flag=True,
    help=(
        "Also what each scene is drawn toward: its dream, sketch or picture, in words. Loads CLIP "
        "for it."
    ),
)
@click.option(
    "--sheet",
    type=PATH,
    metavar="SHEET.png",
    help="The guides as pictures too, dreams drawn as `render` draws them; a few seconds for each.",
)
@click.option(
    "--tracks",
    type=PATH,
    metavar="SHEET.png",
    help="Also draw what moves as curves over the film, into this file.",
)
@click.option(
    "--camera",
    type=PATH,
    metavar="FILE.gif|.png",
    help="Also the camera's way over a checkerboard, without a model: moving, or as a sheet.",
)
@draft_option
@json_option
def plan(storyboard, output, overrides, guides, sheet, tracks, camera, draft, as_json):
    """Show what a storyboard will become, without rendering it."""
    from ..plan import make_plan
    from ..storyboard.timeline import Timeline

    board, outline = checked(storyboard, overrides, draft=draft)
    film = output_path(storyboard, output, draft)
    found = _guides(board, sheet) if guides or sheet else ()
    timeline = Timeline(board)
    planned = make_plan(timeline, outline, film, found)
    if tracks:
        draw_tracks(planned, tracks)
    if camera:
        draw_camera(timeline, camera)
    click.echo(json.dumps(planned.as_dict(), indent=2) if as_json else planned.as_text())


def draw_camera(timeline: Timeline, path: Path) -> None:
    """Writes a preview of a film's camera. Raises UsageError where it stands still."""
    if all(scene.camera.still for scene in timeline.storyboard.scenes):
        raise UsageError("the camera of this film stands still, so there is nothing to preview")
    from ..output.camera_preview import KINDS, preview_camera
    from ..output.stills import check_picture_place

    check_picture_place(path, "camera", KINDS)
    preview_camera(timeline, path)
    click.echo(f"{path} written", err=True)


def draw_tracks(planned: Plan, sheet: Path) -> None:
    """Writes the tracks of a plan as a sheet of curves. Raises UsageError where nothing moves."""
    if not planned.tracks:
        raise UsageError(f"{planned.storyboard}: nothing in it moves, so there are no curves")
    from ..output.curves import draw_curves
    from ..output.stills import check_picture_place, write_picture

    check_picture_place(sheet, "tracks")
    ends = [scene.start + scene.seconds for scene in planned.scenes]
    write_picture(draw_curves(planned.tracks, ends, planned.title), sheet)
    click.echo(f"{sheet} written", err=True)


def _guides(board: Storyboard, sheet: Path | None):
    """What each scene is drawn toward; their pictures go onto the sheet, where there is one."""
    from ..engine.options import EngineOptions
    from ..output.stills import check_picture_place
    from ..previews import choose_guides, draw_guides

    if not sheet:
        return choose_guides(board)
    check_picture_place(sheet, "sheet")
    found = draw_guides(board, sheet, EngineOptions(), lambda line: click.echo(line, err=True))
    click.echo(f"{sheet} written", err=True)
    return found


@click.command()
@click.argument("file", type=PATH, metavar="STORYBOARD|FILM")
@set_option
@click.option(
    "--for",
    "platforms",
    multiple=True,
    type=click.Choice(tuple(PLATFORMS)),
    help="Of a film: for which place. Repeatable.",
)
def check(file, overrides, platforms):
    """Check a storyboard: every mistake is listed with its line. Or a film: every rule of a
    platform, with what the film has; the exit status is 1 where one is broken.
    """
    from ..output.media_facts import is_film

    if file.is_file() and is_film(file):
        check_film(file, platforms)
    elif platforms:
        raise UsageError(f"{file}: --for is of films, and this is none")
    else:
        check_storyboard(file, overrides)


def check_film(film: Path, platforms: tuple[str, ...]) -> None:
    """Holds a film against platforms' rules. Raises UsageError."""
    from ..output.rules import findings

    if not platforms:
        names = ", ".join(PLATFORMS)
        raise UsageError(f"{film}: name the place that the film is for, with --for: {names}")
    broken = 0
    for name in platforms:
        found = findings(film, name)
        rules = [f"{film}: for {PLATFORMS[name].title}, as of {AS_OF}", *map(str, found)]
        click.echo("\n".join(rules))
        broken += sum(not finding.ok for finding in found)
    if broken:
        click.echo(f"{broken} broken; `vqclip-video deliver` makes a film that keeps all", err=True)
        sys.exit(1)


def check_storyboard(storyboard: Path, overrides: tuple[str, ...]) -> None:
    """Says that a storyboard is right, and what it becomes. Raises StoryboardError."""
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
