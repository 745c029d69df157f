"""The command line.

Nothing heavy is imported until a command needs it: --help, plan and check answer at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._version import __version__
from ..errors import OutputError, UsageError, VqclipError
from ..output.ffmpeg import ENCODER_CHOICES
from .sketchbook import sketchbook
from .train import train

if TYPE_CHECKING:
    from ..storyboard.problems import Problem

OUTPUTS = Path("outputs")


class Commands(click.Group):
    """A group whose errors are one message and an exit status, never a traceback."""

    def invoke(self, ctx: click.Context):
        for stream in (sys.stdout, sys.stderr):
            if hasattr(
                stream, "reconfigure"
            ):  # a pipe on Windows knows few letters; none of them is worth a traceback
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except VqclipError as error:
            self._say(str(error))
            ctx.exit(error.exit_code)
        except OSError as error:
            if isinstance(error, BrokenPipeError):  # click ends quietly when nobody reads
                raise
            place = f"{error.filename}: " if error.filename else ""
            self._say(
                f"{place}{error.strerror or error}; check that the file and the current folder are "
                "there"
            )
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            ctx.exit(130)

    @staticmethod
    def _say(text: str) -> None:
        click.echo(click.style("error: ", fg="red", bold=True, reset=True) + text, err=True)


def options(*decorators):
    """Several click options as one decorator, listed in the order given."""

    def decorate(function):
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


storyboard_argument = click.argument("storyboard", type=click.Path(path_type=Path))
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help=(
        "Replace a value of the storyboard: settings.learning_rate=0.2, scenes[0].prompt='a cat'. "
        "Repeatable."
    ),
)
output_option = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILM.mp4",
    help=(
        "Where the film goes; the run folder beside it has the same name. [default: "
        "outputs/NAME.mp4]"
    ),
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="JSON on standard output, for machines."
)
engine_options = options(
    click.option(
        "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
        default="auto",
        show_default=True,
        help="Number format of the networks.",
    ),
    click.option(
        "--memory",
        type=click.Choice(["auto", "low", "high"]),
        default="auto",
        show_default=True,
        help=(
            "low recomputes the decoder's activations instead of keeping them, and shows CLIP few "
            "cutouts at a time."
        ),
    ),
    click.option(
        "--compile",
        type=click.Choice(["auto", "on", "off"]),
        default="auto",
        show_default=True,
        help=(
            "Whether torch compiles the networks first; auto: on CUDA, for films long enough to win"
            " the time back."
        ),
    ),
)


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="vqclip-video")
def main():
    """Films of a picture morphing through timed prompts, optimised with CLIP and VQGAN.

    Start with `vqclip-video new story.yaml`, then `vqclip-video render story.yaml`.
    """


@main.command()
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
        "Which of ffmpeg's encoders; auto is libx264. One that does not work here is replaced, with"
        " a line."
    ),
)
@click.option(
    "--fresh", is_flag=True, help="Start over, removing what an earlier render of this film left."
)
@click.option("-q", "--quiet", is_flag=True, help="Nothing but errors.")
@json_option
def render(
    storyboard,
    output,
    overrides,
    device,
    precision,
    memory,
    compile,
    encoder,
    fresh,
    quiet,
    as_json,
):
    """Render a storyboard to an MP4. A render that was stopped goes on where it was."""
    from ..catalogue import registry
    from ..show.terminal import make_display
    from ..signals import StopRequests

    board, film = checked(storyboard, overrides, quiet), output_path(storyboard, output)
    display = make_display(board, quiet, as_json)
    with StopRequests(
        lambda: display.notice("stopping after this step; once more stops at once")
    ) as requests:
        registry.resolve(board.models)  # whatever is missing is said before torch is loaded
        from ..film import FilmOptions, make_film

        options = FilmOptions(device, precision, memory, compile, encoder, fresh)
        try:
            result = make_film(board, film, options, display, lambda: requests.wanted)
        except KeyboardInterrupt:
            display.notice("run the same command again to go on from the last checkpoint")
            raise
        finally:
            display.close()
    sys.exit(130 if result.state == "stopped" else 0)


@main.command()
@storyboard_argument
@output_option
@set_option
@click.option(
    "--sketches",
    is_flag=True,
    help="Also which sketch each scene is drawn toward; loads CLIP for it.",
)
@json_option
def plan(storyboard, output, overrides, sketches, as_json):
    """Show what a storyboard will become, without rendering it."""
    from ..plan import choose_guides, make_plan

    board = checked(storyboard, overrides)
    guides = choose_guides(board) if sketches else ()
    planned = make_plan(board, output_path(storyboard, output), guides)
    click.echo(json.dumps(planned.as_dict(), indent=2) if as_json else planned.as_text())


@main.command()
@storyboard_argument
@set_option
def check(storyboard, overrides):
    """Check a storyboard; every mistake is listed with its line."""
    from ..plan import make_plan

    planned = make_plan(checked(storyboard, overrides), output_path(storyboard, None))
    click.echo(planned.summary())


@main.command()
def schema():
    """Print the JSON Schema of storyboards, for editors."""
    from ..storyboard.json_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@main.command()
@click.argument("storyboard", type=click.Path(path_type=Path))
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
        f"{storyboard} written. Look what it will become, then render it:\n  "
        f"vqclip-video plan {storyboard}\n  vqclip-video render {storyboard}"
    )


@main.command()
@click.argument("prompt")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PICTURE.png",
    help=(
        "Where the picture goes; its latent lies beside it. [default: outputs/image.png, "
        "image-2.png, …]"
    ),
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="TEXT",
    help="What the picture should not be like. Repeatable.",
)
@click.option("--style", default="", metavar="TEXT", help="Extra text, mixed in with settings.w2.")
@click.option("--iterations", default=200, show_default=True, help="Optimiser steps.")
@click.option("--size", default="256x256", show_default=True, metavar="WxH")
@click.option("--seed", default="0", show_default=True, metavar="NUMBER|random")
@click.option("--models", default="storybook", show_default=True, help="A named pair.")
@click.option(
    "--every", type=click.IntRange(min=1), metavar="N", help="Also save every N-th picture."
)
@set_option
@engine_options
@click.option("-q", "--quiet", is_flag=True, help="Nothing but errors.")
def image(
    prompt,
    output,
    exclude,
    style,
    iterations,
    size,
    seed,
    models,
    every,
    overrides,
    quiet,
    **engine,
):
    """Optimise one still picture for PROMPT, and save it with its latent."""
    from ..catalogue import registry
    from ..disk.files import free_path
    from ..still import make_still, said_of_still, still_storyboard

    board = still_storyboard(prompt, exclude, style, iterations, size, seed, models, overrides)
    registry.resolve(board.models)
    say_warnings(board, quiet, said_of_still)
    make_still(
        board, output or free_path(OUTPUTS / "image.png", ".safetensors"), every, quiet, **engine
    )


@main.command()
@click.argument("case", default="storybook", metavar="[storybook|256|512|STORY.yaml]")
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
    """Measure how fast the engine is here: the storybook setting, 256, 512 or a storyboard of your
    own.

    256 and 512 are the imagenet VQGAN and CLIP ViT-B/32 with 32 cutouts; random weights stand in
    for missing files.
    """
    from ..bench.run import run_bench

    result, text = run_bench(case, engine, against == "reference", until, repeats)
    click.echo(json.dumps(result, indent=2) if as_json else text)


@main.group()
def models():
    """The CLIP and VQGAN files: which are here, and how to get the others."""


@models.command("list")
@json_option
def list_models(as_json):
    """List the models known by name."""
    from ..catalogue import registry

    rows = [registry.describe(model) for model in registry.MODELS.values()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        here = (
            click.style("here   ", fg="green")
            if row["status"] == "present"
            else f"{row['status']:<7}"
        )
        click.echo(
            f"{here} {row['name']:<26} {row['kind']:<10} {row['size']:>8}  {row['licence']}\n"
            f"        {row['summary']}; {row['source']}"
        )
    pairs = ", ".join(
        f"{name} = {pair.clip} + {pair.vqgan}" for name, pair in registry.PAIRS.items()
    )
    click.echo(f"\npairs: {pairs}")


@models.command()
@click.argument("name")
def fetch(name):
    """Download a model, or both of a pair, and verify it."""
    from tqdm import tqdm

    from ..catalogue import fetch as fetching
    from ..catalogue import registry

    for model in registry.members(name):
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
    from ..catalogue import registry

    wanted = [model for name in names for model in registry.members(name)] or registry.present()
    damaged = False
    for model in wanted:
        for result in registry.verify(model):
            damaged |= not result.ok
            click.echo(f"{'ok ' if result.ok else 'BAD'} {result.detail}")
    if damaged:
        raise VqclipError("a file is not what it should be; remove it and fetch it again")


@models.command()
@click.argument("name", required=False)
def where(name):
    """Print where models are stored, or the files of one."""
    from ..catalogue import registry

    if name is None:
        click.echo(registry.models_dir())
        return
    for model in registry.members(name):
        for path in registry.paths_of(model):
            click.echo(path)


main.add_command(sketchbook)
main.add_command(train)


@main.command()
@json_option
def doctor(as_json):
    """Check whether rendering can work here, and what to do where not."""
    from ..doctor import run_checks

    checks = list(run_checks(OUTPUTS))
    if as_json:
        click.echo(json.dumps([vars(check) for check in checks], indent=2))
    else:
        for check in checks:
            mark = (
                click.style("ok ", fg="green")
                if check.ok
                else click.style("BAD", fg="red", bold=True)
            )
            click.echo(
                f"{mark} {check.name:<12} {check.detail}"
                + ("" if check.ok else f"\n    {check.remedy}")
            )
    sys.exit(0 if all(check.ok for check in checks if check.needed) else 1)


def checked(path: Path, overrides: tuple[str, ...], quiet: bool = False):
    """The storyboard at `path`, with its model names known; what may not be meant is pointed
    out.
    """
    from ..catalogue import registry
    from ..storyboard import reader

    storyboard = reader.read(path, overrides)
    registry.check_names(storyboard)
    say_warnings(storyboard, quiet)
    return storyboard


def say_warnings(storyboard, quiet: bool, place: Callable[[Problem], str] = str) -> None:
    """Point out what may not mean what its writer thinks; `place` puts a warning into words."""
    from ..plan import warnings

    for warning in [] if quiet else warnings(storyboard):
        click.echo(click.style("warning: ", fg="yellow", bold=True) + place(warning), err=True)


def output_path(storyboard: Path, output: Path | None) -> Path:
    """Where the film goes: as said, or outputs/NAME.mp4 in the current folder."""
    from ..text import safe_name

    if output is None:
        return OUTPUTS / f"{safe_name(storyboard.stem)}.mp4"
    if output.suffix.lower() != ".mp4":
        raise UsageError(f"-o {output}: a film's name ends in .mp4")
    return output
