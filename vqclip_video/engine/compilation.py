"""torch.compile: an option, and what to say when it fails."""

from __future__ import annotations

from ..errors import RenderError

COMPILERS = ("torch._dynamo", "torch._inductor", "torch._functorch")


def pick_compile(name: str) -> bool:
    """Whether to compile the networks; auto: never.

    An H100 needs 13.6 ms for a compiled decoder at 512x512 and 14.6 for the kernels of
    `channels_last.py` with torch's slow attention, 4.7 of these, which they have since lost: 40 to
    60 s of compiling win nothing back.
    """
    return name == "on"


def compiler_failure(
    error: BaseException, remedy: str = "render with compile=off"
) -> RenderError | None:
    """What to tell the user where `error` is torch's compiler giving up, with the way out; None
    where it is something else.
    """
    if not type(error).__module__.startswith(COMPILERS):
        return None
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return RenderError(f"torch.compile failed ({reason}); {remedy}")
