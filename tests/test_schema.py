import copy
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from vqclip_video.errors import StoryboardError
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.json_schema import json_schema, settings_table
from vqclip_video.storyboard.kinds import keys
from vqclip_video.storyboard.schema import (
    Audio,
    Augment,
    Camera,
    Captioning,
    ChosenCLIP,
    Dream,
    Drive,
    Guide,
    GuideWeight,
    Init,
    Losses,
    Models,
    Order,
    PromptPart,
    Scene,
    SceneStart,
    Settings,
    StepSize,
    Storyboard,
    Transition,
)
from vqclip_video.storyboard.template import TEMPLATE

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
# Where the mapping for each dataclass stands in a storyboard, and its place in the schema.
SECTIONS = {
    Storyboard: (),
    Models: ("models",),
    ChosenCLIP: ("models", "clip"),
    Init: ("init",),
    Settings: ("settings",),
    Losses: ("settings", "losses"),
    Augment: ("settings", "augment"),
    Guide: ("settings", "guide"),
    Dream: ("settings", "dream"),
    StepSize: ("settings", "learning_rate"),
    GuideWeight: ("settings", "guide_weight"),
    Scene: ("scenes", 1),
    Transition: ("scenes", 1, "transition"),
    PromptPart: ("scenes", 1, "prompt", 0),
    Order: ("deliver", 0),
    Audio: ("audio",),
    Drive: ("drive", 0),
    Captioning: ("captions",),
    Camera: ("camera",),
    SceneStart: ("scenes", 1, "from"),
}
SOUND = str(Path(__file__).parent / "sound.wav")
BASE = {
    "models": {"clip": {"name": "mine"}},
    "init": {},
    "deliver": [{"name": "square"}],
    "captions": {},
    "audio": {"file": SOUND},
    "drive": [{"to": "w1", "amount": 0.1}],
    "camera": {},
    "settings": {
        "style": "ink",
        "show_step": 1,
        "losses": {"tv": 1},
        "augment": {},
        "guide": {"sketch": "a hill"},
        "dream": {},
        "learning_rate": {},
        "guide_weight": {},
    },
    "scenes": [
        {"prompt": "a hill", "name": "hill"},
        {"prompt": [{"text": "a lake"}], "transition": {}, "from": {"scene": "hill"}},
    ],
}
# What concerns several keys, or the disk; no schema can tell.
BEYOND = (
    "cannot find",
    "other scenes start",
    "is longer than",
    "is less than one",
    "is not after",
    "nothing to",
    "there is no sound",
    "the first beat of which",
    "is in beats",
    "cannot be driven",
    "nothing of it is left",
    "the fades take",
    "the lower comes first",
    "an earlier scene",
    "begins the picture anew",
    "no shorter than the scene",
    "a loop",
    "s of the film",
    "there is nothing to land on",
)


def storyboard_with(place, name, value):
    board = copy.deepcopy(BASE)
    section = board
    for step in place:
        section = section[step]
    alone = ("text", "image", "sketch", "file", "scene")
    if (name in alone and place[:1] != ("drive",)) or place[-1:] + (name,) == ("guide", "dream"):
        section.clear()
    section[name] = value
    return board


def mistakes(board):
    """What the reader says of a storyboard, written as JSON, which is YAML."""
    try:
        reader.parse(json.dumps(board, ensure_ascii=False))
    except StoryboardError as error:
        return [
            problem.message
            for problem in error.problems
            if not any(words in problem.message for words in BEYOND)
        ]
    return []


def properties(section):
    return (
        SCHEMA["properties"]
        if section is Storyboard
        else SCHEMA["$defs"][section.__name__]["properties"]
    )


def test_the_schema_is_one_and_describes_every_key():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    json.dumps(SCHEMA, allow_nan=False)
    for section in SECTIONS:
        for name, described in properties(section).items():
            assert described["title"] == name and described["description"]
    assert (
        SCHEMA["$defs"]["StepSize"]["properties"]["start"]["default"]
        == Settings().learning_rate.start
    )


