"""A sketchbook's file: pictures as code maps with CLIP's embeddings, captions and names. Never
imports torch.

One .safetensors file of N pictures of h x w places, for a CLIP of d dimensions and a VQGAN of
`entries` codes:

    codes  uint8 [N, ceil(h * w * bits / 8)]  each code in `bits` bits, the highest first, row by
    row image  int8  [N, d]                       direction of CLIP's embedding of the picture text
    int8  [N, d]                       that of its caption; zeros where it has none

and, in the header, what `Notes` holds, as JSON. Embeddings are unit vectors, so eight bits of each
direction are enough, and no scale is kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..disk.safetensors_header import LONGEST_HEADER
from ..errors import ModelError
from ..materials import ModelFiles
from ..text import plain_text

FORMAT = "vqclip-video sketchbook 1"
MOST_ENTRIES = 1 << 16  # of a codebook; the published ones have up to 16384
MOST_PIXELS = 1 << 22  # of a decoded picture: a small file could ask for more memory than there is


@dataclass(frozen=True)
class BookNotes:
    """What a book says of its pictures and of the models that they are stored for."""

    height: int  # of each code map, in places
    width: int
    entries: int  # of the VQGAN's codebook
    factor: int  # pixels along a side for one place
    clip: str  # sha256 of the file of the CLIP
    vqgan: str  # and of the VQGAN
    models: str  # both as a person names them
    captions: tuple[str | None, ...]
    subjects: tuple[str | None, ...]  # what each picture shows: "lighthouse"
    words: dict[str, tuple[str, ...]]  # other words for a subject


@dataclass(frozen=True)
class Sketchbook:
    """N pictures to choose from; `pick` chooses, `codes` gives the one that was chosen."""

    notes: BookNotes
    packed: np.ndarray  # uint8 [N, bytes]
    image: np.ndarray  # int8 [N, d]
    text: np.ndarray  # int8 [N, d]
    source: str = "the sketchbook"  # its file, for messages

    def __len__(self) -> int:
        return len(self.packed)

    def codes(self, index: int) -> np.ndarray:
        """The code map of one picture, int64 [h, w].

        ModelError where a code is not in the codebook.
        """
        notes = self.notes
        found = unpack(self.packed[index], notes.height * notes.width, bits_for(notes.entries))
        if found.max() >= notes.entries:
            raise ModelError(
                f"{self.source}: picture {index} has the code {found.max()} of a codebook of "
                f"{notes.entries}; the file is damaged, build it again"
            )
        return found.reshape(notes.height, notes.width)

    @cached_property
    def image_directions(self) -> np.ndarray:
        """CLIP's embeddings of the pictures, float32 [N, d], unit length."""
        return _unit(self.image)

    @cached_property
    def text_directions(self) -> np.ndarray:
        """CLIP's embeddings of the captions, float32 [N, d], unit length; zeros where there is
        none.
        """
        return _unit(self.text)

    def require(self, paths: ModelFiles) -> None:
        """Raises ModelError where the book was made for another CLIP or VQGAN: its codes would
        decode to noise.
        """
        made_for = (self.notes.clip, self.notes.vqgan, self.notes.models)
        remedy = "build one for them with: vqclip-video sketchbook build"
        paths.require(made_for, self.source, "sketchbook", remedy)


def load_book(path: Path) -> Sketchbook:
    """The book in a file. ModelError where it is damaged or none."""
    try:
        with safe_open(path, framework="numpy") as file:
            notes = _notes(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in ("codes", "image", "text")}
        _check(notes, **arrays)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); copy or build it again") from None
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: not a sketchbook ({error}); build it again") from None
    return Sketchbook(notes, arrays["codes"], arrays["image"], arrays["text"], str(path))


