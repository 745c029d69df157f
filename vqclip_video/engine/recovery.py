"""What a session does where an iteration fails: fewer cutouts at a time, or a step back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch

from ..disk.part import Part
from ..errors import RenderError
from ..storyboard.schema import Settings
from .compilation import compiler_failure
from .judge import CallSize
from .memory import is_out_of_memory, release

RETRIES_AFTER_NAN = 4
STEPS_BACK_IN_FLOAT16 = 2
Found = TypeVar("Found")


class SmallerBatches:
    """Halves the cutouts of one CLIP call where memory runs out; the smaller size is kept."""

    def __init__(
        self,
        calls: CallSize,
        device: torch.device,
        size: tuple[int, int],
        on_notice: Callable[[str], None],
    ):
        """size: (width, height) of the film, for the message."""
        self.calls, self.device, self.size, self.on_notice = calls, device, size, on_notice

    def attempt(
        self, work: Callable[[], Found], settings: Settings, forget: Callable[[], None]
    ) -> Found:
        """What `work` returns, after as many tries as there are sizes; `forget` frees what a failed
        one has left.

        Raises RenderError where one cutout at a time is still too much.
        """
        before = self.calls.limit
        while True:
            try:
                found = work()
                break
            except (RuntimeError, MemoryError) as error:
                if failure := compiler_failure(error):
                    raise failure from error
                if not is_out_of_memory(error):
                    raise
            # Not in the handler: the error's traceback keeps the tensors of the failed attempt
            # alive.
            forget()
            release(self.device)
            self._halve(settings)
        if (now := self.calls.limit) != before:
            self.on_notice(
                f"out of memory: now {now} cutouts per CLIP call (same picture, less speed)"
            )
        return found

    def _halve(self, settings: Settings) -> None:
        batch = self.calls.at(settings)
        if batch == 1:
            width, height = self.size
            raise RenderError(
                f"out of memory at {width}x{height} with one cutout at a time on {self.device}; a "
                f"film of about {width // 2}x{height // 2} needs a quarter of it, and memory=low "
                "trades time for memory"
            )
        self.calls.limit = (batch + 1) // 2


class StepsBack:
    """Remembers the last state whose numbers were numbers, and returns there with less haste."""

    def __init__(self, on_notice: Callable[[str], None]):
        self.on_notice = on_notice
        self.rate_scale = 1.0  # of the learning rate, halved with each step back
        self.taken = 0  # since the number format is what it is
        self.in_float32 = False  # whether the film had to go on in float32
        self._good: Mapping[str, Part] = {}
        self._failures = 0

    def state(self) -> Part:
        numbers = {"rate_scale": self.rate_scale, "taken": self.taken}
        return Part(numbers=numbers | {"in_float32": self.in_float32})

    def restore(self, part: Part) -> None:
        self.rate_scale = part.numbers["rate_scale"]
        self.taken = part.numbers.get("taken", 0)
        self.in_float32 = part.numbers.get("in_float32", False)

    def keep(self, state: Mapping[str, Part]) -> None:
        """This state's numbers are numbers."""
        self._good, self._failures = state, 0

    def take(self, iteration: int) -> Mapping[str, Part]:
        """The state to return to from an iteration whose loss is none.

        Raises RenderError after some tries.
        """
        self._failures += 1
        if self._failures > RETRIES_AFTER_NAN:
            raise RenderError(
                f"iteration {iteration}: the loss is still not a number after {RETRIES_AFTER_NAN} "
                "tries with a lower learning_rate; lower it in the storyboard, or render with "
                "precision=fp32"
            )
        self.rate_scale, self.taken = self.rate_scale / 2, self.taken + 1
        back = self._good["loop"].numbers["iteration"]
        self.on_notice(
            f"iteration {iteration}: the loss is not a number; going on from iteration {back} with "
            f"{self.rate_scale:g} of the learning rate"
        )
        return self._good

    def leave_half_precision(self) -> None:
        """Go on in float32 at the full learning rate, which was not what lost the numbers."""
        self.rate_scale, self.taken, self.in_float32 = 1.0, 0, True
        self.on_notice("numbers are lost in float16 again; going on in float32, which takes longer")
