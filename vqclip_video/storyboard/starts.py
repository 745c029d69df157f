"""When scenes start, where each says so: seconds or beats, and what lies between is how long they
last.
"""

from __future__ import annotations

from .kinds import BAD
from .lengths import Beats
from .numbers import InBeats, plain_number
from .problems import Problems
from .sections import Given
from .timeline import exact


def resolve_starts(scenes: list[Given], beats: Beats) -> None:
    """Turn `at` into durations, in place."""
    problems = beats.problems
    _in_seconds(scenes, beats)
    if not any(isinstance(scene, dict) and "at" in scene for scene in scenes):
        return
    last = len(scenes) - 1
    for index, scene in enumerate(scenes):
        if scene is BAD:
            continue
        where = f"scenes[{index}]"
        if "at" not in scene:
            problems.at(
                where,
                "other scenes start `at` a time; then every scene does, and this one does not",
            )
        for name in ("duration", "iterations"):
            if name in scene and index != last:
                problems.at(
                    f"{where}.{name}",
                    "the next scene's `at` ends this one; only the last scene has both",
                )
                scene[name] = BAD
        start = scene.pop("at", BAD)
        if index == 0 and start is not BAD and start != 0:
            problems.at(f"{where}.at", f"the first scene starts at 0, not at {plain_number(start)}")
        before = scenes[index - 1] if index else BAD
        _end_before(before, start, where, problems)
        scene["start"] = start
    for scene in scenes:
        if scene is not BAD:
            del scene["start"]


def _end_before(before: Given, start: float, where: str, problems: Problems) -> None:
    """Let the scene before last until this one starts."""
    if before is BAD:
        return
    began = before["start"]
    if start is BAD or began is BAD:
        before.setdefault("duration", BAD)
    elif start <= began:
        problems.at(
            f"{where}.at",
            f"{plain_number(start)} is not after {plain_number(began)}, where the scene before "
            "starts",
        )
        before["duration"] = BAD
    elif "duration" not in before and "iterations" not in before:
        before["duration"] = float(exact(start) - exact(began))


def _in_seconds(scenes: list[Given], beats: Beats) -> None:
    """Turn each `at` in beats into seconds, in place."""
    for index, scene in enumerate(scenes):
        if scene is not BAD and isinstance(start := scene.get("at"), InBeats):
            first = index == 0 and start.amount == 0
            scene["at"] = 0.0 if first else beats.start(start, f"scenes[{index}].at")
