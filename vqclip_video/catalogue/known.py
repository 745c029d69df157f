"""The models known by name, and the pairs."""

from __future__ import annotations

from .clip_config import OF_OPENAI
from .known_clips import CLIPS
from .known_vqgans import VQGANS
from .model import Model, ModelFile, Pair


def _storybook(
    kind: str,
    side: int,
    sha256: str,
    size: int,
    summary: str,
    *beside: ModelFile,
    kept: float = 0.0,
) -> Model:
    """`beside`: files that belong to the weights."""
    return Model(
        name=f"storybook-{kind}",
        kind=kind,
        side=side,
        files=(ModelFile(f"{kind}.safetensors", sha256=sha256, bytes=size), *beside),
        licence="MIT; sources in models/storybook/LICENCES.md",
        source="in the package",
        summary=summary,
        bundled=True,
        kept=kept,
        clip=OF_OPENAI if kind == "clip" else None,
    )


_STORYBOOK = (
    _storybook(
        "clip",
        64,
        "77df2280b29bf3cdbb27e8df8397f6100b92b225cb7db1cd41b91375236e4572",
        19204708,
        "a small CLIP of an illustrated world",
        kept=75.6,
    ),
    _storybook(
        "vqgan",
        8,
        "da2e11620de3b9d3b28a603d26b2e7c38587a624308a46738786cd647b302cab",
        8590950,
        "a small VQGAN, f8, 4096 codes, drawn pictures",
        ModelFile("vqgan.yaml"),  # text: a checkout may change its line ends, so no sha256
    ),
    _storybook(
        "sketchbook",
        0,
        "acaf750057c883ba237fb8700551a2f118215a3bf7221a8debffbe765a654620",
        5406240,
        "pictures of things in their places, that films of the storybook pair are drawn toward",
    ),
    _storybook(
        "prior",
        0,
        "e5c4e19f1ccff75db341b63eb6e7df7a5ee9197c0b9943c910fc78004aae2783",
        28012184,
        "a small denoiser, which knows how pictures of the storybook pair are composed",
    ),
)

MODELS = {model.name: model for model in (*_STORYBOOK, *CLIPS, *VQGANS)}
PAIRS = {
    "storybook": Pair(
        "storybook-clip", "storybook-vqgan", "storybook-sketchbook", "storybook-prior"
    ),
    "imagenet": Pair("ViT-B/32", "imagenet-f16-16384"),
}
