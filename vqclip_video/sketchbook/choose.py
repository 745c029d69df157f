"""What each scene of a film is drawn toward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..storyboard.problems import Problems, setting_of
from ..storyboard.schema import Prompt, PromptPart, Scene, Storyboard
from .book import Sketchbook
from .pick import Embed, Pick, Picker
from .subject import coloured_otherwise, parse_prompt

NONE_FITS = "none fits"
MOST_LOOKED_AT = 40  # sketches that fit, for one of the right colour


@dataclass(frozen=True)
class Choice:
    """The guide of one scene; without dream, sketch and image it has none, and `why` says why.

    dreams: whether it is a dream, of the prompt or of `words`; then `sketch` is what it may begin
    from.
    """

    scene: int  # from 0
    sketch: Pick | None = None
    image: Path | None = None
    why: str = ""
    dreams: bool = False
    words: str | None = None

    @property
    def free(self) -> bool:
        """Whether nothing guides the scene."""
        return not self.dreams and self.sketch is None and self.image is None

    def __str__(self) -> str:
        if self.dreams:
            return f"a dream of {self.words!r}" if self.words else "a dream"
        if self.sketch:
            return str(self.sketch)
        return str(self.image) if self.image else self.why

    def as_dict(self) -> dict:
        sketch = asdict(self.sketch) if self.sketch else None
        image = str(self.image) if self.image else None
        dream = {"words": self.words} if self.dreams else None
        return {"dream": dream, "sketch": sketch, "image": image, "why": self.why}


def choose(
    storyboard: Storyboard, book: Sketchbook | None, embed: Embed, has_prior: bool = False
) -> list[Choice]:
    """The guide of every scene.

    has_prior: whether the models can dream. Raises StoryboardError where a scene names a sketch
    that there is none of, or a dream that nothing can draw.
    """
    picker = Picker(book, embed) if book else None
    problems = Problems(str(storyboard.source or "storyboard"), storyboard.marks)
    found = [
        _choice(index, scene, picker, has_prior) for index, scene in enumerate(storyboard.scenes)
    ]
    for scene, choice in zip(storyboard.scenes, found, strict=True):
        guide = scene.settings.guide
        where = setting_of(f"scenes[{choice.scene}]", "guide", storyboard.marks)
        if guide.sketch and not choice.sketch:
            remedy = (
                ""
                if book
                else "; name one with `sketchbook`, which `vqclip-video sketchbook build` makes"
            )
            problems.at(f"{where}.sketch", f"{choice.why}{remedy}")
        if (guide.dream or guide.word == "dream") and not has_prior:
            remedy = "name one with `prior`, or take another guide"
            problems.at(where, f"these models have no prior that could dream; {remedy}")
    if problems:
        problems.fail()
    return found


def seeds_of(storyboard: Storyboard, scene: int) -> range:
    """The seeds of a scene's dreams, of which the best is taken; empty where
    the storyboard's own seed is still to be drawn.
    """
    wanted = storyboard.scenes[scene].settings.dream
    if wanted.seed is not None:
        return range(wanted.seed, wanted.seed + 1)
    first = storyboard.seed
    return range(0) if first is None else range(first, first + wanted.tries)


def told(choices: Sequence[Choice]) -> Iterator[str]:
    """What a render says of its guides: a line for each scene with a sketch, or that none fits."""
    for choice in choices:
        if choice.sketch and not choice.dreams:
            yield f"scene {choice.scene + 1} is drawn toward the sketch: {choice}"
        elif choice.why.startswith(NONE_FITS):
            yield f"scene {choice.scene + 1}: {choice.why}; it runs unguided"


def _choice(index: int, scene: Scene, picker: Picker | None, has_prior: bool) -> Choice:
    guide, main = scene.settings.guide, main_part(scene.prompt)
    if guide.word == "off":
        return Choice(index, why="off")
    if image := guide.image or (main.image if guide.word == "auto" else None):
        return Choice(index, image=image)
    words = guide.sketch or guide.dream or _words(scene.prompt)
    if has_prior and guide.may_dream:
        pick = _below(picker, words) if picker and words else None
        return Choice(index, pick, dreams=True, words=guide.dream)
    if picker is None:
        return Choice(index, why="these models have no sketchbook")
    if not words:
        return Choice(index, why="the prompt has no words")
    if pick := picker.pick(words):
        return Choice(index, pick)
    return Choice(index, why=f"{NONE_FITS}: no sketch of {str(parse_prompt(words)) or words!r}")


def _below(picker: Picker, words: str) -> Pick | None:
    """The sketch that a dream may begin from: the best with the subject's colour, as a dream over a
    red rose stays a red rose.
    """
    picks = picker.ranked(words, MOST_LOOKED_AT)
    return next((pick for pick in picks if not coloured_otherwise(words, pick.caption)), None)


def main_part(prompt: Prompt) -> PromptPart:
    """The part that weighs most, of equal ones the first."""
    return max(prompt, key=lambda part: part.weight)


def _words(prompt: Prompt) -> str | None:
    """The text that weighs most, of equal ones the first."""
    texts = [part for part in prompt if part.text is not None]
    return main_part(tuple(texts)).text if texts else None
