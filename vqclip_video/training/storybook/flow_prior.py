"""Trains the prior: a denoiser of the world's latents that is told what each picture shows.

It learns the straight flow from pictures to noise (flow matching, Lipman et al. 2023), from
captions, sometimes from the picture's own embedding, and sometimes from nothing, so that a film can
tell what the text adds to a picture (classifier-free guidance, Ho & Salimans 2022). A batch is of
one shape; the shapes come as often as there are pictures of them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ...engine.compilation import compiler_failure
from ...errors import ModelError
from ...models.prior.denoiser import Denoiser
from .course import Learner, LearningRate, TrainingCourse, running_mean
from .presets import PriorTraining
from .prior_lessons import Lessons, ShapeLessons

PRIOR = "prior"  # the stage
# shares of a batch that are told the picture's embedding, or nothing; the others a caption
BY_IMAGE, BY_NOTHING = 0.12, 0.1
# What the mean of the weights keeps of itself each step, and the share of the steps so far that it
# averages at most. It is the second that holds up to step 40,000.
AVERAGED, SPAN = 0.9995, 0.05
WHOLE_NOISE = 0.06  # share that is noise alone
# length of the noise on what is told, which is unit length: prompts are not captions
TEXT_NOISE = 0.12
SEEDS = 2**62  # of a step's random numbers


def train_prior(
    lessons: Lessons, course: TrainingCourse, how: PriorTraining, start: Denoiser | None = None
) -> Denoiser:
    """Train until the course ends; the next call goes on. The course's folder is of these lessons,
    these sizes and this start.

    start: a denoiser to begin with, in its own sizes instead of those that `how` says. Returns the
    averaged weights, in eval mode. Raises ModelError where `start` is of other models.
    """
    torch.manual_seed(course.seed)
    network = _network(lessons, how, start)
    network.to(course.device, memory_format=torch.channels_last)
    mean = running_mean(network, AVERAGED, span=SPAN)
    lessons, run = lessons.to(course.device), _runner(network, how.compiled, course.report)

    def learn(random: torch.Generator, done: int) -> Tensor:
        loss = _loss(run, *_batch(lessons, how.batch, random))
        loss.backward()
        return loss

    # There are few shapes and many steps: trying out how to compute the convolutions pays.
    with torch.backends.cudnn.flags(enabled=True, benchmark=True):
        course.run(
            Learner(
                PRIOR,
                learn,
                weights=list(network.parameters()),
                groups=[{"params": list(network.parameters()), "weight_decay": 0.01}],
                betas=(0.9, 0.99),
                rate=LearningRate(how.learning_rate, warm=400, hold=0.45),
                kept={"network": network, "averaged": mean},
                mean=(network, mean),
            )
        )
    return mean.module.eval()


def _network(lessons: Lessons, how: PriorTraining, start: Denoiser | None) -> Denoiser:
    """What is trained: `start`, or a new denoiser."""
    if start is None:
        return Denoiser(lessons.channels, lessons.dim, how.fine, how.coarse, how.blocks)
    if (start.channels, start.dim) != (lessons.channels, lessons.dim):
        raise ModelError(
            f"the prior to begin with is for {start.channels} channels and {start.dim} dimensions, "
            f"these models have {lessons.channels} and {lessons.dim}; begin without one"
        )
    return start.train().requires_grad_()


def _runner(
    network: Denoiser, compiled: bool, report: Callable[[str], None]
) -> Callable[..., Tensor]:
    """The network to call: by torch's compiler where `compiled`, as long as that does not fail."""
    if not compiled:
        return network
    used: list[Callable[..., Tensor]] = [torch.compile(network, dynamic=False)]

    def run(*given: Tensor) -> Tensor:
        try:
            return used[0](*given)
        except Exception as error:
            failure = compiler_failure(error, "the training goes on without, more slowly")
            if failure is None:
                raise
            report(f"{PRIOR}: {failure}")
            used[0] = network
            return network(*given)

    return run


def _loss(
    run: Callable[..., Tensor], mixture: Tensor, level: Tensor, told: Tensor, velocity: Tensor
) -> Tensor:
    """The squared error of the velocity found for a batch of `_batch`, the network in bfloat16."""
    with torch.autocast(mixture.device.type, torch.bfloat16):
        found = run(mixture.contiguous(memory_format=torch.channels_last), level, told)
    return F.mse_loss(found.float(), velocity)


def _batch(
    lessons: Lessons, size: int, random: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of one shape: mixtures of latents and noise, the noise's share, what is told [n, dim], and
    the velocity noise - latent.

    The numbers are drawn where the lessons are, from a seed that `random` gives: on a GPU a batch
    that came from elsewhere would take as long as a step.
    """
    counts = torch.tensor([float(len(shape.latents)) for shape in lessons.shapes])
    shape = lessons.shapes[int(torch.multinomial(counts, 1, generator=random))]
    device = shape.latents.device
    dice = torch.Generator(device).manual_seed(int(torch.randint(SEEDS, (), generator=random)))
    rows = torch.randint(len(shape.latents), (size,), generator=dice, device=device)
    latents = shape.latents[rows].float()
    noise = torch.randn(latents.shape, generator=dice, device=device)
    level = torch.sigmoid(0.4 + 1.2 * torch.randn(size, generator=dice, device=device))
    whole = torch.rand(size, generator=dice, device=device) < WHOLE_NOISE
    level = level.masked_fill(whole, 1.0)
    told = _told(lessons, shape, rows, dice)
    return torch.lerp(latents, noise, level.view(-1, 1, 1, 1)), level, told, noise - latents


def _told(lessons: Lessons, shape: ShapeLessons, rows: Tensor, dice: torch.Generator) -> Tensor:
    """What is told of each picture, [n, dim]: unit vectors, or zeros for nothing."""
    size, device = len(rows), rows.device
    which = torch.randint(shape.captions.shape[1], (size,), generator=dice, device=device)
    told = lessons.texts[shape.captions[rows, which]].float()
    kind = torch.rand(size, 1, generator=dice, device=device)
    told = torch.where(kind < BY_IMAGE, shape.images[rows].float(), told)
    shaken = torch.randn(told.shape, generator=dice, device=device)
    told = told + shaken * (TEXT_NOISE / told.shape[1] ** 0.5)
    return F.normalize(told, dim=-1) * (kind < 1 - BY_NOTHING)
