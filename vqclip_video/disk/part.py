"""The state of one participant of a film, in the two forms that a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Part:
    """tensors: arrays of torch or numpy by name; numbers: plain values, any JSON without NaN."""

    tensors: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)
