"""How a prompt is told to the prior: whole, with some of its phrases said again.

Of "a castle among the stars" the text tower's one vector often keeps a third. Said again beside the
whole, the subject gets its shape back, the place its ground, the look its strokes. Which of them
needs it differs from prompt to prompt, so a scene's tries say them differently and the best is
taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..sketchbook.subject import AFTER, ARTICLES, STYLES, fold, looks, parse_prompt
from ..storyboard.schema import Prompt, PromptPart

# Words that describe the noun before or after them, so that its phrase goes on.
WITHIN = {"and", "or", "covered", "filled", "made", "full", "is", "are", "like", "for", "next"}
PLACING = AFTER - WITHIN


@dataclass(frozen=True)
class Wording:
    """How much each phrase counts, beside the whole text."""

    whole: float
    subject: float
    place: float
    look: float


# A seed's is the one at its remainder. The first is the best alone; the third leaves the whole out,
# which keeps colours apart: a white horse stands on a black ground.
WORDINGS = (
    Wording(1, 0.5, 0.0, 0.4),
    Wording(1, 0.7, 0.4, 0.6),
    Wording(0, 1.0, 0.7, 0.7),
    Wording(1, 0.5, 0.0, 0.4),
)
# What dreams are compared with.
WHOLE, SUBJECT = Wording(1, 0, 0, 0), Wording(0, 1, 0, 0)


@dataclass(frozen=True)
class Phrases:
    """The phrases of a text; those that it has not are empty."""

    subject: str  # "a red fox"
    place: str  # "in the snow at night": all that comes after the subject
    look: str  # "watercolor"


def phrases_of(text: str) -> Phrases:
    """The phrases of a prompt in English: its subject ends at a comma, a word like "in", or a verb
    like "crossing" with something of its own.
    """
    sentences = [part.strip() for part in re.split(r"[,;:.!?()\n]", text) if part.strip()]
    if not sentences:
        return Phrases(text, "", "")
    main = next((part for part in sentences if not _is_look(part)), sentences[0])
    sentences.remove(main)
    words = main.split()
    end = next(_ends(words), len(words))
    shown = [part for part in sentences if _is_look(part)]
    rest = [" ".join(words[end:]), *(part for part in sentences if part not in shown)]
    return Phrases(" ".join(words[:end]), " ".join(filter(None, rest)), ", ".join(shown))


def worded(prompt: Prompt, wording: Wording) -> Prompt:
    """A prompt with the phrases of its texts beside them, or in their place."""
    return tuple(said for part in prompt for said in _said(part, wording))


def _said(part: PromptPart, wording: Wording) -> Iterator[PromptPart]:
    found = phrases_of(part.text) if part.text is not None else None
    if found is None or not (found.place or found.look):
        yield part
        return
    counts = {
        part.text: wording.whole,
        found.subject: wording.subject,
        found.place: wording.place,
        found.look: wording.look,
    }
    for text, count in counts.items():
        if text and count:
            yield replace(part, text=text, weight=part.weight * count)


def _is_look(part: str) -> bool:
    """Whether a part of a prompt tells how it is shown, not what."""
    head = parse_prompt(part).head
    return bool(head) and (fold(head[-1]) in STYLES or bool(looks(head)))


def _ends(words: list[str]) -> Iterator[int]:
    """Places at which a subject's phrase may end."""
    for place, word in enumerate(words[1:], 1):
        following = words[place + 1 : place + 2]
        verb = word.endswith("ing") and following and following[0].lower() in ARTICLES
        if word.lower() in PLACING or verb:
            yield place
