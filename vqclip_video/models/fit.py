"""Fitting a file's tensors into a network: all of them or none, with a list of what does not
fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..errors import ModelError

SHOWN = 8  # names listed for each kind of misfit; the rest is counted


class Unfilled(TorchFunctionMode):
    """Networks built inside have names and shapes but no memory: on the meta device, without first
    values.

    What computes first values is left out. It would be harmless, but the meta kernels of these few
    functions import torch's compiler, which takes longer than everything else a small film does
    before its first iteration.
    """

    ARITHMETIC = (Tensor.triu_, Tensor.mul, Tensor.__rmul__, Tensor.div, Tensor.__truediv__)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in self.ARITHMETIC:
            return args[0]
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        with torch.device("meta"):
            return (torch.empty if func is torch.randn else func)(*args, **kwargs)


def fit(
    network: nn.Module, tensors: Mapping[str, Tensor], path: Path, kind: str, remedy: str = ""
) -> None:
    """Put `tensors` into `network`, built on the meta device, without copying them; the network is
    frozen after.

    The tensors keep their own dtype. Raises ModelError listing missing and unknown names, wrong
    shapes and wrong types where the file `path` is not the `kind` of network its sizes announce;
    nothing is loaded then. remedy: the way out, in words, said where shapes differ.
    """
    expected = network.state_dict()
    # Batch norms count their training steps; nothing reads the counter, and some conversions drop
    # it.
    counters = {
        name: torch.zeros((), dtype=torch.long)
        for name in expected
        if name.endswith("num_batches_tracked")
    }
    tensors = counters | dict(tensors)
    shared = [name for name in expected if name in tensors]
    misfits = {
        "missing": [name for name in expected if name not in tensors],
        "not known": [name for name in tensors if name not in expected],
        "of another shape": [
            f"{name} (found {_shape(tensors[name])}, expected {_shape(expected[name])})"
            for name in shared
            if tensors[name].shape != expected[name].shape
        ],
        "of another type": [
            f"{name} ({tensors[name].dtype}, expected a floating-point type)"
            for name in shared
            if expected[name].is_floating_point() and not tensors[name].is_floating_point()
        ],
    }
    if any(misfits.values()):
        lines = [
            f"  {len(names)} {how}: {_listed(names)}" for how, names in misfits.items() if names
        ]
        lines += [remedy] if remedy and misfits["of another shape"] else []
        raise ModelError(
            "\n".join([f"{path}: the tensors do not fit {kind}; nothing was loaded:", *lines])
        )
    network.load_state_dict(tensors, strict=True, assign=True)
    network.eval().requires_grad_(False)


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a single number"


def _listed(names: Sequence[str]) -> str:
    rest = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest
