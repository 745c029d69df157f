"""`print`: one more film of a run, from its latents, without rendering."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import click

from ..catalogue.platforms import PLATFORMS
from ..engine.options import EngineOptions
from ..errors import UsageError
from ..storyboard.kinds import Kind, Refusal
from ..storyboard.numbers import Rate, Size, Time
from .options import PATH, network_options, quiet_option

LINES = 10.0  # seconds between two lines that say how far it is


@click.command(name="print")
@click.argument("film", type=PATH, metavar="RUN|FILM.mp4")
@click.option(
    "-o", "--output", type=PATH, required=True, metavar="FILE.mp4", help="The film to make."
)
@click.option("--fps", help="Frames a second; the pictures between are decoded. [default: its own]")
@click.option("--from", "start", metavar="TIME", help="Where in the film it begins.")
@click.option(
    "--to",
    "ends",
    multiple=True,
    metavar="TIME|PLACE",
    help="Where in the film it ends; or where it goes, as in `deliver`: a file for that beside it. "
    "Repeatable.",
)
@click.option(
    "--slow",
    type=click.FloatRange(0.01, 100),
    default=1.0,
    help="How many times as long it lasts; under 1 it is faster.",
)
@click.option("--loop", is_flag=True, help="Its end leads back to its beginning.")
@click.option("--pingpong", is_flag=True, help="It goes there and back.")
@click.option(
    "--best-loop", metavar="TIME", help="The liveliest part of this length that nearly closes."
)
@click.option("--pacing", type=click.Choice(("even", "steady")), help="Instead of the film's.")
@click.option("--size", metavar="WIDTHxHEIGHT", help="Other pixels, by Lanczos; cut where needed.")
@click.option(
    "--vqgan", "weights", type=PATH, help="Where the film's VQGAN lies now, if elsewhere."
)
@network_options
@quiet_option
def print_film(film, output, fps, start, ends, slow, loop, pingpong, best_loop, pacing, size,
               weights, device, precision, quiet):  # fmt: skip
    """Make another film of a finished run, without rendering: other rates, parts, paces, loops.

    RUN is the folder of one; its latents are kept where the storyboard does not say otherwise.
    """
    from ..printing.reprint import Wish, print_shot, reel_of
    from ..printing.shot import open_shot

    places = [end for end in ends if end in PLATFORMS]
    times = [end for end in ends if end not in PLATFORMS]
    _refuse_both(times, best_loop, start, loop, pingpong)
    shot = open_shot(film)
    own = shot.timeline.storyboard.fps
    _check_target(output, shot.run.film)
    rate = read_value("fps", Rate(least=1.0, most=240.0), fps, own)
    seconds = {
        name: read_value(name, Time(least=0.0, most=86400.0), text, own)
        for name, text in {
            "from": start,
            "to": (times or [None])[0],
            "best-loop": best_loop,
        }.items()
    }
    pixels = read_value("size", Size(least=16, most=8192), size, own)
    ways = True if loop else "pingpong" if pingpong else None
    wish = Wish(rate, seconds["from"], seconds["to"], slow, ways, seconds["best-loop"], pacing,
                _pixels(pixels))  # fmt: skip
    say = (lambda text: None) if quiet else (lambda text: click.echo(text, err=True))
    began = time.monotonic()
    with shot.vqgan(EngineOptions(device=device, precision=precision), weights) as vqgan:
        reel = reel_of(shot, wish, vqgan)
        if wish.best_loop is not None:
            say(f"the best loop begins at {float(reel.cut.start / own):.2f}s")
        finished = _deliveries(shot, places, output, say) if places else None
        print_shot(shot, wish, reel, output, say, _Told(say), finished)
    say(f"{output}: {reel.frames} frames in {time.monotonic() - began:.1f}s")


def read_value(name: str, kind: Kind, text: str | None, fps: Fraction):
    """A value as a storyboard at that rate would take it. Raises UsageError."""
    from ..storyboard.kinds import Place, Reading
    from ..storyboard.problems import Mark, Problems
    from ..storyboard.yaml_nodes import Scalar

    if text is None:
        return None
    place = Place(Reading(Path.cwd(), Problems(f"--{name}", {}), fps))
    try:
        return kind.read(Scalar(Mark(1, 1), text, plain=True), place)
    except Refusal as refusal:
        raise UsageError(f"--{name} {text}: {refusal}") from None


class _Told:
    """Says now and then how far it is."""

    def __init__(self, say):
        self._say, self._said = say, time.monotonic()

    def __call__(self, done: int, frames: int) -> None:
        if time.monotonic() - self._said >= LINES:
            self._said = time.monotonic()
            self._say(f"printing frame {done}/{frames}")


def _refuse_both(times, best_loop, start, loop, pingpong) -> None:
    if len(times) > 1:
        raise UsageError(f"--to {times[0]} and --to {times[1]}: a film ends once")
    if best_loop and (start or times or pingpong):
        raise UsageError("--best-loop finds where it begins and ends; leave out the others")
    if loop and pingpong:
        raise UsageError("--loop and --pingpong: choose one of them")


def _check_target(output: Path, film: Path) -> None:
    if output.suffix.lower() != ".mp4":
        raise UsageError(f"-o {output}: a film's name ends in .mp4")
    if output.absolute() == film.absolute():
        raise UsageError(f"{output} is the film itself; choose another output")


def _pixels(size):
    from ..storyboard.sizes import named_size

    return named_size(size, own_scale=False) if isinstance(size, str) else size


def _deliveries(shot, places, output, say):
    """What makes the files for places of a print's lossless pictures."""
    from .. import deliveries
    from ..printing.reprint import label_of_shot
    from ..storyboard.schema import Order

    def make(lossless: Path) -> None:
        shown = deliveries.Shown(deliveries.read_source(lossless), label_of_shot(shot))
        for name in dict.fromkeys(places):
            target = output.with_name(deliveries.delivery_path(output, name).name)
            deliveries.deliver_one(shown, Order(name), target, say)

    return make
