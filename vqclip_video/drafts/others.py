"""Settings of Deforum and documents of Parseq become storyboards: their prompts with their frames,
their moves over a flat picture, the tempo. What they steer by the step of a diffusion model has no
like here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..text import plain_text, quoted
from .draft import Draft, read_text
from .moves import AT_REST, camera_of_document, camera_of_settings, if_it_reads

NEGATIVE = re.compile(r"\s*--neg\s+", re.IGNORECASE)
WEIGHTED = re.compile(r"\(([^():]*):\s*[\d.]+\)")
FORMULA = re.compile(r"\$\{[^}]*\}|`[^`]*`")
MOST_SCENES = 5000
MOST_FRAMES = 2_000_000
MOST_NAMES = 200
SHORT = 60  # characters of a value that are told
SIDE = 8192
TAKEN = {
    "w", "h", "fps", "seed", "max_frames", "prompts", "animation_prompts", "soundtrack_path",
    "add_soundtrack", "use_init", "init_image", "animation_prompts_positive",
    "animation_prompts_negative",
}  # fmt: skip
CAMERA = re.compile(
    r"zoom|angle|translation_|rotation_3d|transform_center|perspective_|fov|near|far"
)
UNLIKE = re.compile(
    r"strength|noise|cfg|steps|sampler|checkpoint|color|depth|hybrid|diffusion|cadence|"
    r"contrast|clip|denois|antiblur|amount|kernel|sigma|threshold|subseed|seed_|motion_|3d"
)


def draft_of_settings(file: Path) -> Draft:
    """The storyboard of a Deforum settings file or a Parseq document.

    Raises UsageError where it is neither.
    """
    content = read_text(file)
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        raise UsageError(
            f"{file}: this is no JSON; name a settings.txt of Deforum's, or Parseq's .json"
        ) from None
    if not isinstance(said, dict):
        raise UsageError(f"{file}: neither settings of Deforum's nor a document of Parseq's")
    source = file.name
    if "keyframes" in said or "managedFields" in said:
        return if_it_reads(_parseq(said, source))
    low = {str(name).lower(): value for name, value in said.items()}
    prompts = low.get("prompts") or low.get("animation_prompts")
    if not isinstance(prompts, dict) or not prompts:
        raise UsageError(f"{file}: there are no prompts in it, so there is nothing to show")
    return if_it_reads(_deforum(low, prompts, source))


def _deforum(low: dict[str, Any], prompts: dict, source: str) -> Draft:
    lost: list[str] = []
    both = (low.get("animation_prompts_positive"), low.get("animation_prompts_negative"))
    before, after = (plain_text(text) if isinstance(text, str) else "" for text in both)
    frames = [(_frame(at), text) for at, text in prompts.items() if isinstance(text, str)]
    frames.sort(key=lambda each: each[0])
    scenes = _scenes([(at, f"{before} {text}", after) for at, text in frames], lost)
    last = _frame(low.get("max_frames"))
    _end(scenes, last)
    film = {"size": _size(low), "fps": _rate(low.get("fps"), lost), "seed": _seed(low.get("seed"))}
    flat = str(low.get("animation_mode", "2D")).strip().upper() == "2D"
    film["camera"] = camera_of_settings(low, film["size"], lost) if flat else None
    sound, heard = low.get("soundtrack_path"), str(low.get("add_soundtrack")).lower() != "none"
    if isinstance(sound, str) and sound.strip() and heard:
        lost.append(f"soundtrack_path {quoted(sound)}: name it with --audio")
    if low.get("use_init") and isinstance(low.get("init_image"), str) and low["init_image"]:
        lost.append(f"init_image {quoted(low['init_image'])}: write init: {{image: FILE}}")
    return Draft(film, scenes, tuple(lost + _left(low, AT_REST if flat else ())), source)


def _parseq(said: dict[str, Any], source: str) -> Draft:
    lost: list[str] = []
    options = said.get("options") if isinstance(said.get("options"), dict) else {}
    keyed = [k for k in said.get("keyframes") or [] if isinstance(k, dict)]
    prompts = said.get("prompts")
    listed = prompts.get("promptList") if isinstance(prompts, dict) else prompts
    if not isinstance(listed, list):
        listed = [prompts]
    found = [p for p in listed if isinstance(p, dict) and isinstance(p.get("positive"), str)]
    if not found:
        raise UsageError(f"{source}: there are no prompts in it, so there is nothing to show")
    begun = [(0 if p.get("allFrames") else _frame(p.get("from")), p) for p in found]
    begun.sort(key=lambda each: each[0])
    texts = [(at, p["positive"], p.get("negative")) for at, p in begun]
    scenes = _scenes([(at, t, no if isinstance(no, str) else "") for at, t, no in texts], lost)
    _end(scenes, max((_frame(key.get("frame")) for key in keyed), default=0) + 1)
    bpm = options.get("bpm")
    film = {"fps": _rate(options.get("output_fps"), lost)}
    film["bpm"] = float(bpm) if isinstance(bpm, int | float) and 20 <= bpm <= 400 else None
    film["camera"], moved = camera_of_document(said, lost)
    fields = said.get("managedFields")
    fields = fields if isinstance(fields, list) else []
    names = sorted({plain_text(str(name))[:SHORT] for name in fields})[:MOST_NAMES]
    lost += [
        f"{name} by keyframes: {_why(name)}"
        for name in names
        if "prompt" not in name and name not in moved
    ]
    return Draft(film, scenes, tuple(lost), source)


def _scenes(prompts: list[tuple[int, str, str]], lost: list[str]) -> list[dict[str, Any]]:
    """A scene for each prompt that begins at a frame; of several at one frame the last counts."""
    scenes: dict[int, dict[str, Any]] = {}
    for at, text, more in prompts[:MOST_SCENES]:
        words, *negative = NEGATIVE.split(text)
        unwanted = [plain_text(part) for part in (*negative, more) if plain_text(part)]
        if FORMULA.search(words):
            lost.append(f"a formula in the prompt at frame {at}: {quoted(words)}")
        plain = plain_text(WEIGHTED.sub(r"\1", FORMULA.sub("", words)))
        if plain != plain_text(FORMULA.sub("", words)):
            lost.append(f"weights of words in the prompt at frame {at}")
        if not any(sign.isalnum() for sign in plain):
            lost.append(f"the prompt at frame {at}, which says nothing")
            continue
        scenes[at if scenes else 0] = {"prompt": plain} | (
            {"settings": {"exclude": unwanted}} if unwanted else {}
        )
    if not scenes:
        raise UsageError("there are no prompts in it that say anything")
    return [{"at": f"{at}f" if at else 0, **scene} for at, scene in sorted(scenes.items())]


def _end(scenes: list[dict[str, Any]], frames: int) -> None:
    """Let the last scene end with the film."""
    begun = int(str(scenes[-1]["at"]).removesuffix("f"))
    if frames > begun:
        scenes[-1]["duration"] = f"{frames - begun}f"


def _frame(value: Any) -> int:
    try:
        frame = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0
    return min(max(frame, 0), MOST_FRAMES)


def _rate(value: Any, lost: list[str]) -> float | int:
    if isinstance(value, int | float) and 1 <= value <= 240:
        return value
    if value is not None:
        lost.append(f"fps {str(value)[:SHORT]}: from 1 to 240 are possible")
    return 24


def _size(low: dict[str, Any]) -> str | None:
    sides = [low.get("w"), low.get("h")]
    good = all(isinstance(side, int) and 16 <= side <= SIDE for side in sides)
    return "x".join(map(str, sides)) if good else None


def _seed(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**63 else None


def _left(low: dict[str, Any], taken: Collection[str]) -> list[str]:
    """What else is said than the names `taken`, each with why it is not taken over."""
    left = []
    for name, value in low.items():
        told = isinstance(value, str | int | float) and not isinstance(value, bool)
        moves = isinstance(value, str) and re.match(r"\s*\d+\s*:", value)
        if name in TAKEN or name in taken or not told or not (moves or CAMERA.search(name)):
            continue
        if not (isinstance(value, int | float) and math.isfinite(value)):
            value = plain_text(str(value))
        left.append(f"{plain_text(name)[:SHORT]} {str(value)[:SHORT]}: {_why(name)}")
    return left[:MOST_NAMES]


def _why(name: str) -> str:
    if CAMERA.search(name):
        return "a move of the camera"
    return "of a diffusion model" if UNLIKE.search(name) else "has no like here"
