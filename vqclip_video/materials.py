"""What a film is made of on this machine: every file, found once. Never imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .catalogue.clip_beside import BESIDE
from .catalogue.clip_config import CLIPConfig
from .catalogue.known import MODELS, PAIRS
from .catalogue.names import find, made_like
from .catalogue.own_files import config_beside, exists, own_checkpoint
from .catalogue.store import how_to_get, paths_of, status
from .catalogue.vqgan_config import VQGANConfig, read_config
from .disk.checksums import remembered_sha256
from .errors import ModelError, UsageError
from .storyboard.schema import ChosenCLIP, Models, Settings, Storyboard
from .storyboard.writer import files_of


@dataclass(frozen=True)
class CLIPFile:
    """A CLIP's file, and what is known of it without reading it."""

    path: Path
    config: CLIPConfig | None  # None where the file, or one beside it, has to say it

    @property
    def beside(self) -> tuple[Path, ...]:
        """The files that may say it."""
        files = () if self.config else (self.path.with_name(name) for name in BESIDE)
        return tuple(path for path in files if path.is_file())


@dataclass(frozen=True)
class ModelFiles:
    """The files of the CLIP and the VQGAN, and what to call them: known names, or paths of one's
    own.
    """

    clips: tuple[CLIPFile, ...]
    vqgan: Path
    vqgan_config: Path
    models: Models

    @property
    def clip(self) -> Path:
        """The file of the first CLIP, whom the sketchbook and the prior belong to."""
        return self.clips[0].path

    @property
    def names(self) -> str:
        """All in a few words."""
        return self.models.names

    @cached_property
    def digests(self) -> tuple[str, str]:
        """The sha256 of the CLIP's and of the VQGAN's file."""
        return remembered_sha256(self.clip), remembered_sha256(self.vqgan)

    def require(self, made_for: tuple[str, str, str], file: str, what: str, remedy: str) -> None:
        """Raises ModelError where `file` was made for other models than these.

        made_for: sha256 of the CLIP and of the VQGAN that it was made for, and both in words;
        `what` it is and the `remedy` are for the message.
        """
        *digests, models = made_for
        if tuple(digests) != self.digests:
            raise ModelError(
                f"{file}: a {what} for {models}, but the film's models are {self.names} (other "
                f"files); {remedy}"
            )


@dataclass(frozen=True)
class Materials:
    """Everything that a film reads."""

    models: ModelFiles
    config: VQGANConfig
    sketchbook: Path | None  # None where there is none, or no scene asks
    prior: Path | None
    named: tuple[Path, ...]  # pictures, latents, sounds and the like that the storyboard names

    @cached_property
    def contents(self) -> dict[Path, str]:
        """The sha256 of each named file."""
        return {path: remembered_sha256(path) for path in self.named}

    def identity(self) -> dict[str, str]:
        """The sha256 of each file that is not named in the storyboard, in words for a user."""
        clip, vqgan = self.models.digests
        found = {"sketchbook": self.sketchbook, "prior": self.prior}
        return {
            "CLIP file (sha256)": clip,
            **self._other_clips(),
            "VQGAN file (sha256)": vqgan,
            "VQGAN config (sha256)": remembered_sha256(self.models.vqgan_config),
            **{f"{name} (sha256)": remembered_sha256(path) for name, path in found.items() if path},
        }

    def _other_clips(self) -> dict[str, str]:
        """The files of the CLIPs but the first one's weights."""
        found = {}
        for number, clip in enumerate(self.models.clips, 1):
            name = "CLIP" if number == 1 else f"CLIP {number}"
            if number > 1:
                found[f"{name} file (sha256)"] = remembered_sha256(clip.path)
            for path in clip.beside:
                found[f"{name}'s {path.name} (sha256)"] = remembered_sha256(path)
        return found


def find_materials(storyboard: Storyboard) -> Materials:
    """The files of a film. Nothing is downloaded, nothing is read but the VQGAN's YAML.

    Raises UsageError for an unknown name, ModelError for files that are not here or not whole.
    """
    files = find_models(storyboard.models)
    config = read_config(files.vqgan_config)
    named = tuple(files_of(storyboard))
    return Materials(files, config, sketchbook_of(storyboard), prior_of(storyboard), named)


def find_models(models: Models) -> ModelFiles:
    """The files of a CLIP and a VQGAN.

    Raises UsageError for an unknown name, ModelError for files that are not here or not whole, all
    of them in one message with the commands and links to get them.
    """
    lacking: list[str] = []
    clips = tuple(_clip(clip, lacking) for clip in models.clip)
    return ModelFiles(clips, *_vqgan(models, lacking), models)


def find_vqgan(models: Models) -> tuple[Path, Path]:
    """The files of the VQGAN alone, weights and config; raises as `find_models` does."""
    return _vqgan(models, [])


def _vqgan(models: Models, lacking: list[str]) -> tuple[Path, Path]:
    vqgan = _half("vqgan", models.vqgan, lacking)
    if lacking:
        raise ModelError("\n\n".join(lacking))
    if models.vqgan_config and not exists(models.vqgan_config):
        raise ModelError(f"models.vqgan_config: there is no file {models.vqgan_config}")
    beside = vqgan[1] if len(vqgan) > 1 else None
    return vqgan[0], models.vqgan_config or beside or config_beside(vqgan[0])


def sketchbook_of(storyboard: Storyboard) -> Path | None:
    """The sketchbook that a film chooses from; None where there is none, or no scene asks."""
    guides = [scene.settings.guide for scene in storyboard.scenes]
    if all(guide.word == "off" or guide.image for guide in guides):
        return None
    return storyboard.sketchbook or companion("sketchbook", storyboard.models)


def prior_of(storyboard: Storyboard) -> Path | None:
    """The prior that a film asks; None where there is none, or no scene may ask it."""
    if not any(_may_ask_the_prior(scene.settings) for scene in storyboard.scenes):
        return None
    return storyboard.prior or companion("prior", storyboard.models)


def _may_ask_the_prior(settings: Settings) -> bool:
    guide = settings.guide
    return guide.may_dream or (guide.word == "off" and settings.losses.prior != 0)


def companion(kind: str, models: Models) -> Path | None:
    """The sketchbook or the prior that comes with a pair.

    None where the two models are no pair, or it has none, or its file is not here.
    """
    halves = find("clip", models.clips[0]), find("vqgan", models.vqgan)
    for pair in PAIRS.values():
        name = getattr(pair, kind)
        ours = halves == (MODELS[pair.clip], MODELS[pair.vqgan]) and not models.vqgan_config
        if name and ours:
            return paths_of(MODELS[name])[0] if status(MODELS[name]) != "missing" else None
    return None


def _clip(chosen: ChosenCLIP, lacking: list[str]) -> CLIPFile:
    path = _half("clip", chosen.model, lacking)[0]
    if known := find("clip", chosen.model):
        return CLIPFile(path, known.clip)
    return CLIPFile(path, made_like(chosen.arch) if chosen.arch else None)


def _half(kind: str, name: str, lacking: list[str]) -> tuple[Path, ...]:
    model = find(kind, name)
    if model is None:
        try:
            return (own_checkpoint(kind, name),)
        except (ModelError, UsageError) as error:
            raise type(error)(f"models.{kind}: {error}") from None
    state = status(model)
    if state != "present":
        lacking.append(how_to_get(model, state))
    return paths_of(model)
