"""Which files a storyboard's models are on this machine. Never imports torch, never touches the
network.

A model is named (see `catalogue`), or is the path of a file of one's own. Named files lie in
`models_dir()`, where `fetch` puts them; OpenAI's are also found where OpenAI's own package keeps
them.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..disk import cache
from ..disk.cache import cache_dir
from ..disk.checksums import sha256_of
from ..disk.safetensors_header import read_shapes
from ..disk.web_page import web_page
from ..errors import ModelError, UsageError
from ..storyboard.problems import Problems, setting_of
from ..storyboard.schema import Models, Storyboard
from ..text import did_you_mean
from .known import MODELS, PAIRS, Model, ModelFile
from .vqgan_config import DISCRIMINATOR, FIRST_STAGE, PUBLISHED, VQGANConfig, read_config

BOOK = "models/sha256.json"  # in the cache folder, of files that no list knows
BUNDLED = Path(__file__).parents[1] / "models" / "storybook"
CHECKPOINT_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth")
CONFIG_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class ModelPaths:
    """The files to load, and what to call them: the names of known models, the paths of one's
    own.
    """

    clip: Path
    vqgan: Path
    vqgan_config: Path
    clip_name: str
    vqgan_name: str

    @property
    def names(self) -> str:
        """Both in a few words (see `Models.names`)."""
        return Models(self.clip_name, self.vqgan_name).names


@dataclass(frozen=True)
class Verified:
    """What came of hashing one file."""

    path: Path
    ok: bool
    detail: str


def models_dir() -> Path:
    """Where fetched models are stored, in one folder for each kind."""
    return cache_dir() / "models"


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
    raise UsageError(_unknown(name, [*PAIRS, *MODELS]))


def find(kind: str, name: str) -> Model | None:
    """The model that `name` means for one half of a pair ("clip" or "vqgan"); None for anything
    but a known name.
    """
    if name in PAIRS:
        return MODELS[getattr(PAIRS[name], kind)]
    model = MODELS.get(name)
    return model if model and model.kind == kind else None


def check_names(storyboard: Storyboard) -> None:
    """Raises StoryboardError, with their places in the file, for models that this storyboard cannot
    be rendered with.

    That is an unknown name, a file of one's own that is not there, a VQGAN's YAML that is missing
    or of another network, and `losses.gan` without a discriminator. Known models need not be here.
    """
    problems = Problems(str(storyboard.source or "storyboard"), storyboard.marks)
    models = storyboard.models
    for kind in ("clip", "vqgan"):
        name = getattr(models, kind)
        if find(kind, name) is None:
            with _noted(problems, f"models.{kind}"):
                _own_file(kind, name)
    # A VQGAN that is not there is found again here, and recorded once.
    with _noted(problems, "models.vqgan_config" if models.vqgan_config else "models.vqgan"):
        factor(models)
    if not has_discriminator(models):
        _check_gan(storyboard, problems)
    if problems:
        problems.fail()


@contextlib.contextmanager
def _noted(problems: Problems, where: str) -> Iterator[None]:
    try:
        yield
    except (ModelError, UsageError) as error:
        problems.at(where, str(error))


def _check_gan(storyboard: Storyboard, problems: Problems) -> None:
    for index, scene in enumerate(storyboard.scenes):
        if scene.settings.losses.gan:
            where = setting_of(f"scenes[{index}]", "losses.gan", storyboard.marks)
            having = ", ".join(model.name for model in MODELS.values() if model.discriminator)
            problems.at(
                where,
                f"found {scene.settings.losses.gan:g}, but the VQGAN {storyboard.models.vqgan} has "
                f"no discriminator; set it to 0, or take a VQGAN with one, such as {having}",
            )


def resolve(models: Models) -> ModelPaths:
    """The files of a storyboard's models. Nothing is downloaded.

    Raises UsageError for an unknown name, ModelError for files that are not here or not whole, all
    of them in one message with the commands and links to get them.
    """
    lacking: list[str] = []
    clip = _resolve_half("clip", models.clip, lacking)
    vqgan = _resolve_half("vqgan", models.vqgan, lacking)
    if lacking:
        raise ModelError("\n\n".join(lacking))
    if models.vqgan_config:
        config = models.vqgan_config
        if not _exists(config):
            raise ModelError(f"models.vqgan_config: there is no file {config}")
    else:
        config = vqgan[1] if len(vqgan) > 1 else _config_beside(vqgan[0])
    return ModelPaths(clip[0], vqgan[0], config, models.clip, models.vqgan)


def missing(models: Models) -> tuple[str, ...]:
    """The known models of a storyboard whose files are not here, or not whole, by name."""
    found = (find(kind, getattr(models, kind)) for kind in ("clip", "vqgan"))
    return tuple(
        dict.fromkeys(model.name for model in found if model and status(model) != "present")
    )


def companion(kind: str, models: Models) -> Path | None:
    """The sketchbook or the prior that comes with a pair.

    None where the two models are no pair, or it has none, or its file is not here.
    """
    clip, vqgan = find("clip", models.clip), find("vqgan", models.vqgan)
    for pair in PAIRS.values():
        name = getattr(pair, kind)
        if (
            name
            and (clip, vqgan) == (MODELS[pair.clip], MODELS[pair.vqgan])
            and not models.vqgan_config
        ):
            return paths_of(MODELS[name])[0] if status(MODELS[name]) != "missing" else None
    return None


def require_models(
    made_for: tuple[str, str, str], paths: ModelPaths, file: str, what: str, remedy: str
) -> None:
    """Raises ModelError where `file` was made for other models than those of `paths`.

    made_for: sha256 of the CLIP and of the VQGAN that it was made for, and both in words; `what` it
    is and the `remedy` are for the message.
    """
    clip, vqgan, models = made_for
    if (clip, vqgan) != (sha256_of(paths.clip), sha256_of(paths.vqgan)):
        raise ModelError(
            f"{file}: a {what} for {models}, but the film's models are {paths.names} (other files);"
            f" {remedy}"
        )


def factor(models: Models) -> int:
    """Pixels along a side for one place of the VQGAN's latent; known by name without the files."""
    return vqgan_config(models).factor


