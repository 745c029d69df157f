"""Model files of one's own: the checkpoint that a path means, and the YAML that belongs to it."""

from __future__ import annotations

import os
from pathlib import Path

from ..disk.web_page import web_page
from ..errors import ModelError, UsageError
from .names import known_text, names_of, unknown

CHECKPOINT_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
CONFIG_SUFFIXES = (".yaml", ".yml")
# Names of checkpoints in folders, the one to prefer first: trainers' and Hugging Face's. The same
# weights often lie there in several formats.
_PUBLISHED = {
    "clip": (
        "model.safetensors",
        "open_clip_model.safetensors",
        "open_clip_pytorch_model.bin",
        "pytorch_model.bin",
    ),
    "vqgan": (
        "ckpts/last.ckpt",
        "checkpoints/last.ckpt",
        "diffusion_pytorch_model.safetensors",
        "diffusion_pytorch_model.bin",
    ),
}


def own_checkpoint(kind: str, name: str) -> Path:
    """The checkpoint that a path of one's own means."""
    path = Path(name)
    if not _is_path(name):
        raise UsageError(unknown(name, names_of(kind)))
    if not exists(path):
        raise ModelError(f"there is no file {path}; {known_text(names_of(kind))}")
    if not path.is_dir():
        if page := web_page(path, "a checkpoint"):
            raise ModelError(f"{path}: {page}")
        return path
    inside = _published(path, kind) or _files(path, CHECKPOINT_SUFFIXES)
    if len(inside) != 1:
        found = ", ".join(each.name for each in inside) or "none"
        raise ModelError(f"{path} is a folder with not one checkpoint but {found}; name the file")
    return inside[0]


def _published(folder: Path, kind: str) -> list[Path]:
    """The checkpoint of a folder by the names that publishers give it: the first that is there."""
    found = (folder / name for name in _PUBLISHED[kind])
    return [path for path in found if path.is_file()][:1]


def config_beside(checkpoint: Path) -> Path:
    """The YAML that belongs to a VQGAN checkpoint, by the layouts in which they are published; of
    diffusers the config.json.
    """
    folder, configs = checkpoint.parent, checkpoint.parent.parent / "configs"
    named = [checkpoint.with_suffix(suffix) for suffix in CONFIG_SUFFIXES]
    for path in (*named, folder / "model.yaml", folder / "config.yaml", configs / "model.yaml"):
        if path.is_file():
            return path
    projects = [path for path in _files(configs, CONFIG_SUFFIXES) if path.stem.endswith("-project")]
    for found in (_files(folder, CONFIG_SUFFIXES), projects, _files(configs, CONFIG_SUFFIXES)):
        if len(found) == 1:
            return found[0]
    if (folder / "config.json").is_file():
        return folder / "config.json"
    several = ", ".join(path.name for path in _files(folder, CONFIG_SUFFIXES))
    lacking = f"more than one YAML ({several})" if several else "no YAML"
    raise ModelError(
        f"{checkpoint}: {lacking} beside it; a VQGAN needs the config it was trained with: put it "
        f"there as {named[0].name}, or name it with vqgan_config"
    )


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    if not folder.is_dir():
        return []
    try:
        return sorted(
            path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file()
        )
    except OSError as error:
        raise ModelError(
            f"{folder}: cannot be read ({error.strerror}); check its permissions"
        ) from None


def _is_path(name: str) -> bool:
    """Whether a name that no model has is meant as a path.

    A slash alone does not tell: `ViT-B/32` has one.
    """
    path = Path(name)
    return path.is_absolute() or path.suffix.lower() in CHECKPOINT_SUFFIXES or exists(path)


def exists(path: Path) -> bool:
    # pathlib's own raises for what cannot be a name, such as 10,000 letters.
    return os.path.exists(path)  # noqa: PTH110
