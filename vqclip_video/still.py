"""One still picture of one prompt, on the same engine as the films."""

from __future__ import annotations

from pathlib import Path

import click
import yaml
from PIL import Image

from .display import make_display
from .errors import OutputError, UsageError
from .output.files import atomic_write
from .storyboard import reader
from .storyboard.schema import Storyboard

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def still_storyboard(prompt, exclude, style, iterations, size, seed, models, every, overrides=()) -> Storyboard:
    """A storyboard of one scene that ends in the picture; read by the films' reader, so it is checked the same."""
    settings = {"show_step": every or iterations, "style": style, "exclude": list(exclude)}
    scene = {"prompt": prompt, "iterations": iterations}
    wanted = {k: v for k, v in settings.items() if v}
    board = {"size": size, "seed": seed, "models": models, "settings": wanted, "scenes": [scene]}
    return reader.parse(yaml.safe_dump(board, allow_unicode=True), name="image", base=Path.cwd(), overrides=overrides)


def make_still(
    storyboard: Storyboard, output: Path, steps: bool, quiet: bool,
    *, device: str, precision: str, memory: str, compile: str,
) -> None:  # fmt: skip
    """Optimise and save the picture under `output`, its latent beside it, and with `steps` every captured picture."""
    if output.suffix.lower() not in SUFFIXES:
        raise UsageError(f"-o {output}: a picture's name ends in one of {', '.join(SUFFIXES)}")
    from safetensors.torch import save

    from .engine.render import render

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise OutputError(
            f"{output.parent}: cannot be made ({reason.strerror}); choose another place with -o"
        ) from reason
    display, last = make_display(storyboard, quiet, False), None
    display.start(0)
    try:
        for progress in render(storyboard, device, precision, memory, compile):
            display.update(progress)
            if progress.frame is None:
                continue
            last = progress
            if steps:
                save_picture(output.with_stem(f"{output.stem}-{progress.iteration:05}"), progress.frame, storyboard)
    finally:
        display.close()
    save_picture(output, last.frame, storyboard)
    atomic_write(output.with_suffix(".safetensors"), save({"latent": last.latent.contiguous().cpu()}))
    if not quiet:
        click.echo(
            f"{output} and its latent {output.with_suffix('.safetensors').name}, similarity {last.similarity:.3f}"
        )


def save_picture(path: Path, frame, storyboard: Storyboard) -> None:
    """A frame [height, width, 3] uint8 as a picture of the size asked for, in the format of the path's suffix."""
    from io import BytesIO

    width, height = storyboard.size
    buffer = BytesIO()
    Image.fromarray(frame[:height, :width]).save(buffer, Image.registered_extensions()[path.suffix.lower()], quality=95)
    atomic_write(path, buffer.getvalue())
