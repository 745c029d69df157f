"""vqclip-video: films of an optimisation, from a YAML storyboard of timed prompts to an MP4.

The library in three words: `read` a storyboard, `render` it iteration by iteration, or `make_film`
of it on disk. Each name is imported when it is first asked for, so that whoever needs one does not
wait for all.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__
from .errors import ModelError, OutputError, RenderError, StoryboardError, UsageError, VqclipError

if TYPE_CHECKING:
    from .engine.session import Progress, render
    from .film import FilmOptions, make_film
    from .storyboard.reader import read
    from .storyboard.schema import Storyboard

__all__ = [
    "FilmOptions",
    "ModelError",
    "OutputError",
    "Progress",
    "RenderError",
    "Storyboard",
    "StoryboardError",
    "UsageError",
    "VqclipError",
    "__version__",
    "make_film",
    "read",
    "render",
]

_HOMES = {
    "FilmOptions": "film",
    "Progress": "engine.session",
    "Storyboard": "storyboard.schema",
    "make_film": "film",
    "read": "storyboard.reader",
    "render": "engine.session",
}


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return __all__
