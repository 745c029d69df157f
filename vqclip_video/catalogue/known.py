"""The models known by name: where each comes from, how to tell that a file is the right one, and
its licence.

The sha256 of OpenAI's files are those in their own URLs. Those of the VQGANs are what independent
mirrors of the published files agree on; where None stands, none is known and the first download's
is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass

from .clip_config import OF_OPENAI, CLIPConfig

OPENAI = "https://openaipublic.azureedge.net/clip/models"
OPENAI_SOURCE = "https://github.com/openai/CLIP"
OPENAI_MIRROR = "https://huggingface.co/pxlpshr/pytti-models/resolve/main/clip"
HEIBOX = "https://heibox.uni-heidelberg.de"
# A mirror of the published VQGANs, pinned to one revision.
VQGAN_MIRROR = "https://huggingface.co/Somnai/pytti-vqgan-checkpoints/resolve/debc22c8f285c7734980c464ff992d335dde6e9a"


@dataclass(frozen=True)
class ModelFile:
    """One file of a model.

    `urls` are tried in turn; `sha256` and `bytes` are None where they are not known.
    """

    filename: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Model:
    """A CLIP or a VQGAN known by name; a VQGAN's files are its checkpoint and its YAML, in this
    order.

    `side` is what a model's user must choose sizes by: a CLIP's input side in pixels, a VQGAN's
    downsampling
    factor; that of the other kinds is 0. A `bundled` model lies in the package and is never
    downloaded.
    `kept`: values that a CLIP's image tower keeps for each pixel of a cutout until the backward
    pass, measured.
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


def _openai_clip(name: str, side: int, sha256: str, size: int, kept: float) -> Model:
    filename = name.replace("/", "-").replace("@", "-") + ".pt"
    urls = tuple(f"{folder}/{sha256}/{filename}" for folder in (OPENAI, OPENAI_MIRROR))
    kind = "ResNet" if name.startswith("RN") else "vision transformer"
    return Model(
        name=name,
        kind="clip",
        side=side,
        files=(ModelFile(filename, urls, sha256, size),),
        licence="MIT",
        source=OPENAI_SOURCE,
        summary=f"OpenAI's CLIP, {kind}, sees {side}x{side} pixels",
        kept=kept,
        clip=OF_OPENAI,
    )


def _heibox(folder: str, checkpoint: str, config: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """The two links of each file on the authors' server: by its place in the shared folder, and
    its own.
    """
    shared = f"{HEIBOX}/d/{folder}/files/?p="
    return (
        (f"{shared}%2Fckpts%2Flast.ckpt&dl=1", f"{HEIBOX}/f/{checkpoint}/?dl=1"),
        (f"{shared}%2Fconfigs%2Fmodel.yaml&dl=1", f"{HEIBOX}/f/{config}/?dl=1"),
    )


def _taming_vqgan(
    name: str, side: int, files: tuple[ModelFile, ModelFile], data: str, summary: str
) -> Model:
    return Model(
        name=name,
        kind="vqgan",
        side=side,
        files=files,
        licence=f"code MIT; weights published without a licence of their own, trained on {data}",
        source="https://github.com/CompVis/taming-transformers",
        summary=summary,
        discriminator=True,  # of the loss in its config, saved with it
    )


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

_CLIPS = (
    _openai_clip(
        "RN50",
        224,
        "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
        255827503,
        242.9,
    ),
    _openai_clip(
        "RN101",
        224,
        "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599",
        291791292,
        344.9,
    ),
    _openai_clip(
        "RN50x4",
        288,
        "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd",
        421854225,
        403.7,
    ),
    _openai_clip(
        "RN50x16",
        384,
        "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa",
        661125706,
        672.3,
    ),
    _openai_clip(
        "RN50x64",
        448,
        "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c",
        1353500174,
        1250.0,
    ),
    _openai_clip(
        "ViT-B/32",
        224,
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        353976522,
        87.0,
    ),
    _openai_clip(
        "ViT-B/16",
        224,
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
        350837078,
        341.8,
    ),
    _openai_clip(
        "ViT-L/14",
        224,
        "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
        932768134,
        1225.0,
    ),
    _openai_clip(
        "ViT-L/14@336px",
        336,
        "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
        934088680,
        1223.0,
    ),
)

_LINKS_16384 = _heibox("a7530b09fed84f80a887", "867b05fc8c4841768640", "274fb24ed38341bfa753")
_LINKS_1024 = _heibox("8088892a516d4e3baf92", "140747ba53464f49b476", "6ecf2af6c658432c8298")
_LINKS_GUMBEL = _heibox("2e5662443a6b4307b470", "34a747d5765840b5a99d", "b24d14998a8d4f19a34f")

_VQGANS = (
    _taming_vqgan(
        "imagenet-f16-16384",
        16,
        (
            ModelFile(
                "imagenet-f16-16384.ckpt",
                (
                    *_LINKS_16384[0],
                    f"{VQGAN_MIRROR}/imagenet/imagenet.ckpt",
                    "https://huggingface.co/boris/vqgan_f16_16384/resolve/main/model.ckpt",
                ),
                "845a68805098cb666420d5db93df53f3a3b6dd443e6dd85c05759c5b998cd663",
                980092370,
            ),
            ModelFile(
                "imagenet-f16-16384.yaml",
                (*_LINKS_16384[1], f"{VQGAN_MIRROR}/imagenet/imagenet.yaml"),
                "00e2c6189926f1d89ecfef73e9598db77981c1982f0555fbade963ffd16143c7",
                692,
            ),
        ),
        "ImageNet (its terms: non-commercial research)",
        "the usual VQGAN, f16, 16384 codes",
    ),
    _taming_vqgan(
        "imagenet-f16-1024",
        16,
        (
            ModelFile("imagenet-f16-1024.ckpt", _LINKS_1024[0]),
            ModelFile("imagenet-f16-1024.yaml", _LINKS_1024[1]),
        ),
        "ImageNet (its terms: non-commercial research)",
        "f16, 1024 codes: coarser, painterly",
    ),
    _taming_vqgan(
        "openimages-gumbel-f8-8192",
        8,
        (
            ModelFile(
                "openimages-gumbel-f8-8192.ckpt",
                (*_LINKS_GUMBEL[0], f"{VQGAN_MIRROR}/openimages/openimages.ckpt"),
                "5cd6c74810ab97e00e942c25403f73afc081e8b19987b31ec0d9ff5b68e7ab14",
                376581823,
            ),
            ModelFile(
                "openimages-gumbel-f8-8192.yaml",
                (*_LINKS_GUMBEL[1], f"{VQGAN_MIRROR}/openimages/openimages.yaml"),
                "91110bab325067b37f85d1e75895a837d59c292bae4f3097f80c518714d5caff",
                745,
            ),
        ),
        "Open Images (pictures CC BY)",
        "Gumbel quantiser, f8, 8192 codes: finer, slower",
    ),
)

MODELS = {model.name: model for model in (*_STORYBOOK, *_CLIPS, *_VQGANS)}
PAIRS = {
    "storybook": Pair(
        "storybook-clip", "storybook-vqgan", "storybook-sketchbook", "storybook-prior"
    ),
    "imagenet": Pair("ViT-B/32", "imagenet-f16-16384"),
}
