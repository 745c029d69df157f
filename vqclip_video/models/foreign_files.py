"""Files that are no checkpoint of a whole network: what they are, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from ..disk.web_page import WORDS
from ..errors import ModelError

ARCHIVE = "an archive; unpack it, and name the checkpoint in it"
HERE = "; .safetensors and PyTorch's .pt, .pth and .ckpt files can be read"
# What a file begins with, and what it is.
_BEGINNINGS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; run `git lfs pull` where "
     "it came from"),
    (b"GGUF", "a GGUF file, whose numbers are packed for llama.cpp; take the network's "
     ".safetensors"),
    (b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (b"Rar!", ARCHIVE),
    (b"\x1f\x8b", ARCHIVE),
    (b"BZh", ARCHIVE),
    (b"\xfd7zXZ", ARCHIVE),
    (b"\x89HDF", "a file of TensorFlow or Keras (HDF5); take the weights for PyTorch"),
    (b"\x93NUMPY", "an array of numpy; take the weights for PyTorch"),
    (b"{", "JSON, such as a config or the list of a checkpoint's parts; name the weights "
     "themselves, in one file"),
)  # fmt: skip
_LORA = ("lora_", "lora.", "hada_w1", "lokr_w", "dora_scale", "lycoris_")
_PART = re.compile(r"-\d{5}-of-(\d{5})\.")
# Of bitsandbytes, GPTQ and AWQ.
_PACKED = (".absmax", ".quant_map", ".quant_state.", ".qweight", ".qzeros")


def of_unknown_kind(path: Path, head: bytes) -> ModelError:
    """What to say of a file that begins with `head` and that no reader takes."""
    if not head:
        return ModelError(f"{path}: the file is empty; copy or download it again")
    for beginning, what in _BEGINNINGS:
        if head.startswith(beginning):
            return ModelError(f"{path}: {what}")
    if head.lstrip()[:1] == b"<":
        return ModelError(f"{path}: {WORDS.format(what='a checkpoint')}")
    return ModelError(f"{path}: not a checkpoint{HERE}")


def of_a_plain_zip(path: Path, names: Iterable[str]) -> ModelError:
    """What to say of a zip that PyTorch did not write, with these files in it."""
    names = list(names)
    some = ", ".join(names[:3]) or "nothing"
    return ModelError(
        f"{path}: a zip, but not one that PyTorch wrote (in it: {some}); if the checkpoint is among"
        " its files, unpack it and name that file"
    )


def refuse_parts(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raises ModelError for what is a change to a network, a part of one, or packed."""
    if (part := _PART.search(path.name)) and part[1] != "00001":
        raise ModelError(
            f"{path}: one of {int(part[1])} parts of a checkpoint; take it in one file, or save it "
            "so (save_pretrained with a larger max_shard_size)"
        )
    if any(sign in name for name in tensors for sign in _LORA):
        raise ModelError(
            f"{path}: a LoRA, a change to a network and not the network; merge it into the one that"
            " it was made for, with the tool it was trained by, and name the result"
        )
    if any(sign in name for name in tensors for sign in _PACKED):
        raise ModelError(
            f"{path}: weights packed into few bits (bitsandbytes, GPTQ or AWQ); take the same "
            "network in float16, bfloat16 or float32"
        )
