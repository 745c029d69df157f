"""What a .safetensors file says it holds, without reading it all or importing torch.

The format: 8 bytes with the header's length, the header (JSON: name → dtype, shape, data_offsets),
the values.
"""

from __future__ import annotations

import json
from pathlib import Path

LONGEST_HEADER = 4 * 2**20  # that of a thousand tensors takes 100 KB


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor in the file, by name.

    Raises ValueError for what is no safetensors file or is cut off, OSError where it cannot be
    read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= LONGEST_HEADER:
            raise ValueError("no safetensors header")
        header = file.read(length)
    try:
        tensors = json.loads(header)
        tensors.pop("__metadata__", None)
        shapes = {
            name: tuple(int(size) for size in tensor["shape"]) for name, tensor in tensors.items()
        }
        end = max((int(tensor["data_offsets"][1]) for tensor in tensors.values()), default=0)
    except (AttributeError, LookupError, OverflowError, RecursionError, TypeError) as error:
        raise ValueError("not the header of a safetensors file") from error
    if path.stat().st_size < 8 + length + end:
        raise ValueError("the file is cut off")
    return shapes
