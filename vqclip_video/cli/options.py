"""Options that several commands share, and what every command does with a storyboard first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..engine.options import EngineOptions
from ..errors import UsageError
from ..show.flags import in_flags

if TYPE_CHECKING:
    from ..outline import Outline
    from ..storyboard.problems import Problem
    from ..storyboard.schema import Storyboard

OUTPUTS = Path("outputs")
PATH = click.Path(path_type=Path)


def engine_options(command: Callable) -> Callable:
    """An option for each field of `EngineOptions`, with its help."""
    return _options_of(command, dataclasses.fields(EngineOptions))


def network_options(command: Callable) -> Callable:
    """Those of them that matter where nothing is optimised."""
    fields = dataclasses.fields(EngineOptions)
    return _options_of(command, [each for each in fields if each.name in ("device", "precision")])


def _options_of(command: Callable, fields: Sequence[dataclasses.Field]) -> Callable:
    for each in reversed(fields):
        choices = each.metadata["choices"]
        command = click.option(
            f"--{each.name}",
            type=click.Choice(choices) if choices else str,
            default=each.default,
            show_default=True,
            help=each.metadata["help"],
        )(command)
    return command


storyboard_argument = click.argument("storyboard", type=PATH)
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
    type=PATH,
    metavar="FILM.mp4",
    help=(
        "Where the film goes; the run folder beside it has the same name. "
        "[default: outputs/NAME.mp4]"
    ),
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="JSON on standard output, for machines."
)
draft_option = click.option(
    "--draft",
    is_flag=True,
    help=(
        "The same scenes at the same seconds in an eighth of the work or less: smaller, in fewer "
        "iterations. [default output: outputs/NAME.draft.mp4]"
    ),
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Nothing but errors.")


def checked(
    path: Path, overrides: tuple[str, ...], quiet: bool = False, draft: bool = False
) -> tuple[Storyboard, Outline]:
    """The storyboard at `path`, or its draft, and the outline of its models; what may not be meant
    is pointed out.
    """
    from ..outline import outline
    from ..storyboard import reader
    from ..storyboard.draft import drafted

    storyboard = reader.read(path, overrides)
    found = outline(storyboard)
    say_warnings(storyboard, quiet)
    return drafted(storyboard, found.factor) if draft else storyboard, found


def say_warnings(
    storyboard: Storyboard, quiet: bool, in_words: Callable[[Problem], str] = str
) -> None:
    """Point out what may not mean what its writer thinks; `in_words` says each."""
    from ..remarks import warnings

    for warning in [] if quiet else warnings(storyboard):
        click.echo(
            click.style("warning: ", fg="yellow", bold=True) + in_flags(in_words(warning)), err=True
        )


def output_path(storyboard: Path, output: Path | None, draft: bool = False) -> Path:
    """Where the film goes: as said, or outputs/NAME.mp4 in the current folder; a draft beside the
    film, as NAME.draft.mp4.
    """
    from ..text import safe_name

    if output is None:
        return OUTPUTS / f"{safe_name(storyboard.stem)}{'.draft' if draft else ''}.mp4"
    if output.suffix.lower() != ".mp4":
        raise UsageError(f"-o {output}: a film's name ends in .mp4")
    return output
