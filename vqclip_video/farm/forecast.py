"""What a farm will take, before anything starts: by the seconds of an iteration that were measured,
and the order in which jobs are really given.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..outline import outline
from ..output.space import FILM_BYTES_PER_PIXEL, estimate_disk
from ..speed import recall_speed
from ..storyboard.schema import Storyboard
from ..storyboard.sizes import frame_size
from ..storyboard.timeline import Timeline
from ..text import clock, gigabytes
from .queue import Queue, Waiting

PER_FILM = 2.0  # seconds: the workspace, ffmpeg's probe, the position, publishing
LOADING = 15.0  # seconds in which a worker starts and loads its first networks


@dataclass(frozen=True)
class Forecast:
    """Of all films together. seconds: until the last one is there; None where the time of some is
    not known (`unknown` of them). card_hours: of the cards that are held so long.
    """

    films: int
    unknown: int
    workers: int
    cards: int
    seconds: float | None
    card_hours: float | None
    cost: float | None
    films_bytes: int  # of all films, at most
    node_bytes: int  # at most on one machine that holds all the workers, while they render

    def as_dict(self) -> dict:
        return asdict(self)

    def as_text(self) -> str:
        """What `farm plan` prints."""
        lines = [f"films   {self.films}, on {self.cards} cards, {self.workers} at a time"]
        if self.seconds is None:
            lines.append(
                f"time    of {self.unknown} films it is known after a first render with their "
                "models here, or with seconds=SECONDS of an iteration"
            )
        else:
            hours = f"{self.card_hours:,.2f} card-hours"
            cost = f", costs about {self.cost:,.2f}" if self.cost is not None else ""
            lines.append(f"time    about {clock(self.seconds)}, {hours}{cost}")
        node, films = gigabytes(self.node_bytes), gigabytes(self.films_bytes)
        lines.append(
            f"disk    at most {films} of films; while rendering at most {node} where all are"
        )
        return "\n".join(lines)


def forecast(
    storyboards: Sequence[Storyboard],
    cards: int,
    films_per_card: int = 1,
    seconds: float | None = None,
    price: float | None = None,
) -> Forecast:
    """seconds: of an iteration on such a card, while as many films render on it, instead of what
    was measured here. price: of a card for an hour.
    """
    workers, disks, films_bytes = cards * films_per_card, [], 0
    waiting: list[Waiting] = []
    for number, board in enumerate(storyboards):
        timeline, (width, height) = Timeline(board), frame_size(board.size)
        films_bytes += int(timeline.frames * width * height * FILM_BYTES_PER_PIXEL)
        disks.append(estimate_disk(timeline.frames, (width, height)))
        if took := seconds or _measured(timeline):
            work = took * timeline.total_iter + PER_FILM
            waiting.append(Waiting(str(number), board.models.names, work))
    unknown = len(storyboards) - len(waiting)
    ends = None if unknown or not waiting else makespan(waiting, workers)
    hours = None if ends is None else ends * cards / 3600
    node = sum(sorted(disks, reverse=True)[:workers])
    cost = None if hours is None or price is None else hours * price
    return Forecast(len(storyboards), unknown, workers, cards, ends, hours, cost, films_bytes, node)


def makespan(waiting: Sequence[Waiting], workers: int) -> float:
    """Seconds until the last job is done, given as a farm gives them."""
    queue, free = Queue(), [(LOADING, number, "") for number in range(workers)]
    queue.add(waiting)
    ends = 0.0
    while len(queue):
        now, number, loaded = heapq.heappop(free)
        job = queue.take(loaded)
        change = LOADING if loaded and loaded != job.models else 0.0
        end = now + change + job.work
        ends = max(ends, end)
        heapq.heappush(free, (end, number, job.models))
    return ends


def _measured(timeline: Timeline) -> float | None:
    known = recall_speed(timeline, outline(timeline.storyboard).factor)
    return known and known.seconds
