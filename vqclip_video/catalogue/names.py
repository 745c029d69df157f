"""Models by name: which a word means, and what to say of one that means none."""

from __future__ import annotations

from ..errors import UsageError
from ..text import did_you_mean
from .clip_config import ARCHITECTURES, QUICK, CLIPConfig, architecture
from .known import MODELS, PAIRS
from .known_clips import OPENAI_SOURCE
from .model import Model

# What a storyboard may say that means no file of one's own.
NAMES = frozenset(
    [*PAIRS, *(model.name for model in MODELS.values() if model.kind in ("clip", "vqgan"))]
)


def members(name: str) -> tuple[Model, ...]:
    """The model of that name, or those of a pair. UsageError where there is none."""
    if pair := PAIRS.get(name):
        return tuple(
            MODELS[member]
            for member in (pair.clip, pair.vqgan, pair.sketchbook, pair.prior)
            if member
        )
    if name in MODELS:
        return (MODELS[name],)
    raise UsageError(unknown(name, [*PAIRS, *MODELS]))


def find(kind: str, name: str) -> Model | None:
    """The model that `name` means for one half of a pair ("clip" or "vqgan"); None for anything
    but a known name.
    """
    if name in PAIRS:
        return MODELS[getattr(PAIRS[name], kind)]
    model = MODELS.get(name)
    return model if model and model.kind == kind else None


# What may be said of a CLIP of one's own: an architecture, or a known CLIP that is made like it.
# OpenAI's are not among them: their RN50 and ViT-B/32 are RN50-quickgelu and ViT-B-32-quickgelu.
MADE_LIKE = (
    *ARCHITECTURES,
    *(model.name for model in MODELS.values() if model.clip and model.source != OPENAI_SOURCE),
)


def made_like(name: str) -> CLIPConfig:
    """How a CLIP is computed whose architecture goes by this name, or that is made like a known
    one. UsageError where there is none.
    """
    if name in ARCHITECTURES:
        return architecture(name)
    if name in MADE_LIKE:
        return MODELS[name].clip
    if name in MODELS and MODELS[name].clip:
        plain = name.replace("/", "-").replace("@336px", "-336")
        raise UsageError(f"{name} is OpenAI's; its architecture is called {plain}{QUICK}")
    raise UsageError(
        f"no architecture is called {name[:60]!r}{did_you_mean(name, list(MADE_LIKE))}; known are "
        f"{', '.join(ARCHITECTURES[::2])}, each also with -quickgelu, and the CLIPs of `models "
        "list`"
    )


def names_of(kind: str) -> list[str]:
    return [*PAIRS, *(model.name for model in MODELS.values() if model.kind == kind)]


def known_text(names: list[str]) -> str:
    return f"known names are {', '.join(names)}"


def unknown(name: str, names: list[str]) -> str:
    """Why `name` is none of `names`, with the likely slip."""
    if name in MODELS:
        return f"{name!r} is a {MODELS[name].kind.upper()}; {known_text(names)}"
    hint = did_you_mean(name, names)
    return (
        f"no model is called {name[:60]!r}{hint}; {known_text(names)}; or give the path of a file"
    )
