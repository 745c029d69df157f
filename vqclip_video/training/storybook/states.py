"""The files by which the towers' trainings go on after a stop."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from ...errors import ModelError
from ...output.files import atomic_write, remove_leftovers


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and numbers, whole or not at all. Raises OutputError where the disk or the folder refuses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    content = io.BytesIO()
    torch.save(state, content)
    atomic_write(path, content.getvalue())


def load_state(path: Path) -> dict[str, Any] | None:
    """What `save_state` has written, on the CPU; None where there is no file. Raises ModelError for a damaged one."""
    if not path.is_file():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever a broken or foreign file leads the reader to; torch's advice is not for this case
        raise ModelError(f"{path}: no training to go on with, or a damaged one; remove it to begin anew") from None
