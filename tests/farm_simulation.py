"""A night of a large farm, simulated with the list that the real one has: what is lost to cards that
fail, and where it would break.

    python tests/farm_simulation.py --films 10000 --cards 64

Jobs take around a mean time (lognormal). A card fails after a time that is exponential with a mean
of `--mtbf` hours, and is back after `--repair` minutes. What a job did since its last position is
done again elsewhere, once its lease has run out. Seeded: the same command, the same night.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import time
import tracemalloc
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from vqclip_video.farm.forecast import LOADING, PER_FILM
from vqclip_video.farm.foreman import FAILURES, LOSSES
from vqclip_video.farm.jobs import FilmJob, work_of
from vqclip_video.farm.lease import SECONDS
from vqclip_video.farm.queue import Queue, Waiting
from vqclip_video.storyboard.reader import parse

STORY = "size: 512x512\nscenes: [{prompt: a lighthouse at sunset, duration: 20s}]\n"
SPREAD = 0.6  # of the logarithm of a job's seconds
MODELS = ("storybook", "imagenet", "wikiart")
SYNC = 30.0  # seconds between positions
END, FAIL, REPAIR, AGAIN = range(4)


@dataclass(frozen=True)
class Night:
    """What came of it, in seconds where nothing else is said."""

    finished: int
    set_aside: int
    failures: int
    useful: float
    again: float  # rendered a second time
    idle: float  # of cards that were whole
    down: float  # of cards that were not
    ends: float


def simulate(
    films: int, cards: int, mean: float, mtbf: float, repair: float, seed: int = 0
) -> Night:
    """mean: seconds of a film; mtbf, repair: seconds."""
    dice = random.Random(seed)
    left, losses = {}, Counter()
    for number in range(films):
        left[str(number)] = mean * math.exp(dice.gauss(-(SPREAD**2) / 2, SPREAD)) + PER_FILM
    models = {name: dice.choices(MODELS, (5, 3, 2))[0] for name in left}
    total, queue, events = sum(left.values()), Queue(), []
    queue.add(Waiting(name, models[name], seconds) for name, seconds in left.items())
    loaded, begun, job = [""] * cards, [0.0] * cards, [""] * cards
    turn, up, down = [0] * cards, [True] * cards, 0.0
    counts = Counter()

    def later(when: float, kind: int, card: int = 0, name: str = "") -> None:
        heapq.heappush(events, (when, kind, card, name, turn[card]))

    def begin(now: float, card: int) -> None:
        taken = queue.take(loaded[card])
        job[card] = taken.job if taken else ""
        if taken:
            begun[card] = now + (LOADING if loaded[card] != taken.models else 0.0)
            loaded[card] = taken.models
            later(begun[card] + left[taken.job], END, card, taken.job)

    for card in range(cards):
        later(dice.expovariate(1 / mtbf), FAIL, card)
        begin(0.0, card)
    now = again = 0.0
    while counts["finished"] + counts["aside"] < films:
        now, kind, card, name, made = heapq.heappop(events)
        if kind == END and made == turn[card]:
            counts["finished"] += 1
            begin(now, card)
        elif kind == FAIL:
            counts["failures"] += 1
            turn[card], up[card] = turn[card] + 1, False
            if lost := job[card]:
                done = max(now - begun[card], 0.0)
                kept = done // SYNC * SYNC
                again, left[lost] = again + done - kept, left[lost] - kept
                losses[lost] += 1
                counts["aside"] += losses[lost] > LOSSES
                if losses[lost] <= LOSSES:
                    later(now + SECONDS, AGAIN, card, lost)
            queue.leave(loaded[card])
            job[card] = loaded[card] = ""
            later(now + repair, REPAIR, card)
            down += repair
        elif kind == REPAIR:
            up[card] = True
            later(now + dice.expovariate(1 / mtbf), FAIL, card)
            begin(now, card)
        elif kind == AGAIN:
            queue.add([Waiting(name, models[name], left[name])])
            for other in range(cards):
                if up[other] and not job[other] and len(queue):
                    begin(now, other)
    idle = now * cards - down - total - again
    return Night(
        counts["finished"], counts["aside"], counts["failures"], total, again, idle, down, now
    )


def driver_memory(films: int) -> tuple[float, float]:
    """Bytes that the list holds for each job, and seconds to make it."""
    board = parse(STORY)
    tracemalloc.start()
    began, queue, jobs = time.monotonic(), Queue(), {}
    for seed in range(films):
        job = FilmJob(f"film-seed-{seed}", replace(board, seed=seed), Path("film.yaml"))
        jobs[job.name] = job
        queue.add([Waiting(job.name, "storybook", work_of(job.storyboard))])
    bytes_each = tracemalloc.get_traced_memory()[0] / films
    tracemalloc.stop()
    return bytes_each, time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--films", type=int, default=10_000)
    parser.add_argument("--cards", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=300.0, help="a film, in the mean")
    parser.add_argument("--mtbf", type=float, default=24.0, help="hours")
    parser.add_argument("--repair", type=float, default=10.0, help="minutes")
    given = parser.parse_args()
    night = simulate(given.films, given.cards, given.seconds, given.mtbf * 3600, given.repair * 60)
    card_time = night.ends * given.cards
    print(
        f"finished {night.finished} of {given.films}, set aside {night.set_aside} (limits: {FAILURES} failures, {LOSSES} losses)"
    )
    print(f"{night.failures} failures of cards in {night.ends / 3600:.2f} hours")
    for name in ("useful", "again", "idle", "down"):
        print(f"{name:>7} {getattr(night, name) / card_time:.4%} of the cards' time")
    each, seconds = driver_memory(given.films)
    print(f"the list: {each:,.0f} bytes a job, {seconds:.1f} s to make")


if __name__ == "__main__":
    main()
