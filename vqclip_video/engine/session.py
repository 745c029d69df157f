"""The loop: decode, cut, embed, compare, step; one `Progress` for every iteration.

    for progress in render(reader.read("story.yaml")):
        ...

`Session` is the same with its state at hand, for whoever wants to save a film and go on later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..errors import RenderError, VqclipError
from ..footprint import LOW_MEMORY_CUTOUTS
from ..models.clip.perceptor import Perceptor
from ..models.prior.prior import Prior
from ..models.vqgan.first_stage import VQGAN
from ..sketchbook.book import Sketchbook
from ..sketchbook.choose import choose, told
from ..storyboard.schema import Losses, Settings, Storyboard
from ..storyboard.seed import settled
from ..storyboard.sizes import picture_size
from ..storyboard.timeline import Moment, Timeline
from . import cutouts, prompts
from . import guides as guide
from . import terms as losses
from .compilation import compiler_failure
from .expectation import Expectations
from .frames import Arriving, deliver
from .latent import Latent, noise_start
from .memory import is_out_of_memory, release
from .pictures import load_picture

RETRIES_AFTER_NAN = 4
STAGES = ("decode", "cutouts", "CLIP", "prior", "backward", "step", "capture")
Stage = Callable[[str], AbstractContextManager]


def no_stage(name: str) -> AbstractContextManager:
    """A stage of an iteration that nobody times."""
    return nullcontext()


@dataclass(frozen=True)
class State:
    """Everything that the rest of a film depends on besides its storyboard and models."""

    iteration: int  # iterations done
    tensors: dict[str, Tensor]  # of the latent and its optimiser
    rate_scale: float = 1.0  # lowered after numbers that were none
    # cutouts per CLIP call, lowered after running out of memory; 0: as the storyboard says
    batch_size: int = 0


@dataclass(frozen=True)
class Progress:
    """One iteration as the world outside the loop sees it.

    `frame`, `losses` and `similarity` are there on iterations whose picture becomes a frame, and
    `state` on those and wherever it was asked for. On the others nothing is fetched from the
    device, which therefore never waits.
    """

    iteration: int  # iterations done, 1..total
    total: int
    moment: Moment
    similarity: float | None = None  # mean cosine between the cutouts and the target, -1..1
    losses: dict[str, float] = field(default_factory=dict)  # weighted terms
    frame: np.ndarray | None = None  # [height, width, 3] uint8, even sides
    latent: Tensor | None = None  # [1, channels, h, w], of a frame's picture
    state: State | None = None


class Session:
    """A film in the making.

    Parameters
    ----------
    storyboard: what to render.
    perceptor, vqgan: the networks, on one device.
    start: a `State` to go on from.
    book: the sketchbook that scenes choose their guide from; without one only the pictures named
        guide.
    prior: what scenes without a guide are held against besides their prompt; without one CLIP is
        alone there.
    on_notice: called with a line of text when something had to be changed to go on (memory, a NaN).
    stage: called with the name of each stage of an iteration (see `STAGES`) for a context to run it
        in.
    """

    def __init__(
        self,
        storyboard: Storyboard,
        perceptor: Perceptor,
        vqgan: VQGAN,
        *,
        start: State | None = None,
        book: Sketchbook | None = None,
        prior: Prior | None = None,
        on_notice: Callable[[str], None] = lambda text: None,
        stage: Stage = no_stage,
    ):
        storyboard = settled(storyboard)
        self.storyboard, self.perceptor, self.vqgan = storyboard, perceptor, vqgan
        self.on_notice, self.stage = on_notice, stage
        self.timeline = Timeline(storyboard)
        self.device = perceptor.device
        self._require_discriminator()
        self.targets = prompts.encode(storyboard, perceptor)
        choices = choose(storyboard, book, lambda texts: perceptor.embed_text(texts).cpu().numpy())
        for line in told(choices):
            on_notice(line)
        perceptor.forget_text()
        self.guides = guide.prepare(choices, book, vqgan, storyboard.size)
        self.expectations = (
            Expectations(prior, storyboard, choices, vqgan.low, vqgan.high) if prior else None
        )
        self.latent = Latent(self._first_latent(), vqgan.low, vqgan.high, storyboard.grids)
        self.iteration, self.rate_scale, self.batch_size = 0, 1.0, 0
        # Half precision has no room for the small gradients deep in the decoder; a power of two
        # scales them exactly.
        self._loss_scale = 1024.0 if vqgan.dtype is torch.float16 else 1.0
        if start:
            self._restore(start)
        self._last_good, self._failures, self._state_wanted = self.state(), 0, False

    def run(self) -> Iterator[Progress]:
        """Render from here to the end.

        An iteration is yielded after the next one has been given to the device, so that fetching a
        frame and whatever the caller does with it overlap with the work on a GPU.
        """
        pending = None
        while self.iteration < self.timeline.total_iter or pending:
            following = self._step() if self.iteration < self.timeline.total_iter else None
            if pending and not pending.is_finite():
                self._step_back(pending.progress.iteration)
                pending = None
                continue
            if pending:
                yield self._finished(pending)
            pending = following

    def state(self) -> State:
        """What a later session needs to go on from the iterations done so far."""
        return State(self.iteration, self.latent.state_dict(), self.rate_scale, self.batch_size)

    def want_state(self) -> None:
        """Ask for the state with the next iteration's `Progress`."""
        self._state_wanted = True

    def _step(self) -> _Pending:
        moment = self.timeline.at(self.iteration)
        if self.latent.size != (size := self._latent_size(moment)):
            self.latent.resize(*size)
        if moment.afresh:
            self.latent = Latent(
                self._start_after_cut(moment),
                self.vqgan.low,
                self.vqgan.high,
                self.storyboard.grids,
            )
        picture, value, terms, similarity = self._gradients_that_fit(
            moment, self.targets.at(moment)
        )
        with self.stage("step"):
            self.latent.step(
                moment.settings.learning_rate * self.rate_scale, moment.settings.weight_decay
            )
            if pull := self.guides.at(moment, size):
                self.latent.pull(*pull)
        self.iteration += 1
        with self.stage("capture"):
            captured = moment.frame is not None
            state = self.state() if captured or self._state_wanted else None
            self._state_wanted = False
            progress = Progress(self.iteration, self.timeline.total_iter, moment, state=state)
            if not captured:
                return _Pending(progress)
            frame = deliver(picture, self.storyboard.size, self.vqgan.factor)
            return _Pending(progress, frame, value, terms, similarity)

    def _gradients_that_fit(self, moment: Moment, target: prompts.Target):
        """`_gradients`, in smaller batches where memory runs out; the smaller size is kept."""
        before = self.batch_size
        while True:
            try:
                found = self._gradients(moment, target)
                break
            except (RuntimeError, MemoryError) as error:
                if failure := compiler_failure(error):
                    raise failure from error
                if not is_out_of_memory(error):
                    raise
            # Not in the handler: the error's traceback keeps the tensors of the failed attempt
            # alive.
            self._split_batch(moment.settings)
        if self.batch_size != before:
            self.on_notice(
                f"out of memory: now {self.batch_size} cutouts per CLIP call (same picture, less "
                "speed)"
            )
        return found

    def _gradients(
        self, moment: Moment, target: prompts.Target
    ) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
        """Gradients of the weighted losses on the latent's grids.

        CLIP sees the cutouts in batches; their gradients meet on the picture, and one backward pass
        through the decoder takes them to the latent. So the batch size changes memory but not the
        result.
        """
        settings = moment.settings
        with self.stage("decode"):
            latent = self.latent.value
            picture = losses.within_range(self.vqgan.decode(latent))
        seen = picture.detach().requires_grad_()
        terms, similarity = self._clip_terms(seen, settings, target, moment.iteration)
        on_latent = {
            name: weight * loss for name, weight, loss in self._latent_terms(latent, moment, target)
        }
        on_picture = {
            name: weight * loss for name, weight, loss in self._picture_terms(seen, settings.losses)
        }
        with self.stage("backward"):
            if on_picture:
                (self._loss_scale * sum(on_picture.values())).backward()
            # A scalar with this gradient: to hand `backward` the gradient itself makes torch import
            # sympy (1 s).
            carried = (picture * seen.grad).sum()
            (carried + self._loss_scale * sum(on_latent.values())).backward()
            for grid in self.latent.grids:
                grid.grad /= self._loss_scale
        terms |= {name: loss.detach() for name, loss in (on_latent | on_picture).items()}
        # A copy: with one grid the latent is the parameter itself, which the step is about to
        # change.
        return picture.detach(), latent.detach().clone(), terms, similarity

    def _clip_terms(
        self, picture: Tensor, settings: Settings, target: prompts.Target, iteration: int
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Backward the CLIP loss of all cutouts to `picture`; returns the terms and the mean
        similarity.
        """
        count, size = settings.cutouts, self.perceptor.size
        with self.stage("cutouts"):
            views = cutouts.draw_views(
                count,
                size,
                tuple(picture.shape[-2:]),
                settings.augment,
                settings.noise_factor,
                self.storyboard.seed,
                iteration,
                self.device,
            )
        weight = settings.losses.clip / count
        include = exclude = similarity = picture.new_zeros(())
        batch = self._cutouts_at_once(settings)
        for start in range(0, count, batch):
            with self.stage("cutouts"):
                seen = cutouts.cut(picture, views.part(start, start + batch))
            with self.stage("CLIP"):
                embeddings = self.perceptor.embed_image(seen)
                wanted = weight * losses.include(embeddings, target.include).sum()
                unwanted = (
                    weight
                    * losses.exclude(embeddings, target.exclude, target.exclude_weights).sum()
                )
            with self.stage("backward"):
                (self._loss_scale * (wanted + unwanted)).backward()
            with torch.no_grad():
                include, exclude = include + wanted.detach(), exclude + unwanted.detach()
                similarity = similarity + (embeddings.detach() @ target.include).sum() / count
        terms = {"clip": include}
        if len(target.exclude):
            terms["exclude"] = exclude
        return terms, similarity

    def _cutouts_at_once(self, settings: Settings) -> int:
        usual = LOW_MEMORY_CUTOUTS if self.vqgan.low_memory else settings.cutouts
        return min(self.batch_size or settings.batch_size or usual, settings.cutouts)

    def _latent_terms(
        self, latent: Tensor, moment: Moment, target: prompts.Target
    ) -> Iterator[tuple[str, float, Tensor]]:
        weights = moment.settings.losses
        if weights.vq:
            yield "vq", weights.vq, losses.vq(latent, self.vqgan.codebook)
        if self.expectations and (weight := weights.prior * self.expectations.weight(moment)):
            with self.stage("prior"):
                expected = self.expectations.at(moment, latent.detach(), target.include)
            yield "prior", weight, losses.prior(latent, expected)

    def _picture_terms(
        self, picture: Tensor, weights: Losses
    ) -> Iterator[tuple[str, float, Tensor]]:
        if weights.gan:
            yield "gan", weights.gan, losses.gan(picture, self.vqgan.discriminator)
        if weights.tv:
            yield "tv", weights.tv, losses.tv(picture)

    def _finished(self, pending: _Pending) -> Progress:
        progress = pending.result()
        if progress.frame is not None:
            self._last_good, self._failures = progress.state, 0
        return progress

    def _step_back(self, iteration: int) -> None:
        """Return to the last state whose numbers were finite, with half the learning rate."""
        self._failures += 1
        if self._failures > RETRIES_AFTER_NAN:
            raise RenderError(
                f"iteration {iteration}: the loss is still not a number after {RETRIES_AFTER_NAN} "
                "tries with a lower learning_rate; lower it in the storyboard, or render with "
                "--precision fp32"
            )
        scale = self.rate_scale / 2
        self._restore(self._last_good)
        self.rate_scale = scale
        self.on_notice(
            f"iteration {iteration}: the loss is not a number; going on from iteration "
            f"{self.iteration} with {scale:g} of the learning rate"
        )

    def _split_batch(self, settings: Settings) -> None:
        """Halve the cutouts per CLIP call after running out of memory."""
        batch = self._cutouts_at_once(settings)
        for grid in self.latent.grids:
            grid.grad = None
        release(self.device)
        if batch == 1:
            width, height = self.storyboard.size
            raise RenderError(
                f"out of memory at {width}x{height} with one cutout at a time on {self.device}; a "
                f"film of about {width // 2}x{height // 2} needs a quarter of it, and --memory low "
                "trades time for memory"
            )
        self.batch_size = (batch + 1) // 2

    def _restore(self, state: State) -> None:
        self.latent.load_state_dict(state.tensors)
        self.iteration, self.rate_scale, self.batch_size = (
            state.iteration,
            state.rate_scale,
            state.batch_size,
        )

    def _first_latent(self) -> Tensor:
        """The latent before the first iteration [1, channels, h, w], on the device."""
        init, vqgan = self.storyboard.init, self.vqgan
        h, w = self._latent_size(self.timeline.at(0))
        if init.image:
            picture = load_picture(init.image, w * vqgan.factor, h * vqgan.factor)
            return vqgan.encode(picture.to(self.device))
        if init.latent:
            return _load_latent(init.latent, (1, vqgan.channels, h, w)).to(self.device)
        return self._noise(0, h, w)

    def _start_after_cut(self, moment: Moment) -> Tensor:
        """The latent that a scene begins with which nothing leads to: its guide, or noise."""
        guided = self.guides.start(moment.scene)
        return (
            self._noise(moment.iteration, *self._latent_size(moment)) if guided is None else guided
        )

    def _noise(self, iteration: int, h: int, w: int) -> Tensor:
        random = cutouts.generator_for(self.storyboard.seed, iteration, "start")
        return noise_start(self.vqgan.codebook, h, w, self.storyboard.init.noise, random).to(
            self.device
        )

    def _latent_size(self, moment: Moment) -> tuple[int, int]:
        """(height, width) of the latent at a moment: half of it, rounded up, while a growing
        film is coarse.
        """
        width, height = (
            side // self.vqgan.factor
            for side in picture_size(self.storyboard.size, self.vqgan.factor)
        )
        return ((height + 1) // 2, (width + 1) // 2) if moment.coarse else (height, width)

    def _require_discriminator(self) -> None:
        if self.vqgan.discriminator is None:
            for index, scene in enumerate(self.storyboard.scenes):
                if scene.settings.losses.gan:
                    raise VqclipError(
                        f"scenes[{index}]: losses.gan is {scene.settings.losses.gan:g}, but the "
                        "file of this VQGAN holds no discriminator (no tensors under "
                        "loss.discriminator.); set losses.gan to 0"
                    )


@dataclass(frozen=True)
class _Pending:
    """An iteration given to the device, whose numbers may not have arrived yet."""

    progress: Progress
    frame: Arriving | None = None
    latent: Tensor | None = None
    terms: dict[str, Tensor] = field(default_factory=dict)
    similarity: Tensor | None = None

    def is_finite(self) -> bool:
        """Whether a state that may be gone on from, and a frame's losses, are numbers; the rest
        is not looked at.
        """
        if self.progress.state is None:
            return True
        numbers = [tensor.sum() for tensor in self.progress.state.tensors.values()]
        if self.frame is not None:
            numbers += [self.similarity, *self.terms.values()]
        return bool(
            torch.stack([number.float().to(numbers[0].device) for number in numbers])
            .isfinite()
            .all()
        )

    def result(self) -> Progress:
        if self.frame is None:
            return self.progress
        return Progress(
            self.progress.iteration,
            self.progress.total,
            self.progress.moment,
            float(self.similarity),
            {name: float(value) for name, value in self.terms.items()},
            self.frame.array(),
            self.latent,
            self.progress.state,
        )


def _load_latent(path, shape: tuple[int, ...]) -> Tensor:
    from ..models.weights import read_tensors

    tensors = read_tensors(path)
    latent = tensors.get("latent")
    if latent is None or latent.ndim != 4:
        raise VqclipError(
            f"{path}: no tensor 'latent' [1, channels, h, w] in it; films and stills save such "
            "files"
        )
    if latent.shape[:2] != shape[:2]:
        raise VqclipError(
            f"{path}: a latent of {latent.shape[1]} channels, but this VQGAN's have {shape[1]}"
        )
    return torch.nn.functional.interpolate(
        latent.float(), size=shape[2:], mode="bilinear", align_corners=False
    )


def render(
    storyboard: Storyboard,
    device: str = "auto",
    precision: str = "auto",
    memory: str = "auto",
    compile: str = "auto",
) -> Iterator[Progress]:
    """Load the storyboard's models and render it, one `Progress` per iteration; device memory is
    freed at the end.

    The options are those of `setup.load_models`.
    """
    from ..catalogue.registry import resolve
    from ..sketchbook.choose import open_book
    from .setup import load_models, open_prior

    paths = resolve(storyboard.models)
    book = open_book(storyboard, paths)
    perceptor, vqgan = load_models(storyboard, device, precision, memory, compile)
    prior, used = None, perceptor.device
    try:
        prior = open_prior(storyboard, paths, perceptor, vqgan)
        yield from Session(storyboard, perceptor, vqgan, book=book, prior=prior).run()
    finally:
        del perceptor, vqgan, prior
        release(used)
