"""How a film's guides are made: the picture that each scene is drawn toward."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from PIL import Image
from torch import Tensor

from ..disk.pictures import fitted, open_picture
from ..sketchbook.choose import Choice, choose, seeds_of, told
from ..sketchbook.decode import decode_sketch
from ..storyboard.courses import opening
from ..storyboard.schema import Prompt, PromptPart, Settings, Storyboard
from ..storyboard.sizes import picture_size
from .cast import Cast
from .colours import colours_of
from .dreams import OVER_A_SKETCH, DrawnDream, Dreamer, Wanted
from .guides import Guides
from .morphs import Morph, morph
from .prompts import encode_scenes
from .wordings import SUBJECT, WHOLE, WORDINGS, worded

Say = Callable[[str], None]
Asked = Callable[[], bool]


class Interrupted(Exception):
    """Whoever asked for guides does not want them any more."""


def choices_of(storyboard: Storyboard, cast: Cast) -> list[Choice]:
    """What guides each scene.

    Raises StoryboardError where a scene names a guide that there is none of.
    """
    storyboard = opening(storyboard)
    perceptor, has_prior = cast.perceptor, cast.prior is not None
    embed = lambda texts: perceptor.embed_text(texts).cpu().numpy()  # noqa: E731
    return choose(storyboard, cast.book, embed, has_prior)


def prepare(
    storyboard: Storyboard,
    cast: Cast,
    on_notice: Say = lambda text: None,
    should_stop: Asked = lambda: False,
) -> Guides:
    """The guides of a film.

    on_notice: told what guides each scene, as soon as it is there. should_stop: asked before each
    dream; where it says so, Interrupted is raised. Raises StoryboardError where a scene names a
    guide that there is none of, VqclipError for a picture that cannot be read any more, ModelError
    for a damaged sketch.
    """
    choices = choices_of(storyboard, cast)
    for line in told(choices):
        on_notice(line)
    stills = StillGuides(storyboard, cast)
    if not any(choice.dreams for choice in choices):
        return Guides([stills.latent(choice) for choice in choices])
    return Dreaming(storyboard, choices, cast, stills, on_notice, should_stop).guides()


class StillGuides:
    """The latents of pictures and sketches at the film's size; what several scenes share is made
    once.
    """

    def __init__(self, storyboard: Storyboard, cast: Cast):
        self.size = picture_size(storyboard.size, cast.vqgan.factor)
        self.vqgan, self.book = cast.vqgan, cast.book
        self._made: dict[object, Tensor] = {}

    def latent(self, choice: Choice) -> Tensor | None:
        """That of a scene's picture or sketch [1, channels, h, w]; None where it has none."""
        source = choice.image or (choice.sketch and choice.sketch.index)
        if source is not None and source not in self._made:
            pixels = torch.from_numpy(fitted(self.picture(choice), *self.size))
            self._made[source] = self.vqgan.bound(self.vqgan.encode(pixels.unsqueeze(0)))
        return self._made.get(source)

    def picture(self, choice: Choice) -> Image.Image:
        """A scene's picture, or its sketch as it is drawn in the book."""
        if choice.image:
            return open_picture(choice.image)
        return decode_sketch(self.book, choice.sketch.index, self.vqgan)


