"""A film whose pictures change on its beats.

A picture changes after its prompt does: an optimisation has to go there first. The log says how
near each captured picture is to its own scene's target and to that of the scene before, so it is
known where the one overtakes the other. The print is timed so that this falls on a beat; between
two such moments the way is stretched evenly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..disk.files import explained
from ..storyboard.timeline import Timeline

STEADY = 2  # frames in a row that have to be nearer to the new prompt


def crossings(log: Path, timeline: Timeline) -> Iterator[tuple[int, int]]:
    """Of each scene after the first, its index and the captured frame where its prompt overtakes
    the one before; a scene that begins afresh does so at once, one that never does is left out.

    Raises OutputError where the log cannot be read.
    """
    with explained(log):
        records = [json.loads(line) for line in log.read_bytes().splitlines()]
    for span in timeline.spans[1:]:
        if timeline.storyboard.scenes[span.scene].begins_afresh:
            yield span.scene, span.first_frame
            continue
        own, before, streak = str(span.scene), str(span.scene - 1), 0
        for frame in range(span.first_frame, span.first_frame + span.frames):
            near = records[frame].get("scenes", {})
            ahead = own in near and before in near and near[own] > near[before]
            streak = streak + 1 if ahead else 0
            if streak == min(STEADY, span.frames):
                yield span.scene, frame - streak + 1
                break


def landed(
    places: np.ndarray, crossed: Sequence[int], beats: Sequence[float], cuts: Sequence[int] = ()
) -> np.ndarray:
    """The same way in another time: each of the places `crossed` at the frame of a beat.

    places: of each frame, ascending; beats: in frames, ascending. Each crossing takes the beat next
    to where it was, none of them the same. cuts: places that nothing leads to from the one before:
    between the two the film stands.
    """
    times = np.arange(len(places), dtype=np.float64)
    last, frames, sources = len(places) - 1, [0.0], [0.0]
    for place in crossed:
        time = float(np.interp(place, places, times))
        free = [beat for beat in map(round, beats) if frames[-1] < beat < last]
        if free and time > sources[-1]:
            frames.append(float(min(free, key=lambda beat: abs(beat - time))))
            sources.append(time)
    frames.append(float(last))
    sources.append(float(last))
    moved = np.interp(np.interp(times, frames, sources), times, places)
    for cut in cuts:
        moved[(moved > cut - 1) & (moved < cut)] = cut - 1
    return moved


def beats_in_frames(timeline: Timeline) -> list[float]:
    """The beats that a storyboard wants its film to land on, in frames; none where it does not."""
    board = timeline.storyboard
    if not board.land or board.grid is None:
        return []
    seconds = float(timeline.frames / board.fps)
    grid = board.grid
    found = grid.beats_until(seconds) if board.land == "beats" else grid.downbeats_until(seconds)
    return [float(second * board.fps) for second in found]
