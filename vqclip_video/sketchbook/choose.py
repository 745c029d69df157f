"""What each scene of a film is drawn toward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..storyboard.problems import Problems, setting_of
from ..storyboard.schema import Scene, Storyboard
from .book import Sketchbook
from .pick import Embed, Pick, Picker
from .subject import parse_prompt

NONE_FITS = "none fits"


@dataclass(frozen=True)
class Choice:
    """The guide of one scene; without sketch and image it has none, and `why` says why."""

    scene: int  # from 0
    sketch: Pick | None = None
    image: Path | None = None
    why: str = ""

    def __str__(self) -> str:
        if self.sketch:
            return (
                f"{self.sketch.caption or 'a picture without caption'} (fit {self.sketch.fit:.2f})"
            )
        return str(self.image) if self.image else self.why

    def as_dict(self) -> dict:
        sketch = asdict(self.sketch) if self.sketch else None
        return {"sketch": sketch, "image": str(self.image) if self.image else None, "why": self.why}


def choose(storyboard: Storyboard, book: Sketchbook | None, embed: Embed) -> list[Choice]:
    """The guide of every scene.

    Raises StoryboardError where a scene names a sketch that there is none of.
    """
    picker = Picker(book, embed) if book else None
    problems = Problems(str(storyboard.source or "storyboard"), storyboard.marks)
    found = [_choice(index, scene, picker) for index, scene in enumerate(storyboard.scenes)]
    for scene, choice in zip(storyboard.scenes, found, strict=True):
        if scene.settings.guide.sketch and not choice.sketch:
            remedy = (
                ""
                if book
                else "; name one with `sketchbook`, which `vqclip-video sketchbook build` makes"
            )
            where = setting_of(f"scenes[{choice.scene}]", "guide", storyboard.marks)
            problems.at(f"{where}.sketch", f"{choice.why}{remedy}")
    if problems:
        problems.fail()
    return found


def told(choices: Sequence[Choice]) -> Iterator[str]:
    """What a render says of its guides: a line for each scene with a sketch, or that none fits."""
    for choice in choices:
        if choice.sketch:
            yield f"scene {choice.scene + 1} is drawn toward the sketch: {choice}"
        elif choice.why.startswith(NONE_FITS):
            yield f"scene {choice.scene + 1}: {choice.why}; it runs unguided"


def _choice(index: int, scene: Scene, picker: Picker | None) -> Choice:
    guide = scene.settings.guide
    if guide.off:
        return Choice(index, why="off")
    if guide.image:
        return Choice(index, image=guide.image)
    if picker is None:
        return Choice(index, why="these models have no sketchbook")
    words = guide.sketch or _wanted(scene)
    if not words:
        return Choice(index, why="the prompt has no words")
    if pick := picker.pick(words):
        return Choice(index, pick)
    return Choice(index, why=f"{NONE_FITS}: no sketch of {str(parse_prompt(words)) or words!r}")


def _wanted(scene: Scene) -> str | None:
    """The text that weighs most in the scene's prompt, of equal ones the first."""
    texts = [part for part in scene.prompt if part.text is not None]
    return max(texts, key=lambda part: part.weight).text if texts else None
