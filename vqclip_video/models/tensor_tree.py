"""The tensors in what a checkpoint's pickle holds: found by their state-dict names, each proven to
lie inside its storage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from .pickles import Global, Inert, PersistentId

MAX_RECORDS = 100_000
MAX_DEPTH = 64

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

Tensors = dict[str, torch.Tensor]
# (key, dtype, count) -> the storage's values, shape (at least count,)
Storage = Callable[[str, torch.dtype, int], torch.Tensor]


def collect(tree: Any, storage: Storage) -> Tensors:
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
            return _strided(storage(key, dtype_of(kind), count)[:count], name, offset, size, stride)
    return None


def dtype_of(kind: str) -> torch.dtype:
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
