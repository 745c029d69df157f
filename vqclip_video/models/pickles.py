"""Pickles read as data: the opcodes are interpreted here, and nothing is ever imported or called.

A pickle is a program whose GLOBAL and REDUCE opcodes name functions and call them. This reader
keeps the names and the arguments instead (`Global`, `Inert`), so the worst that a hostile file can
say is said and not done. The opcodes are those of Python's `pickletools`, protocols 0 to 5, without
the extension registry and out-of-band buffers, which no checkpoint uses.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

# A checkpoint of a thousand tensors with optimiser state takes about 200,000 opcodes.
MAX_OPCODES = 1_000_000

_LITERALS = frozenset(
    ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
    + (
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    )
    + ("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_KEYS = (str, int, float, bytes, type(None))


@dataclass(frozen=True)
class Global:
    """The dotted name of something that the pickle would have imported."""

    name: str


@dataclass(frozen=True)
class PersistentId:
    """A reference to data outside the pickle; in PyTorch's files a tuple that describes a
    storage.
    """

    value: Any


@dataclass(eq=False)
class Inert:
    """What would have come of calling the global `name` with `args`: held, not made.

    `entries` are the items that the pickle would have set on it, `state` what it would have been
    restored from.
    """

    name: str
    args: tuple = ()
    state: Any = None
    entries: dict = field(default_factory=dict)


def read_pickle(
    stream: bytes | BinaryIO, persistent_load: Callable[[Any], Any] = PersistentId
) -> Any:
    """The value of one pickle; of a file object, exactly up to the pickle's end.

    Numbers, strings, tuples, lists and dicts come as themselves, sets as lists, everything else as
    `Global`,
    `Inert` or what `persistent_load` makes of a persistent id. Dict keys that are not plain scalars
    are dropped
    with their values: no checkpoint's weights have them, and hashing a hostile one could overflow
        the C stack.

    Raises ValueError, LookupError or TypeError where the bytes are no well-formed pickle.
    """
    machine = _Machine(persistent_load)
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if count == MAX_OPCODES:
            raise ValueError(f"its pickle has more than {MAX_OPCODES} instructions")
        if opcode.name == "STOP":
            return machine.pop()
        machine.step(opcode.name, argument)
    raise ValueError("its pickle has no end")


class _Machine:
    """The pickle machine: a stack, the stacks put aside by MARK, and a memo."""

    def __init__(self, persistent_load: Callable[[Any], Any]) -> None:
        self.persistent_load = persistent_load
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Executes one opcode."""
        if name in _LITERALS:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            self.stack.append(tuple(self.pop_many(_TUPLES[name])))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif name not in ("PROTO", "FRAME"):
            handler = getattr(self, f"do_{name.lower()}", None)
            if handler is None:
                raise ValueError(f"its pickle uses {name}, which no checkpoint needs")
            handler() if argument is None else handler(argument)

    def pop(self) -> Any:
        return self.stack.pop()

    def pop_many(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("its pickle takes more from its stack than was put there")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def pop_marked(self) -> list[Any]:
        """Everything pushed since the last MARK."""
        values, self.stack = self.stack, self.marked.pop()
        return values

    def do_mark(self) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def do_pop(self) -> None:
        if self.stack:
            self.pop()
        else:
            self.pop_marked()

    def do_pop_mark(self) -> None:
        self.pop_marked()

    def do_dup(self) -> None:
        self.stack.append(self.stack[-1])

    def do_tuple(self) -> None:
        values = self.pop_marked()
        self.stack.append(tuple(values))

    def do_empty_list(self) -> None:
        self.stack.append([])

    do_empty_set = do_empty_list

    def do_list(self) -> None:
        values = self.pop_marked()
        self.stack.append(values)

    do_frozenset = do_list

    def do_append(self) -> None:
        self.extend([self.pop()])

    def do_appends(self) -> None:
        self.extend(self.pop_marked())

    do_additems = do_appends

    def extend(self, values: list[Any]) -> None:
        # What is appended to an Inert (a deque, a list subclass) holds no weights and is let go.
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)

    def do_empty_dict(self) -> None:
        self.stack.append({})

    def do_dict(self) -> None:
        values = self.pop_marked()
        self.stack.append({})
        self.set_items(values)

    def do_setitem(self) -> None:
        self.set_items(self.pop_many(2))

    def do_setitems(self) -> None:
        self.set_items(self.pop_marked())

    def set_items(self, values: list[Any]) -> None:
        target = self.stack[-1]
        entries = target.entries if isinstance(target, Inert) else target
        if not isinstance(entries, dict):
            raise TypeError(f"its pickle sets an item of a {type(target).__name__}")
        entries.update(
            (k, v) for k, v in zip(values[::2], values[1::2], strict=True) if isinstance(k, _KEYS)
        )

    def do_global(self, names: str) -> None:
        self.stack.append(Global(names.replace(" ", ".")))

    def do_stack_global(self) -> None:
        module, name = self.pop_many(2)
        self.stack.append(Global(f"{module:s}.{name:s}"))

    def do_reduce(self) -> None:
        self.call(*self.pop_many(2))

    do_newobj = do_reduce

    def do_newobj_ex(self) -> None:
        function, arguments, _ = self.pop_many(3)
        self.call(function, arguments)

    def do_inst(self, names: str) -> None:
        self.call(Global(names.replace(" ", ".")), tuple(self.pop_marked()))

    def do_obj(self) -> None:
        function, *arguments = self.pop_marked()
        self.call(function, tuple(arguments))

    def call(self, function: Any, arguments: Any) -> None:
        name = function.name if isinstance(function, Global) else ""
        self.stack.append(Inert(name, arguments if isinstance(arguments, tuple) else ()))

    def do_build(self) -> None:
        state = self.pop()
        if isinstance(self.stack[-1], Inert):
            self.stack[-1].state = state

    def do_persid(self, value: str) -> None:
        self.stack.append(self.persistent_load(value))

    def do_binpersid(self) -> None:
        self.stack.append(self.persistent_load(self.pop()))
