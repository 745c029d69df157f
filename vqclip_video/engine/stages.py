"""The stages of an iteration, for whoever times them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

STAGES = ("decode", "cutouts", "CLIP", "prior", "backward", "step", "graph", "capture")
Stage = Callable[[str], AbstractContextManager]


def no_stage(name: str) -> AbstractContextManager:
    """A stage that nobody times."""
    return nullcontext()
