"""Checkpoints read as data: the tensors of safetensors, PyTorch and TorchScript files.

Nothing in a checkpoint is executed (see `pickles`). Tensors are views of the memory-mapped file
wherever its layout allows, so reading costs no second copy, and each is checked to lie inside its
storage.

Formats: torch.save's zip (data.pkl and one record per storage, torch 1.6 and later) and the
concatenated pickles before it; TorchScript's archive, which is the same zip with an object tree in
data.pkl (OpenAI's CLIP files).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..errors import ModelError
from .foreign_files import of_unknown_kind
from .pickles import read_pickle
from .tensor_tree import Tensors
from .torch_files import ZipRecords, read_legacy, read_zip

_DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def read_tensors(path: Path | str) -> Tensors:
    """All tensors of a checkpoint, on the CPU, under the names of its state dict, in the dtypes of
    the file.

    Reads .safetensors, .pt/.pth/.ckpt (a state dict, bare or inside a Lightning or other dict) and
    TorchScript archives, told apart by content. The tensors share memory with the file: writing to
    one changes a private copy of its page, never the file.

    Raises ModelError where the file is missing, damaged, of another kind, or holds no tensors.
    """
    path = Path(path)
    try:
        read = _reader_for(path)
        tensors = read(path)
    except ModelError:
        raise
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise ModelError(f"{path}: this is a folder; name the checkpoint file in it") from None
    except _DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise ModelError(
            f"{path}: not a readable checkpoint ({reason}); copy or download it again"
        ) from error
    if not tensors:
        raise ModelError(
            f"{path}: no tensors found in it; a checkpoint with a state dict is needed"
        )
    return tensors


def read_values(path: Path) -> Any:
    """What a file of torch.save (1.6 and later) holds beside its tensors, as it is: texts, numbers.

    Raises ModelError where it is of another kind, or damaged in whatever place.
    """
    try:
        records = ZipRecords(path)
        for name in records.infos:
            records.locate(name)  # held against its checksum
        return read_pickle(records.read("data.pkl"))
    except _DAMAGE as error:
        raise ModelError(f"{path}: not a readable checkpoint ({error}); copy it again") from error


def check_finite(tensors: Mapping[str, torch.Tensor], path: Path | str) -> None:
    """Raises ModelError naming the first tensor that holds a NaN or an infinity; `path` is for
    the message.
    """
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not tensor.numel():
            continue
        # float8 computes nothing by itself
        values = tensor.float() if tensor.dtype.itemsize == 1 else tensor
        # A NaN or an infinity is among the extremes, which are found 20 times faster than by
        # testing every value.
        if not all(extreme.isfinite() for extreme in values.aminmax()):
            count = int((~torch.isfinite(values)).sum())
            raise ModelError(
                f"{path}: {name} holds {count} values that are NaN or infinite, of "
                f"{tensor.numel()}; the training failed or the file is damaged, use another "
                "checkpoint"
            )


def _reader_for(path: Path) -> Callable[[Path], Tensors]:
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"PK\x03\x04"):
        return read_zip
    if head[8:9] == b"{":
        return load_file
    if head[:1] == b"\x80":
        return read_legacy
    raise of_unknown_kind(path, head)
