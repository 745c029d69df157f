"""How a film ends, checked once its scenes are known: what is held, and a loop's way home."""

from __future__ import annotations

from dataclasses import replace

from .numbers import plain_number
from .problems import Problems
from .schema import Storyboard, Transition
from .sections import Given, built
from .timeline import held, in_frames, scene_seconds, spans


def check_holds(film: Storyboard, problems: Problems) -> None:
    """Has every scene a frame in which it moves, and a loop no end to hold."""
    last = len(film.scenes) - 1
    for index, (scene, span) in enumerate(zip(film.scenes, spans(film), strict=True)):
        where = f"scenes[{index}].hold" if scene.hold is not None else "hold"
        seconds = held(film, index)
        if seconds and in_frames(seconds, film.fps) > span.frames - 1:
            length = plain_number(round(float(span.frames / film.fps), 3))
            found = f"{plain_number(seconds)}s is no shorter than the scene, which lasts {length}s"
            problems.at(where, f"{found}; leave at least a frame in which it moves")
        elif seconds and index == last and film.loop is True:
            problems.at(where, "a loop goes on at its end; remove the hold, or the loop")


def closed(film: Storyboard, given: Given, problems: Problems) -> Storyboard:
    """The film with the transition of its first scene: the way that leads there from the last, in
    the last scene's final seconds.
    """
    first, last, where = film.scenes[0], film.scenes[-1], "scenes[0].transition"
    travel = last.transition.duration if last.transition and len(film.scenes) > 1 else 0.0
    room = round(scene_seconds(last, film.fps) - travel, 6)
    way = built(Transition, given)
    if "duration" not in given:
        way = replace(way, duration=min(way.duration, room))
    found = f"{plain_number(way.duration)}s"
    if way.curve == "cut":
        problems.at(where, "a loop has no seam to cut at; choose another curve, or remove the loop")
    elif way.duration > room:
        left = f"the last scene has {plain_number(room)}s after its own transition"
        problems.at(f"{where}.duration", f"the loop's way back takes {found}, but {left}")
    elif in_frames(way.duration, film.fps) < 1:
        problems.at(
            where,
            f"the loop's way back takes {found}, which is less than a frame; make the last scene "
            "longer than its own transition",
        )
    return replace(film, scenes=(replace(first, transition=way), *film.scenes[1:]))
