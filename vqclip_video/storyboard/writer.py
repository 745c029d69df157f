"""A checked `Storyboard` → YAML that reads back to the same one, with nothing left to defaults.

Film-wide settings are written in full, those of a scene where they differ.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from .schema import TENSOR_FILES, Prompt, PromptPart, Scene, Settings, Storyboard, keys


def dump(storyboard: Storyboard, base: Path | None = None) -> str:
    """The storyboard as rendered; its paths absolute, or relative to the folder `base` where that is given."""
    film = _section(storyboard, None, base)
    film["scenes"] = [_scene(scene, storyboard.settings, base) for scene in storyboard.scenes]
    return yaml.dump(film, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _scene(scene: Scene, settings: Settings, base: Path | None) -> dict[str, Any]:
    written = {name: value for name, value in _section(scene, None, base).items() if name != "settings"}
    own = _section(scene.settings, settings, base)
    return {**written, "settings": own} if own else written


def _section(section: Any, below: Any, base: Path | None) -> dict[str, Any]:
    """A dataclass as a mapping; only what differs, where another to lie over it is given."""
    written = {}
    for name, key in keys(type(section)).items():
        value = getattr(section, name)
        beneath = getattr(below, name) if below is not None else None
        if value is None or (below is not None and value == beneath):
            continue
        if key.kind == "section":
            written[name] = _section(value, beneath, base)
        elif key.kind == "guide":
            written[name] = value.word or _section(value, None, base)
        elif key.kind == "prompt":
            written[name] = _prompt(value, base)
        elif key.kind == "size":
            written[name] = f"{value[0]}x{value[1]}"
        elif key.kind != "scenes":
            written[name] = _plain(value, key.kind, base)
    return written


def _prompt(prompt: Prompt, base: Path | None) -> str | list[dict[str, Any]]:
    if len(prompt) == 1 and prompt[0] == PromptPart(text=prompt[0].text):
        return prompt[0].text
    return [_section(part, None, base) for part in prompt]


def _plain(value: Any, kind: str, base: Path | None) -> Any:
    """A path in the form that suits `base`; anything else as it is."""
    if kind == "model" and not Path(value).is_absolute():
        return value  # a name
    if kind not in ("model", "path", "picture", *TENSOR_FILES):
        return value
    if base is None:
        return str(value)
    try:
        relative = Path(os.path.relpath(value, base)).as_posix()
    except ValueError:  # another drive of a Windows machine
        return str(value)
    return relative if relative.startswith("../") else f"./{relative}"


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    """Writes equal values out, each in its place, instead of naming the first and pointing to it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
