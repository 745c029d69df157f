"""How Deforum's settings and Parseq's documents move their pictures, as keys of `camera`.

They move the picture itself, by the frame: `translation_x` so many pixels to the right, for which
the camera goes to the left; `angle` so many degrees counterclockwise, for which it turns clockwise
(`anim_frame_warp_2d` of Deforum's, getRotationMatrix2D of OpenCV's).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..errors import StoryboardError
from ..storyboard import reader
from ..storyboard.camera import BORDERS
from ..storyboard.deforum import MOST_FRAMES, is_schedule, schedule
from ..storyboard.formulas import FormulaError
from ..text import plain_text
from .draft import Draft

Track = float | str | None  # a number, a schedule, or nothing that moves

AT_REST = {"zoom": 1.0, "angle": 0.0, "translation_x": 0.0, "translation_y": 0.0}
LEAST = {"zoom": 0.1, "angle": -3600.0, "translation_x": -10.0, "translation_y": -10.0}
MOST = {"zoom": 10.0, "angle": 3600.0, "translation_x": 10.0, "translation_y": 10.0}
OF_SPACE = re.compile(r"rotation_3d|translation_z")
OTHERWISE = re.compile(r"\b[suifb]\b")  # names that formulas here give to something else
NEAR, HUGE = 1e-9, 1e9
SHORT = 60


def camera_of_settings(low: dict[str, Any], size: str | None, lost: list[str]) -> dict | None:
    """The camera of Deforum's settings, by lower-case names; None where nothing moves in 2D.

    size: the film's, which pixels are counted by. What cannot be said is added to `lost`.
    """
    width, height = map(int, size.split("x")) if size else (0, 0)
    pixels = {"translation_x": width, "translation_y": height}
    tracks: dict[str, Track] = {}
    for name, rest in AT_REST.items():
        try:
            found = _keys_of(low.get(name, rest))
            if all(value == rest for _, value in found):
                continue
            if pixels.get(name) == 0:
                raise FormulaError("in pixels of a picture whose size is not said", 0)
            tracks[name] = _track(name, found, -1 / pixels[name] if name in pixels else 1.0)
        except FormulaError as error:
            told = plain_text(str(low[name]))[:SHORT]
            lost.append(f"{name} {told}: a move of the camera; {error}")
    return _camera(tracks, low.get("border"))


def camera_of_document(said: dict[str, Any], lost: list[str]) -> tuple[dict | None, set[str]]:
    """The camera of a Parseq document and the names of its fields that are done with: by the steps
    of its rendered frames, which is what it hands to Deforum.
    """
    frames = said.get("rendered_frames")
    frames = [each for each in frames if isinstance(each, dict)] if isinstance(frames, list) else []
    fields = said.get("managedFields")
    if any(OF_SPACE.match(str(name)) for name in (fields if isinstance(fields, list) else [])):
        return None, set()
    tracks: dict[str, Track] = {}
    told = set()
    for name in ("zoom", "angle"):
        steps = [(each.get("frame"), each.get(f"{name}_delta")) for each in frames]
        if not (steps and all(map(_are_numbers, steps))):
            continue
        told.add(name)
        bends = _bends(sorted(steps))
        try:
            if any(value != AT_REST[name] for _, value in bends):
                tracks[name] = _track(name, bends, 1.0)
        except FormulaError as error:
            lost.append(f"{name} by its rendered frames: a move of the camera; {error}")
    return _camera(tracks, None), told


def if_it_reads(draft: Draft) -> Draft:
    """The draft; where its camera leaves a range in the course of the film, without it."""
    try:
        reader.parse(draft.text())
    except StoryboardError as error:
        said = [p.message for p in error.problems if p.where.partition(".")[0] == "camera"]
        if said:
            film = {name: value for name, value in draft.film.items() if name != "camera"}
            lost = (*draft.lost, *(f"the moves of the camera: {message}" for message in said))
            return replace(draft, film=film, lost=lost)
    return draft


def _camera(tracks: dict[str, Track], border: Any) -> dict | None:
    if not tracks:
        return None
    pan = [tracks.get(name, 0.0) for name in ("translation_x", "translation_y")]
    camera = {"zoom": tracks.get("zoom"), "pan": pan if any(pan) else None}
    camera |= {"rotate": tracks.get("angle")}
    camera |= {"border": border if border in BORDERS else "replicate", "per": "frame"}
    return {name: value for name, value in camera.items() if value is not None}


def _keys_of(value: Any) -> list[tuple[int, float | str]]:
    """A value of Deforum's as frames with numbers and formulas. Raises FormulaError."""
    if isinstance(value, int | float) and abs(value) <= HUGE:
        return [(0, float(value))]
    if not isinstance(value, str):
        raise FormulaError("neither a number nor a schedule", 0)
    if other := OTHERWISE.search(value):
        raise FormulaError(f"{other[0]!r} means something else here", other.start())
    text = value if is_schedule(value) else f"0:({value})"
    keys = schedule(text, lambda formula, column: formula)
    return sorted({int(key.when.amount): key.value for key in keys}.items())


def _track(name: str, keys: list[tuple[int, float | str]], scale: float) -> float | str:
    """As it is written here. Raises FormulaError for values that no camera takes."""
    if not keys or len(keys) > MOST_FRAMES:
        raise FormulaError(f"from 1 to {MOST_FRAMES:,} keys are read, there are {len(keys):,}", 0)
    written = []
    for frame, value in keys:
        if isinstance(value, str):
            written.append((frame, value if scale == 1 else f"({value}) * {scale:.12g}"))
            continue
        number = value * scale or 0.0
        if not LEAST[name] <= number <= MOST[name]:
            raise FormulaError(f"too far for one frame: {value:g}", 0)
        written.append((frame, number))
    if len(written) == 1 and isinstance(written[0][1], float):
        return round(written[0][1], 12)
    texts = (value if isinstance(value, str) else f"{value:.12g}" for _, value in written)
    return ", ".join(f"{frame}:({text})" for (frame, _), text in zip(written, texts, strict=True))


def _are_numbers(step: tuple[Any, Any]) -> bool:
    frame, value = step
    numbers = isinstance(frame, int) and isinstance(value, int | float)
    return numbers and 0 <= frame <= HUGE and abs(value) <= HUGE


def _bends(steps: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Only those of many steps that do not lie straight between their neighbours."""
    kept: list[tuple[int, float]] = []
    for number, (frame, value) in enumerate(steps):
        if 0 < number < len(steps) - 1:
            (before, old), (after, new) = kept[-1], steps[number + 1]
            share = (frame - before) / max(after - before, 1)
            if abs(old + share * (new - old) - value) <= NEAR * max(1.0, abs(value)):
                continue
        kept.append((frame, float(value)))
    flat = all(abs(value - kept[0][1]) <= NEAR for _, value in kept)
    return kept[:1] if flat else kept
