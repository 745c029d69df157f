"""Checkpoints read as data: the tensors of safetensors, PyTorch and TorchScript files.

Nothing in a checkpoint is executed (see `pickles`). Tensors are views of the memory-mapped file
wherever its layout allows, so reading costs no second copy, and each is checked to lie inside its
storage.

Formats: torch.save's zip (data.pkl and one record per storage, torch 1.6 and later) and the
concatenated pickles before it; TorchScript's archive, which is the same zip with an object tree in
data.pkl (OpenAI's CLIP files).
"""

from __future__ import annotations

import math
import mmap
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..disk.web_page import WORDS
from ..errors import ModelError
from .pickles import Global, Inert, PersistentId, read_pickle

# torch.save stores its records uncompressed; what is compressed may unpack to this many times the
# file.
MAX_COMPRESSION = 16
MAX_PICKLE_BYTES = 64 * 2**20
MAX_RECORDS = 100_000
MAX_DEPTH = 64
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

DTYPES = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
# Where trainers put the state dict inside a larger dict, tried in this order.
WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "params", "net", "ema")
# The dicts in which a pickled nn.Module keeps its tensors and children; no part of a tensor's name.
MODULE_DICTS = ("_parameters", "_buffers", "_modules")

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

Tensors = dict[str, torch.Tensor]
# (key, dtype, count) -> the storage's values, shape (at least count,)
Storage = Callable[[str, torch.dtype, int], torch.Tensor]


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
        records = _ZipRecords(path)
        for name in records.infos:
            records.locate(name)  # held against its checksum
        return read_pickle(records.read("data.pkl"))
    except _DAMAGE as error:
        raise ModelError(f"{path}: not a readable checkpoint ({error}); copy it again") from error


def state_under(tensors: Mapping[str, torch.Tensor], prefix: str) -> Tensors:
    """The tensors whose name begins with `prefix`, without it; all of them, unchanged, if none
    does.
    """
    under = {
        name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)
    }
    return under or dict(tensors)


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
        return _read_zip
    if head[8:9] == b"{":
        return load_file
    if head[:1] == b"\x80":
        return _read_legacy
    if not head:
        raise ModelError(f"{path}: the file is empty; copy or download it again")
    if head.startswith(b"version https://git-lfs"):
        raise ModelError(
            f"{path}: a Git LFS pointer, not the file itself; run `git lfs pull` where it came from"
        )
    if head.lstrip()[:1] == b"<":
        raise ModelError(f"{path}: {WORDS.format(what='a checkpoint')}")
    raise ModelError(
        f"{path}: not a checkpoint; .safetensors and PyTorch's .pt, .pth and .ckpt files can be "
        "read"
    )


def _map_file(path: Path) -> mmap.mmap:
    # ACCESS_COPY rather than READ: torch wants writable memory, and a write must not reach the
    # file.
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def _flat(
    buffer: mmap.mmap | bytearray, offset: int, count: int, dtype: torch.dtype
) -> torch.Tensor:
    """`count` values of `dtype` at byte `offset` of `buffer`, shape (count,); shared memory
    where aligned.
    """
    if not 0 <= count * dtype.itemsize <= len(buffer) - offset:
        raise ValueError(f"a storage of {count} values goes beyond the end of its data")
    if count == 0:
        return torch.empty(0, dtype=dtype)
    if offset % dtype.itemsize:
        buffer, offset = bytearray(buffer[offset : offset + count * dtype.itemsize]), 0
    return torch.frombuffer(buffer, dtype=dtype, count=count, offset=offset)


