"""What is known of a model: its files, where each comes from, how to tell that it is the right one,
and its licence.
"""

from __future__ import annotations

from dataclasses import dataclass

from .clip_config import CLIPConfig


@dataclass(frozen=True)
class ModelFile:
    """One file of a model.

    `urls` are tried in turn; `sha256` and `bytes` are None where they are not known. A `packaged`
    file lies in the package and is never downloaded.
    """

    filename: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    bytes: int | None = None
    packaged: bool = False


@dataclass(frozen=True)
class Model:
    """A CLIP or a VQGAN known by name; a VQGAN's files are its checkpoint and its YAML, in this
    order.

    `side` is what a model's user must choose sizes by: a CLIP's input side in pixels, a VQGAN's
    downsampling factor; that of the other kinds is 0. A `bundled` model lies in the package and is
    never downloaded.
    `kept`: values that a CLIP's image tower keeps for each pixel of a cutout until the backward
    pass, measured of OpenAI's.
    `clip`: what a CLIP's weights do not say of it; None of the other kinds.
    `discriminator`: whether a VQGAN's checkpoint holds the one it was trained against, which
    `losses.gan` asks.
    """

    name: str
    kind: str  # "clip", "vqgan", "sketchbook" or "prior"
    side: int
    files: tuple[ModelFile, ...]
    licence: str
    source: str
    summary: str
    bundled: bool = False
    discriminator: bool = False
    kept: float = 0.0
    clip: CLIPConfig | None = None


@dataclass(frozen=True)
class Pair:
    """The names of a CLIP and a VQGAN that go by one name in a storyboard.

    `sketchbook` and `prior` name the models of those kinds that were made for the two.
    """

    clip: str
    vqgan: str
    sketchbook: str | None = None
    prior: str | None = None
