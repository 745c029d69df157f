"""What a film will be drawn toward, to be looked at before it is rendered: the dreams of a prompt,
and the guides of a storyboard's scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from .engine.options import EngineOptions
from .errors import UsageError
from .materials import Materials, find_materials, prior_of
from .output.stills import THUMBNAIL, save_sheet
from .sketchbook.choose import Choice, choose, seeds_of
from .still import one_scene
from .storyboard.courses import opening
from .storyboard.schema import Dream, Storyboard
from .storyboard.words import caption
from .storyboard.writer import scene_in_short

if TYPE_CHECKING:
    from torch import Tensor

    from .engine.cast import Cast
    from .engine.dreams import DrawnDream
    from .engine.guiding import Dreaming, StillGuides

NOTHING = (40, 40, 44)  # the colour of a scene on the sheet that nothing guides
LAST_SEED = 2**63 - 1
Told = Callable[[str], None]


@dataclass(frozen=True)
class SceneGuide:
    """What a scene will be drawn toward, and its dream where that is drawn already."""

    choice: Choice
    seeds: range = range(0)  # of the dreams, one of which is taken; empty where nothing dreams
    carried: bool = False  # whether they begin with the last scene's guide
    dream: DrawnDream | None = None

    def __str__(self) -> str:
        if not self.choice.dreams:
            return str(self.choice) if self.choice.free else f"a {self.kind}: {self.choice}"
        if self.dream is None:
            return f"{self.choice}: {self._seeds()}, {self._beginning()}"
        found = f"seed {self.dream.seed}, likeness {self.dream.likeness:.2f}"
        best = f", the best of {len(self.seeds)}" if len(self.seeds) > 1 else ""
        return f"{self.choice}: {found}{best}" + (
            f", over {self.dream.over}" if self.dream.over else ""
        )

    def as_dict(self) -> dict:
        """For JSON: `seeds` that are tried, and, once it is there, the one that was `drawn`."""
        told = self.choice.as_dict()
        if not self.choice.dreams:
            return told
        dream = {**told["dream"], "seeds": list(self.seeds), "carried": self.carried}
        if self.dream:
            names = ("seed", "over", "likeness")
            dream["drawn"] = {name: getattr(self.dream, name) for name in names}
        return {**told, "dream": dream}

    @property
    def kind(self) -> str:
        """In a word or two."""
        if self.dream:
            return f"seed {self.dream.seed}"
        return "nothing" if self.choice.free else "sketch" if self.choice.sketch else "picture"

    def _seeds(self) -> str:
        if not self.seeds:
            return "seeds that are drawn at the render"
        first, last = self.seeds[0], self.seeds[-1]
        return f"the best of seeds {first} to {last}" if last > first else f"seed {first}"

    def _beginning(self) -> str:
        if self.carried:
            return "over the last scene"
        sketch = self.choice.sketch
        return f"from noise or over the sketch of {sketch}" if sketch else "from noise"


def choose_guides(storyboard: Storyboard) -> tuple[SceneGuide, ...]:
    """What each scene will be drawn toward. Loads CLIP, whose file has to be here, on the CPU."""
    from .sketchbook.book import load_book

    storyboard = opening(storyboard)
    materials = find_materials(storyboard)
    has_prior, book, embed = materials.prior is not None, None, None
    if materials.sketchbook:
        from .models.clip.perceptor import load_perceptor

        book = load_book(materials.sketchbook)
        book.require(materials.models)
        clip = materials.models.clips[0]
        perceptor = load_perceptor(clip.path, config=clip.config)
        embed = lambda texts: perceptor.embed_text(texts).numpy()  # noqa: E731
    return _guides(storyboard, choose(storyboard, book, embed, has_prior))


def draw_guides(
    storyboard: Storyboard, sheet: Path, options: EngineOptions, on_notice: Told
) -> tuple[SceneGuide, ...]:
    """The guides of all scenes, dreams drawn as a render with these options draws them; their
    sheet is written.

    Raises UsageError where the seed is drawn at the render only.
    """
    if storyboard.seed is None:
        why = "the seed is drawn at the render, and the dreams with it"
        raise UsageError(f"{why}; name one with override=seed=NUMBER to see what that one draws")
    from .engine.cast import lent_cast
    from .engine.guiding import choices_of

    with lent_cast(find_materials(storyboard), storyboard, options) as cast:
        choices = choices_of(storyboard, cast)
        dreams, pictures = _pictures(storyboard, cast, choices, on_notice)
    guides = _guides(storyboard, choices, dreams)
    entries = [
        (picture, f"scene {guide.choice.scene + 1}: {guide.kind}", caption(scene.prompt))
        for picture, guide, scene in zip(pictures, guides, storyboard.scenes, strict=True)
    ]
    save_sheet(entries, storyboard.title, sheet)
    return guides


def dream_storyboard(prompt, style, size, seed, models, overrides=()) -> Storyboard:
    """A storyboard of one scene that dreams of a prompt. Raises StoryboardError."""
    return one_scene("dream", {"prompt": prompt}, {"style": style}, size, seed, models, overrides)


def check_dreams(storyboard: Storyboard, count: int) -> None:
    """Raises UsageError where a `dream_storyboard` has another guide, its models cannot dream, or
    there are not so many seeds from its own on. The models' files need not be here.
    """
    if not storyboard.scenes[0].settings.guide.may_dream:
        raise UsageError("settings.guide: nothing is dreamed of so; leave it at auto, or dream")
    if prior_of(storyboard) is None:
        remedy = "take the pair storybook, or name one with override=prior=FILE.safetensors"
        raise UsageError(f"{storyboard.models.names}: no prior that could dream; {remedy}")
    if storyboard.seed + count - 1 > LAST_SEED:
        raise UsageError(f"the last seed is {LAST_SEED}; begin with a smaller one")


def draw_dreams(
    storyboard: Storyboard,
    materials: Materials,
    count: int,
    sheet: Path,
    options: EngineOptions,
    on_notice: Told,
) -> DrawnDream:
    """The best of a `dream_storyboard`'s dreams, of so many seeds from its own on; the sheet of all
    is written.

    The storyboard has passed `check_dreams`.
    """
    from .engine.cast import lent_cast

    found, entries = [], []
    with lent_cast(materials, storyboard, options) as cast:
        dreaming, choice = _dreaming(storyboard, cast)
        for seed in range(storyboard.seed, storyboard.seed + count):
            dream = dreaming.draw(choice, seed)
            over = f", over {dream.over}" if dream.over else ""
            picture = _image(dreaming.dreamer.picture(dream.latent))
            entries.append((picture, f"seed {seed}", f"likeness {dream.likeness:.2f}{over}"))
            found.append(dream)
            on_notice(f"seed {seed} is drawn")
        best = dreaming.dreamer.best(found)
    (scene,) = storyboard.scenes
    title = [caption(prompt) for prompt in (scene.prompt, scene.settings.style) if prompt]
    save_sheet(entries, ", ".join(title), sheet)
    return best


def storyboard_of(storyboard: Storyboard, seed: int) -> str:
    """The YAML of a `dream_storyboard` whose scene is drawn toward the dream of one seed."""
    (scene,) = storyboard.scenes
    settings = replace(scene.settings, dream=Dream(seed=seed))
    return scene_in_short(storyboard, replace(scene, settings=settings))


def _guides(
    storyboard: Storyboard,
    choices: Sequence[Choice],
    dreams: Mapping[int, DrawnDream] = MappingProxyType({}),
) -> tuple[SceneGuide, ...]:
    carried, guided, found = False, False, []
    for choice, scene in zip(choices, storyboard.scenes, strict=True):
        carried = bool(guided and scene.settings.dream.carry)
        guided = not choice.free
        if choice.dreams:
            seeds = seeds_of(storyboard, choice.scene)
            found.append(SceneGuide(choice, seeds, carried, dreams.get(choice.scene)))
        else:
            found.append(SceneGuide(choice))
    return tuple(found)


def _pictures(
    storyboard: Storyboard, cast: Cast, choices: Sequence[Choice], on_notice: Told
) -> tuple[Mapping[int, DrawnDream], list[Image.Image]]:
    """The dreams by scene, and a picture of each scene's guide, all of one size."""
    from .engine.guiding import Dreaming, StillGuides

    stills, drawn, dreams = StillGuides(storyboard, cast), {}, {}
    if any(choice.dreams for choice in choices):
        dreaming = Dreaming(storyboard, choices, cast, stills, on_notice)
        dreaming.targets()
        dreams = dreaming.dreams
        drawn = {
            scene: _image(dreaming.dreamer.picture(dream.latent)) for scene, dream in dreams.items()
        }
    size = next((picture.size for picture in drawn.values()), _thumbnail(storyboard.size))
    return dreams, [
        drawn.get(choice.scene) or _still_picture(stills, choice, size) for choice in choices
    ]


def _still_picture(stills: StillGuides, choice: Choice, size: tuple[int, int]) -> Image.Image:
    if choice.free:
        return Image.new("RGB", size, NOTHING)
    return ImageOps.fit(stills.picture(choice), size, Image.Resampling.LANCZOS)


def _dreaming(storyboard: Storyboard, cast: Cast) -> tuple[Dreaming, Choice]:
    """What draws a `dream_storyboard`."""
    from .engine.guiding import Dreaming, StillGuides, choices_of

    (choice,) = choices_of(storyboard, cast)
    return Dreaming(storyboard, [choice], cast, StillGuides(storyboard, cast)), choice


def _image(picture: Tensor) -> Image.Image:
    """A picture [1, 3, H, W], 0..1."""
    return Image.fromarray((picture[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy())


def _thumbnail(size: tuple[int, int]) -> tuple[int, int]:
    """A film's size with the longer side as on contact sheets."""
    return tuple(max(1, round(side * THUMBNAIL / max(size))) for side in size)
