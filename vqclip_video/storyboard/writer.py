"""A checked `Storyboard` → YAML that reads back to the same one, with nothing left to defaults.

Film-wide settings are written in full, those of a scene where they differ.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from .schema import TENSOR_FILES, Prompt, PromptPart, Scene, Settings, Storyboard, keys
from .values import rate_text

Naming = Callable[[Path], str]  # what a file is called in the text


def dump(storyboard: Storyboard, name: Naming = str) -> str:
    """The storyboard as rendered; its files by their absolute paths, or as `name` calls them."""
    film = _section(storyboard, None, name)
    film["scenes"] = [_scene(scene, storyboard.settings, name) for scene in storyboard.scenes]
    return yaml.dump(film, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def relative_to(folder: Path) -> Naming:
    """Names files by their way from a folder."""

    def name(path: Path) -> str:
        try:
            relative = Path(os.path.relpath(path, folder)).as_posix()
        except ValueError:  # another drive of a Windows machine
            return str(path)
        return relative if relative.startswith("../") else f"./{relative}"

    return name


def without_places(home: Path, folder: Path) -> Naming:
    """Names files in the folder `home` by their way from `folder`, which lies in it, and all others
    by name alone.

    So nothing that is handed on tells where on a disk its maker keeps what.
    """

    def name(path: Path) -> str:
        own = path.is_relative_to(home) and folder.is_relative_to(home)
        return relative_to(folder)(path) if own else path.name

    return name


def files_of(storyboard: Storyboard) -> list[Path]:
    """The pictures and latents that a storyboard names, each once, in its order."""
    scenes, init = storyboard.scenes, storyboard.init
    parts = [part for scene in scenes for prompt in scene.parts.values() for part in prompt]
    files = [part.image for part in parts] + [scene.settings.guide.image for scene in scenes]
    return list(dict.fromkeys(file for file in (*files, init.image, init.latent) if file))


def _scene(scene: Scene, settings: Settings, name: Naming) -> dict[str, Any]:
    written = {
        key: value for key, value in _section(scene, None, name).items() if key != "settings"
    }
    own = _section(scene.settings, settings, name)
    return {**written, "settings": own} if own else written


def _section(section: Any, below: Any, name: Naming) -> dict[str, Any]:
    """A dataclass as a mapping; only what differs, where another to lie over it is given."""
    written = {}
    for key in keys(type(section)).values():
        value = getattr(section, key.name)
        beneath = getattr(below, key.name) if below is not None else None
        if key.kind == "seed":
            written[key.name] = "random" if value is None else value
        elif value is None or (below is not None and value == beneath):
            continue
        elif key.kind == "section":
            written[key.name] = _section(value, beneath, name)
        elif key.kind == "guide":
            written[key.name] = value.word or _section(value, None, name)
        elif key.kind == "prompt":
            written[key.name] = _prompt(value, name)
        elif key.kind == "size":
            written[key.name] = f"{value[0]}x{value[1]}"
        elif key.kind == "rate":
            written[key.name] = _rate(value)
        elif key.kind != "scenes":
            written[key.name] = _plain(value, key.kind, name)
    return written


def _rate(fps: Fraction) -> int | float | str:
    text = rate_text(fps)
    return text if "/" in text else float(fps) if "." in text else int(fps)


def _prompt(prompt: Prompt, name: Naming) -> str | list[dict[str, Any]]:
    if len(prompt) == 1 and prompt[0] == PromptPart(text=prompt[0].text):
        return prompt[0].text
    return [_section(part, None, name) for part in prompt]


def _plain(value: Any, kind: str, name: Naming) -> Any:
    """A file as it is to be called; anything else as it is."""
    if kind == "model" and not Path(value).is_absolute():
        return value  # a name
    if kind not in ("model", "path", "picture", *TENSOR_FILES):
        return value
    return name(Path(value))


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    """Writes equal values out, each in its place, instead of naming the first and pointing to
    it.
    """

    def ignore_aliases(self, data: Any) -> bool:
        return True
