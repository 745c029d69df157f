"""The storyboard's keys for editors and readers: a JSON Schema (2020-12) and the README's table,
both from schema.py.

What concerns one key alone is in the JSON Schema; what concerns several (a transition longer than
its scene, `at` out of order) and the files on disk, only the reader can tell.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from . import values
from .convert import MOST_PARTS, MOST_SCENES
from .schema import (
    CURVES,
    TENSOR_FILES,
    Guide,
    GuideWeight,
    Init,
    Key,
    Models,
    PromptPart,
    Scene,
    Settings,
    Storyboard,
    Transition,
    keys,
)
from .sizes import SHAPES

Schema = dict[str, Any]

# YAML reads an unquoted 1984 or true as no text; the reader knows that a text is meant.
TEXT: Schema = {"type": ["string", "number", "boolean"], "maxLength": values.LONGEST_TEXT}
# Something that is neither space nor ASCII punctuation.
SAYS_SOMETHING: Schema = {"pattern": r"""[^\s!"#%&'()*,\-./:;?@\[\\\]_{}]"""}
TIME: Schema = {
    "type": "string",
    "pattern": rf"^\s*(?=\S)(?:{values.NUMBER}|{values.CLOCK}|{values.FRAMES}|{values.UNITS})\s*$",
}
SIZE: Schema = {"type": "string", "pattern": rf"^\s*{values.SIZE}\s*$"}
RATIO: Schema = {"type": "string", "pattern": rf"^\s*{values.RATIO}\s*$"}
PATH: Schema = {**TEXT, "pattern": r"\S"}

# What may stand for the whole mapping.
SHORTHANDS: dict[type, Schema] = {
    Models: {**PATH, "description": "the name of a pair"},
    Init: {"const": "noise"},
    Transition: {
        "anyOf": [{"enum": list(CURVES)}, {"type": "number", "minimum": 0, "maximum": 86400}, TIME]
    },
    GuideWeight: {
        "type": "number",
        "minimum": 0.0,
        "maximum": 1.0,
        "description": "the same all through the scene",
    },
}
# What a mapping must hold, beyond the shape of each key.
RULES: dict[type, Schema] = {
    Storyboard: {"required": ["scenes"]},
    Scene: {"required": ["prompt"], "not": {"required": ["duration", "iterations"]}},
    Init: {"not": {"required": ["image", "latent"]}},
    Guide: {"oneOf": [{"required": ["image"]}, {"required": ["sketch"]}]},
    PromptPart: {"oneOf": [{"required": ["text"]}, {"required": ["image"]}]},
}


def json_schema() -> Schema:
    """The JSON Schema of a storyboard; it has exactly the keys that the reader knows."""
    sections: dict[str, Schema] = {}
    film = _section(Storyboard, sections)
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
        written = _default(key)
        rows.append(
            f"| `{name}` | `{written}` | {values.limits(key)} | {key.help} |".replace("|  |", "| |")
        )
    return "\n".join(rows) + "\n"


def _leaves(section: type, prefix: str = "") -> list[tuple[str, Key]]:
    found = []
    for name, key in keys(section).items():
        found += _leaves(key.type, f"{name}.") if key.kind == "section" else [(prefix + name, key)]
    return found


def _section(section: type, sections: dict[str, Schema]) -> Schema:
    described = {name: _described(key, sections) for name, key in keys(section).items()}
    return {
        "type": "object",
        "properties": described,
        "additionalProperties": False,
        **RULES.get(section, {}),
    }


def _described(key: Key, sections: dict[str, Schema]) -> Schema:
    schema = {"title": key.name, "description": key.help, **_shape(key, sections)}
    default = _default(key)
    return schema if default is None else {**schema, "default": default}


def _default(key: Key) -> Any:
    if key.kind == "size":
        return "{}x{}".format(*key.default)
    if key.kind == "prompt":
        return []
    if key.kind == "rate":
        return float(key.default)
    if key.kind == "guide":
        return key.default.word
    if key.default is dataclasses.MISSING or key.kind in ("section", "scenes"):
        return None
    return key.default


def _shape(key: Key, sections: dict[str, Schema]) -> Schema:
    if key.kind == "section":
        return _reference(key.type, sections)
    if key.kind == "prompt":
        return _prompt(key, sections)
    if key.kind == "guide":
        return {"anyOf": [{"enum": ["auto", "off"]}, _reference(Guide, sections)]}
    if key.kind == "scenes":
        items = _reference(Scene, sections)
        return {"type": "array", "items": items, "minItems": 1, "maxItems": MOST_SCENES}
    if key.kind == "time":
        return {"anyOf": [{"type": "number", **_range(key)}, TIME]}
    if key.kind == "size":
        sides = {
            "type": "array",
            "items": {"type": "integer", **_range(key)},
            "minItems": 2,
            "maxItems": 2,
        }
        return {"anyOf": [SIZE, sides, {"enum": list(SHAPES)}]}
    if key.kind == "rate":
        return {"anyOf": [{"type": "number", **_range(key)}, RATIO]}
    if key.kind == "seed":
        return {"anyOf": [{"type": "integer", **_range(key)}, {"const": "random"}]}
    return {
        "number": {"type": "number", **_range(key)},
        "whole": {"type": "integer", **_range(key)},
        "flag": {"type": "boolean"},
        "word": {"enum": list(key.choices or ())},
        "text": TEXT,
        "prompt text": {**TEXT, **SAYS_SOMETHING},
        **dict.fromkeys(TENSOR_FILES, {**PATH, "type": "string", "pattern": r"\.safetensors$"}),
    }.get(key.kind, PATH)


def _range(key: Key) -> Schema:
    limits = {"minimum": key.least, "exclusiveMinimum": key.above, "maximum": key.most}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _reference(section: type, sections: dict[str, Schema]) -> Schema:
    name = section.__name__
    if name not in sections:
        sections[name] = {
            "title": name,
            "description": (section.__doc__ or "").strip(),
            **_section(section, sections),
        }
    reference = {"$ref": f"#/$defs/{name}"}
    return {"anyOf": [reference, SHORTHANDS[section]]} if section in SHORTHANDS else reference


def _prompt(key: Key, sections: dict[str, Schema]) -> Schema:
    part = _reference(PromptPart, sections)
    text = _shape(keys(PromptPart)["text"], sections)
    weight = _shape(keys(PromptPart)["weight"], sections)
    # a number in the list is more likely a misplaced weight
    listed = {**text, "type": ["string", "boolean"]}
    pair = {"type": "array", "prefixItems": [text, weight], "minItems": 2, "maxItems": 2}
    several = {"type": "array", "items": {"anyOf": [listed, part, pair]}, "maxItems": MOST_PARTS}
    several["minItems"] = 0 if key.empty else 1
    nothing = [{"type": "string", "pattern": r"^\s*$"}] if key.empty else []
    return {"anyOf": [text, part, several, *nothing]}
