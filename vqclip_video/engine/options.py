"""How a film is computed. None of it changes what the storyboard asks for. Never imports torch."""

from __future__ import annotations

from dataclasses import dataclass, field


def choice(help: str, *choices: str):
    """A field with its help text; the first of the `choices` is the default."""
    return field(default=choices[0], metadata={"help": help, "choices": choices})


@dataclass(frozen=True)
class EngineOptions:
    """The options of every command that computes; `cli/options.py` makes its own from these."""

    device: str = field(
        default="auto", metadata={"help": "auto, cpu, cuda, cuda:N or mps.", "choices": ()}
    )
    precision: str = choice("Number format of the networks.", "auto", "fp32", "bf16", "fp16")
    memory: str = choice(
        "low recomputes the decoder's activations instead of keeping them, and shows CLIP few "
        "cutouts at a time.",
        "auto", "low", "high",
    )  # fmt: skip
    compile: str = choice(
        "Whether torch compiles the networks first; auto: never, since it takes a minute and wins "
        "nothing over the kernels that are here.",
        "auto", "on", "off",
    )  # fmt: skip
    graphs: str = choice(
        "Whether iterations are replayed as CUDA graphs; auto: on CUDA, if they can be captured.",
        "auto", "on", "off",
    )  # fmt: skip
