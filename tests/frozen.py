"""Whether a change of the code changes a film: the sha256 of the frames of four short films and of
a still.

    python tests/frozen.py > before          # and after the change
    python tests/frozen.py --against before

On one CPU with one version of torch the frames are the same to the last bit, unless the change
means to change them (then `NUMERICS` of film.py is raised).
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from click.testing import CliRunner
from filmprobe import read_frames
from PIL import Image
from tiny import make_clip, make_vqgan

from vqclip_video.cli.main import main

GUIDED = """
size: 96x64
pacing: steady
fps: 8
seed: 3
settings: {cutouts: 6, style: watercolor, exclude: [text]}
scenes:
  - {prompt: a lighthouse at sunset, duration: 1s, settings: {guide: {sketch: a lighthouse at sunset}}}
  - prompt: a castle on a hill
    duration: 1s
    transition: {duration: 0.5s}
    settings: {guide: {sketch: a castle on a hill}}
  - prompt: a fox in the snow
    duration: 0.5s
    transition: cut
    settings: {guide: {sketch: a fox in the snow}}
"""
DREAMT = """
size: 64x64
pacing: steady
fps: 8
seed: 3
settings: {cutouts: 4, dream: {tries: 2}}
scenes:
  - {prompt: a sailboat on the ocean, duration: 0.5s}
  - {prompt: an owl in a forest, duration: 0.5s, transition: {duration: 0.5s, keyframes: 3}}
"""
FROM_NOISE = """
size: 64x64
pacing: steady
fps: 8
grids: 3
grow: true
settings: {guide: off, cutouts: 6, losses: {vq: 0.3, tv: 0.1}}
scenes:
  - {prompt: a starry night over the sea, duration: 1s}
  - {prompt: [{text: a red apple, weight: 2}, a table], iterations: 9, transition: {blend: lerp, curve: linear}}
"""
OWN_MODELS = """
size: 48x33
pacing: steady
fps: 10
seed: 11
models: {{clip: {clip}, vqgan: {vqgan}}}
init: {{image: picture.png, noise: 0.2}}
settings:
  show_step: 3
  batch_size: 2
  cutouts: 5
  weight_decay: 0.01
  losses: {{gan: 0.2, vq: 0.1}}
  guide: {{image: picture.png}}
  guide_weight: 0.05
scenes:
  - {{prompt: [the sea, {{image: picture.png, weight: 0.3}}], duration: 0.6s}}
  - {{prompt: fire, duration: 0.6s, settings: {{learning_rate: 0.2, guide: off}}}}
"""


def hashes(folder: Path) -> dict[str, str]:
    """What each film and the still are, by name and precision."""
    vqgan, _ = make_vqgan(folder, discriminator=True)
    Image.effect_noise((60, 40), 90).save(folder / "picture.png")
    stories = {
        "guided": GUIDED,
        "dreamt": DREAMT,
        "from noise": FROM_NOISE,
        "own models": OWN_MODELS.format(clip=make_clip(folder), vqgan=vqgan),
    }
    found = {}
    for precision in ("fp32", "bf16"):
        for name, text in stories.items():
            (folder / "story.yaml").write_text(text, encoding="utf-8")
            film = folder / f"{name}-{precision}.mp4"
            run("render", folder / "story.yaml", "-o", film, "-q", "--precision", precision)
            found[f"{name}, {precision}"] = digest(read_frames(film).tobytes())
        still = folder / f"still-{precision}.png"
        small = ("--iterations", "12", "--size", "64x64", "--set", "settings.cutouts=6")
        small += ("--set", "settings.dream.tries=1")
        run("image", "an owl in a forest", "-o", still, "-q", *small, "--precision", precision)
        found[f"still, {precision}"] = digest(Image.open(still).tobytes())
    return found


def run(*arguments: object) -> None:
    result = CliRunner().invoke(main, [*map(str, arguments), "--device", "cpu"])
    if result.exit_code:
        sys.exit(f"{result.output}{result.exception!r}")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        os.environ["VQCLIP_HOME"] = f"{place}/home"
        lines = [f"{name}: {value}" for name, value in hashes(Path(place)).items()]
    print("\n".join(lines))
    if sys.argv[1:2] == ["--against"]:
        before = Path(sys.argv[2]).read_text("utf-8").splitlines()
        changed = [line.partition(":")[0] for line in lines if line not in before]
        sys.exit(f"changed: {'; '.join(changed)}" if changed else 0)
