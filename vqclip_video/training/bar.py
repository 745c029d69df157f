"""The line that shows how far a training is, and how long it will take."""

from __future__ import annotations

from tqdm import tqdm

from .budget import Budget


class TrainingBar:
    """A progress bar of steps or of minutes: of those that will be used up first."""

    def __init__(self, budget: Budget, shown: bool):
        """budget: with its number of steps."""
        self.quality = ""  # of the pictures kept apart, when it was last measured
        self._budget, self._began = budget, budget.state_dict()
        self._bar = tqdm(
            total=1.0,
            initial=budget.fraction,
            miniters=0,
            bar_format="{percentage:3.0f}%|{bar}| {desc}",
            desc=self._said(),
            dynamic_ncols=True,
            disable=not shown,
        )

    def show(self) -> None:
        """After a step."""
        self._bar.set_description_str(self._said() + self.quality, refresh=False)
        self._bar.update(self._budget.fraction - self._bar.n)

    def close(self) -> None:
        self._bar.close()

    def _said(self) -> str:
        budget, pace = self._budget, self._pace()
        of_steps = pace and (budget.steps - budget.done) * pace  # seconds left by them
        if budget.minutes:
            left = max(0.0, budget.minutes * 60 - budget.seconds)
            if of_steps is None or left <= of_steps:
                used = f"{budget.seconds / 60:.1f} of {budget.minutes:g} min"
                return f"step {budget.done}, {used}, {tqdm.format_interval(left)} left"
        if of_steps is None:
            return f"step {budget.done} of {budget.steps}"
        left = tqdm.format_interval(of_steps)
        return f"step {budget.done} of {budget.steps}, {pace:.2g} s each, {left} left"

    def _pace(self) -> float | None:
        """Seconds a step has taken in this run, with all that is done between; None before one."""
        steps = self._budget.done - self._began["done"]
        return (self._budget.seconds - self._began["seconds"]) / steps if steps else None