def vqgan_config(models: Models) -> VQGANConfig:
    """The VQGAN's sizes; of a known one also without its files.

    Raises ModelError and UsageError.
    """
    model = find("vqgan", models.vqgan)
    if model and not models.vqgan_config:
        return PUBLISHED[model.name] if model.name in PUBLISHED else read_config(paths_of(model)[1])
    return read_config(models.vqgan_config or _config_beside(_own_file("vqgan", models.vqgan)))


def clip_values(models: Models) -> tuple[float, int]:
    """Values that a CLIP's image tower keeps for a pixel of a cutout, and the cutout's side.

    Of a file of one's own they are read off its tensors where it is a .safetensors file with a
    transformer, and are ViT-B/32's elsewhere.
    """
    if model := find("clip", models.clip):
        return model.kept, model.side
    with contextlib.suppress(OSError, ValueError, LookupError, ModelError, UsageError):
        return _values_of_transformer(read_shapes(_own_file("clip", models.clip)))
    return MODELS["ViT-B/32"].kept, MODELS["ViT-B/32"].side


def _values_of_transformer(shapes: dict[str, tuple[int, ...]]) -> tuple[float, int]:
    width, _, patch, _ = shapes["visual.conv1.weight"]
    tokens = shapes["visual.positional_embedding"][0]
    layers = len(
        {name.split(".")[3] for name in shapes if name.startswith("visual.transformer.resblocks.")}
    )
    side = patch * math.isqrt(tokens - 1)
    # Ten for each channel of a token in a block; of the last one, only the class token goes on.
    return 10 * tokens * width * (layers - 0.63) / side**2, side


def bytes_of(models: Models) -> int:
    """Bytes of the checkpoints of both models, as published or as they lie here; what is not
    known counts as none.
    """
    total = 0
    for kind in ("clip", "vqgan"):
        name = getattr(models, kind)
        if model := find(kind, name):
            total += model.files[0].bytes or 0
            continue
        with contextlib.suppress(OSError, ModelError, UsageError):
            total += _own_file(kind, name).stat().st_size
    return total


