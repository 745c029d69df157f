"""One still picture of one prompt, on the same engine as the films."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from PIL import Image

from .disk.files import atomic_write
from .engine.options import EngineOptions
from .materials import Materials
from .output.provenance import label_of
from .output.stills import check_picture_place, encoded_picture
from .show.displays import Display
from .storyboard import reader
from .storyboard.schema import Storyboard
from .storyboard.seed import with_seed
from .storyboard.timeline import Timeline

if TYPE_CHECKING:
    from .engine.session import Progress

TRIES = 8  # dreams to choose from: a still has time for more than a film's scenes


def still_storyboard(
    prompt, exclude, style, iterations, size, seed, models, overrides=()
) -> Storyboard:
    """A storyboard of one scene that ends in the picture, read by the films' reader, so it is
    checked the same.

    Every iteration is a frame of it: which of them are kept, `make_still` decides. Raises
    StoryboardError.
    """
    settings = {"style": style, "exclude": list(exclude), "show_step": 1, "dream": {"tries": TRIES}}
    scene = {"prompt": prompt, "iterations": iterations}
    parsed = one_scene("image", scene, settings, size, seed, models, overrides)
    (scene,) = parsed.scenes
    return replace(parsed, scenes=(replace(scene, settings=replace(scene.settings, show_step=1)),))


def one_scene(name, scene, settings, size, seed, models, overrides=()) -> Storyboard:
    """A storyboard of one scene, with a seed; settings that are empty are left to their defaults.

    name: whose it is, for messages. Raises StoryboardError.
    """
    board = {
        "size": size,
        "seed": _seed(seed),
        "models": models,
        "settings": {name: value for name, value in settings.items() if value},
        "scenes": [scene],
    }
    text = yaml.safe_dump(board, allow_unicode=True)
    return with_seed(reader.parse(text, name=name, base=Path.cwd(), overrides=overrides))


def _seed(written: str | int) -> str | int:
    return int(written) if str(written).isdecimal() else written


def make_still(
    storyboard: Storyboard,
    materials: Materials,
    output: Path,
    options: EngineOptions,
    every: int | None = None,
    display: Display | None = None,
) -> None:
    """Optimise and save the picture under `output`, its latent beside it, and with `every` each
    so-many-th picture.
    """
    check_picture_place(output)
    from safetensors.torch import save

    for progress in _optimised(storyboard, materials, options, display or Display()):
        if every and progress.iteration % every == 0:
            step = output.with_stem(f"{output.stem}-{progress.iteration:05}")
            save_picture(step, progress.frame, storyboard)
    save_picture(output, progress.frame, storyboard)
    latent = output.with_suffix(".safetensors")
    atomic_write(latent, save({"latent": progress.latent.contiguous().cpu()}))
    (display or Display()).notice(
        f"{output} and its latent {latent.name}, similarity {progress.similarity:.3f}, seed "
        f"{storyboard.seed}"
    )


def _optimised(
    storyboard: Storyboard, materials: Materials, options: EngineOptions, display: Display
) -> Iterator[Progress]:
    """The iterations of a still, told to the display as they come."""
    from .engine.cast import lent_cast
    from .engine.device import pick_device
    from .engine.memory import heap_kept
    from .engine.session import Session

    pick_device(options.device)  # refused before the display begins
    timeline = Timeline(storyboard)
    display.start(timeline, 0)
    with ExitStack() as stack:
        cast = stack.enter_context(lent_cast(materials, storyboard, options))
        cast.prepare(storyboard, timeline, options)
        if cast.device.type == "cpu" and not cast.vqgan.low_memory:
            stack.enter_context(heap_kept())
        session = Session(storyboard, cast, timeline=timeline, on_notice=display.notice)
        for progress in session.run():
            display.update(progress)
            yield progress


def save_picture(path: Path, frame, storyboard: Storyboard) -> None:
    """A frame [height, width, 3] uint8 as a picture of the size asked for, in the format of the
    path's suffix.
    """
    width, height = storyboard.size
    kind = Image.registered_extensions()[path.suffix.lower()]
    image, about = Image.fromarray(frame[:height, :width]), label_of(storyboard).in_picture(kind)
    atomic_write(path, encoded_picture(image, kind, quality=95, **about))