def test_no_mapping_takes_a_key_that_is_not_listed():
    def objects(schema):
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                yield schema
            for inner in schema.values():
                yield from objects(inner)
        elif isinstance(schema, list):
            for inner in schema:
                yield from objects(inner)

    found = list(objects(SCHEMA))
    # and two that are no sections: values keyed over time, and one of these with its ease
    assert len(found) == len(SECTIONS) + 2 and all(
        schema["additionalProperties"] is False for schema in found
    )


# what is said of a key that is not known there
UNKNOWN = ("unknown key", "belongs one level deeper", "merge keys")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_reader_and_schema_know_the_same_keys(section):
    candidates = {name for other in SECTIONS for name in keys(other)} | {
        "bogus",
        "source",
        "marks",
        "<<",
    }
    known = set()
    for name in candidates:
        said = mistakes(storyboard_with(SECTIONS[section], name, [None]))
        if not any(word in message for word in UNKNOWN for message in said):
            known.add(name)
    assert known == set(properties(section))


VALUES = [
    0, 1, -1, 2, 0.5, 2.5, 300, 1e6, 1e12, True, False, None, "", " ", "x", "3s", "500ms", "1:30", "-3s",
    "1h2m", "1:99", "auto", "off", "blend", {"sketch": "a"}, {"start": 0.2, "over": 1}, "linear", "eas-in",
    "lerp", "frames", "even", 1, "noise", "64x48", "64×48", "64x", [64, 48], [64, 4], [64], "!?", "no",
    "a.safetensors", [], ["a"], ["a", 1], [["a", 1]], [["a", -1]], [["a", 1, 2]], {"text": "a"},
    {"text": "a", "weight": 2}, {"text": "a", "weight": 0}, {"text": "a", "image": "b"},
    {"weight": 1}, {}, {"bogus": 1}, [None], [{}], [{"prompt": "a"}],
    [{"prompt": "a", "duration": 3, "iterations": 9}], {"curve": "cut"}, {"noise": 1},
    {"image": "a", "latent": "b"}, "ViT-B-32", "reel", ["reel"], ["reel", {"name": "gif", "max_mb": 2}],
    [{"name": "reel", "fit": "pad"}], {"name": "reel", "max_mb": 0}, "pad", "burnt", "own", "box", "on",
    "audio", "beats", "bass", [40, 120], "-3dB", "wrap", "frame", [0.1, 0], "previous",
    {"text": "own"}, {"style": "box"}, {"text": "prompt", "style": "none"}, False,
]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "name"),
    [(section, name) for section in SECTIONS for name in keys(section)],
    ids=lambda part: str(part),
)
def test_reader_and_schema_agree_on_values(section, name):
    agreed = set()
    for value in VALUES:
        board = storyboard_with(SECTIONS[section], name, value)
        said = mistakes(board)
        assert VALIDATOR.is_valid(board) == (not said), f"{name}: {value!r}: {said}"
        agreed.add(not said)
    assert agreed == {True, False}


def test_the_template_fits_the_schema():
    VALIDATOR.validate(yaml.safe_load(TEMPLATE))
    VALIDATOR.validate(yaml.safe_load(reader.dump(reader.parse(TEMPLATE))))


def test_the_settings_table_has_every_setting():
    rows = [line for line in settings_table().splitlines() if line.startswith("| `")]
    names = [row.split("`")[1] for row in rows]
    nested = {
        "learning_rate": StepSize,
        "dream": Dream,
        "guide_weight": GuideWeight,
        "losses": Losses,
        "augment": Augment,
    }
    assert names == [
        named
        for name in keys(Settings)
        for named in ([f"{name}.{key}" for key in keys(nested[name])] if name in nested else [name])
    ]
    assert (
        "| `guide_weight.end` | `0.25` | from 0 to 1 | share at the end of `over` and from then on |"
        in rows
    )
    assert all(row.count("|") == 5 for row in rows)
