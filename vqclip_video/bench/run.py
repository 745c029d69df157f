"""The command `bench`: a case by its name, measured with a bar on standard error."""

from __future__ import annotations

from tqdm import tqdm

from ..engine.device import pick_device
from ..engine.options import EngineOptions
from ..errors import UsageError
from .cases import find_case
from .iteration import RECIPE_ROUNDS, WARM_UP, measure
from .quality import measure_quality
from .tables import measured_text, quality_text


def run_bench(
    name: str, options: EngineOptions, against: bool, until: float | None, repeats: int
) -> tuple[dict, str]:
    """The measurements of a case as plain values and as text."""
    case = find_case(name)
    if against and len(case.storyboard.models.clip) > 1:
        raise UsageError(
            "against=reference: the usual recipe has one CLIP; measure several without it"
        )
    rivals = 1 + against
    runs = len(case.prompts) * rivals if until is not None else repeats + WARM_UP * rivals
    if against and until is None and pick_device(options.device).type == "cuda":
        runs += WARM_UP + 2 * RECIPE_ROUNDS
    with tqdm(total=runs, desc=case.name, leave=False, dynamic_ncols=True, disable=None) as bar:
        if until is not None:
            quality = measure_quality(case, options, until, against, bar.update)
            return quality.as_dict(), quality_text(quality)
        measured = measure(case, options, repeats, against, bar.update)
        return measured.as_dict(), measured_text(measured)
