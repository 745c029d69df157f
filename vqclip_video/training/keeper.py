"""What happens beside the steps of a training: checkpoints, the log, measures and sample sheets,
its end.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lightning import Callback, Trainer
from torch import Tensor

from ..disk.files import explained
from ..errors import RenderError
from . import samples
from .bar import TrainingBar
from .vqgan import VQGANTraining

CHECKPOINT, LOG, SHEETS = "last.ckpt", "log.jsonl", "samples"
LOG_EVERY, MEASURE_EVERY = 50, 500  # steps
# Steps after which a training from given weights is held against them: those in which its learning
# rate rises, since what is too much shows by then; and how much PSNR it may have lost, in dB.
CHECKED, MOST_LOST = (1, 2, 5, 10, 20, 50), 3.0


class Keeper(Callback):
    """Saves, logs, measures and shows how the training goes, and ends it when its time has come."""

    def __init__(
        self, output: Path, held_out: list[Tensor], watched: list[Tensor], stop: Callable[[], bool]
    ):
        """stop: asked whether the user wants to stop.

        Pictures are uint8 [1, 3, H, W]: held_out, to measure by; watched, to see by whether the
        first steps spoil the weights that the training starts from; none where it starts from none.
        """
        self.output, self.held_out, self.watched, self.stop = output, held_out, watched, stop
        self.bar: TrainingBar | None = None

    def on_train_start(self, trainer: Trainer, module: VQGANTraining) -> None:
        self.bar = TrainingBar(module.budget, trainer.is_global_zero)
        if not module.budget.done:
            module.began = self._likeness(trainer, module)
            if trainer.is_global_zero and self.held_out:
                self._log(module, self._sheet(0), measured=True)
        self._end_if_due(trainer, module)

    def on_train_batch_end(self, trainer: Trainer, module: VQGANTraining, *_: object) -> None:
        step, ended = module.budget.done, self._end_if_due(trainer, module)
        self.bar.show()
        saving = ended or step % module.config.training.save_every == 0
        if step in CHECKED or (saving and step < CHECKED[-1]):
            self._check(trainer, module)
        if saving:
            self._save(trainer, module)
        sheet = self._sheet(step) if samples.sheet_wanted(step) or ended else None
        if trainer.is_global_zero and (sheet or step % LOG_EVERY == 0):
            self._log(module, sheet, measured=sheet is not None or step % MEASURE_EVERY == 0)

    def on_train_end(self, trainer: Trainer, module: VQGANTraining) -> None:
        self.bar.close()

    def on_exception(self, trainer: Trainer, module: VQGANTraining, error: BaseException) -> None:
        if self.bar:  # so that the error gets a line of its own
            self.bar.close()

    def _end_if_due(self, trainer: Trainer, module: VQGANTraining) -> bool:
        """Ends the training on every device once one of them wants to; several are asked at
        every tenth step.
        """
        if trainer.world_size > 1 and module.budget.done % 10:
            return False
        due = trainer.strategy.reduce_boolean_decision(
            module.budget.ended or self.stop(), all=False
        )
        trainer.should_stop = trainer.should_stop or due
        return due

    def _check(self, trainer: Trainer, module: VQGANTraining) -> None:
        """Raises RenderError, on every device, where the steps so far have spoilt what was there.

        Compared are the pictures that the decoder is trained to paint, from codes or from latents:
        those from latents may lose several dB to a codebook without any harm.
        """
        found = self._likeness(trainer, module)
        if module.began is None or found is None or module.began - found <= MOST_LOST:
            return
        training = module.config.training
        raise RenderError(
            f"step {module.budget.done}: the PSNR has fallen from {module.began:.1f} to "
            f"{found:.1f} dB; these steps spoil the weights that the training starts from, and are "
            f"not saved. Lower training.learning_rate ({training.learning_rate:g}), or leave "
            f"training.group_norm_eps ({training.group_norm_eps:g}) out of the config, and run "
            "the same command again"
        )

    def _likeness(self, trainer: Trainer, module: VQGANTraining) -> float | None:
        """The PSNR of the pictures to watch, the same on every device; None without any."""
        if not self.watched:
            return None
        with averaged(module):
            found = samples.likeness(module, self.watched, module.quantising)
        return trainer.strategy.broadcast(found)

    def _sheet(self, step: int) -> Path:
        return self.output / SHEETS / f"{step:07d}.png"

    def _save(self, trainer: Trainer, module: VQGANTraining) -> None:
        """Every device takes part; the file is swapped in whole.

        OutputError where the disk refuses, RenderError where weights are no numbers; either leaves
        the file before.
        """
        if not module.is_sound():
            raise RenderError(
                f"step {module.budget.done}: the weights are no numbers any more; what was saved "
                "before is kept. Lower training.learning_rate, or set training.precision: fp32, "
                "and try again"
            )
        path, part = self.output / CHECKPOINT, self.output / f".{CHECKPOINT}.part"
        with explained(path):
            trainer.save_checkpoint(part)
            if trainer.is_global_zero:
                part.replace(path)

    def _log(self, module: VQGANTraining, sheet: Path | None, measured: bool) -> None:
        row = {"step": module.budget.done, "minutes": round(module.budget.seconds / 60, 2)}
        row |= {name: round(float(value), 5) for name, value in module.terms.items()}
        if self.held_out and measured:
            began = time.monotonic()
            with averaged(module):
                row["psnr"] = round(samples.try_out(module, self.held_out, sheet), 3)
            row["measured_in"] = round(time.monotonic() - began, 1)
            self.bar.quality = f", {row['psnr']:.2f} dB"
        with (self.output / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")


@contextlib.contextmanager
def averaged(module: VQGANTraining) -> Iterator[None]:
    """The module with the running mean for its weights."""
    weights = dict(module.weights())
    before = {name: weight.data for name, weight in weights.items()}
    try:
        for name, weight in weights.items():
            # Before the first step the mean may lie on the CPU yet.
            weight.data = module.mean[name].to(weight.device)
        yield
    finally:
        for name, weight in weights.items():
            weight.data = before[name]
