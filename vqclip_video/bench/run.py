"""The command `bench`: a case by its name, measured with a bar on standard error."""

from __future__ import annotations

from collections.abc import Mapping

from tqdm import tqdm

from .cases import find_case
from .iteration import WARM_UP, Options, measure
from .quality import measure_quality
from .tables import quality_text, speed_text


def run_bench(
    name: str, engine: Mapping[str, str], against: bool, until: float | None, repeats: int
) -> tuple[dict, str]:
    """The measurements of a case as plain values and as text; `engine` are the fields of
    `Options`.
    """
    case, options = find_case(name), Options(**engine)
    rivals = 1 + against
    runs = len(case.prompts) * rivals if until is not None else repeats + WARM_UP * rivals
    with tqdm(total=runs, desc=case.name, leave=False, dynamic_ncols=True, disable=None) as bar:
        if until is not None:
            quality = measure_quality(case, options, until, against, bar.update)
            return quality.as_dict(), quality_text(quality)
        speed = measure(case, options, repeats, against, bar.update)
        return speed.as_dict(), speed_text(speed)
