"""A checked `Storyboard` → YAML that reads back to the same one, with nothing left to defaults.

Film-wide settings are written in full, those of a scene where they differ.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from .driven import without_drives
from .file_kinds import Picture
from .kinds import Naming, keys
from .schema import FILM, SCENE, Scene, Storyboard
from .settings import Settings


def dump(storyboard: Storyboard, name: Naming = str) -> str:
    """The storyboard as rendered; its files by their absolute paths, or as `name` calls them."""
    storyboard = without_drives(storyboard)
    film = FILM.write(storyboard, name)
    film["scenes"] = [_scene(scene, storyboard, name) for scene in storyboard.scenes]
    return yaml.dump(film, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def scene_in_short(storyboard: Storyboard, scene: Scene) -> str:
    """A storyboard of this one scene alone, with what is not left to defaults of what decides how
    it looks; the scene stands in braces.

    Files are called by their way from the current folder.
    """
    name, plain = relative_to(Path.cwd()), Storyboard()
    film = {"size": FILM.write(storyboard, name)["size"], **FILM.write(storyboard, name, plain)}
    kinds = keys(Scene)
    settings = kinds["settings"].kind.write(scene.settings, name, plain.settings)
    short = {"prompt": kinds["prompt"].kind.write(scene.prompt, name), "settings": settings}
    deciding = ("size", "models", "sketchbook", "prior")
    common = _yaml({key: film[key] for key in deciding if key in film}, inline=False)
    return f"{common}scenes:\n  - {_yaml(short, inline=True)}"


def own_settings(storyboard: Storyboard, name: Naming) -> list[str]:
    """Of each scene, the settings that are not the film's, in braces; nothing where there are
    none.
    """
    film, kind = without_drives(storyboard), keys(Scene)["settings"].kind
    own = [kind.write(scene.settings, name, film.settings) for scene in film.scenes]
    return [_yaml(settings, inline=True).strip() if settings else "" for settings in own]


def relative_to(folder: Path) -> Naming:
    """Names files by their way from a folder."""

    def name(path: Path) -> str:
        try:
            relative = Path(os.path.relpath(path, folder)).as_posix()
        except ValueError:  # another drive of a Windows machine
            return str(path)
        return relative if relative.startswith("../") else f"./{relative}"

    return name


def without_places(storyboard: Storyboard, folder: Path) -> Naming:
    """Names the files of a storyboard: those in its own folder by their way from `folder`, which
    lies in it, and all others by name alone, in a folder `other-2` and so on where that name is
    taken.

    So nothing that is handed on tells where on a disk its maker keeps what. It is a folder that
    tells two apart, since what belongs to a model lies beside it by a fixed name.
    """
    home, paths = storyboard.home, paths_in(storyboard)
    inside = folder.is_relative_to(home)
    near = relative_to(folder)
    names = {path: near(path) for path in paths if inside and path.is_relative_to(home)}
    taken = {PurePosixPath(name) for name in names.values()}
    for path in paths:
        if path not in names:
            possible = (PurePosixPath(f"other-{n}", path.name) for n in itertools.count(2))
            bare = PurePosixPath(path.name)
            free = next(each for each in itertools.chain([bare], possible) if each not in taken)
            taken.add(free)
            names[path] = str(free)
    return names.__getitem__


def paths_in(storyboard: Storyboard) -> tuple[Path, ...]:
    """Every path that a storyboard writes, each once, whether a file is there or not."""
    found: dict[Path, None] = {}

    def name(path: Path) -> str:
        found[path] = None
        return str(path)

    dump(storyboard, name)
    return tuple(found)


def files_of(storyboard: Storyboard) -> tuple[Path, ...]:
    """The files whose content is a part of the storyboard (pictures, latents, sounds, beats), each
    once.
    """
    return tuple(dict.fromkeys(path for path, _ in FILM.files(storyboard)))


def pictures_of(storyboard: Storyboard) -> tuple[Path, ...]:
    """Those of them that are pictures which a scene is made with, each once."""
    # A scene has the film's settings already, where it has no others of its own.
    by_scenes = FILM.files(replace(storyboard, settings=Settings()))
    return tuple(dict.fromkeys(path for path, kind in by_scenes if isinstance(kind, Picture)))


def as_filmed(storyboard: Storyboard) -> Storyboard:
    """The storyboard without what is made of the finished film, which does not change a frame."""
    scenes = tuple(replace(scene, caption=None) for scene in storyboard.scenes)
    same = {"deliver": (), "captions": None, "provenance": "on", "scenes": scenes}
    return replace(storyboard, **same)


def _scene(scene: Scene, film: Storyboard, name: Naming) -> dict[str, Any]:
    written = SCENE.write(scene, name)
    for key in ("camera", "settings"):
        own = keys(Scene)[key].kind.write(getattr(scene, key), name, getattr(film, key))
        del written[key]
        written |= {key: own} if own else {}
    return written


def _yaml(mapping: dict[str, Any], inline: bool) -> str:
    """A mapping, its lines as long as they are; inline: in braces."""
    style = {"sort_keys": False, "allow_unicode": True, "default_flow_style": inline}
    return yaml.dump(mapping, Dumper=_Dumper, width=2**30, **style)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    """Writes equal values out, each in its place, instead of naming the first and pointing to
    it.
    """

    def ignore_aliases(self, data: Any) -> bool:
        return True
