"""The line that shows how far a training is, and how long it will take."""

from __future__ import annotations

from dataclasses import replace

from tqdm import tqdm

from .vqgan import VQGANTraining


class Bar:
    """A progress bar of steps or of minutes: of those that will be used up first."""

    def __init__(self, module: VQGANTraining, shown: bool):
        self.quality = ""  # of the pictures kept apart, when it was last measured
        self._began = replace(module.progress)
        form = "{percentage:3.0f}%|{bar}| {desc}"
        self._bar = tqdm(
            total=1.0,
            initial=module.share,
            miniters=0,
            bar_format=form,
            desc=self._said(module),
            dynamic_ncols=True,
            disable=not shown,
        )

    def show(self, module: VQGANTraining) -> None:
        """After a step."""
        self._bar.set_description_str(self._said(module) + self.quality, refresh=False)
        self._bar.update(module.share - self._bar.n)

    def close(self) -> None:
        self._bar.close()

    def _said(self, module: VQGANTraining) -> str:
        step, seconds = module.progress.step, module.progress.seconds
        steps, minutes, pace = module.config.training.steps, module.budget, self._pace(module)
        if minutes and (pace is None or minutes - seconds <= (steps - step) * pace):
            left = tqdm.format_interval(max(0, minutes - seconds))
            return f"step {step}, {seconds / 60:.1f} of {minutes / 60:g} min, {left} left"
        if pace is None:
            return f"step {step} of {steps}"
        left = tqdm.format_interval((steps - step) * pace)
        return f"step {step} of {steps}, {pace:.2g} s each, {left} left"

    def _pace(self, module: VQGANTraining) -> float | None:
        """Seconds a step has taken in this run, with all that is done between; None before one."""
        steps = module.progress.step - self._began.step
        return (module.progress.seconds - self._began.seconds) / steps if steps else None
