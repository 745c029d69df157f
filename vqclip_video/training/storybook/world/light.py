"""Times of day and kinds of weather: the colours of their skies and what their light does to
everything below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Hour:
    """`sky`: colours from the top to the horizon; `light`: what a white thing looks like, 0..1;
    `clouds`: their colour.

    `phrases` follow a subject or a place; `look` is how captions call the sky itself.
    """

    sky: tuple[tuple[int, int, int], ...]
    light: tuple[float, float, float]
    clouds: tuple[int, int, int]
    phrases: tuple[str, ...]
    look: tuple[str, ...]
    dark: bool = False

    def on(self, colours, share: float = 1.0) -> np.ndarray:
        """`colours` (..., 3) in this light; `share` less than 1 takes only part of it."""
        return np.asarray(colours, np.float32) * (
            1 + share * (np.array(self.light, np.float32) - 1)
        )

    def hazed(self, colour, share: float) -> np.ndarray:
        """`colour` in this light, seen through air: `share` of it is the sky at the horizon."""
        return self.on(colour) * (1 - share) + np.array(self.sky[-1], np.float32) * share


TIMES_OF_DAY = {
    "day": Hour(
        ((58, 134, 222), (122, 190, 244), (206, 234, 250)), (1, 1, 1), (255, 255, 255),
        ("under a blue sky", "on a sunny day", "under a clear blue sky", "in the sunshine", "by day", "on a clear day"),
        ("a blue sky", "a clear blue sky", "a bright summer sky", "a sunny sky"),
    ),
    "cloudy": Hour(
        ((92, 150, 212), (160, 198, 232), (220, 232, 240)), (0.96, 0.97, 0.99), (250, 250, 252),
        ("under a cloudy sky", "under white clouds", "on a cloudy day", "with clouds in the sky"),
        ("a cloudy sky", "a blue sky with white clouds", "fluffy white clouds", "clouds in a blue sky"),
    ),
    "sunset": Hour(
        ((86, 60, 128), (206, 92, 108), (250, 148, 66), (255, 206, 112)), (1.0, 0.78, 0.64), (255, 150, 112),
        ("at sunset", "in the evening", "under an orange sunset sky", "in the golden evening light", "at sundown"),
        ("a sunset", "an orange sunset sky", "a glowing evening sky", "a red and orange sky", "a sky at sunset"),
    ),
    "sunrise": Hour(
        ((112, 150, 214), (190, 172, 214), (248, 182, 176), (255, 226, 176)), (1.0, 0.9, 0.84), (255, 214, 206),
        ("at sunrise", "at dawn", "in the early morning", "under a pink morning sky", "in the morning light"),
        ("a sunrise", "a pink sky at dawn", "a soft morning sky", "a sky at sunrise"),
    ),
    "dusk": Hour(
        ((38, 40, 98), (104, 76, 142), (206, 122, 150), (244, 176, 152)), (0.68, 0.62, 0.76), (150, 108, 160),
        ("at dusk", "after sunset", "under a violet evening sky", "in the blue hour"),
        ("a sky at dusk", "a violet evening sky", "the sky after sunset", "dusk"),
    ),
    "night": Hour(
        ((10, 14, 48), (22, 34, 88), (48, 72, 132)), (0.44, 0.52, 0.74), (44, 56, 100),
        ("at night", "under a starry night sky", "under the stars", "on a starry night", "in the moonlight"),
        ("a starry night sky", "the night sky", "stars at night", "a dark blue sky full of stars"), dark=True,
    ),
    "storm": Hour(
        ((40, 44, 60), (72, 80, 98), (128, 136, 146)), (0.62, 0.66, 0.72), (64, 68, 84),
        ("in a storm", "during a storm", "under dark storm clouds", "in stormy weather", "during a thunderstorm"),
        ("a stormy sky", "dark storm clouds", "a thunderstorm", "a dark and stormy sky"), dark=True,
    ),
    "overcast": Hour(
        ((150, 160, 172), (182, 190, 198), (212, 216, 220)), (0.84, 0.87, 0.9), (216, 220, 226),
        ("under a grey sky", "on a grey day", "on a gloomy day", "on a dull day"),
        ("a grey sky", "an overcast sky", "a gloomy sky", "dull grey clouds"),
    ),
    "aurora": Hour(
        ((8, 14, 44), (14, 36, 74), (30, 84, 98)), (0.42, 0.58, 0.66), (40, 70, 90),
        ("under the northern lights", "with an aurora in the sky", "under a green aurora", "under the aurora borealis"),
        ("the northern lights", "a green aurora", "aurora borealis", "an aurora in the night sky"), dark=True,
    ),
    "dream": Hour(
        ((104, 76, 176), (196, 116, 204), (255, 176, 208), (255, 222, 214)), (0.98, 0.86, 0.98), (255, 214, 240),
        ("under a pink and purple sky", "under a purple sky", "in a dreamlike pink sky", "under a magical sky"),
        ("a pink and purple sky", "a purple sky", "a dreamy pink sky", "a magical sky"),
    ),
    "mist": Hour(
        ((188, 202, 214), (208, 218, 224), (228, 232, 234)), (0.88, 0.91, 0.94), (232, 236, 240),
        ("in the fog", "on a foggy morning", "in the mist", "in thick fog", "on a misty day"),
        ("fog", "a foggy sky", "morning mist", "thick fog"),
    ),
    "gold": Hour(
        ((120, 172, 222), (214, 212, 196), (255, 224, 150)), (1.04, 0.94, 0.76), (255, 240, 206),
        ("in golden light", "in the golden hour", "in warm afternoon light", "late in the afternoon"),
        ("a golden sky", "a warm afternoon sky", "a golden hour sky", "a pale golden sky"),
    ),
}  # fmt: skip
LIKELY = {
    "day": 4,
    "cloudy": 2,
    "sunset": 3,
    "sunrise": 1.7,
    "dusk": 1,
    "night": 3,
    "storm": 1.2,
    "overcast": 0.8,
    "aurora": 0.7,
    "dream": 0.7,
    "mist": 0.7,
    "gold": 0.8,
}