def has_discriminator(models: Models) -> bool:
    """Whether `losses.gan` has something to ask; True where only loading the VQGAN can tell."""
    if model := find("vqgan", models.vqgan):
        return model.discriminator
    try:
        names = read_shapes(_own_file("vqgan", models.vqgan))
    except (OSError, ValueError, ModelError, UsageError):  # a pickle, or not there
        return True
    return any(name.removeprefix(FIRST_STAGE).startswith(DISCRIMINATOR) for name in names)


def paths_of(model: Model) -> tuple[Path, ...]:
    """Where each file of a model is, or would be put."""
    return tuple(_place(model, file) for file in model.files)


def own_place(model: Model, file: ModelFile) -> Path:
    """Where a fetched file is put."""
    return models_dir() / model.kind / file.filename


def status(model: Model) -> str:
    """ "present", "missing" or, where a file has not the size it should have, "damaged"."""
    found = [
        _file_status(path, file) for path, file in zip(paths_of(model), model.files, strict=True)
    ]
    return next((worst for worst in ("missing", "damaged") if worst in found), "present")


def present() -> list[Model]:
    """The models whose files are here, whole or damaged."""
    return [model for model in MODELS.values() if status(model) != "missing"]


def describe(model: Model) -> dict:
    """One row of `vqclip-video models list`: strings, and the raw size and paths."""
    size = _size(model)
    return {
        "name": model.name,
        "kind": model.kind,
        "status": status(model),
        "size": _megabytes(size) if size else "unknown",
        "bytes": size,
        "licence": model.licence,
        "source": model.source,
        "summary": model.summary,
        "paths": [str(path) for path in paths_of(model)],
        "urls": [url for file in model.files for url in file.urls],
    }


def verify(model: Model) -> Iterator[Verified]:
    """Hashes the model's files; a file whose sha256 nobody knows is remembered by that of its
    first time.
    """
    for path, file in zip(paths_of(model), model.files, strict=True):
        if not path.is_file():
            remedy = (
                "install the package again"
                if model.bundled
                else f"run: vqclip-video models fetch {model.name}"
            )
            yield Verified(path, False, f"{path}: missing; {remedy}")
            continue
        found = sha256_of(path)
        wanted = file.sha256 or (None if model.bundled else recall_sha256(model, file))
        if wanted is None and not model.bundled:
            remember_sha256(model, file, found)
        if wanted in (None, found):
            yield Verified(
                path, True, f"{path}: sha256 {found}{'' if file.sha256 else ', not known ahead'}"
            )
        else:
            yield Verified(path, False, f"{path}: sha256 is {found}, {wanted} is right")


def recall_sha256(model: Model, file: ModelFile) -> str | None:
    """The sha256 that `remember_sha256` kept, or None."""
    known = cache.recall(BOOK).get(f"{model.kind}/{file.filename}")
    return known if isinstance(known, str) else None


def remember_sha256(model: Model, file: ModelFile, sha256: str) -> None:
    """Keeps the sha256 of a file that no list knows, so that a later change of it is noticed."""
    cache.remember(BOOK, {f"{model.kind}/{file.filename}": sha256})


def _place(model: Model, file: ModelFile) -> Path:
    if model.bundled:
        return BUNDLED / file.filename
    own = own_place(model, file)
    if model.kind == "clip" and not own.is_file():
        # Where OpenAI's package downloads to, whatever the platform. Unlike expanduser of pathlib,
        # that of os.path does not fail where the account has no home.
        theirs = Path(os.path.expanduser("~/.cache/clip")) / file.filename  # noqa: PTH111
        if _file_status(theirs, file) == "present":
            return theirs
    return own


def _file_status(path: Path, file: ModelFile) -> str:
    try:
        size = path.stat().st_size
    except OSError:
        return "missing"
    return "present" if size and file.bytes in (None, size) else "damaged"


