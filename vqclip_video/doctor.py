"""What `vqclip-video doctor` looks at: everything that a render needs, each with what to do
where it is not there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .catalogue import store
from .catalogue.known import MODELS
from .catalogue.model import Model
from .disk.ffmpeg import REMEDY, find_ffmpeg, run, temporary_folder
from .disk.files import explanation, free_space
from .errors import OutputError, VqclipError
from .output.encoders import pick_encoder, probe
from .output.formats import ENCODERS, Encoder
from .text import readable

LITTLE_SPACE = 500_000_000
PROBE = {"size": (256, 256), "fps": 24.0}
LITTLE_MEMORY = 2_000_000_000  # bytes; the storybook pair at 256x256 takes about half of it


@dataclass(frozen=True)
class Check:
    """One finding.

    `remedy` is what to do about it when it is not `ok`; `needed`: without it nothing renders.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    needed: bool = True


def run_checks(outputs: Path) -> Iterator[Check]:
    """All checks, each as soon as it is done; `outputs` is the folder that films would go to."""
    yield check_torch()
    yield check_device()
    yield check_ffmpeg()
    yield check_encoders()
    for model in MODELS.values():
        if model.bundled or store.status(model) != "missing":
            yield check_model(model)
    yield check_disk(outputs)
    yield check_memory()


def check_torch() -> Check:
    """Whether torch is there and can be imported with what it needs."""
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: one of its own libraries is missing
        return Check(
            "torch",
            False,
            f"torch cannot be imported: {error}",
            "pip install --upgrade torch torchvision",
        )
    return Check("torch", True, f"{torch.__version__}, {torch.get_num_threads()} threads")


def check_device() -> Check:
    """Which device a render takes, and whether it computes."""
    remedy = (
        "render with --device cpu, or bring the driver and torch to versions that fit each other"
    )
    try:
        import torch

        from .engine.device import pick_device

        device = pick_device("auto")
        computed = float(
            torch.ones(8, 8, device=device).matmul(torch.ones(8, 8, device=device)).sum()
        )
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    except (ImportError, OSError, RuntimeError, VqclipError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Check("device", False, f"nothing can be computed: {reason}", remedy)
    return Check(
        "device", computed == 512, name if computed == 512 else f"{name} computes wrongly", remedy
    )


def check_model(model: Model) -> Check:
    """Whether a model's files are here and whole. Only those of the package are needed."""
    wrong = [result.detail for result in store.verify(model) if not result.ok]
    if model.bundled:
        remedy = "its files belong to the package: install vqclip-video again"
    else:
        remedy = f"remove what is damaged, then: vqclip-video models fetch {model.name}"
    name = f"model {model.name}"
    return Check(name, not wrong, "; ".join(wrong) or "verified", remedy, needed=model.bundled)


def check_ffmpeg() -> Check:
    """Whether there is an ffmpeg, and it starts."""
    try:
        ffmpeg = find_ffmpeg()
        outcome = run(ffmpeg, ["-version"], temporary_folder(), timeout=30)
    except OutputError as error:
        return Check("ffmpeg", False, str(error), REMEDY)
    return Check(
        "ffmpeg", outcome.ok, ffmpeg if outcome.ok else f"{ffmpeg}: {outcome.message}", REMEDY
    )


def check_encoders() -> Check:
    """Which encoders truly encode; one is enough."""
    try:
        picked = pick_encoder("auto", **PROBE)
    except OutputError as error:
        return Check("encoders", False, str(error), REMEDY)
    words = []
    for name in ENCODERS:
        refusal = None if name == picked.name else probe(Encoder(picked.ffmpeg, name), **PROBE)
        words.append(f"{name} works" if refusal is None else f"{name} does not")
    return Check("encoders", True, f"{', '.join(words)}; auto is {picked.name}")


def check_disk(path: Path) -> Check:
    """Whether a file can be written at `path` (or at the nearest folder above that exists), and
    the space there.
    """
    folder = next(place for place in (path, *path.absolute().parents) if place.is_dir())
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"vqclip-video")
    except OSError as error:
        return Check(
            "disk", False, explanation(error, folder / "film"), "choose another name with -o"
        )
    free = free_space(folder)
    remedy = f"make space at {folder}: a minute of film takes some 10 to 500 MB, by its size"
    return Check(
        "disk", free >= LITTLE_SPACE, f"{readable(free)} free at {folder}", remedy, needed=False
    )


def check_memory() -> Check:
    """Whether there is memory for a film of the usual size, as far as the system tells."""
    free = available_memory()
    if free is None:
        return Check("memory", True, "this system does not tell", needed=False)
    remedy = "close other programs, or render smaller films, with --memory low"
    return Check("memory", free >= LITTLE_MEMORY, f"{readable(free)} free", remedy, needed=False)


def available_memory() -> int | None:
    """Bytes that programs can still take, or None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        return next(
            int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")
        )
    except (OSError, ValueError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
