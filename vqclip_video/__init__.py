"""vqclip-video: films of an optimisation, from a YAML storyboard of timed prompts to an MP4.

`read` and `render` are the library in two words; they are imported when they are first asked for.
"""

from ._version import __version__

__all__ = ["__version__", "read", "render"]


def __getattr__(name: str):
    if name == "read":
        from .storyboard.reader import read

        return read
    if name == "render":
        from .engine.session import render

        return render
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
