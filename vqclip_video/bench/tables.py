"""The measurements, as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator

from .iteration import Measured
from .quality import Quality, Reached
from .timing import Range


def measured_text(speed: Measured) -> str:
    """A table of the stages and the totals."""
    return "\n".join(_lines(speed))


def _lines(speed: Measured) -> Iterator[str]:
    size = f"{speed.width}x{speed.height}"
    yield (
        f"{speed.case}: {size}, {speed.cutouts} cutouts, show_step {speed.show_step}, "
        f"{speed.models}"
    )
    yield (
        f"{speed.device}, {speed.precision}, memory "
        f"{speed.memory}{', compiled' if speed.compiled else ''}, {speed.threads} threads, torch "
        f"{speed.torch}"
    )
    total = speed.seconds.median
    for name, seconds in speed.stages.items():
        yield f"  {name:<9}{seconds * 1000:9.1f} ms {seconds / total:6.1%}"
    yield f"  {'iteration':<9}{total * 1000:9.1f} ms        ({_milliseconds(speed.seconds)})"
    encode = f"{speed.encode * 1000:9.1f} ms {speed.encode / total:6.1%}"
    yield f"  {'encode':<9}{encode}  in ffmpeg, beside the next iterations"
    yield (
        f"  {speed.iterations_per_second:.2f} iterations/s, {speed.frames_per_second:.2f} frames/s"
    )
    if speed.busy is not None:
        how = f"{speed.graphs} graphs captured" if speed.graphs else "no graphs, gaps included"
        yield f"  the GPU is busy for {speed.busy:.0%} of it ({how})"
    yield (
        f"  {speed.gflop:,.0f} GFLOP an iteration, {speed.gflops:,.0f} GFLOP/s, "
        f"{speed.share_of_peak:.0%} of the {speed.matmul_peak_gflops:,.0f} that a matrix product "
        "reaches here"
    )
    memory = [("host", speed.host_peak_bytes), ("device", speed.device_peak_bytes)]
    measured = speed.device_peak_bytes or speed.host_peak_bytes
    planned = f"; planned {speed.planned_bytes / 2**30:.2f} GiB" + (
        f", {speed.planned_bytes / measured - 1:+.0%}" if measured else ""
    )
    yield (
        "  peak memory: "
        + ", ".join(f"{name} {size / 2**30:.2f} GiB" for name, size in memory if size)
        + planned
    )
    if speed.ratio:
        yield (
            f"  reference: {speed.reference_seconds.median * 1000:.1f} ms "
            f"({_milliseconds(speed.reference_seconds)})"
        )
        without = " without TF32" if speed.ratio_with_tf32 else ""
        yield f"  reference / engine{without}: {_plain(speed.ratio)}"
        if speed.ratio_with_tf32:
            yield f"  reference / engine with TF32: {_plain(speed.ratio_with_tf32)}"
        yield (
            "  the same without the reference's second decoding: "
            f"{_plain(speed.ratio_without_saving)}"
        )


def quality_text(quality: Quality) -> str:
    """A line for each prompt."""
    lines = [
        f"{quality.case}: until a smoothed similarity of {quality.level:g}, {quality.precision}"
    ]
    rivals = [
        quality.reference[i] if quality.reference else None for i in range(len(quality.engine))
    ]
    for ours, theirs in zip(quality.engine, rivals, strict=True):
        rival = f"   reference {_reached(theirs)}" if theirs else ""
        lines.append(f"  {_reached(ours)}{rival}   {ours.prompt}")
    if quality.ratio:
        lines.append(
            f"  reference / engine: {quality.ratio:.2f} (median of the prompts that both reach)"
        )
    return "\n".join(lines)


def _reached(run: Reached) -> str:
    if run.seconds is None:
        return f"not reached (best {run.best:.3f})"
    return f"{run.seconds:6.1f} s {run.iterations:4} iterations"


def _milliseconds(values: Range) -> str:
    return f"{values.min * 1000:.1f} to {values.max * 1000:.1f}"


def _plain(values: Range) -> str:
    return f"{values.median:.2f} ({values.min:.2f} to {values.max:.2f})"
