"""The places of the world: who paints them, how people call them and what is at home there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import grounds, space, streets, undersea, waters, woods
from .scene import PaintedScene


@dataclass(frozen=True)
class WorldPlace:
    """`where`: phrases after a subject; `names`: the place as a subject; `homes`: what may be shown
    there.

    `hours` limits the times of day where not all fit (none: no hour shows); `likely` is its weight.
    """

    paint: Callable[[PaintedScene], None]
    where: tuple[str, ...]
    names: tuple[str, ...]
    homes: tuple[str, ...]
    hours: tuple[str, ...] | None = None
    likely: float = 1.0
    # the word under which the sketchbook files pictures of the place itself
    subject: str | None = None


LAND = ("land", "person", "building", "tree")
SNOWY = ("day", "cloudy", "sunset", "sunrise", "dusk", "night", "overcast", "aurora", "mist")

PLACES = {
    "ocean": WorldPlace(waters.ocean, ("on the ocean", "at sea", "on the sea", "on the blue ocean"),
        ("the ocean", "the sea", "a blue ocean", "ocean waves"), ("water", "air", "orb"), likely=1.6, subject="sea"),
    "storm waves": WorldPlace(waters.stormy_waves, ("on a stormy sea", "among big waves", "on the rough ocean"),
        ("big waves", "stormy ocean waves", "huge waves on the sea", "waves on the ocean"), ("water",),
        ("storm", "overcast", "cloudy", "sunset", "night"), 0.8, "waves"),
    "beach": WorldPlace(waters.beach, ("on a beach", "on a sandy beach", "on a tropical beach", "by the sea"),
        ("a beach", "a sandy beach", "a tropical beach"), ("land", "person", "air", "coast", "orb"), likely=1.4,
        subject="beach"),
    "coast": WorldPlace(waters.coast, ("by the ocean", "by the sea", "on the coast", "above the sea"),
        ("a green coast", "a rocky coast", "the coast"), ("coast", "building", "air", "orb"), likely=0.8,
        subject="coast"),
    "cliff": WorldPlace(waters.cliff, ("by a cliff", "over the cliffs", "near a rocky cliff"),
        ("a cliff by the sea", "a rocky cliff", "sea cliffs"), ("air", "orb"), likely=0.5, subject="cliff"),
    "lake": WorldPlace(waters.lake, ("on a lake", "on a calm lake", "by a mountain lake"),
        ("a lake", "a calm lake", "a mountain lake", "a lake in the mountains"), ("water", "air", "orb"), likely=1.2,
        subject="lake"),
    "autumn lake": WorldPlace(waters.autumn_lake, ("on an autumn lake", "on a lake in autumn"),
        ("autumn trees beside a lake", "an autumn lake", "a lake in autumn", "autumn trees by the water"), ("water",),
        ("day", "cloudy", "sunset", "sunrise", "mist", "gold", "dusk"), 0.6, "lake"),
    "river": WorldPlace(waters.river, ("by a river", "near a winding river", "beside a river"),
        ("a river", "a winding river", "a river in a green valley"), ("land", "person", "building", "span",
        "tree", "air"),
        likely=0.7, subject="river"),
    "waterfall": WorldPlace(waters.waterfall, ("by a waterfall", "near a waterfall"),
        ("a waterfall", "a waterfall in the forest", "a waterfall over rocks"), ("land", "air", "span"),
        ("day", "cloudy", "sunrise", "mist", "gold", "night", "sunset"), 0.6, "waterfall"),
    "underwater": WorldPlace(undersea.underwater, ("under the sea", "underwater", "in the ocean", "in the deep blue sea"),
        ("the bottom of the sea", "under the ocean", "an underwater world", "a coral reef"), ("sea",), (), 1.5, "sea"),
    "hills": WorldPlace(grounds.hills, ("on green hills", "in the countryside", "in rolling green hills"),
        ("green hills", "rolling hills", "a green countryside"), (*LAND, "air", "orb"), likely=1.3, subject="hills"),
    "hilltop": WorldPlace(grounds.hilltop, ("on a green hill", "on a hill", "on a grassy hill"),
        ("a green hill", "a hill", "a grassy hill"), (*LAND, "orb"), likely=1.3, subject="hills"),
    "lawn": WorldPlace(grounds.lawn, ("on the grass", "on a lawn", "in a green field"),
        ("a green field", "a lawn", "a field of grass"), (*LAND, "flower", "plant", "food", "object", "air"),
        likely=0.9, subject="field"),
    "meadow": WorldPlace(grounds.meadow, ("in a flower meadow", "in a meadow", "among wildflowers", "in a field of flowers"),
        ("a flower meadow", "a meadow full of flowers", "wildflowers in a meadow"), (*LAND, "air", "flower", "plant"),
        likely=1.3, subject="meadow"),
    "wheat": WorldPlace(grounds.wheat, ("in a wheat field", "in a golden field", "in a field of wheat"),
        ("a wheat field", "a golden field of wheat", "a field of grain"), ("land", "person", "building", "tree", "air"),
        likely=0.7, subject="field"),
    "desert": WorldPlace(grounds.desert, ("in the desert", "among sand dunes", "in a sandy desert"),
        ("a desert", "sand dunes", "a sandy desert"), ("desert", "land", "person", "space", "orb"), likely=1.2,
        subject="desert"),
    "mountains": WorldPlace(grounds.mountains, ("in the mountains", "in front of mountains", "with mountains behind"),
        ("mountains", "a mountain range", "a mountain landscape", "high mountains"), (*LAND, "air", "orb", "road"),
        likely=1.2, subject="mountain"),
    "snowy mountains": WorldPlace(grounds.snowy_mountains, ("in front of snowy mountains", "in the snowy mountains"),
        ("snowy mountains", "snow capped mountains", "a snowy mountain"), (*LAND, "air", "orb"), likely=1.2,
        subject="mountain"),
    "snow": WorldPlace(grounds.snow, ("in the snow", "in a snowy field", "in a winter landscape", "on the snow"),
        ("a snowy landscape", "a snowy field", "a winter landscape", "snow and fir trees"),
        ("snow", "land", "person", "building", "orb"), SNOWY, 1.4, "snow"),
    "forest": WorldPlace(woods.forest, ("in a forest", "in the woods", "in a green forest", "among trees"),
        ("a forest", "a green forest", "trees in the woods"), ("land", "person", "building", "plant", "air", "tree"),
        likely=1.4, subject="forest"),
    "pines": WorldPlace(woods.pines, ("in a pine forest", "among pine trees", "among fir trees"),
        ("a pine forest", "pine trees", "a dark fir forest"), ("land", "person", "building", "air"), subject="forest"),
    "snowy forest": WorldPlace(woods.snowy_forest, ("in a snowy forest", "among snowy trees", "in a winter forest"),
        ("a snowy forest", "a forest in winter", "snow on pine trees"), ("snow", "land", "person", "building"),
        SNOWY, 0.8,
        "forest"),
    "autumn": WorldPlace(woods.autumn, ("in an autumn forest", "among autumn trees", "in the autumn woods"),
        ("an autumn forest", "autumn trees", "a forest in the fall", "orange and red trees"),
        ("land", "person", "building", "plant", "air"), subject="forest"),
    "blossoms": WorldPlace(woods.blossoms, ("among cherry blossoms", "under cherry blossoms",
    "in a cherry orchard in spring"),
        ("cherry blossoms in spring", "blossoming cherry trees", "pink cherry trees", "cherry trees in bloom"),
        ("land", "person", "building", "air"), ("day", "cloudy", "sunset", "sunrise", "dream", "gold", "mist",
        "dusk"), 0.8,
        "cherry blossom"),
    "bare woods": WorldPlace(woods.bare_woods, ("in a dark forest", "among bare trees", "in a spooky forest"),
        ("bare trees", "a spooky forest", "a forest without leaves"), ("land", "person", "air"),
        ("night", "mist", "overcast", "dusk", "storm"), 0.5, "forest"),
    "jungle": WorldPlace(woods.jungle, ("in the jungle", "in a tropical forest", "among palm trees"),
        ("a jungle", "a tropical forest", "palm trees in the jungle"), ("land", "air", "building"),
        ("day", "cloudy", "sunset", "sunrise", "mist", "gold", "night"), 0.7, "jungle"),
    "city": WorldPlace(streets.city, ("in the city", "in front of a city skyline", "over the city"),
        ("a city", "a city skyline", "a modern city", "tall city buildings"), ("road", "air", "person", "orb",
        "fair"), likely=1.6,
        subject="city"),
    "road": WorldPlace(streets.road, ("on a road", "on a country road", "on a long road"),
        ("a road", "a country road", "an empty road"), ("road", "person"), likely=1.1, subject="road"),
    "rails": WorldPlace(streets.rails, ("on the railway", "in the countryside", "on the rails"),
        ("a railway line", "railway tracks"), ("train",), likely=0.4, subject="railway"),
    "mountain rails": WorldPlace(streets.mountain_rails, ("in the mountains", "in front of snowy mountains",
    "below the mountains"),
        ("a railway in the mountains", "railway tracks below mountains"), ("train",), likely=0.6, subject="railway"),
    "volcano": WorldPlace(grounds.volcano, ("over a volcano", "near a volcano", "in front of an erupting volcano"),
        ("a volcano", "an erupting volcano", "a volcano with lava", "a fiery volcano"), ("air", "fierce"),
        ("sunset", "night", "storm", "dusk", "day", "overcast"), 0.8, "volcano"),
    "village": WorldPlace(streets.village, ("in a village", "over a small village", "near a village"),
        ("a village", "a small village", "houses in a village"), ("land", "person", "road", "air", "orb"), likely=0.9,
        subject="village"),
    "table": WorldPlace(streets.room, ("on a table", "on a wooden table"), ("a wooden table", "an empty table"),
        ("food", "object", "flower", "plant"), (), 1.6, "table"),
    "space": WorldPlace(space.deep_space, ("in space", "among the stars", "in outer space", "flying through space"),
        ("outer space", "stars in space", "deep space"), ("space", "orb"), (), 1.0, "space"),
    "moon": WorldPlace(space.moon_ground, ("on the moon", "on the surface of the moon"),
        ("the surface of the moon", "the ground of the moon", "a moon landscape"), ("space", "person", "land"),
        (), 0.5, "moon"),
}  # fmt: skip