class _ZipRecords:
    """The records of one zip checkpoint by their name below the archive's top folder."""

    def __init__(self, path: Path) -> None:
        self.buffer = _map_file(path)
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
        if len(infos) > MAX_RECORDS:
            raise ValueError(f"it has {len(infos)} records, more than {MAX_RECORDS}")
        self.infos = {info.filename.partition("/")[2]: info for info in infos}
        self.path = path
        self.allowance = max(MAX_PICKLE_BYTES, MAX_COMPRESSION * len(self.buffer))

    def locate(self, name: str) -> tuple[mmap.mmap | bytearray, int, int]:
        """The record's data as (buffer, offset, size in bytes), checked against its checksum."""
        if name not in self.infos:
            raise LookupError(f"its record {name} is missing")
        info = self.infos[name]
        if info.compress_type == zipfile.ZIP_STORED:
            # The name and extra field here may differ in length from the central directory's.
            lengths = struct.unpack_from("<HH", self.buffer, info.header_offset + 26)
            start = info.header_offset + 30 + sum(lengths)
            if info.file_size > len(self.buffer) - start:
                raise ValueError(f"its record {name} goes beyond the end of the file")
            with memoryview(self.buffer) as view, view[start : start + info.file_size] as data:
                self._check_crc(info, zlib.crc32(data))
            return self.buffer, start, info.file_size
        return self._unpack(info), 0, info.file_size

    def read(self, name: str) -> bytes:
        """A small record's bytes."""
        if self.infos[name].file_size > MAX_PICKLE_BYTES:
            raise ValueError(
                f"its {name} claims {self.infos[name].file_size} bytes, more than "
                f"{MAX_PICKLE_BYTES}"
            )
        buffer, start, size = self.locate(name)
        return bytes(buffer[start : start + size])

    def _unpack(self, info: zipfile.ZipInfo) -> bytearray:
        if info.compress_type != zipfile.ZIP_DEFLATED:
            raise ValueError(
                f"its record {info.filename} is compressed in a way PyTorch does not use"
            )
        self.allowance -= info.file_size
        if self.allowance < 0:
            raise ValueError(
                f"its records unpack to more than {MAX_COMPRESSION} times the file; re-save it with"
                " torch"
            )
        with zipfile.ZipFile(self.path) as archive:
            return bytearray(archive.read(info))

    @staticmethod
    def _check_crc(info: zipfile.ZipInfo, found: int) -> None:
        if found != info.CRC:
            raise ValueError(
                f"its record {info.filename} fails its checksum: the file is damaged, or was saved "
                "with torch's crc32 option off and must be saved again with it on"
            )


