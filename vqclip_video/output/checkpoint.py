"""Checkpoints that are proven or ignored: the state of each participant, with a digest over every
byte.

A file is 64 hexadecimal digits (the sha256 of the rest), a newline, then a safetensors file whose
metadata holds the plain values as JSON. The two newest are kept: were the newest one torn by a
power cut, the one before is whole. Nothing is parsed before its digest fits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from ..disk.files import atomic_write, explained, remove
from ..disk.part import Part

DIGITS = 64
Parts = Mapping[str, Part]  # by participant, whose name holds no slash


def save(work: Path, parts: Parts) -> Parts | None:
    """Adds a checkpoint to the folder `work` and keeps one whole older one.

    Returns the plain values of the older checkpoint, to which a torn newest would fall back, or
    None when this is the first; whatever it refers to must be kept too. Raises OutputError when the
    disk refuses; the checkpoints there are stay.
    """
    older = _newest_whole(work)
    files = _files(work)
    write_parts(_path(work, _number(files[0]) + 1 if files else 1), parts)
    for file in files:
        if older is None or file != older[0]:
            remove(file)
    for leftover in work.glob(".checkpoint-*.part"):
        remove(leftover)
    return _parts({}, older[1]) if older else None


def load_checkpoint(work: Path, warn: Callable[[str], None] = lambda message: None) -> Parts | None:
    """The newest whole checkpoint in `work`, its tensors on the CPU, or None.

    A damaged one is passed over, with a line to `warn`. Raises OutputError when a file cannot be
    read.
    """
    files = _files(work)
    for file in files:
        if (parts := read_parts(file)) is not None:
            return parts
        warn(f"{file.name} is damaged; going back to the checkpoint before it")
    if files:
        warn("no checkpoint is whole; starting from the beginning")
    return None


def write_parts(path: Path, parts: Parts) -> None:
    """One file of that form. Raises OutputError when the disk refuses."""
    tensors = {
        f"{participant}/{name}": _plain(tensor)
        for participant, part in parts.items()
        for name, tensor in part.tensors.items()
    }
    info = {participant: dict(part.numbers) for participant, part in parts.items()}
    content = safetensors.torch.save(tensors, {"info": json.dumps(info, allow_nan=False)})
    atomic_write(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def read_parts(path: Path) -> Parts | None:
    """What `write_parts` has written there, its tensors on the CPU; None where there is no such
    file, or it is damaged. Raises OutputError when it cannot be read.
    """
    content = _whole(path) if path.exists() else None
    return None if content is None else _parts(safetensors.torch.load(content), _info(content))


def _parts(tensors: Mapping[str, torch.Tensor], info: Mapping[str, dict[str, Any]]) -> Parts:
    named: dict[str, dict[str, torch.Tensor]] = {participant: {} for participant in info}
    for name, tensor in tensors.items():
        participant, _, own = name.partition("/")
        named[participant][own] = tensor
    return {participant: Part(named[participant], numbers) for participant, numbers in info.items()}


def _plain(value: torch.Tensor | np.ndarray) -> torch.Tensor:
    """A copy on the CPU that shares memory with nothing, as safetensors wants it."""
    tensor = torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
    return tensor.detach().cpu().contiguous().clone()


def _path(work: Path, number: int) -> Path:
    return work / f"checkpoint-{number:06d}"


def _number(file: Path) -> int:
    return int(file.name.partition("-")[2])


def _files(work: Path) -> list[Path]:
    """Newest first."""
    numbered = [
        file for file in work.glob("checkpoint-*") if file.name.partition("-")[2].isdecimal()
    ]
    return sorted(numbered, key=_number, reverse=True)


def _newest_whole(work: Path) -> tuple[Path, dict] | None:
    for file in _files(work):
        content = _whole(file)
        if content is not None:
            return file, _info(content)
    return None


def _whole(file: Path) -> bytes | None:
    """The safetensors part of a checkpoint whose digest fits, or None."""
    with explained(file):
        data = file.read_bytes()
    digest, content = data[:DIGITS], data[DIGITS + 1 :]
    fits = (
        data[DIGITS : DIGITS + 1] == b"\n"
        and hashlib.sha256(content).hexdigest().encode() == digest
    )
    return content if fits else None


def _info(content: bytes) -> dict:
    """The plain values in a safetensors header: 8 bytes of length, then JSON."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["info"])
