"""More than three flashes a second are named with their second: WCAG's general flash."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from filmprobe import ffmpeg

from vqclip_video.cli.main import main
from vqclip_video.output.flashes import flashes_of, flashing_seconds, luminance


def square_wave(hertz, fps, seconds=3.0, low=0.1, high=0.6, share=1.0):
    """Pictures that are dark and bright in turns, over a share of them."""
    frames = np.arange(round(seconds * fps))
    bright = (frames * 2 * hertz / fps).astype(int) % 2
    for each in bright:
        picture = np.full((16, 16), low)
        picture[: round(16 * share)] = high if each else low
        yield picture


@pytest.mark.parametrize("fps", [12, 24, 30, 60])
def test_two_and_three_a_second_pass_and_four_are_named(fps):
    assert flashing_seconds(square_wave(2, fps), fps) == []
    assert flashing_seconds(square_wave(3, fps), fps) == []
    (second,) = flashing_seconds(square_wave(4, fps), fps)
    assert second <= 0.25


@pytest.mark.parametrize("unlike", [{"share": 0.2}, {"high": 0.18}, {"low": 0.85, "high": 1.0}])
def test_small_faint_and_bright_changes_are_no_flashes(unlike):
    assert flashing_seconds(square_wave(6, 24, **unlike), 24) == []


def test_a_slow_change_is_none_and_each_stretch_is_named_once():
    calm = [np.full((4, 4), 0.5 + 0.4 * np.sin(n / 24)) for n in range(72)]
    wild = list(square_wave(6, 24, 2))
    calm, wild = [np.resize(p, (4, 4)) for p in calm], [p[:4, :4] for p in wild]
    assert flashing_seconds(iter(calm), 24) == []
    found = flashing_seconds(iter([*wild, *calm, *wild]), 24)
    assert len(found) == 2 and abs(found[1] - 5) < 0.5


def test_luminance_is_that_of_srgb():
    colours = np.array([[[[0, 0, 0], [255, 255, 255], [188, 188, 188], [255, 0, 0]]]], np.uint8)
    assert luminance(colours).ravel() == pytest.approx([0, 1, 0.5029, 0.2126], abs=1e-3)


def blinking(path: Path, hertz: int) -> Path:
    light = f"geq=lum='if(mod(floor(T*{2 * hertz}),2),180,30)':cb=128:cr=128"
    ffmpeg("-f", "lavfi", "-i", f"color=s=64x64:r=24:d=4,{light}", "-pix_fmt", "yuv420p", path)
    return path


def test_a_film_is_checked_for_it(tmp_path):
    assert flashes_of(blinking(tmp_path / "calm.mp4", 2), 24) == []
    wild = blinking(tmp_path / "wild.mp4", 5)
    said = CliRunner().invoke(main, ["check", str(wild), "--for", "discord"])
    assert said.exit_code == 1
    assert (
        "broken  at most 3 flashes a second (WCAG)" in said.output and "more at 0." in said.output
    )