def _read_zip(path: Path) -> Tensors:
    records = _ZipRecords(path)
    if "data.pkl" not in records.infos:
        raise ValueError("a zip file without PyTorch's data.pkl")
    if "byteorder" in records.infos and records.read("byteorder").strip() != b"little":
        raise ModelError(f"{path}: saved on a big-endian machine; re-save it as .safetensors there")

    @cache
    def storage(key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        buffer, start, size = records.locate(f"data/{key}")
        if count * dtype.itemsize > size:
            raise ValueError(
                f"its record data/{key} has {size} bytes, too few for {count} values of {dtype}"
            )
        return _flat(buffer, start, count, dtype)

    return _collect(read_pickle(records.read("data.pkl")), storage)


def _read_legacy(path: Path) -> Tensors:
    """torch before 1.6: pickles of magic, version, system, object and storage keys; then each
    storage's data.
    """
    buffer = _map_file(path)
    if read_pickle(buffer) != LEGACY_MAGIC:
        raise ModelError(
            f"{path}: a pickle, but not of PyTorch; save the weights with torch.save or as "
            ".safetensors"
        )
    read_pickle(buffer)
    system = read_pickle(buffer)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ModelError(f"{path}: saved on a big-endian machine; re-save it as .safetensors there")
    dtypes: dict[str, torch.dtype] = {}

    def note_dtype(reference: Any) -> PersistentId:
        match reference:
            case ("storage", Global(kind), str(key), *_):
                dtypes[key] = _dtype(kind)
        return PersistentId(reference)

    tree = read_pickle(buffer, note_dtype)
    flats: Tensors = {}
    for key in read_pickle(buffer):
        if not isinstance(key, str):  # hashing a deeply nested tuple would overflow the C stack
            raise TypeError("its list of storages holds something else")
        (count,) = struct.unpack("<q", buffer.read(8))
        flats[key] = _flat(buffer, buffer.tell(), count, dtypes[key])
        buffer.seek(count * dtypes[key].itemsize, 1)

    def storage(key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        if flats[key].dtype != dtype or len(flats[key]) != count:
            raise ValueError(f"its storage {key} is not one of {count} values of {dtype}")
        return flats[key]

    return _collect(tree, storage)


def _collect(tree: Any, storage: Storage) -> Tensors:
    """The tensors of an unpickled checkpoint under their state-dict names."""
    named = ((name, _tensor(value, name, storage)) for name, value in _named_values(_state(tree)))
    return {name: tensor for name, tensor in named if tensor is not None}


def _entries(value: Any) -> dict:
    """What a dict, a dict subclass or an object's state holds by name."""
    if isinstance(value, Inert):
        return value.entries or (value.state if isinstance(value.state, dict) else {})
    return value if isinstance(value, dict) else {}


def _state(tree: Any) -> Any:
    """The part of a checkpoint that holds the weights: its state dict, or the module itself."""
    for _ in range(MAX_DEPTH):
        inner = next(
            (value for key in WRAPPERS if _entries(value := _entries(tree).get(key))), None
        )
        # A module may have a child of the name `model`: only dicts wrap.
        if inner is None or (isinstance(tree, Inert) and not tree.entries):
            return tree
        tree = inner
    raise ValueError("its dicts are nested too deeply")


def _named_values(tree: Any) -> Iterator[tuple[str, Any]]:
    """Every value below `tree` with its dotted name, as a module's state dict would name it."""
    waiting = [("", tree, 0)]
    count = 0
    while waiting:
        prefix, node, depth = waiting.pop()
        for key, value in _entries(node).items():
            count += 1
            if count > MAX_RECORDS or depth > MAX_DEPTH:
                raise ValueError(
                    f"it has more than {MAX_RECORDS} values, or more than {MAX_DEPTH} levels of "
                    "them"
                )
            name = prefix if key in MODULE_DICTS else f"{prefix}{key}"
            if _entries(value):
                waiting.append((name if key in MODULE_DICTS else f"{name}.", value, depth + 1))
            else:
                yield name, value


def _tensor(value: Any, name: str, storage: Storage) -> torch.Tensor | None:
    """The tensor that a pickled call stands for; None where it stands for anything else."""
    match value:
        case Inert(
            "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state",
            (inner, *_),
        ):
            return _tensor(inner, name, storage)
        case Inert(
            "torch._tensor._rebuild_from_type_v2", (Global(function), _, tuple(arguments), *_)
        ):
            return _tensor(Inert(function, arguments), name, storage)
        case Inert(
            "torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_tensor",
            (
                PersistentId(("storage", Global(kind), str(key), _, int(count), *_)),
                int(offset),
                size,
                stride,
                *_,
            ),
        ):
            return _strided(storage(key, _dtype(kind), count)[:count], name, offset, size, stride)
    return None


def _dtype(kind: str) -> torch.dtype:
    if kind not in DTYPES:
        raise ValueError(f"it holds values of {kind}; re-save it as float32 or float16")
    return DTYPES[kind]


def _strided(flat: torch.Tensor, name: str, offset: int, size: Any, stride: Any) -> torch.Tensor:
    """A view of `flat` that is proven to lie inside it."""
    if not (
        _is_shape(size)
        and _is_shape(stride)
        and len(size) == len(stride) <= MAX_DEPTH
        and offset >= 0
    ):
        raise ValueError(f"its tensor {name} has no valid shape")
    if 0 in size:
        return torch.empty(size, dtype=flat.dtype)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    # Without the second condition a stride of 0 would make one stored value a tensor of any size.
    if last >= len(flat) or math.prod(size) > len(flat):
        raise ValueError(
            f"its tensor {name} of shape {size} does not fit in the {len(flat)} values stored "
            "for it"
        )
    return torch.as_strided(flat, size, stride, offset)


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(type(n) is int and n >= 0 for n in value)
