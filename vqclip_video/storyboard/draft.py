"""A film's draft: the same scenes at the same seconds, in an eighth of the work or less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from ..errors import UsageError
from .schema import Scene, Storyboard
from .sizes import picture_size
from .timeline import Timeline, scene_seconds

SHARE = Fraction(1, 8)  # of the full film's work
SMALLEST = 16  # pixels of a side
KEYFRAMES = 3  # dreams of a morph at most
LEAST_RATE = 1  # frames a second


def work(storyboard: Storyboard, factor: int) -> int:
    """Iterations times the pixels that each of them decodes, with a VQGAN of that factor."""
    width, height = picture_size(storyboard.size, factor)
    return Timeline(storyboard).total_iter * width * height


def drafted(storyboard: Storyboard, factor: int) -> Storyboard:
    """The draft of a film whose VQGAN has that factor.

    Half of each side, then fewer iterations between two frames, then fewer frames a second, until
    the work is small enough. Nothing is delivered of it. Raises UsageError for a film that is too
    small to be drafted.
    """
    most = work(storyboard, factor) * SHARE
    for draft in _smaller_and_smaller(storyboard):
        if work(draft, factor) <= most:
            return draft
    raise UsageError(
        f"{storyboard.source or 'the film'}: too small or short for a draft; render it as it is"
    )


def _smaller_and_smaller(storyboard: Storyboard) -> Iterator[Storyboard]:
    half = tuple(max(SMALLEST, side // 2) for side in storyboard.size)
    scenes = tuple(_scene(scene, storyboard.fps) for scene in storyboard.scenes)
    draft = replace(storyboard, size=half, deliver=(), scenes=scenes)
    longest = max(scene.settings.show_step for scene in scenes)
    for parts in range(1, longest + 1):
        yield (quick := replace(draft, scenes=tuple(_stepped(s, parts) for s in scenes)))
    parts = 2
    while quick.fps / parts >= LEAST_RATE:
        yield replace(quick, fps=quick.fps / parts)
        parts += 1


def _scene(scene: Scene, fps: Fraction) -> Scene:
    """The scene by its seconds, with few dreams on the way."""
    travel = scene.transition
    if travel is not None:
        travel = replace(travel, keyframes=min(travel.keyframes, KEYFRAMES))
    return replace(scene, duration=scene_seconds(scene, fps), iterations=None, transition=travel)


def _stepped(scene: Scene, parts: int) -> Scene:
    step = max(1, scene.settings.show_step // parts)
    return replace(scene, settings=replace(scene.settings, show_step=step))
