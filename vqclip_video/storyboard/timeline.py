"""When everything happens: which scene, which mix of targets and which frame belong to an iteration.

Pure arithmetic on a `Storyboard`; no model is needed to ask.
"""

from __future__ import annotations

from dataclasses import dataclass

from .schema import Settings


@dataclass(frozen=True)
class Moment:
    """Everything that holds during one iteration."""

    iteration: int
    scene: int  # index of the scene
    previous: int | None  # index of the scene the target comes from; None when it has arrived
    mix: float  # 0..1: how far the target has come from `previous` to `scene`, after the curve; 1 when arrived
    blend: str  # "slerp" or "lerp"
    settings: Settings
    frame: int | None  # number of the film's frame this iteration's picture becomes, or None
    scene_end: bool  # whether this is the scene's last iteration
    time: float  # seconds of film at this iteration's next frame


@dataclass(frozen=True)
class Span:
    """Where a scene lies in the film."""

    scene: int
    first_iteration: int
    iterations: int
    first_frame: int
    frames: int
    start: float  # seconds
    transition_iterations: int
