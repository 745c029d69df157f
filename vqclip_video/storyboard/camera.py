"""How the camera moves: the keys of `camera`, and where it has come by each frame.

A pose says where what is seen has gone: a point p of the picture lies at `turn * p + shift`. Points
are complex numbers, right and down from the picture's middle in units of its width.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .kinds import option
from .moving import Moving
from .numbers import Number
from .sections import Section, TwoValues
from .texts import Word

if TYPE_CHECKING:
    from .timeline import Timeline

BORDERS = ("reflect", "wrap", "replicate")


@dataclass(frozen=True)
class Camera:
    """How the camera moves over a flat picture, by the second; what it sees is carried along. There
    is no depth.
    """

    zoom: float = option(
        1.0,
        "how many times nearer it comes in a second; below 1 it draws back",
        Moving(Number(least=0.1, most=10.0)),
    )
    pan: tuple[float, float] = option(
        (0.0, 0.0),
        "[x, y]: how far it goes to the right and down in a second, in widths and heights of the "
        "picture",
        TwoValues(Moving(Number(least=-10.0, most=10.0))),
    )
    rotate: float = option(
        0.0,
        "degrees that it turns clockwise in a second",
        Moving(Number(least=-3600.0, most=3600.0)),
    )
    border: str = option(
        "reflect",
        "what comes in from beyond the border: a mirror image, the other side, or the last pixels",
        Word(BORDERS),
    )
    per: str = option(
        "second",
        "what zoom, pan and rotate count in; Deforum's count in frames",
        Word(("second", "frame")),
    )

    @property
    def still(self) -> bool:
        """Whether it never moves."""
        return (self.zoom, self.pan, self.rotate) == (1.0, (0.0, 0.0), 0.0)


CAMERA = Section(Camera)


@dataclass(frozen=True)
class Pose:
    """Where what is seen has gone: p lies at turn * p + shift."""

    turn: complex = 1 + 0j
    shift: complex = 0j

    def after(self, first: Pose) -> Pose:
        """This one, of what `first` has moved."""
        return Pose(self.turn * first.turn, self.turn * first.shift + self.shift)

    def undone(self) -> Pose:
        """The way back."""
        return Pose(1 / self.turn, -self.shift / self.turn)

    def reach(self, aspect: float) -> float:
        """How far the picture's corners have gone, at most; aspect: its height by its width."""
        corner = complex(0.5, aspect / 2)
        corners = (corner, corner.conjugate())
        return max(abs((self.turn - 1) * c + s) for c in corners for s in (self.shift, -self.shift))


HOME = Pose()


@dataclass(frozen=True)
class Shot:
    """Where the camera is at a frame.

    The latent itself moves seldom, and then by `move`; in between, it is seen through `view`.
    in_scene: the way since the scene's start; in_previous: since that of the scene before.
    """

    move: Pose = HOME
    view: Pose = HOME
    in_scene: Pose = HOME
    in_previous: Pose = HOME

    def of_guide(self, previous: bool) -> Pose:
        """Where what a scene is drawn toward lies, in the latent."""
        return self.view.undone().after(self.in_previous if previous else self.in_scene)


class CameraPath:
    """The camera's way through a film; nothing but the storyboard decides it."""

    def __init__(self, timeline: Timeline, aspect: float, reach: float):
        """aspect: the picture's height by its width. reach: how far, in widths, what is seen may
        lie from where the latent has it.
        """
        self.timeline, self.aspect, self.reach = timeline, aspect, reach
        self.still = all(scene.camera.still for scene in timeline.storyboard.scenes)
        self._shots: list[Shot] = []

    def at(self, frame: int) -> Shot:
        """Where the camera is at a frame, 0 to the film's last."""
        if self.still:
            return Shot()
        while len(self._shots) <= frame:
            self._shots.append(self._next(len(self._shots)))
        return self._shots[frame]

    def _next(self, frame: int) -> Shot:
        moment = self.timeline.begins(frame)
        if frame == 0 or moment.afresh:
            return Shot()
        before = self._shots[-1]
        step = step_of(moment.now.camera, float(self.timeline.storyboard.fps), self.aspect)
        seen = step.after(before.view)
        too_far = seen.reach(self.aspect) > self.reach
        last = self.timeline.begins(frame - 1)
        leaves = (moment.scene, moment.homeward) != (last.scene, last.homeward)
        in_scene = HOME if leaves else step.after(before.in_scene)
        if moment.homeward:  # a loop: what comes lies where it has to, to arrive as it began
            in_scene = HOME
            for _ in range(frame, self.timeline.frames):
                in_scene = step.undone().after(in_scene)
        return Shot(
            move=seen if too_far else HOME,
            view=HOME if too_far else seen,
            in_scene=in_scene,
            in_previous=step.after(before.in_scene if leaves else before.in_previous),
        )


def step_of(camera: Camera, fps: float, aspect: float) -> Pose:
    """How a frame differs from the one before; camera: with the numbers of its moment."""
    time = 1 / fps if camera.per == "second" else 1.0
    turn = cmath.rect(camera.zoom**time, -math.radians(camera.rotate) * time)
    right, down = camera.pan
    way = complex(right, down * aspect) * time
    return HOME if turn == 1 and not way else Pose(turn, -way)
