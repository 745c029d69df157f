"""A storyboard's networks, loaded and set up as a film has them."""

from __future__ import annotations

from vqclip_video.engine.cast import Cast, load_cast
from vqclip_video.engine.options import EngineOptions
from vqclip_video.materials import find_materials
from vqclip_video.storyboard.schema import Storyboard
from vqclip_video.storyboard.timeline import Timeline


def cast_of(
    storyboard: Storyboard,
    device: str = "cpu",
    precision: str = "auto",
    memory: str = "auto",
    compile: str = "auto",
    graphs: str = "auto",
) -> Cast:
    options = EngineOptions(device, precision, memory, compile, graphs)
    cast = load_cast(find_materials(storyboard), options)
    cast.prepare(storyboard, Timeline(storyboard), options)
    return cast
