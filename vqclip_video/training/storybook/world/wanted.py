"""What people ask for, as tables: places and their hours, looks, colours, and the words for scenes."""

from __future__ import annotations

from . import patterns, surfaces

# Places in the order in which they are asked for, each with its hours in that order.
ASKED = {
    "hilltop": ("day", "cloudy", "sunset", "storm", "night", "sunrise"),
    "snow": ("night", "day", "sunset", "mist", "sunrise"),
    "forest": ("day", "night", "mist", "sunrise", "storm"),
    "beach": ("sunset", "day", "night", "storm"),
    "coast": ("sunset", "storm", "day", "night", "sunrise", "mist"),
    "ocean": ("sunset", "day", "storm", "night", "sunrise", "mist"),
    "desert": ("sunset", "day", "night", "storm"),
    "mountains": ("sunrise", "day", "night", "storm", "sunset", "mist"),
    "lake": ("sunrise", "day", "sunset", "night", "mist", "storm"),
    "city": ("night", "day", "sunset", "storm", "mist"),
    "meadow": ("day", "sunset", "sunrise", "storm"),
    "river": ("mist", "day", "sunset"),
    "space": (None, None),
    "volcano": ("sunset", "night", "storm"),
    "underwater": (None, None, None),
    "mountain rails": ("day", "sunset", "night", "storm", "sunrise", "mist"),
    "rails": ("night", "sunset", "storm", "day", "mist"),
    "table": (None,),
    "storm waves": ("storm", "night", "sunset"),
    "hills": ("storm", "sunset", "mist", "night"),
    "village": ("night", "day", "sunset"),
    "road": ("day", "sunset", "night", "storm", "mist"),
    "wheat": ("sunset", "day"),
    "snowy mountains": ("day", "aurora", "sunset", "night"),
    "autumn": ("day", "mist", "sunset"),
    "moon": (None,),
    "jungle": ("day", "night"),
    "autumn lake": ("day", "sunset", "mist"),
    "blossoms": ("day", "sunset"),
    "snowy forest": ("day", "night"),
    "lawn": ("cloudy", "sunrise", "storm", "night"),
    "waterfall": ("day",),
    "bare woods": ("night", "mist"),
    "cliff": ("storm", "sunset"),
    "pines": ("mist", "night"),
}  # fmt: skip
# homes that are everywhere
GENERAL = {"land", "person", "building", "tree", "air", "orb", "plant", "food", "object"}
NIGHTLY = {
    "owl",
    "wolf",
    "bat",
    "ghost",
    "moon",
    "crescent moon",
    "star",
    "campfire",
    "lantern",
    "candle",
}
# Where else than in training pictures an illustration may show things of a home.
ALSO = {
    "land": ("city", "lake", "autumn lake", "road"),
    "air": ("desert", "snow", "snowy forest"),
    "building": ("desert", "beach", "lake", "autumn lake", "city"),
    "tree": ("snow", "desert", "lake", "autumn lake", "beach"),
    "flower": ("hilltop", "snow", "forest", "beach", "lake", "mountains", "wheat"),
    "plant": ("hilltop", "snow"),
    "food": ("hilltop", "beach", "snow", "forest"),
    "object": ("hilltop", "beach", "snow", "forest", "desert"),
    "road": ("desert", "snow", "forest", "beach", "lake", "hilltop"),
    "span": ("forest", "mountains", "snow"),
    "coast": ("hilltop", "cliff"),
    "snow": ("snowy mountains",),
}  # fmt: skip
SKETCHED_LOOKS = ("watercolor", "stained glass", "oil painting", "pixel art", "pencil sketch")
# the others are for the thing alone: they leave little of a landscape
IN_PLACE = ("watercolor", "oil painting")
GROUNDS = ("blue", "white", "black", "green", "yellow", "red", "pink", "purple")
# The colours in which a thing is asked for.
TINTS = {
    "cat": ("black", "white"), "dog": ("black", "white"), "horse": ("white", "black"),
    "bird": ("blue", "red"), "rabbit": ("white",), "wolf": ("white", "black"), "bear": ("black",),
    "swan": ("black",), "fish": ("golden",), "butterfly": ("blue", "yellow"), "snake": ("green",),
    "dragon": ("red", "green"), "house": ("red", "white"), "car": ("red", "blue"),
    "bus": ("red", "yellow"), "truck": ("red",), "bicycle": ("red",), "sailboat": ("white", "red"),
    "hot air balloon": ("red",), "apple": ("red", "green"), "heart": ("red", "blue"),
    "flower": ("white", "red", "blue", "yellow"), "rose": ("red", "white", "blue"),
    "tulip": ("red", "yellow"), "mushroom": ("red",), "guitar": ("red",), "planet": ("blue", "red"),
}  # fmt: skip
# A scene's subject, where people have another word for it than for the place, and the hours that
# are subjects too.
CALLED = {
    "ocean": ("sea", "ocean"), "autumn": ("autumn trees", "autumn forest"),
    "autumn lake": ("autumn trees", "lake"), "wheat": ("wheat field",),
    "meadow": ("flowers", "meadow"), "lawn": ("grass", "field"), "mountain rails": ("railway",),
    "underwater": ("coral reef", "sea"), "pines": ("pine forest",),
    "snowy mountains": ("mountains",), "snowy forest": ("snowy forest",), "bare woods": ("forest",),
}  # fmt: skip
OCCASIONS = {
    "sunset": "sunset", "sunrise": "sunrise", "storm": "storm", "night": "night sky", "mist": "fog",
    "aurora": "northern lights",
}  # fmt: skip
OVERLOOKED = (
    "ocean",
    "ocean",
    "mountains",
    "beach",
    "lake",
    "city",
    "desert",
    "hills",
    "forest",
    "snowy mountains",
    "meadow",
)
SKIES = {
    "day": ("sky",), "cloudy": ("clouds", "sky"), "sunset": ("sunset", "sky"),
    "sunrise": ("sunrise", "sky"), "storm": ("storm", "sky"), "night": ("night sky", "stars"),
    "aurora": ("northern lights",), "dream": ("sky",), "overcast": ("clouds", "sky"),
    "gold": ("sky",), "dusk": ("sky",),
}  # fmt: skip
# By the painter of a surface.
SURFACES = {
    surfaces.fire: "fire", surfaces.lava: "lava", surfaces.marble: "marble",
    surfaces.wood: "wood", surfaces.water: "water", surfaces.ice: "ice", surfaces.sand: "sand",
    surfaces.grass: "grass", surfaces.brick: "brick wall", surfaces.cloudscape: "clouds",
    surfaces.smoke: "smoke", surfaces.gold: "gold", surfaces.leaves: "leaves",
    surfaces.fur: "fur", surfaces.starry: "stars", surfaces.blossom_petals: "cherry blossoms",
    patterns.rainbow_colours: "rainbow", patterns.stripes: "stripes", patterns.dots: "dots",
    patterns.checks: "checks", patterns.swirl: "swirl", patterns.paint: "paint",
    patterns.gems: "crystals", patterns.confetti: "confetti",
}  # fmt: skip
# Other words for the subjects of scenes.
SCENE_WORDS = {
    "sea": ("seas", "seascape"), "ocean": ("oceans",),
    "snow": ("winter", "snowfall", "winter landscape"),
    "autumn trees": ("autumn", "fall", "fall foliage", "autumn woods"),
    "wheat field": ("wheat", "cornfield", "grain"),
    "flowers": ("wildflowers", "flower meadow", "flower field"), "sunset": ("sundown", "evening"),
    "sunrise": ("dawn", "morning"),
    "storm": ("thunderstorm", "lightning", "thunder", "storm clouds"),
    "night sky": ("night", "starry night", "starry sky"), "stars": ("starry sky",),
    "fog": ("mist", "haze"), "northern lights": ("aurora", "aurora borealis", "polar lights"),
    "sky": ("heaven", "blue sky"), "clouds": ("cloudy sky",), "brick wall": ("brick", "bricks"),
    "leaves": ("foliage",), "lava": ("magma",), "coral reef": ("coral", "reef", "seabed"),
    "crystals": ("gems", "facets"), "city": ("skyline", "cityscape", "town"),
    "space": ("outer space", "deep space", "universe", "cosmos"), "forest": ("woods", "trees"),
    "water": ("pool",), "mountain": ("mountains",), "hills": ("countryside",), "fire": ("flames",),
    "grass": ("lawn",),
}  # fmt: skip