@dataclass
class Dreaming:
    """Draws the dreams of a film, and what lies between them."""

    storyboard: Storyboard
    choices: Sequence[Choice]
    cast: Cast
    stills: StillGuides
    on_notice: Say = lambda text: None
    should_stop: Asked = lambda: False
    dreams: dict[int, DrawnDream] = field(
        default_factory=dict
    )  # by scene, as far as they are drawn

    def __post_init__(self) -> None:
        cast, (width, height) = self.cast, self.stills.size
        size = (height // cast.vqgan.factor, width // cast.vqgan.factor)
        self.dreamer = Dreamer(cast.prior, cast.perceptor, cast.vqgan, size)
        self.told = prior_is_told(self.storyboard, self.choices, cast)

    def guides(self) -> Guides:
        """The guides of all scenes, those without a dream included."""
        targets = self.targets()
        morphs = {scene: self._morph(scene) for scene in self.dreams if self._travels(scene)}
        return Guides(targets, morphs)

    def targets(self) -> list[Tensor | None]:
        """What each scene is drawn toward, without what lies between them."""
        targets: list[Tensor | None] = []
        for choice in self.choices:
            if choice.dreams:
                dream = self.dream(choice, targets[-1] if targets else None)
                targets.append(self.dreamer.target(dream.latent))
            else:
                targets.append(self.stills.latent(choice))
        return targets

    def dream(self, choice: Choice, before: Tensor | None) -> DrawnDream:
        """The dream of a scene; before: the guide of the scene before, where it has one."""
        seeds = seeds_of(self.storyboard, choice.scene)
        found = [self.draw(choice, seed, before) for seed in seeds]
        best = self.dreamer.best(found)
        self.dreams[choice.scene] = best
        self.on_notice(f"scene {choice.scene + 1} is drawn toward {told_of(best, len(found))}")
        return best

    def draw(self, choice: Choice, seed: int, before: Tensor | None = None) -> DrawnDream:
        """A scene's dream of one seed."""
        if self.should_stop():
            raise Interrupted
        carry = self.storyboard.scenes[choice.scene].settings.dream.carry
        below, over, level = None, "", 1.0
        if carry and before is not None:
            below, over, level = before, "the last scene", carry
        elif choice.sketch and seed % 2:
            below, over, level = self.stills.latent(choice), "a sketch", OVER_A_SKETCH
        told = self.told[choice.scene]
        text = told.wordings[seed % len(told.wordings)]
        root = self.dreamer.root(text, seed, below, level)
        return self.dreamer.dream(root, seed, told.wanted, over)

    def _travels(self, scene: int) -> bool:
        transition = self.storyboard.scenes[scene].transition
        wanted = transition and transition.morph == "dream" and transition.duration
        before = self._before(scene)
        return bool(wanted) and before != scene and before in self.dreams

    def _before(self, scene: int) -> int:
        """The scene that one is travelled to from: to the first, in a loop, from the last."""
        return (scene - 1) % len(self.storyboard.scenes)

    def _morph(self, scene: int) -> Morph:
        if self.should_stop():
            raise Interrupted
        keyframes = self.storyboard.scenes[scene].transition.keyframes
        before = self._before(scene)
        found = morph(self.dreamer, self.dreams[before], self.dreams[scene], keyframes)
        count = len(found.places)
        self.on_notice(f"scene {before + 1} becomes scene {scene + 1} through {count} dreams")
        return found


def told_of(dream: DrawnDream, tries: int) -> str:
    """A dream in words."""
    of = f", the best of {tries}" if tries > 1 else ""
    over = f" over {dream.over}" if dream.over else ""
    return f"a dream{of}: seed {dream.seed}{over}, likeness {dream.likeness:.2f}"


@dataclass(frozen=True)
class Told:
    """What the prior is told of a scene: what its dreams are to show, and the `WORDINGS` that they
    are drawn from, unit vectors [dim].
    """

    wanted: Wanted
    wordings: Sequence[Tensor]


def prior_is_told(storyboard: Storyboard, choices: Sequence[Choice], cast: Cast) -> dict[int, Told]:
    """What the prior is told of each dreaming scene, by the scene's index.

    A style in words is said in one breath with the prompt, as a caption does; beside it, with its
    weight, the prior would hardly heed it.
    """
    storyboard = opening(storyboard)
    prompts, scenes, said = {}, [], (WHOLE, SUBJECT, *WORDINGS)
    for choice in choices:
        if choice.dreams:
            scene = storyboard.scenes[choice.scene]
            own = (PromptPart(text=choice.words),) if choice.words else scene.prompt
            prompts[choice.scene] = prompt = styled(own, scene.settings)
            scenes += [replace(scene, prompt=worded(prompt, wording)) for wording in said]
    encoded = encode_scenes(replace(storyboard, scenes=tuple(scenes)), cast.perceptor).scenes
    vectors = iter(told.target(scene).include for told, scene in zip(encoded, scenes, strict=True))
    found = {}
    for index, prompt in prompts.items():
        whole, subject, *wordings = itertools.islice(vectors, len(said))
        found[index] = Told(Wanted(whole, subject, colours_of(prompt)), wordings)
    return found


def styled(prompt: Prompt, settings: Settings) -> Prompt:
    """A prompt whose texts say the style too, unless the style counts nothing."""
    style = ", ".join(part.text for part in settings.style if part.text is not None)
    if not style or not settings.w2:
        return prompt
    return tuple(
        part if part.text is None else replace(part, text=f"{part.text}, {style}")
        for part in prompt
    )
