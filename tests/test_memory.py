"""A film's length is not paid for in memory.

`python tests/test_memory.py` measures it at full length: five minutes of film against five seconds.
"""

import sys
import tempfile
from pathlib import Path

import pytest
from peaks import peak_memory
from tiny import make_clip, make_vqgan

STORY = """
models: {{clip: {clip}, vqgan: {vqgan}}}
size: {side}x{side}
settings: {{cutouts: 2, show_step: 1}}
scenes: [{{prompt: the sea, duration: {seconds}s}}]
"""


def peak_of_film(folder: Path, models: dict[str, Path], seconds: int, side: int) -> int:
    """The most memory that `vqclip-video render` of a film of so many seconds held, as the
    system counts it.
    """
    story = folder / f"{seconds}.yaml"
    story.write_text(STORY.format(**models, seconds=seconds, side=side), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "vqclip_video",
        "render",
        str(story),
        "-o",
        str(folder / f"{seconds}.mp4"),
        "-q",
    ]
    return peak_memory(command)


def tiny_models(folder: Path) -> dict[str, Path]:
    return {"clip": make_clip(folder), "vqgan": make_vqgan(folder)[0]}


@pytest.mark.skipif(
    sys.platform == "win32", reason="asks the system for the memory of a process that has ended"
)
def test_a_film_ten_times_as_long_takes_no_more_memory(tmp_path):
    models = tiny_models(tmp_path)
    short, long = (peak_of_film(tmp_path, models, seconds, side=32) for seconds in (3, 30))
    assert long < 1.1 * short


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        short, long = (
            peak_of_film(Path(name), tiny_models(Path(name)), seconds, side=64)
            for seconds in (5, 300)
        )
        megabytes = f"5 s of film {short / 2**20:.0f} MiB, 5 min {long / 2**20:.0f} MiB"
        print(f"peak memory, 64x64: {megabytes}, ratio {long / short:.3f}")
