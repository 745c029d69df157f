"""How a stage's training goes on after a stop: tensors and numbers, kept as data.

`output.checkpoint` keeps the two newest states of a folder, each a safetensors file that is read
once the digest over all of it fits. What stands around the tensors, such as an optimiser's numbers,
is JSON in its header: no file of a training is a program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from ...disk.files import explained
from ...disk.part import Part
from ...errors import ModelError
from ...output import checkpoint

PARTICIPANT = "training"  # the one participant
NamedTensors = Mapping[str, Tensor]
_FOREIGN = (LookupError, RecursionError, SafetensorError, TypeError, ValueError)


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Keep dicts, lists and tuples of tensors, texts and numbers, whole or not at all.

    Raises OutputError where the disk or the folder refuses; the states kept before stay.
    """
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    tree = _written(state, tensors)
    checkpoint.save(folder, {PARTICIPANT: Part(tensors, {"state": tree})})


def load_state(
    folder: Path, report: Callable[[str], None] = lambda line: None
) -> dict[str, Any] | None:
    """What `save_state` has kept last, on the CPU; None where it has kept nothing.

    A damaged state is passed over for the one before it, with a line to `report`. Raises ModelError
    where none is whole.
    """
    told: list[str] = []
    try:
        found = checkpoint.load_checkpoint(folder, told.append)
        state = (
            _read(found[PARTICIPANT].numbers["state"], found[PARTICIPANT].tensors)
            if found
            else None
        )
    except _FOREIGN:  # whole, by its digest, but no state
        state = None
    if state is None and any(folder.glob("checkpoint-*")):
        raise ModelError(
            f"{folder}: no training to go on with, or a damaged one; remove it to begin anew"
        )
    for line in told:
        report(f"{folder.name}: {line}")
    return state


def _written(value: Any, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON: a tensor by its name in `tensors`, where it is put; a dict as pairs.

    Pairs, because JSON knows only texts as keys, and optimisers number their weights.
    """
    match value:
        case Tensor():
            name = str(len(tensors))
            tensors[name] = value
            return {"tensor": name}
        case dict():
            return {"dict": [[key, _written(each, tensors)] for key, each in value.items()]}
        case tuple():
            return {"tuple": [_written(each, tensors) for each in value]}
        case list():
            return [_written(each, tensors) for each in value]
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"a {type(value).__name__} cannot be kept")


def _read(tree: Any, tensors: NamedTensors) -> Any:
    """The value that `_written` made `tree` of. LookupError, TypeError or ValueError for others."""
    match tree:
        case {"tensor": name}:
            return tensors[name]
        case {"dict": pairs}:
            return {key: _read(each, tensors) for key, each in pairs}
        case {"tuple": values}:
            return tuple(_read(each, tensors) for each in values)
        case list():
            return [_read(each, tensors) for each in tree]
        case dict():
            raise ValueError("a dict of no known kind")
    return tree
