"""Time to quality: how long until the picture is as close to the prompt as asked for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from statistics import median

from ..engine.options import EngineOptions
from ..engine.session import Session
from .cases import Case, find_weights
from .reference import CUTOUTS, Reference

SMOOTHING = 10.0  # iterations, the time constant of the mean that forgets
LIMIT = 1000  # iterations, before a level counts as out of reach


@dataclass(frozen=True)
class Reached:
    """When one run was there; None where it was not within the limit."""

    prompt: str
    seconds: float | None
    iterations: int | None
    best: float  # smoothed similarity


@dataclass(frozen=True)
class Quality:
    """Time to a level of smoothed similarity for each prompt, and the medians' ratio."""

    case: str
    level: float
    precision: str
    engine: tuple[Reached, ...]
    reference: tuple[Reached, ...] = ()

    @property
    def ratio(self) -> float | None:
        """How many times longer the reference takes: the median over the prompts that both
        reach.
        """
        pairs = zip(self.engine, self.reference, strict=False)
        ratios = [
            theirs.seconds / ours.seconds
            for ours, theirs in pairs
            if ours.seconds and theirs.seconds
        ]
        return median(ratios) if ratios else None

    def as_dict(self) -> dict:
        return asdict(self) | {"ratio": self.ratio}


class Smoothed:
    """An exponential mean over iterations, unbiased from its first value on, whatever the steps
    between values.
    """

    def __init__(self) -> None:
        self._sum = self._weight = 0.0

    def add(self, value: float, iterations: int) -> float:
        """Take the value that stands for so many iterations; returns the mean."""
        keep = math.exp(-iterations / SMOOTHING)
        self._sum = keep * self._sum + (1 - keep) * value
        self._weight = keep * self._weight + 1 - keep
        return self._sum / self._weight


def measure_quality(
    case: Case,
    options: EngineOptions,
    level: float,
    against: bool = False,
    on_run: Callable[[], None] = lambda: None,
) -> Quality:
    """Run each of the case's prompts until `level`; with `against` the usual recipe at its usual
    settings too.

    The cutouts that judge are those that are optimised, drawn alike for both. Loading is not
    counted.
    """
    engine, reference = [], []
    for prompt in case.prompts:
        session, plain = _contestants(case, options, prompt, against)
        # Seen before the engine moves it on; the two do not share the latent.
        rivals = [
            (engine, _engine_run(session)),
            *([(reference, _reference_run(session, plain))] if plain else []),
        ]
        for found, run in rivals:
            found.append(until(level, prompt, run))
            on_run()
    dtype = str(session.cast.vqgan.dtype).removeprefix("torch.")
    return Quality(case.name, level, dtype, tuple(engine), tuple(reference))


def until(level: float, prompt: str, run: Iterator[tuple[int, float]]) -> Reached:
    """Follow a run of (iterations done, similarity) until its smoothed similarity is at `level`."""
    smoothed, best, done = Smoothed(), -1.0, 0
    began = time.perf_counter()
    for iteration, similarity in run:
        mean = smoothed.add(similarity, iteration - done)
        done, best = iteration, max(best, mean)
        # The first values are those of a start, not of a mean.
        if mean >= level and iteration >= SMOOTHING:
            return Reached(prompt, time.perf_counter() - began, iteration, best)
        if iteration >= LIMIT:
            break
    return Reached(prompt, None, None, best)


def _contestants(
    case: Case, options: EngineOptions, prompt: str, against: bool
) -> tuple[Session, Reference | None]:
    storyboard = case.with_prompt(prompt)
    weights = find_weights(storyboard)
    session = weights.session(storyboard, options)
    if not against:
        return session, None
    start, vqgan = session.latent.value.detach(), session.cast.vqgan
    bound, seed = vqgan.bound, storyboard.seed
    return session, Reference(*weights.packaged_networks(), start, bound, seed, weights.clip_config)


def _engine_run(session: Session) -> Iterator[tuple[int, float]]:
    for progress in session.run():
        if progress.similarity is not None:
            yield progress.iteration, progress.similarity


def _reference_run(session: Session, reference: Reference) -> Iterator[tuple[int, float]]:
    target = session.judge.targets.at(session.timeline.at(0))
    settings = replace(session.timeline.at(0).settings, cutouts=CUTOUTS)
    while True:
        similarity = reference.step(target, settings)
        if reference.iteration % settings.show_step == 0:
            reference.save()
            yield reference.iteration, similarity
