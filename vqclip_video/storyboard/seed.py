"""`seed: random`: drawn once for a film, and written down with it."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace

from .schema import Storyboard

BITS = 32


def with_seed(storyboard: Storyboard, begun: str = "") -> Storyboard:
    """The storyboard with a seed: its own, else that of the storyboard `begun` as it was written
    out, else a new one.
    """
    if storyboard.seed is not None:
        return storyboard
    before = re.search(r"^seed: ([0-9]+)$", begun, re.MULTILINE)
    return replace(storyboard, seed=int(before[1]) if before else secrets.randbits(BITS))
