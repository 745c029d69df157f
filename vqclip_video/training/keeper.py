"""What happens beside the steps of a training: checkpoints, the log, measures and sample sheets, its end."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lightning import Callback, Trainer
from torch import Tensor
from tqdm import tqdm

from ..errors import RenderError
from ..output.files import explained
from . import samples
from .vqgan import VQGANTraining

CHECKPOINT, LOG, SHEETS = "last.ckpt", "log.jsonl", "samples"
LOG_EVERY, MEASURE_EVERY = 50, 500  # steps


class Keeper(Callback):
    """Saves, logs, measures and shows how the training goes, and ends it when its time has come."""

    def __init__(self, output: Path, held_out: list[Tensor], stop: Callable[[], bool]):
        """held_out: pictures uint8 [1, 3, H, W] to measure by. stop: asked whether the user wants to stop."""
        self.output, self.held_out, self.stop = output, held_out, stop

    def on_train_start(self, trainer: Trainer, module: VQGANTraining) -> None:
        done, steps = module.progress.step, module.config.training.steps
        self.bar = tqdm(initial=done, total=steps, unit="step", dynamic_ncols=True, disable=not trainer.is_global_zero)
        self._end_if_due(trainer, module)

    def on_train_batch_end(self, trainer: Trainer, module: VQGANTraining, *_: object) -> None:
        step, ended = module.progress.step, self._end_if_due(trainer, module)
        self.bar.update(1)
        if ended or step % module.config.training.save_every == 0:
            self._save(trainer, module)
        sheet = self.output / SHEETS / f"{step:07d}.png" if samples.sheet_wanted(step) or ended else None
        if trainer.is_global_zero and (sheet or step % LOG_EVERY == 0):
            self._log(module, sheet, measured=sheet is not None or step % MEASURE_EVERY == 0)

    def on_train_end(self, trainer: Trainer, module: VQGANTraining) -> None:
        self.bar.close()

    def _end_if_due(self, trainer: Trainer, module: VQGANTraining) -> bool:
        """Ends the training on every device once one of them wants to; several are asked at every tenth step."""
        if trainer.world_size > 1 and module.progress.step % 10:
            return False
        due = trainer.strategy.reduce_boolean_decision(module.share >= 1 or self.stop(), all=False)
        trainer.should_stop = trainer.should_stop or due
        return due

    def _save(self, trainer: Trainer, module: VQGANTraining) -> None:
        """Every device takes part; the file is swapped in whole.

        OutputError where the disk refuses, RenderError where weights are no numbers; either leaves the file before.
        """
        if not module.is_sound():
            raise RenderError(
                f"step {module.progress.step}: the weights are no numbers any more; what was saved before is kept. "
                "Lower training.learning_rate, or set training.precision: fp32, and run the same command again"
            )
        path, part = self.output / CHECKPOINT, self.output / f".{CHECKPOINT}.part"
        with explained(path):
            trainer.save_checkpoint(part)
            if trainer.is_global_zero:
                part.replace(path)

    def _log(self, module: VQGANTraining, sheet: Path | None, measured: bool) -> None:
        row = {"step": module.progress.step, "minutes": round(module.progress.seconds / 60, 2)}
        row |= {name: round(float(value), 5) for name, value in module.terms.items()}
        if self.held_out and measured:
            began = time.monotonic()
            with averaged(module):
                row["psnr"] = round(samples.try_out(module, self.held_out, sheet), 3)
            row["measured_in"] = round(time.monotonic() - began, 1)
            self.bar.set_postfix_str(f"{row['psnr']:.2f} dB")
        with (self.output / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")


@contextlib.contextmanager
def averaged(module: VQGANTraining) -> Iterator[None]:
    """The module with the running mean for its weights."""
    weights = dict(module.weights())
    before = {name: weight.data for name, weight in weights.items()}
    try:
        for name, weight in weights.items():
            weight.data = module.mean[name]
        yield
    finally:
        for name, weight in weights.items():
            weight.data = before[name]
