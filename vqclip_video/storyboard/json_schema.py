"""The storyboard's keys for editors and readers: a JSON Schema (2020-12) and the README's table,
both from schema.py.

What concerns one key alone is in the JSON Schema; what concerns several (a transition longer than
its scene, `at` out of order) and the files on disk, only the reader can tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from .kinds import Key, Schema, keys
from .schema import FILM, Settings
from .sections import Section


def json_schema() -> Schema:
    """The JSON Schema of a storyboard; it has exactly the keys that the reader knows."""
    sections: dict[str, Schema] = {}
    film = FILM.described(sections)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A storyboard of vqclip-video",
        **film,
        "$defs": sections,
    }


def settings_table() -> str:
    """The settings as a Markdown table: key, default, range, meaning."""
    rows = ["| key | default | range | meaning |", "|---|---|---|---|"]
    for name, key in _leaves(Settings):
        default = f"`{key.kind.write(key.default, str)}`" if key.kind.says(key.default) else ""
        cells = (f"`{name}`", default, key.kind.limits(), key.help)
        rows.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(rows) + "\n"


def _leaves(section: type, prefix: str = "") -> Iterator[tuple[str, Key]]:
    """Every key that is no section, by its dotted path."""
    for name, key in keys(section).items():
        if isinstance(key.kind, Section):
            yield from _leaves(key.kind.type, f"{prefix}{name}.")
        else:
            yield prefix + name, key
