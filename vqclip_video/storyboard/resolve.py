"""From what a storyboard gives to the whole film: defaults merged, times resolved, scenes
checked together.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ..catalogue.platforms import PLATFORMS
from . import doubts
from .beginnings import check_beginnings, check_cut
from .closing import check_holds, closed
from .courses import check_motions
from .driven import with_drives
from .kinds import BAD
from .lengths import Beats, check_landing, check_sound, lengths_in_seconds
from .numbers import plain_number, rate_text
from .problems import Problems, nearest, setting_of
from .schema import Scene, Settings, Storyboard, Transition
from .sections import Given, built, merged
from .sizes import named_size
from .starts import resolve_starts
from .timeline import film_seconds, in_frames, scene_seconds, spans

SCENE_SECONDS = 3.0  # where a scene says nothing of its length
MOST_ITERATIONS = 10**9


def assemble(given: Given, problems: Problems) -> Storyboard:
    """The film, as far as it can be told; whether it can be used, `problems` knows."""
    film = built(Storyboard, {name: value for name, value in given.items() if name != "scenes"})
    if isinstance(film.size, str):
        own_scale = film.models.vqgan in ("storybook", "storybook-vqgan")
        film = replace(film, size=named_size(film.size, own_scale))
    _check_init(given, problems)
    if film.models.alternate and len(film.models.clip) == 1:
        message = "there is one CLIP; name several in models.clip, or remove alternate"
        problems.at("models.alternate", message)
    scenes = given.get("scenes")
    if scenes is None:
        problems.at("", "the scenes are missing: a film needs at least one, with a prompt")
    if not scenes or scenes is BAD:
        return film
    beats = Beats(film, problems)
    film = replace(film, grid=beats.grid)
    common = {name: _usable(given, name) for name in ("settings", "camera")}
    check_landing(film, beats)
    resolve_starts(scenes, beats)
    steps = [_show_step(scene, common["settings"]) for scene in scenes]
    lengths_in_seconds(scenes, SCENE_SECONDS, steps, beats)
    home = {}
    if film.loop is True and scenes[0] is not BAD:
        home = scenes[0].pop("transition", {})
    resolved = [
        _scene(scene, f"scenes[{index}]", film.fps, common, problems)
        for index, scene in enumerate(scenes)
        if scene is not BAD
    ]
    check_beginnings(resolved, problems)
    film = replace(film, scenes=tuple(resolved))
    if not problems:
        _check_length(film, problems)
        check_holds(film, problems)
    if not problems and film.loop is True:
        film = closed(film, home, problems)
    if not problems:
        check_sound(film, problems)
        _doubt_deliveries(film, problems)
    if not problems:
        film = with_drives(film, problems) if film.drive else film
    if not problems:
        check_motions(film, problems)
    return film


def _show_step(scene: Given, below: Given) -> int:
    """Iterations a frame of a scene; those of an ordinary one where they were refused."""
    own = {} if scene is BAD else scene.get("settings", {})
    merges = below if own is BAD else merged(below, own)
    return built(Settings, {"show_step": merges.get("show_step", BAD)}).show_step


def _check_init(given: Given, problems: Problems) -> None:
    init = given.get("init")
    if isinstance(init, dict) and BAD not in (init.get("image", BAD), init.get("latent", BAD)):
        problems.at("init.latent", "found both image and latent; the film starts from one of them")


def _check_length(film: Storyboard, problems: Problems) -> None:
    iterations = sum(span.iterations for span in spans(film))
    if iterations > MOST_ITERATIONS:
        problems.at(
            "scenes",
            f"the film takes {iterations:,} iterations; at most {MOST_ITERATIONS:,} are possible",
        )


def _doubt_deliveries(film: Storyboard, problems: Problems) -> None:
    seconds = film_seconds(film)
    for index, order in enumerate(film.deliver):
        where = f"deliver[{index}]"
        for message in doubts.of_length(PLATFORMS[order.name], seconds):
            problems.warn(nearest(problems.marks, where), where, message)
    own = [scene for scene in film.scenes if scene.caption]
    if film.captions and not film.deliver:
        message = "captions are shown in what is delivered, and `deliver` names nothing"
    elif film.captions and film.captions.text == "own" and not own:
        message = "only scenes with a `caption` have one, and no scene has"
    else:
        return
    problems.warn(nearest(problems.marks, "captions"), "captions", message)


def _usable(given: Given, name: str) -> Given:
    """A section that is given; an empty one where it is not, or was refused."""
    return {} if given.get(name, BAD) is BAD else given[name]


def _scene(given: Given, where: str, fps: Fraction, common: Given, problems: Problems) -> Scene:
    """A scene; common: the film's sections that its own are laid over."""
    own = {name: merged(below, _usable(given, name)) for name, below in common.items()}
    transition = given.pop("transition", {})
    scene = replace(built(Scene, {**given, **own}), transition=None)
    _check_settings(scene.settings, where, problems)
    if (
        "duration" in given
        and "iterations" in given
        and BAD not in (given["duration"], given["iterations"])
    ):
        problems.at(
            f"{where}.iterations", "found both duration and iterations; keep the one that you mean"
        )
        return scene
    if BAD in (given.get("duration"), given.get("iterations"), given.get("at")):
        return scene
    if scene.duration is None and scene.iterations is None:
        scene = replace(scene, duration=SCENE_SECONDS)
    if _holds_a_frame(scene, where, fps, problems) and transition is not BAD:
        if scene.begins_afresh:
            check_cut(transition, where, problems)
            transition = {"curve": "cut"}
        travel = _transition(transition, where, scene_seconds(scene, fps), problems)
        scene = replace(scene, transition=travel)
    return scene


