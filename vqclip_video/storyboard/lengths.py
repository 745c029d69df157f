"""How long scenes last where that is said in beats or by the sound, and whether the sound suits
the film.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..sound.listen import facts_of
from ..text import clock
from .grid import Grid, grid_of, tempos_of
from .kinds import BAD, Refusal
from .numbers import InBeats, plain_number
from .problems import Problems, nearest
from .schema import Storyboard
from .sections import Given
from .timeline import exact, film_seconds

MICRO = 6  # digits of a second that are kept of a time in beats
ON_A_BEAT = 1e-3  # of a beat
SHORT = 0.05  # seconds that a sound may lack without a word


@dataclass
class Beats:
    """The film's grid, asked for by whatever is written in beats; where there is none, that is
    said once.
    """

    film: Storyboard
    problems: Problems
    told: bool = False
    grid: Grid | None = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.grid = None if _contradictory(self.film, self.problems) else grid_of(self.film)
        except Refusal as refusal:
            self.grid, self.told = None, True
            self.problems.at("beats" if self.film.beats else "audio.file", str(refusal))

    def after(self, time: InBeats, second: float, where: str) -> Any:
        """Seconds from a second of film to so many beats later; BAD where there is no grid."""
        if not self._there(where, time):
            return BAD
        beat = self.grid.beat(second) if second else 0.0  # a lead-in belongs to the first scene
        beat = round(beat) if abs(beat - round(beat)) < ON_A_BEAT else beat
        return round(self.grid.second(beat + time.beats(self.film.bar)) - second, MICRO)

    def start(self, time: InBeats, where: str) -> Any:
        """The second of film of a beat; BAD where there is no grid."""
        if not self._there(where, time):
            return BAD
        return round(self.grid.second(time.beats(self.film.bar)), MICRO)

    def _there(self, where: str, what: object) -> bool:
        if self.grid is None and not self.told:
            self.told = True
            self.problems.at(where, f"{what} is in beats, and {wanted_beats(self.film)}")
        return self.grid is not None


def wanted_beats(film: Storyboard) -> str:
    """What is to be written so that there is a grid."""
    if not film.audio:
        return "there are none; write bpm: 124, or beats: and a list of them"
    try:
        found = tempos_of(film.audio.file)
    except Refusal as refusal:
        return str(refusal)
    if not found:
        return "the sound has none that can be heard; write bpm: 124, or beats: FILE"
    some = ", ".join(f"{tempo:g}" for tempo in found)
    return f"the tempo is missing: by its sound {some} may be meant; write bpm: {found[0]:g}"


def _contradictory(film: Storyboard, problems: Problems) -> bool:
    if film.beats and film.bpm is not None:
        problems.at("beats", "found both bpm and beats; the list of beats says it all")
        return True
    if film.offset is not None and film.bpm is None:
        problems.at("offset", "the first beat of which tempo? write bpm too")
        return True
    return False


def check_landing(film: Storyboard, beats: Beats) -> None:
    """A film that is to change on its beats has some."""
    if film.land and beats.grid is None and not beats.told:
        beats.problems.at("land", f"there is nothing to land on: {wanted_beats(film)}")


def lengths_in_seconds(scenes: list[Given], usual: float, steps: list[int], beats: Beats) -> None:
    """Turn each duration in beats into seconds, and let the film last as long as its sound where it
    says so, in place.

    usual: seconds of a scene that says nothing; steps: of each scene, iterations a frame.
    """
    film = beats.film
    position: Fraction | None = Fraction(0)
    whole = _sound_seconds(beats) if film.length else None
    shared = whole is not None and not any(map(_says_its_length, scenes))
    for index, scene in enumerate(scenes):
        if scene is BAD or position is None:
            position = None  # where the rest lies is not known, and a mistake is recorded
            _give_up(scene)
            continue
        where = f"scenes[{index}]"
        if whole is not None and index == len(scenes) - 1:
            _last(scene, where, whole - position, beats.problems)
        elif shared:
            scene["duration"] = round(float(whole * (index + 1) / len(scenes) - position), MICRO)
        if isinstance(length := scene.get("duration"), InBeats):
            scene["duration"] = beats.after(length, float(position), f"{where}.duration")
        travel = scene.get("transition")
        if isinstance(travel, dict) and isinstance(length := travel.get("duration"), InBeats):
            place = f"{where}.transition.duration"
            travel["duration"] = beats.after(length, float(position), place)
        length = _seconds(scene, usual, steps[index], film.fps)
        position = None if length is None else position + length


def _give_up(scene: Given) -> None:
    if scene is not BAD:
        travel = scene.get("transition")
        for section in (scene, travel if isinstance(travel, dict) else {}):
            if isinstance(section.get("duration"), InBeats):
                section["duration"] = BAD


def _says_its_length(scene: Given) -> bool:
    return scene is BAD or "duration" in scene or "iterations" in scene


def _sound_seconds(beats: Beats) -> Fraction | None:
    """Seconds of sound from its start on."""
    audio = beats.film.audio
    if audio is None:
        beats.problems.at(
            "length", "there is no sound to last as long as; name one: audio: song.mp3"
        )
        return None
    left = facts_of(audio.file).seconds - exact(audio.start)
    return left if left > 0 else None  # which is refused at its own place


def _last(scene: Given, where: str, left: Fraction, problems: Problems) -> None:
    """Let the last scene last as long as the sound."""
    if "iterations" in scene:
        message = (
            "the film lasts as long as its sound, so the last scene's iterations follow from that"
        )
        problems.at(f"{where}.iterations", message)
    elif left <= 0:
        message = f"the sound ends {clock(float(-left))} before this scene starts"
        problems.at(where, f"{message}; shorten those before, or leave out length: audio")
        scene["duration"] = BAD
    else:
        scene["duration"] = round(float(left), MICRO)


def _seconds(scene: Given, usual: float, steps: int, fps: Fraction) -> Fraction | None:
    if BAD in (scene.get("duration"), scene.get("iterations")):
        return None
    if "iterations" in scene:
        return Fraction(scene["iterations"] // steps) / fps
    return exact(scene.get("duration", usual))


def check_sound(film: Storyboard, problems: Problems) -> None:
    """Records what of a sound does not suit its film, or may not be meant."""
    audio = film.audio
    if audio is None:
        return
    sound, seconds = float(facts_of(audio.file).seconds), film_seconds(film)
    if audio.start >= sound:
        message = f"the sound lasts {plain_number(round(sound, 3))}s, so nothing of it is left"
        problems.at("audio.start", message)
    elif sound - audio.start < seconds - max(SHORT, float(1 / film.fps)):
        message = (
            f"the sound ends at {clock(sound - audio.start)} of {clock(seconds)}, and the rest is "
            "silent; length: audio lets the film end with it"
        )
        problems.warn(nearest(problems.marks, "audio.file"), "audio.file", message)
    if audio.fade_in + audio.fade_out > seconds:
        fades = plain_number(audio.fade_in + audio.fade_out)
        message = f"the fades take {fades}s, and the film lasts {plain_number(round(seconds, 3))}s"
        problems.at("audio.fade_out" if audio.fade_out else "audio.fade_in", message)