def _resolve_half(kind: str, name: str, lacking: list[str]) -> tuple[Path, ...]:
    model = find(kind, name)
    if model is None:
        try:
            return (_own_file(kind, name),)
        except (ModelError, UsageError) as error:
            raise type(error)(f"models.{kind}: {error}") from None
    state = status(model)
    if state != "present":
        lacking.append(how_to_get(model, state))
    return paths_of(model)


def how_to_get(model: Model, state: str) -> str:
    """What to do about a model that is `state` ("missing" or "damaged"), with links to do it by
    hand.
    """
    lines = [
        f"{model.name} is "
        f"{'not on this machine' if state == 'missing' else 'here, but damaged or incomplete'}."
    ]
    if model.bundled:
        return f"{lines[0]} Its files belong to the package: install vqclip-video again."
    size = _size(model)
    lines.append(
        f"Get it{f' ({_megabytes(size)})' if size else ''}:  vqclip-video models fetch {model.name}"
    )
    lines.append("or by hand, from any of the links, under the name given:")
    for path, file in zip(paths_of(model), model.files, strict=True):
        lines.append(f"  {path}")
        lines.extend(f"    {url}" for url in file.urls)
    return "\n".join(lines)


def _own_file(kind: str, name: str) -> Path:
    """The checkpoint that a path of one's own means."""
    path = Path(name)
    if not _is_path(name):
        raise UsageError(_unknown(name, _names(kind)))
    if not _exists(path):
        raise ModelError(f"there is no file {path}; {_known(_names(kind))}")
    if not path.is_dir():
        if page := web_page(path, "a checkpoint"):
            raise ModelError(f"{path}: {page}")
        return path
    inside = [path / "ckpts" / "last.ckpt", path / "checkpoints" / "last.ckpt"]
    inside = [each for each in inside if each.is_file()] or _files(path, CHECKPOINT_SUFFIXES)
    if len(inside) != 1:
        found = ", ".join(each.name for each in inside) or "none"
        raise ModelError(f"{path} is a folder with not one checkpoint but {found}; name the file")
    return inside[0]


def _config_beside(checkpoint: Path) -> Path:
    """The YAML that belongs to a VQGAN checkpoint, by the layouts in which they are published."""
    folder, configs = checkpoint.parent, checkpoint.parent.parent / "configs"
    named = [checkpoint.with_suffix(suffix) for suffix in CONFIG_SUFFIXES]
    for path in (*named, folder / "model.yaml", folder / "config.yaml", configs / "model.yaml"):
        if path.is_file():
            return path
    projects = [path for path in _files(configs, CONFIG_SUFFIXES) if path.stem.endswith("-project")]
    for found in (_files(folder, CONFIG_SUFFIXES), projects, _files(configs, CONFIG_SUFFIXES)):
        if len(found) == 1:
            return found[0]
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
    return path.is_absolute() or path.suffix.lower() in CHECKPOINT_SUFFIXES or _exists(path)


def _exists(path: Path) -> bool:
    # pathlib's own raises for what cannot be a name, such as 10,000 letters.
    return os.path.exists(path)  # noqa: PTH110


def _names(kind: str) -> list[str]:
    return [*PAIRS, *(model.name for model in MODELS.values() if model.kind == kind)]


def _known(names: list[str]) -> str:
    return f"known names are {', '.join(names)}"


def _unknown(name: str, names: list[str]) -> str:
    """Why `name` is none of `names`, with the likely slip."""
    if name in MODELS:
        return f"{name!r} is a {MODELS[name].kind.upper()}; {_known(names)}"
    hint = did_you_mean(name, names)
    return f"no model is called {name[:60]!r}{hint}; {_known(names)}; or give the path of a file"


def _size(model: Model) -> int | None:
    """Bytes of all files together, as published or as they lie here; None where neither is
    known.
    """
    if model.bundled:
        return sum(path.stat().st_size for path in paths_of(model) if path.is_file())
    sizes = [file.bytes or 0 for file in model.files]
    return sum(sizes) if all(sizes) else None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