def _check_settings(settings: Settings, where: str, problems: Problems) -> None:
    if settings.w1 == 0 and (settings.w2 == 0 or not settings.style):
        message = "w1 is 0 and there is no style with a weight, so there is nothing to show"
        problems.at(setting_of(where, "w1", problems.marks), message)
    # The prior does not count: scenes with a guide, and pairs without a prior, have none.
    if not any(weight for name, weight in vars(settings.losses).items() if name != "prior"):
        message = (
            "every loss has the weight 0 (prior alone is not enough), so there is nothing to "
            "optimise"
        )
        problems.at(setting_of(where, "losses", problems.marks), message)


def _holds_a_frame(scene: Scene, where: str, fps: Fraction, problems: Problems) -> bool:
    show_step = scene.settings.show_step
    if scene.iterations is not None and scene.iterations < show_step:
        message = (
            f"{scene.iterations} iterations are less than one frame with show_step {show_step}"
        )
        problems.at(f"{where}.iterations", message)
        return False
    if scene.iterations is None and in_frames(scene.duration, fps) < 1:
        problems.at(
            f"{where}.duration",
            f"{plain_number(scene.duration)}s is less than one frame at {rate_text(fps)} fps",
        )
        return False
    return True


def _transition(given: Given, where: str, seconds: float, problems: Problems) -> Transition | None:
    """The travel to a scene that lasts `seconds`; None for the first scene, which nothing leads
    to.
    """
    transition = built(Transition, given)
    if "duration" not in given:
        transition = replace(transition, duration=min(transition.duration, seconds))
    if transition.curve == "cut":
        if given.get("duration", BAD) not in (BAD, 0.0):
            message = "a cut takes no time; remove the duration, or choose another curve"
            problems.at(f"{where}.transition.duration", message)
        transition = replace(transition, duration=0.0)
    if where == "scenes[0]":
        if given and transition.duration > 0 and BAD not in given.values():
            problems.at(
                f"{where}.transition",
                "the first scene has nothing to travel from; remove its transition",
            )
        return None
    if transition.duration > seconds:
        length = (
            f"{plain_number(transition.duration)}s is longer than its scene, which lasts "
            f"{plain_number(round(seconds, 3))}s"
        )
        problems.at(f"{where}.transition.duration", length)
    return transition
