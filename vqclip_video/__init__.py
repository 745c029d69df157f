"""vqclip-video: films of an optimisation, from a YAML storyboard of timed prompts to an MP4.

`read` and `render` are the library in two words; they are imported when they are first asked for.
"""

__version__ = "0.1.0"
__all__ = ["read", "render"]


def __getattr__(name: str):
    if name == "read":
        from .storyboard.reader import read

        return read
    if name == "render":
        from .engine.render import render

        return render
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
