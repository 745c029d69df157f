"""PyTorch's own file formats read as data: a zip of records (torch 1.6 and later, TorchScript), and
the concatenated pickles before it.

Tensors are views of the memory-mapped file wherever its layout allows, so reading costs no second
copy.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ..errors import ModelError
from .foreign_files import of_a_plain_zip
from .pickles import Global, PersistentId, read_pickle
from .tensor_tree import MAX_RECORDS, Tensors, collect, dtype_of

# torch.save stores its records uncompressed; what is compressed may unpack to this many times the
# file.
MAX_COMPRESSION = 16
MAX_PICKLE_BYTES = 64 * 2**20
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


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


class ZipRecords:
    """The records of one zip checkpoint by their name below the archive's top folder."""

    def __init__(self, path: Path) -> None:
        self.buffer = _map_file(path)
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
        if len(infos) > MAX_RECORDS:
            raise ValueError(f"it has {len(infos)} records, more than {MAX_RECORDS}")
        self.names = [info.filename for info in infos]
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


def read_zip(path: Path) -> Tensors:
    records = ZipRecords(path)
    if "data.pkl" not in records.infos:
        raise of_a_plain_zip(path, records.names)
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

    return collect(read_pickle(records.read("data.pkl")), storage)


def read_legacy(path: Path) -> Tensors:
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
                dtypes[key] = dtype_of(kind)
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

    return collect(tree, storage)
