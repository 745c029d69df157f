"""How long a step of the prior's training takes with a preset's sizes:

    OMP_NUM_THREADS=1 python tests/steps.py cpu [fine,coarse,blocks,batch ...]

For each shape the fastest of a few steps, in seconds of the clock and, on a CPU, of processor time,
which other programs on the machine change little.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import torch

from vqclip_video.models.prior.denoiser import Denoiser
from vqclip_video.training.storybook import flow_prior
from vqclip_video.training.storybook.presets import PRESETS, PriorTraining
from vqclip_video.training.storybook.prior_lessons import Lessons, ShapeLessons

CHANNELS, DIM, FACTOR = 16, 256, 8  # of the storybook pair
STEPS = 4
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def steps(how: PriorTraining) -> Iterator[str]:
    """A line for each shape that the prior learns."""
    network = Denoiser(CHANNELS, DIM, how.fine, how.coarse, how.blocks)
    network.to(DEVICE, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters())
    run = flow_prior._runner(network, how.compiled, print)
    weights = sum(weight.numel() for weight in network.parameters()) / 1e6
    for width, height in how.pictures:
        latents = torch.randn(how.batch, CHANNELS, height // FACTOR, width // FACTOR).half()
        images = torch.randn(how.batch, DIM)
        rows = torch.zeros(how.batch, 3, dtype=torch.long)
        lessons = Lessons((ShapeLessons(latents, images, rows),), images[:1]).to(DEVICE)
        clock, processor = zip(
            *(_step(run, lessons, how.batch, optimiser) for _ in range(STEPS)), strict=True
        )
        yield (
            f"{weights:.1f} M weights, batch {how.batch}, {width}x{height}: {min(clock):.3f} s, "
            f"{min(processor):.3f} s of processor time; first {clock[0]:.1f} s"
        )


def _step(run, lessons: Lessons, batch: int, optimiser) -> tuple[float, float]:
    """Seconds of the clock and of the processor."""
    began = time.perf_counter(), time.process_time()
    optimiser.zero_grad()
    flow_prior._loss(run, *flow_prior._batch(lessons, batch, torch.Generator())).backward()
    weights = optimiser.param_groups[0]["params"]
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimiser.step()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began[0], time.process_time() - began[1]


def main(preset: str = "cpu", *sizes: str) -> None:
    how = PRESETS[preset].prior
    named = ("fine", "coarse", "blocks", "batch")
    wanted = [dict(zip(named, map(int, each.split(",")), strict=True)) for each in sizes]
    for changed in wanted or [{}]:
        for line in steps(replace(how, **changed)):
            print(line, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
