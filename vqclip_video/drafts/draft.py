"""A storyboard that is begun by a command and gone on with by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..disk.files import explained
from ..errors import StoryboardError, UsageError
from ..storyboard import reader
from ..storyboard.writer import relative_to

MOST_BYTES = 20_000_000


@dataclass(frozen=True)
class Draft:
    """film: keys of the film, as they are written; scenes: each scene's; lost: what was there and
    cannot be said here, a line for each; source: what it was made of, in words.
    """

    film: dict[str, Any]
    scenes: list[dict[str, Any]]
    lost: tuple[str, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = field(default=())

    def text(self) -> str:
        """The storyboard, with what was lost as comments at its head."""
        head = [f"# Made of {self.source}. What it becomes: vqclip-video plan FILE"]
        head += [f"# {note}" for note in self.notes]
        head += ["# Not taken over:", *(f"#   {line}" for line in self.lost)] if self.lost else []
        options = {"sort_keys": False, "allow_unicode": True, "width": 100}
        film = {name: value for name, value in self.film.items() if value is not None}
        body = yaml.safe_dump({**film, "scenes": self.scenes}, **options)
        return "\n".join(head) + "\n\n" + body


def with_sound(draft: Draft, audio: Path | None, target: Path) -> Draft:
    """The draft with a sound, called by its way from the storyboard's folder, and as long as it."""
    if audio is None:
        return draft
    name = relative_to(target.absolute().parent)(audio.absolute())
    scenes = [dict(scene) for scene in draft.scenes]
    scenes[-1].pop("duration", None)
    film = {**draft.film, "audio": {"file": name, "fade_out": "1s"}, "length": "audio"}
    return Draft(film, scenes, draft.lost, draft.source, draft.notes)


def checked_text(draft: Draft, target: Path) -> str:
    """The storyboard's text, if it reads.

    Raises UsageError with what is wrong, which then is something in the file that it was made of.
    """
    text = draft.text()
    try:
        reader.parse(text, name=str(target), base=target.absolute().parent)
    except StoryboardError as error:
        raise UsageError(f"what {draft.source} says makes no storyboard:\n{error}") from None
    return text


def read_text(file: Path) -> str:
    """A text file of some other program. Raises UsageError and OutputError."""
    if not file.is_file():
        raise UsageError(f"there is no file {file}")
    with explained(file), file.open("rb") as opened:
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UsageError(f"{file}: more than {MOST_BYTES:,} bytes")
    for encoding in ("utf-8-sig", "cp1252"):  # lyrics are old files sometimes
        try:
            return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            continue
    raise UsageError(f"{file}: this is no text")
