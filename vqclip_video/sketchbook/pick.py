"""Which sketch a prompt is drawn toward, or honestly none.

Similarity alone confuses things of one colour and place, so a sketch must hold the prompt's
subject: as its own subject, as another word for it, or in its caption. Among those, one number
decides, which is shown with each: the fit of picture, caption and words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import ModelError
from . import subject as subjects
from .book import Sketchbook
from .subject import Phrase

SHARES = (0.4, 0.4, 0.2)  # of the picture's likeness, the caption's and the shared words in a fit
LEAST_FIT = 0.25  # of a captioned sketch; one below it has the word, and not what the prompt means
NEAR_SUBJECT = 0.85  # cosine to a known subject's name, both less the mean of all the names
ENOUGH_SUBJECTS = 8  # for that mean to say anything
# by how much a picture without caption is more like the prompt than like "a picture"
ABOVE_ANY = 0.02
ANY_PICTURE = "a picture"

Embed = Callable[[Sequence[str]], np.ndarray]  # texts -> unit vectors [n, d]


@dataclass(frozen=True)
class Pick:
    """A sketch that fits."""

    index: int
    caption: str | None
    fit: float  # 0..1; what the sketch was chosen by
    subject: str  # by which it was found

    def __str__(self) -> str:
        return f"{self.caption or 'a picture without caption'} (fit {self.fit:.2f})"


class Picker:
    """Chooses from one book; `embed` is CLIP's text tower."""

    def __init__(self, book: Sketchbook, embed: Embed):
        self.book, self._embed = book, embed

    def pick(self, prompt: str) -> Pick | None:
        """The sketch that fits best; None where none does."""
        return next(iter(self.ranked(prompt, 1)), None)

    def ranked(self, prompt: str, count: int) -> list[Pick]:
        """Up to `count` sketches that fit, the best first; equal ones in the book's order.

        ModelError where the book's embeddings have not the dimensions of CLIP's.
        """
        phrase = subjects.parse_prompt(prompt)
        (target,) = self._embed([prompt])
        if self.book.image.shape[1:] != target.shape:
            raise ModelError(
                f"{self.book.source}: its embeddings are not those of this CLIP; build it again"
            )
        picture = self.book.image_directions @ target
        fit = self._fit(phrase, picture, self.book.text_directions @ target)
        for name, holding in self._holding(phrase, picture):
            if found := [i for i in self._ordinary(holding, phrase) if fit[i] >= self._least[i]]:
                order = sorted(found, key=lambda index: (-fit[index], index))[:count]
                return [self._pick(index, fit[index], name) for index in order]
        return []

    def _pick(self, index: int, fit: float, name: str) -> Pick:
        return Pick(index, self.book.notes.captions[index], float(np.clip(fit, 0, 1)), name)

    def _fit(self, phrase: Phrase, picture: np.ndarray, caption: np.ndarray) -> np.ndarray:
        """How well each sketch fits [N], 1 at most; without caption its picture has to do."""
        all_three = SHARES @ np.stack([picture, caption, self._shared(phrase)])
        return np.where(self._captioned, all_three, picture)

    def _holding(self, phrase: Phrase, picture: np.ndarray) -> Iterator[tuple[str, list[int]]]:
        """Names for the phrase's subject with the sketches called so, the most exact first."""
        names = tuple(dict.fromkeys([*phrase.longer, *phrase.names()]))
        yield from ((name, self._by_name[name]) for name in names if name in self._by_name)
        for name in names:
            yield name, [i for i, words in self._plain_captions if subjects.holds(words, name)]
        if near := self._nearest_subject(str(phrase)):
            yield near, self._by_name[near]
        yield str(phrase), self._alike_without_caption(picture)

    def _nearest_subject(self, text: str) -> str | None:
        """A known subject that means nearly the same as an unknown one.

        Embeddings of CLIP share a large common part, which says nothing; it is removed before they
        are compared (Mu and Viswanath 2018, "All-but-the-top").
        """
        if len(self._subjects) < ENOUGH_SUBJECTS or not text:
            return None
        (vector,) = self._embed([text])
        middle = self._subject_vectors.mean(0)
        known, asked = self._subject_vectors - middle, vector - middle
        cosines = (
            known @ asked / np.maximum(np.linalg.norm(known, axis=1) * np.linalg.norm(asked), 1e-9)
        )
        best = int(cosines.argmax())
        return self._subjects[best] if cosines[best] >= NEAR_SUBJECT else None

    def _alike_without_caption(self, picture: np.ndarray) -> list[int]:
        """Pictures of which nothing is said and that are more like the prompt than like just any
        picture.
        """
        silent = np.flatnonzero(~self._captioned)
        if not len(silent):
            return []
        (any_picture,) = self._embed([ANY_PICTURE])
        margin = picture - self.book.image_directions @ any_picture
        return [int(index) for index in silent if margin[index] >= ABOVE_ANY]

    def _ordinary(self, found: list[int], phrase: Phrase) -> list[int]:
        """Those without a look that the prompt does not ask for; all, where each has one."""
        asked = subjects.looks(phrase.words)
        return [index for index in found if not self._looks[index] - asked] or found

    def _shared(self, phrase: Phrase) -> np.ndarray:
        """How alike the telling words of the prompt and of each caption are [N], 0..1 (Dice 1945).

        A fair day, of which the prompt says nothing, is what one expects, and so does not count.
        """
        captions = self._words if phrase.words & subjects.FAIR_WORDS else self._words_but_fair
        counts = [(len(phrase.words & words), len(phrase.words) + len(words)) for words in captions]
        return np.array([2 * shared / max(both, 1) for shared, both in counts])

    @cached_property
    def _captioned(self) -> np.ndarray:
        return np.array([bool(caption) for caption in self.book.notes.captions])

    @cached_property
    def _least(self) -> np.ndarray:
        """The fit that each sketch has to reach; those without caption have a rule of their own."""
        return np.where(self._captioned, LEAST_FIT, -np.inf)

    @cached_property
    def _words(self) -> list[frozenset[str]]:
        return [subjects.telling(caption or "") for caption in self.book.notes.captions]

    @cached_property
    def _words_but_fair(self) -> list[frozenset[str]]:
        return [
            subjects.telling(subjects.FAIR.sub(" ", caption or ""))
            for caption in self.book.notes.captions
        ]

    @cached_property
    def _looks(self) -> list[frozenset[str]]:
        """The looks that each caption tells of, less those in its subject's name: "oil drum"."""
        pairs = zip(self._words, self.book.notes.subjects, strict=True)
        return [subjects.looks(words - subjects.telling(subject or "")) for words, subject in pairs]

    @cached_property
    def _plain_captions(self) -> list[tuple[int, list[str]]]:
        """The words of each caption whose picture has no subject of its own."""
        notes = self.book.notes
        pairs = enumerate(zip(notes.captions, notes.subjects, strict=True))
        return [
            (i, subjects.tokens(caption))
            for i, (caption, subject) in pairs
            if caption and not subject
        ]

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        """The sketches by their subjects' names, and by other names those of all they may mean.

        Where a picture's subject is not said, it is the one that its caption would have as a
        prompt.
        """
        known: dict[str, list[int]] = {}
        notes = self.book.notes
        for index, (caption, subject) in enumerate(
            zip(notes.captions, notes.subjects, strict=True)
        ):
            called = (
                [subjects.name(subject)]
                if subject
                else subjects.parse_prompt(caption or "").names()
            )
            for name in dict.fromkeys(called):
                known.setdefault(name, []).append(index)
        meant: dict[str, list[int]] = {}
        for name, subject in self._other_names():
            meant.setdefault(name, []).extend(known.get(subject, []))
        meant.update(known)
        return {name: list(dict.fromkeys(found)) for name, found in meant.items() if found}

    def _other_names(self) -> Iterator[tuple[str, str]]:
        """Names with a subject they may mean: other words for it, "cup" for "cup of coffee"."""
        for subject in dict.fromkeys(filter(None, self.book.notes.subjects)):
            name, phrase = subjects.name(subject), subjects.parse_prompt(subject)
            yield from ((other, name) for other in phrase.names() if name != " ".join(phrase.head))
        for subject, others in self.book.notes.words.items():
            yield from ((subjects.name(other), subjects.name(subject)) for other in others)

    @cached_property
    def _subjects(self) -> list[str]:
        return sorted({subjects.name(subject) for subject in self.book.notes.subjects if subject})

    @cached_property
    def _subject_vectors(self) -> np.ndarray:
        return self._embed(self._subjects)
