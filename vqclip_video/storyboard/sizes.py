"""The sizes of a film's pictures, all (width, height) in pixels."""

from __future__ import annotations


def frame_size(size: tuple[int, int]) -> tuple[int, int]:
    """Of the film's frames: as asked for, with odd sides one pixel longer, since H.264's colours come in pairs."""
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def picture_size(size: tuple[int, int], factor: int) -> tuple[int, int]:
    """Of the decoded picture that frames are cut from: the next multiples of the VQGAN's factor."""
    width, height = frame_size(size)
    return -(-width // factor) * factor, -(-height // factor) * factor
