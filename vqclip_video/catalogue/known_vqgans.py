"""The VQGANs known by name.

Their sha256 are what independent mirrors of the published files agree on; where None stands, no two
were found, and the first download's is remembered.
"""

from __future__ import annotations

from .model import Model, ModelFile

HEIBOX = "https://heibox.uni-heidelberg.de"
HUGGING_FACE = "https://huggingface.co"
# Two mirrors of the published VQGANs, the first pinned to one revision.
VQGAN_MIRROR = (
    f"{HUGGING_FACE}/Somnai/pytti-vqgan-checkpoints/resolve/"
    "debc22c8f285c7734980c464ff992d335dde6e9a"
)
SECOND_MIRROR = f"{HUGGING_FACE}/pxlpshr/pytti-models/resolve/main/vqgan"


def _heibox(folder: str, checkpoint: str, config: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """The two links of each file on the authors' server: by its place in the shared folder, and
    its own.
    """
    shared = f"{HEIBOX}/d/{folder}/files/?p="
    return (
        (f"{shared}%2Fckpts%2Flast.ckpt&dl=1", f"{HEIBOX}/f/{checkpoint}/?dl=1"),
        (f"{shared}%2Fconfigs%2Fmodel.yaml&dl=1", f"{HEIBOX}/f/{config}/?dl=1"),
    )


def _mirrored(
    name: str,
    kind: str,
    folder: str,
    sha256: str | None,
    size: int | None,
    second: str = "",
    first: tuple[str, ...] = (),
) -> ModelFile:
    """A file (kind "ckpt" or "yaml") that is mirrored under other names. first: its own links."""
    links = (*first, f"{VQGAN_MIRROR}/{folder}/{folder}.{kind}")
    other = (f"{SECOND_MIRROR}/{second}.{kind}",) if second else ()
    return ModelFile(f"{name}.{kind}", (*links, *other), sha256, size)


def _taming_vqgan(
    name: str,
    side: int,
    files: tuple[ModelFile, ModelFile],
    data: str,
    summary: str,
    discriminator: bool = True,
) -> Model:
    """discriminator: of the loss in its config, saved with it; a transformer's first stage has
    none.
    """
    return Model(
        name=name,
        kind="vqgan",
        side=side,
        files=files,
        licence=f"code MIT; weights published without a licence of their own, trained on {data}",
        source="https://github.com/CompVis/taming-transformers",
        summary=summary,
        discriminator=discriminator,
    )


def _tokenizer(
    name: str, side: int, repository: str, filename: str, licence: str, summary: str
) -> Model:
    """A VQGAN of today, whose YAML lies in the package: it is published without one, or with one
    for its training.
    """
    source = f"{HUGGING_FACE}/{repository}"
    suffix = filename.rpartition(".")[2]
    weights = ModelFile(f"{name}.{suffix}", (f"{source}/resolve/main/{filename}",))
    config = ModelFile(f"{name}.yaml", packaged=True)
    return Model(name, "vqgan", side, (weights, config), licence, source, summary)


_LINKS_16384 = _heibox("a7530b09fed84f80a887", "867b05fc8c4841768640", "274fb24ed38341bfa753")
_LINKS_1024 = _heibox("8088892a516d4e3baf92", "140747ba53464f49b476", "6ecf2af6c658432c8298")
_LINKS_GUMBEL = _heibox("2e5662443a6b4307b470", "34a747d5765840b5a99d", "b24d14998a8d4f19a34f")

_TAMINGS = (
    _taming_vqgan(
        "imagenet-f16-16384",
        16,
        (
            ModelFile(
                "imagenet-f16-16384.ckpt",
                (
                    *_LINKS_16384[0],
                    f"{VQGAN_MIRROR}/imagenet/imagenet.ckpt",
                    f"{SECOND_MIRROR}/imagenet.ckpt",
                ),
                "845a68805098cb666420d5db93df53f3a3b6dd443e6dd85c05759c5b998cd663",
                980092370,
            ),
            ModelFile(
                "imagenet-f16-16384.yaml",
                (
                    *_LINKS_16384[1],
                    f"{VQGAN_MIRROR}/imagenet/imagenet.yaml",
                    f"{SECOND_MIRROR}/imagenet.yaml",
                ),
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
                (
                    *_LINKS_GUMBEL[0],
                    f"{VQGAN_MIRROR}/openimages/openimages.ckpt",
                    f"{SECOND_MIRROR}/openimages.ckpt",
                ),
                "5cd6c74810ab97e00e942c25403f73afc081e8b19987b31ec0d9ff5b68e7ab14",
                376581823,
            ),
            ModelFile(
                "openimages-gumbel-f8-8192.yaml",
                (
                    *_LINKS_GUMBEL[1],
                    f"{VQGAN_MIRROR}/openimages/openimages.yaml",
                    f"{SECOND_MIRROR}/openimages.yaml",
                ),
                "91110bab325067b37f85d1e75895a837d59c292bae4f3097f80c518714d5caff",
                745,
            ),
        ),
        "Open Images (pictures CC BY)",
        "Gumbel quantiser, f8, 8192 codes: finer, slower",
    ),
)

_SFLCKR = f"{HEIBOX}/d/73487ab6e5314cb5adba/files/?p="
_OTHERS = (
    _taming_vqgan(
        "wikiart-f16-16384",
        16,
        (
            _mirrored(
                "wikiart-f16-16384",
                "ckpt",
                "wikiart",
                "bd08bb46301f98be1712bb2be9f8868cea30b53137cd985d4d6e8da8b3e02c36",
                1005327541,
                "wikiart",
            ),
            _mirrored(
                "wikiart-f16-16384",
                "yaml",
                "wikiart",
                "6e78241d2828ff35b8381839ce249c24a6c468ed429760d33a25e98e7f24499a",
                920,
                "wikiart",
            ),
        ),
        "WikiArt (its terms: non-commercial research)",
        "paintings, f16, 16384 codes",
    ),
    _taming_vqgan(
        "coco-f16-8192",
        16,
        (
            _mirrored(
                "coco-f16-8192",
                "ckpt",
                "coco",
                "106cc20fde571df14afc4349d62218d8213cf47177c682ecaa78a8c28b12f9de",
                296030214,
                "coco_first_stage",
            ),
            _mirrored(
                "coco-f16-8192",
                "yaml",
                "coco",
                "17d0c2d9fda59eccade2a6070d833804b759dc817da42c2268be8cf1eb047676",
                458,
                "coco_first_stage",
            ),
        ),
        "COCO (pictures of Flickr, under licences of their own)",
        "everyday scenes, f16, 8192 codes",
        discriminator=False,
    ),
    _taming_vqgan(
        "sflckr-f16-1024",
        16,
        (
            _mirrored(
                "sflckr-f16-1024",
                "ckpt",
                "sflickr",
                "8a8adea3da8dab412675772831370dd948e0aa97bb11a9488a2f328b58dbc929",
                4263525412,
                "sflckr",
                (f"{_SFLCKR}%2Fcheckpoints%2Flast.ckpt&dl=1",),
            ),
            _mirrored(
                "sflckr-f16-1024",
                "yaml",
                "sflickr",
                "c27f012996f3f1f02580f063be47fd60bdd8528efb04d7318b2cbe8a86505b1b",
                1603,
                "sflckr",
                (f"{_SFLCKR}%2Fconfigs%2F2020-11-09T13-31-51-project.yaml&dl=1",),
            ),
        ),
        "pictures of Flickr, under licences of their own",
        "landscapes, f16, 1024 codes, inside a transformer's file",
        discriminator=False,
    ),
    _taming_vqgan(
        "faceshq-f16-1024",
        16,
        (
            _mirrored("faceshq-f16-1024", "ckpt", "faceshq", None, None),
            _mirrored("faceshq-f16-1024", "yaml", "faceshq", None, None),
        ),
        "CelebA-HQ and FFHQ (their terms: non-commercial)",
        "faces, f16, 1024 codes, inside a transformer's file",
        discriminator=False,
    ),
    _tokenizer(
        "llamagen-f16",
        16,
        "FoundationVision/LlamaGen",
        "vq_ds16_c2i.pt",
        "MIT",
        "LlamaGen's tokenizer, f16, 16384 codes of 8 numbers on the unit sphere",
    ),
    _tokenizer(
        "llamagen-f8",
        8,
        "FoundationVision/LlamaGen",
        "vq_ds8_c2i.pt",
        "MIT",
        "LlamaGen's tokenizer, f8, 16384 codes of 8 numbers on the unit sphere",
    ),
    _tokenizer(
        "ibq-f16-16384",
        16,
        "TencentARC/IBQ-Tokenizer-16384",
        "imagenet256_16384.ckpt",
        "Apache-2.0",
        "SEED-Voken's IBQ tokenizer, f16, 16384 codes",
    ),
)

VQGANS = (*_TAMINGS, *_OTHERS)