def book_bytes(book: Sketchbook) -> bytes:
    """The file's content. ModelError where its captions are more than a header can hold."""
    notes = json.dumps(asdict(book.notes), ensure_ascii=False, separators=(",", ":"))
    if len(notes.encode()) > LONGEST_HEADER // 2:  # quotes are escaped once more in the header
        raise ModelError(
            f"{len(book):,} pictures with captions are too many for one sketchbook; make two"
        )
    arrays = {"codes": book.packed, "image": book.image, "text": book.text}
    return save(arrays, {"format": FORMAT, "notes": notes})


def bits_for(entries: int) -> int:
    """Bits that a code of a codebook takes."""
    return max(1, (entries - 1).bit_length())


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Codes [N, places] as bytes, uint8 [N, ceil(places * bits / 8)]."""
    places = np.arange(bits - 1, -1, -1)
    split = (codes[..., None] >> places & 1).astype(np.uint8)
    return np.packbits(split.reshape(len(codes), -1), axis=1)


def unpack(packed: np.ndarray, count: int, bits: int) -> np.ndarray:
    """`count` codes, int64, from the bytes of one picture."""
    split = np.unpackbits(packed, count=count * bits).reshape(count, bits)
    return split @ (1 << np.arange(bits - 1, -1, -1, dtype=np.int64))


def eight_bits(vectors: np.ndarray) -> np.ndarray:
    """Directions [N, d] as int8, each scaled to use all of the range."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    return np.rint(127 * vectors / np.where(largest > 0, largest, 1)).astype(np.int8)


def _unit(directions: np.ndarray) -> np.ndarray:
    values = directions.astype(np.float32)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(lengths > 0, lengths, 1)


def _notes(metadata: dict[str, str]) -> BookNotes:
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"its format is {metadata.get('format', 'not said')!r}, {FORMAT!r} is known here"
        )
    given = json.loads(metadata["notes"])
    notes = BookNotes(**{item.name: given[item.name] for item in fields(BookNotes)})
    numbers = (notes.height, notes.width, notes.entries, notes.factor)
    if not all(type(number) is int and 1 <= number <= MOST_ENTRIES for number in numbers):
        raise ValueError("its sizes are none")
    if notes.height * notes.width * notes.factor**2 > MOST_PIXELS:
        raise ValueError(f"its pictures have more than {MOST_PIXELS:,} pixels")
    if not all(isinstance(text, str) for text in (notes.clip, notes.vqgan, notes.models)):
        raise ValueError("its models are not named")
    if not isinstance(notes.words, dict):
        raise ValueError("its words are no table")
    words = {plain_text(subject): _texts(others) for subject, others in notes.words.items()}
    return BookNotes(
        *numbers,
        notes.clip,
        notes.vqgan,
        plain_text(notes.models),
        _texts(notes.captions, None),
        _texts(notes.subjects, None),
        words,
    )


def _texts(given: Sequence, *others: None) -> tuple:
    """Texts as they are shown in a terminal, which control characters would steer."""
    if not isinstance(given, list) or not all(
        isinstance(text, str) or text in others for text in given
    ):
        raise ValueError("its captions, subjects or words are no texts")
    return tuple(text if text is None or text.isprintable() else plain_text(text) for text in given)


def _check(notes: BookNotes, codes: np.ndarray, image: np.ndarray, text: np.ndarray) -> None:
    count = len(notes.captions)
    stored = -(-notes.height * notes.width * bits_for(notes.entries) // 8)
    wanted = {"codes": (count, stored), "image": (count, *image.shape[1:2]), "text": image.shape}
    for name, array, dtype in (
        ("codes", codes, np.uint8),
        ("image", image, np.int8),
        ("text", text, np.int8),
    ):
        if array.dtype != dtype or array.shape != wanted[name] or array.ndim != 2:
            raise ValueError(
                f"{name} is {array.dtype} {list(array.shape)}, not {dtype.__name__} "
                f"{list(wanted[name])}"
            )
    if not count or len(notes.subjects) != count:
        raise ValueError(f"{count} captions and {len(notes.subjects)} subjects")
