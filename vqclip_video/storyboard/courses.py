"""What moves in a film, over all of it: checked before anything is rendered, and sampled to be
drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .instants import Instant, Stretch
from .lengths import wanted_beats
from .maths import NotFiniteError, arrays
from .motions import Motion, motions_in, stilled
from .numbers import Number, plain_number
from .problems import Mark, Problems
from .schema import Scene, Storyboard
from .timeline import spans, stretches

MOST_WORK = 300_000_000  # steps of arithmetic, some seconds of them
A_BLOCK = 1 << 18  # iterations that are looked at together


@dataclass(frozen=True)
class TrackOfFilm:
    """A setting that moves somewhere in a film: its path in a scene, and its values by scene, one
    for each of so many even steps; None where a scene has no such thing.
    """

    setting: str
    scenes: tuple[tuple[float | None, ...], ...]
    least: float
    most: float


def check_motions(film: Storyboard, problems: Problems) -> None:
    """Record, with its place and its second, each motion that leaves its range or is no number,
    each whose keys are out of order, and each scene in which no prompt has a weight left.
    """
    moving = [
        {path: motion for path, motion in motions_in(scene) if not motion.checked}
        for scene in film.scenes
    ]
    if not any(moving) or _too_much(film, moving, problems):
        return
    told: set[Any] = set()
    laid = zip(stretches(film), film.scenes, moving, strict=True)
    for index, (stretch, scene, motions) in enumerate(laid):
        where, right = f"scenes[{index}]", True
        for path, motion in motions.items():
            known = (motion.mark, path)
            fault = None if known in told else _fault(motion, stretch)
            if motion.in_beats and not film.grid and known not in told:
                fault = motion.mark, f"this is in beats, and {wanted_beats(film)}"
            if fault:
                told.add(known)
                right = False
                problems.add(fault[0], path if motion.of_film else f"{where}.{path}", fault[1])
        if motions and right and not told:
            _check_target(scene, stretch, where, problems)


def _too_much(film: Storyboard, moving: list[dict[str, Motion]], problems: Problems) -> bool:
    work = 0
    for span, motions in zip(spans(film), moving, strict=True):
        work += span.iterations * sum(motion.cost for motion in motions.values())
        if work > MOST_WORK:
            where, motion = next(iter(motions.items()))
            message = (
                "the film's tracks take too many steps to check; make the film shorter, or its "
                "formulas simpler"
            )
            problems.add(motion.mark, where, message)
            return True
    return False


def _blocks(stretch: Stretch) -> Iterator[Instant]:
    """All iterations of a scene, a block at a time."""
    import numpy as np

    for start in range(0, stretch.iterations, A_BLOCK):
        end = min(start + A_BLOCK, stretch.iterations)
        yield Instant(stretch, np.arange(start, end, dtype=np.float64))


def values_of(motion: Motion, instant: Instant) -> Any:
    """Its values at an array of instants."""
    import numpy as np

    return np.broadcast_to(motion.at(instant, arrays()), instant.done.shape)


def _fault(motion: Motion, stretch: Stretch) -> tuple[Mark, str] | None:
    """The first thing that is wrong with a motion in a scene, and where."""
    import numpy as np

    if motion.in_beats and not stretch.grid:
        return None  # which is said with what to write
    if key := motion.misplaced(stretch):
        length = plain_number(round(float(stretch.length(motion.of_film)), 3))
        whole = f"the {'film' if motion.of_film else 'scene'} lasts {length}s"
        return key.mark, f"{key.when} does not come after the key before it: {whole}"
    for block in _blocks(stretch):
        try:
            values = values_of(motion, block)
        except NotFiniteError as error:
            index = min(error.index, len(block.done) - 1)
            step = f"the step at character {error.column + 1}"
            return error.mark, f"{step} is no finite number at {_second(block, index)}"
        if len(outside := np.flatnonzero(_outside(values, motion.limits))):
            index = int(outside[0])
            found = f"{values[index]:.6g} at {_second(block, index)}"
            return motion.mark, f"expected {motion.limits.expected()}, found {found}"
    return None


def _outside(values: Any, limits: Number) -> Any:
    import numpy as np

    wrong = np.zeros(values.shape, bool)
    if limits.least is not None:
        wrong |= values < limits.least
    if limits.above is not None:
        wrong |= values <= limits.above
    if limits.most is not None:
        wrong |= values > limits.most
    return wrong


def _second(block: Instant, index: int) -> str:
    seconds = float(block.film_seconds[index])
    return f"{plain_number(round(seconds, 3))}s of the film"


def _check_target(scene: Scene, stretch: Stretch, where: str, problems: Problems) -> None:
    """A prompt or style has to weigh something all through the scene."""
    import numpy as np

    settings = scene.settings
    weights = [settings.w1, settings.w2]
    weights += [part.weight for part in (*scene.prompt, *settings.style)]
    if not any(isinstance(weight, Motion) for weight in weights):
        return
    for block in _blocks(stretch):
        prompt = _times(settings.w1, [part.weight for part in scene.prompt], block)
        style = _times(settings.w2, [part.weight for part in settings.style], block)
        if len(nothing := np.flatnonzero(prompt + style == 0)):
            message = (
                f"nothing has a weight at {_second(block, int(nothing[0]))}, so there is nothing "
                "to show; keep one above 0"
            )
            problems.at(f"{where}.prompt", message)
            return


def _times(factor: Any, weights: list[Any], block: Instant) -> Any:
    import numpy as np

    def now(weight: Any) -> Any:
        return values_of(weight, block) if isinstance(weight, Motion) else weight

    return now(factor) * sum((now(weight) for weight in weights), np.zeros(block.done.shape))


def tracks_over(film: Storyboard, columns: int) -> tuple[TrackOfFilm, ...]:
    """Every setting that moves in some scene otherwise than by default, sampled in about so many
    steps over the film.
    """
    usual = dict(motions_in(Scene()))
    names = dict.fromkeys(
        path
        for scene in film.scenes
        for path, motion in motions_in(scene)
        if motion.moves and motion != usual.get(path)
    )
    if not names:
        return ()
    laid = stretches(film)
    lengths = [float(stretch.length(of_film=False)) for stretch in laid]
    density = columns / sum(lengths)
    steps = [max(1, round(density * length)) for length in lengths]
    scenes = list(zip(film.scenes, laid, steps, strict=True))
    return tuple(_track_over(scenes, name) for name in names)


def _track_over(scenes: list[tuple[Scene, Stretch, int]], name: str) -> TrackOfFilm:
    sampled = [_sampled(scene, stretch, name, steps) for scene, stretch, steps in scenes]
    flat = [value for values in sampled for value in values if value is not None]
    return TrackOfFilm(name, tuple(sampled), min(flat, default=0.0), max(flat, default=0.0))


def _sampled(scene: Scene, stretch: Stretch, name: str, steps: int) -> tuple[float | None, ...]:
    import numpy as np

    value = _value_at(scene, name)
    if not isinstance(value, Motion):
        return (value,) * steps
    places = np.floor(np.arange(steps) * (stretch.iterations / steps))
    return tuple(map(float, values_of(value, Instant(stretch, places))))


def _value_at(scene: Scene, name: str) -> Any:
    """The value at a dotted path of a scene; None where it has none there."""
    value: Any = scene
    for step in name.replace("[", ".").replace("]", "").split("."):
        if isinstance(value, tuple):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = getattr(value, step, None)
    return value


def opening(film: Storyboard) -> Storyboard:
    """The same film in which each scene keeps the numbers that it begins with."""
    if not any(True for scene in film.scenes for _ in motions_in(scene)):
        return film
    scenes = tuple(map(_begun, film.scenes, stretches(film)))
    return replace(film, scenes=scenes)


def _begun(scene: Scene, stretch: Stretch) -> Scene:
    first = Instant(stretch, 0)
    return stilled(scene, lambda motion: float(motion.at(first)))
