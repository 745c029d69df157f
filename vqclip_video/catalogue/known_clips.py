"""The CLIPs known by name.

The sha256 of OpenAI's files are those in their own URLs. Those of LAION's are what independent
public projects that pin them agree on; where None stands, no two were found, and the first
download's is remembered.
"""

from __future__ import annotations

from dataclasses import replace

from .clip_config import OF_OPENAI, architecture
from .model import Model, ModelFile

OPENAI = "https://openaipublic.azureedge.net/clip/models"
OPENAI_SOURCE = "https://github.com/openai/CLIP"
OPENAI_MIRROR = "https://huggingface.co/pxlpshr/pytti-models/resolve/main/clip"
HUGGING_FACE = "https://huggingface.co"
HALF = (0.5, 0.5, 0.5)  # mean and deviation of LAION-2B's ViT-L-14, unlike all others


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


def _open_clip(
    arch: str,
    data: str,
    repository: str,
    at: str = "main/open_clip_pytorch_model.bin",
    sha256: str | None = None,
    size: int | None = None,
    colours: tuple[float, float, float] | None = None,
) -> Model:
    """A CLIP that LAION trained with open_clip. at: revision and file in its repository.

    colours: mean and deviation of its pictures, where they are not OpenAI's.
    """
    name, source = f"{arch}-{data.lower().replace('-', '')}", f"{HUGGING_FACE}/laion/{repository}"
    config = replace(architecture(arch), source=name)
    if colours:
        config = replace(config, mean=colours, std=colours)
    file = ModelFile(f"{name}.{at.rpartition('.')[2]}", (f"{source}/resolve/{at}",), sha256, size)
    return Model(
        name=name,
        kind="clip",
        side=config.sizes.side,
        files=(file,),
        licence="MIT",
        source=source,
        summary=f"LAION's CLIP, {arch}, trained on {data}, sees {config.sizes.side} pixels a side",
        kept=config.sizes.kept,
        clip=config,
    )


OPENAIS = (
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

OPEN_CLIPS = (
    _open_clip(
        "ViT-B-32",
        "LAION-2B",
        "CLIP-ViT-B-32-laion2B-s34B-b79K",
        "1a25a446712ba5ee05982a381eed697ef9b435cf/open_clip_model.safetensors",
        "ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6",
        605143316,
    ),
    _open_clip("ViT-B-16", "LAION-2B", "CLIP-ViT-B-16-laion2B-s34B-b88K"),
    _open_clip(
        "ViT-L-14",
        "LAION-2B",
        "CLIP-ViT-L-14-laion2B-s32B-b82K",
        "1627032197142fbe2a7cfec626f4ced3ae60d07a/open_clip_pytorch_model.safetensors",
        "7d129ed747e0ed53e82dfcc140382b51be66b56e6a9bdc3258afd2846e3bb019",
        1710517748,
        HALF,
    ),
    _open_clip(
        "ViT-H-14",
        "LAION-2B",
        "CLIP-ViT-H-14-laion2B-s32B-b79K",
        sha256="9a78ef8e8c73fd0df621682e7a8e8eb36c6916cb3c16b291a082ecd52ab79cc4",
    ),
    _open_clip("ViT-B-32", "DataComp", "CLIP-ViT-B-32-DataComp.XL-s13B-b90K"),
    _open_clip("ViT-B-16", "DataComp", "CLIP-ViT-B-16-DataComp.XL-s13B-b90K"),
    _open_clip("ViT-L-14", "DataComp", "CLIP-ViT-L-14-DataComp.XL-s13B-b90K"),
)

CLIPS = (*OPENAIS, *OPEN_CLIPS)
