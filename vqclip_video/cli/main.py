"""The command line.

Nothing heavy is imported until a command needs it: --help, plan and check answer at once.
"""

from __future__ import annotations

import sys

import click

from .._version import __version__
from ..errors import VqclipError
from ..show.flags import in_flags
from . import (
    bench,
    deliver,
    doctor,
    dreams,
    farm,
    films,
    images,
    keep,
    models,
    new,
    prints,
    sign,
    sketchbook,
    train,
)


class Commands(click.Group):
    """A group whose errors are one message and an exit status, never a traceback."""

    def invoke(self, ctx: click.Context):
        # A pipe on Windows knows few letters; none of them is worth a traceback.
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except VqclipError as error:
            say_error(in_flags(str(error)))
            ctx.exit(error.exit_code)
        except OSError as error:
            if isinstance(error, BrokenPipeError):  # click ends quietly when nobody reads
                raise
            place = f"{error.filename}: " if error.filename else ""
            reason = error.strerror or error
            say_error(f"{place}{reason}; check that the file and the current folder are there")
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            ctx.exit(130)


def say_error(text: str) -> None:
    """An error, as every command says one."""
    click.echo(click.style("error: ", fg="red", bold=True, reset=True) + text, err=True)


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="vqclip-video")
def main():
    """Films of a picture morphing through timed prompts, optimised with CLIP and VQGAN.

    Start with `vqclip-video new story.yaml`, then `vqclip-video render story.yaml`.
    """


for command in (
    films.render, films.plan, films.check, films.schema, new.new, deliver.deliver,
    keep.vary, keep.recover, sign.sign,
    prints.print_film,
    images.image, dreams.dream, bench.bench,
    models.models, sketchbook.sketchbook, farm.farm, train.train, doctor.doctor,
):  # fmt: skip
    main.add_command(command)
