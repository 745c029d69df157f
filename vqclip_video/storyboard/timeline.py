"""When everything happens: which scene, which mix of targets and which frame belong to an
iteration.

Pure arithmetic on a `Storyboard`; no model is needed to ask.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from .instants import Instant, Stretch
from .motions import Motion, motions_in, stilled
from .schema import Scene, Settings, Storyboard

# Every curve but `cut` goes from 0 at 0 to exactly 1 at 1; a cut has no course to describe.
COURSES: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "ease-in": lambda t: t * t,
    "ease-out": lambda t: 1 - (1 - t) ** 2,
    "ease-in-out": lambda t: t * t * (3 - 2 * t),  # smoothstep
}
SAME_FRAME = Fraction(1, 10**6)  # of a frame: nearer to a whole one than anybody means


@dataclass(frozen=True)
class Moment:
    """Everything that holds during one iteration."""

    iteration: int
    scene: int  # index of the scene
    previous: int | None  # index of the scene the target comes from; None when it has arrived
    # 0..1: how far the target has come from `previous` to `scene`, after the curve; 1 when arrived
    mix: float
    blend: str  # "slerp" or "lerp"
    now: Scene  # the scene, with the numbers of this moment
    before: Scene | None  # `previous`, with those of its end
    instant: Instant  # where in the scene it lies
    frame: int | None  # number of the film's frame this iteration's picture becomes, or None
    shot: int  # number of the frame that this iteration works on
    begins: bool  # whether it is the first one that does
    time: float  # seconds of film at this iteration's next frame
    coarse: bool = False  # whether the latent has half its resolution yet (see `Storyboard.grow`)
    # whether the picture begins anew at this iteration: a cut leads to its scene
    afresh: bool = False
    # whether a loop is on its way from its last scene to its first, here `previous` and `scene`
    homeward: bool = False

    @property
    def settings(self) -> Settings:
        """The numbers of this moment."""
        return self.now.settings


@dataclass(frozen=True)
class Span:
    """Where a scene lies in the film."""

    scene: int
    first_iteration: int
    iterations: int
    first_frame: int
    frames: int
    transition_iterations: int


@dataclass(frozen=True)
class Showing:
    """Frames `start` to `end` (not included) of the film, in which a scene is seen."""

    scene: int
    start: int
    end: int


class Timeline:
    """A storyboard's scenes laid end to end; memory grows with the scenes, never with the film's
    length.
    """

    def __init__(self, storyboard: Storyboard):
        self.storyboard = storyboard
        self.spans: tuple[Span, ...] = tuple(spans(storyboard))
        self.frames: int = sum(span.frames for span in self.spans)
        self.total_iter: int = sum(span.iterations for span in self.spans)
        self.film_frames = film_frames(storyboard.loop, self.frames)
        self.seconds = float(self.film_frames / storyboard.fps)
        self.closing: int = _closing_iterations(storyboard)  # of a loop's way to its first scene
        self._first_iterations = [span.first_iteration for span in self.spans]
        self._first_frames = [span.first_frame for span in self.spans]
        self._moves: dict[int, bool] = {}  # by scene, once it is known
        self._ends: dict[int, Scene] = {}  # the last one that was left

    def at(self, iteration: int) -> Moment:
        """What holds during `iteration` (0 to `total_iter` - 1; IndexError outside)."""
        if not 0 <= iteration < self.total_iter:
            raise IndexError(f"iteration {iteration} is not in a film of {self.total_iter}")
        span = self.spans[bisect_right(self._first_iterations, iteration) - 1]
        scene = self.storyboard.scenes[span.scene]
        local = iteration - span.first_iteration
        frame = span.first_frame + local // scene.settings.show_step
        shot = min(frame, span.first_frame + span.frames - 1)
        captured = (local + 1) % scene.settings.show_step == 0
        index, previous, travel = span.scene, span.scene - 1, span.transition_iterations
        instant = Instant(stretch_of(self.storyboard, span, self.frames), local)
        if homeward := iteration >= self.total_iter - self.closing:
            scene, index, previous, travel = self.storyboard.scenes[0], 0, index, self.closing
            local = iteration - (self.total_iter - self.closing)
            instant = Instant(stretch_of(self.storyboard, self.spans[0], self.frames), 0)
        mix = _mix(scene, travel, local)
        return Moment(
            iteration=iteration,
            scene=index,
            previous=previous if mix < 1 else None,
            mix=mix,
            blend=scene.transition.blend if scene.transition else "slerp",
            now=self._still(index, lambda motion: float(motion.at(instant))),
            before=self._left(previous) if mix < 1 else None,
            instant=instant,
            frame=frame if captured else None,
            shot=shot,
            begins=local % scene.settings.show_step == 0 and shot == frame,
            time=float(frame / self.storyboard.fps),
            afresh=local == 0 and scene.begins_afresh,
            homeward=homeward,
            coarse=self.storyboard.grow and iteration < self.spans[0].iterations // 2,
        )

    def begins(self, frame: int) -> Moment:
        """What holds during the first iteration for a frame."""
        span = self.spans[bisect_right(self._first_frames, frame) - 1]
        show_step = self.storyboard.scenes[span.scene].settings.show_step
        return self.at(span.first_iteration + (frame - span.first_frame) * show_step)

    def showings(self) -> Iterator[Showing]:
        """Where each scene that has frames is seen in the film, in order; on the way back of one
        that goes there and back, once more.
        """
        for span in self.spans:
            if span.frames:
                yield Showing(span.scene, span.first_frame, span.first_frame + span.frames)
        turn = self.frames - 1
        for span in reversed(self.spans if self.film_frames > self.frames else ()):
            start = max(2 * turn - (span.first_frame + span.frames) + 1, self.frames)
            end = min(2 * turn - span.first_frame + 1, self.film_frames)
            if start < end:
                yield Showing(span.scene, start, end)

    def _still(self, index: int, number: Callable[[Motion], float]) -> Scene:
        """A scene with a number in place of each motion."""
        scene = self.storyboard.scenes[index]
        if index not in self._moves:
            self._moves[index] = any(True for _ in motions_in(scene))
        return stilled(scene, number) if self._moves[index] else scene

    def _left(self, index: int) -> Scene:
        """A scene with the numbers of its end."""
        if index not in self._ends:
            stretch = stretch_of(self.storyboard, self.spans[index], self.frames)
            self._ends = {index: self._still(index, lambda motion: motion.final(stretch))}
        return self._ends[index]


def stretches(storyboard: Storyboard) -> list[Stretch]:
    """All scenes as their tracks see them."""
    laid = list(spans(storyboard))
    frames = sum(span.frames for span in laid)
    return [stretch_of(storyboard, span, frames) for span in laid]


def stretch_of(storyboard: Storyboard, span: Span, frames: int) -> Stretch:
    """A scene as its tracks see it, in a film of so many frames."""
    return Stretch(
        storyboard.fps,
        storyboard.scenes[span.scene].settings.show_step,
        span.iterations,
        span.first_iteration,
        span.first_frame,
        frames,
        span.transition_iterations,
        storyboard.grid,
    )


@functools.lru_cache(maxsize=4096)
def exact(value: float) -> Fraction:
    """The decimal number a person wrote, not its binary neighbour: 0.1 is one tenth, so that
    sums do not drift.
    """
    return Fraction(str(value))


def in_frames(seconds: float, fps: Fraction) -> Fraction:
    """How many frames a time lasts, exactly; one that was given in whole frames is so again,
    whatever its seconds.
    """
    frames = exact(seconds) * fps
    return Fraction(round(frames)) if abs(frames - round(frames)) < SAME_FRAME else frames


def scene_seconds(scene: Scene, fps: Fraction) -> float:
    """How long a scene lasts, in seconds of film."""
    if scene.iterations is None:
        return scene.duration
    return float(Fraction(scene.iterations, scene.settings.show_step) / fps)


def film_seconds(storyboard: Storyboard) -> float:
    """How long a film lasts."""
    captured = sum(span.frames for span in spans(storyboard))
    return float(film_frames(storyboard.loop, captured) / storyboard.fps)


def spans(storyboard: Storyboard) -> Iterator[Span]:
    """Where its scenes lie, in order."""
    fps = storyboard.fps
    position = Fraction(0)  # in frames, exact; only a scene's borders are rounded to whole ones
    first_frame = first_iteration = 0
    for index, scene in enumerate(storyboard.scenes):
        show_step = scene.settings.show_step
        end = position + (
            in_frames(scene.duration, fps)
            if scene.iterations is None
            else scene.iterations // show_step
        )
        frames = _half_up(end) - first_frame
        iterations = scene.iterations or frames * show_step
        travel = _transition_iterations(scene, fps) if index else 0
        yield Span(
            scene=index,
            first_iteration=first_iteration,
            iterations=iterations,
            first_frame=first_frame,
            frames=frames,
            transition_iterations=min(travel, iterations),
        )
        position = end
        first_frame += frames
        first_iteration += iterations


def _half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _transition_iterations(scene: Scene, fps: Fraction) -> int:
    if scene.transition is None or scene.transition.curve == "cut":
        return 0
    return _half_up(in_frames(scene.transition.duration, fps) * scene.settings.show_step)


def _mix(scene: Scene, travel: int, local: int) -> float:
    if local >= travel:
        return 1.0
    return COURSES[scene.transition.curve]((local + 1) / travel)


def film_frames(loop: bool | str, captured: int) -> int:
    """How many frames a film of so many captured ones has: those of its way back too, where it goes
    there and back; the two at which it turns are shown once.
    """
    return max(2 * captured - 2, 1) if loop == "pingpong" else captured


def held(storyboard: Storyboard, scene: int) -> float:
    """Seconds for which a scene stands still at its end: its own, or the film's for the last."""
    own = storyboard.scenes[scene].hold
    if own is not None:
        return own
    return storyboard.hold if scene == len(storyboard.scenes) - 1 else 0.0


def pacing_of(storyboard: Storyboard, scene: int) -> str:
    """How a scene's frames are placed: its own way, or the film's."""
    return storyboard.scenes[scene].pacing or storyboard.pacing


def is_as_shot(storyboard: Storyboard) -> bool:
    """Whether a film's frames are its captured ones, each at its time."""
    scenes = range(len(storyboard.scenes))
    moved = (pacing_of(storyboard, scene) == "even" or held(storyboard, scene) for scene in scenes)
    return not (storyboard.loop or storyboard.land or any(moved))


def _closing_iterations(storyboard: Storyboard) -> int:
    if storyboard.loop is not True:
        return 0
    first, last = storyboard.scenes[0], storyboard.scenes[-1]
    frames = in_frames(first.transition.duration, storyboard.fps)
    return _half_up(frames * last.settings.show_step)
