"""One still picture of one prompt, on the same engine as the films."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import yaml
from PIL import Image

from .disk.files import atomic_write
from .errors import OutputError, StoryboardError, UsageError
from .show.terminal import make_display
from .storyboard import reader
from .storyboard.problems import Problem
from .storyboard.schema import Storyboard
from .storyboard.seed import settled

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
# What a value of the storyboard is called on the command line.
WORDS = {
    "scenes[0].prompt": "PROMPT",
    "scenes[0].iterations": "--iterations",
    "settings.style": "--style",
    "settings.exclude": "--exclude",
    "size": "--size",
    "seed": "--seed",
    "models": "--models",
}


def still_storyboard(
    prompt, exclude, style, iterations, size, seed, models, overrides=()
) -> Storyboard:
    """A storyboard of one scene that ends in the picture, read by the films' reader, so it is
    checked the same.

    Every iteration is a frame of it: which of them are kept, `make_still` decides. Raises
    UsageError in the words of the command line.
    """
    settings = {"style": style, "exclude": list(exclude), "show_step": 1}
    scene = {"prompt": prompt, "iterations": iterations}
    wanted = {name: value for name, value in settings.items() if value}
    board = {
        "size": size,
        "seed": _seed(seed),
        "models": models,
        "settings": wanted,
        "scenes": [scene],
    }
    text = yaml.safe_dump(board, allow_unicode=True)
    try:
        parsed = reader.parse(text, name="image", base=Path.cwd(), overrides=overrides)
    except StoryboardError as error:
        said = dict.fromkeys(map(said_of_still, error.problems))
        raise UsageError("\n".join(said)) from error
    (scene,) = parsed.scenes
    return replace(
        settled(parsed), scenes=(replace(scene, settings=replace(scene.settings, show_step=1)),)
    )


def _seed(written: str | int) -> str | int:
    return int(written) if str(written).isdecimal() else written


def make_still(
    storyboard: Storyboard, output: Path, every: int | None, quiet: bool, **setup: str
) -> None:
    """Optimise and save the picture under `output`, its latent beside it, and with `every` each
    so-many-th picture.

    `setup` are the options of `engine.render.render`.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise UsageError(f"-o {output}: a picture's name ends in one of {', '.join(SUFFIXES)}")
    from safetensors.torch import save

    from .engine.device import pick_device
    from .engine.memory import explained_failures
    from .engine.session import render

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        why = f"{output.parent}: cannot be made ({reason.strerror}); choose another place with -o"
        raise OutputError(why) from reason
    display = make_display(storyboard, quiet, False)
    display.start(0)
    try:
        with explained_failures(storyboard.size, pick_device(setup["device"])):
            for progress in render(storyboard, **setup):
                display.update(progress)
                if every and progress.iteration % every == 0:
                    step = output.with_stem(f"{output.stem}-{progress.iteration:05}")
                    save_picture(step, progress.frame, storyboard)
    finally:
        display.close()
    save_picture(output, progress.frame, storyboard)
    latent = output.with_suffix(".safetensors")
    atomic_write(latent, save({"latent": progress.latent.contiguous().cpu()}))
    display.notice(
        f"{output} and its latent {latent.name}, similarity {progress.similarity:.3f}, seed "
        f"{storyboard.seed}"
    )


def save_picture(path: Path, frame, storyboard: Storyboard) -> None:
    """A frame [height, width, 3] uint8 as a picture of the size asked for, in the format of the
    path's suffix.
    """
    width, height = storyboard.size
    buffer = BytesIO()
    Image.fromarray(frame[:height, :width]).save(
        buffer, Image.registered_extensions()[path.suffix.lower()], quality=95
    )
    atomic_write(path, buffer.getvalue())


def said_of_still(problem: Problem) -> str:
    """A mistake or a warning in the words of the command line."""
    word = next(
        (word for name, word in WORDS.items() if problem.where.startswith(name)), problem.where
    )
    return f"{word}: {problem.message}" if word else problem.message
