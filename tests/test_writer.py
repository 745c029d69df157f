"""A storyboard written out and read back is the same storyboard."""

import unicodedata
from dataclasses import fields

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from vqclip_video.storyboard import reader
from vqclip_video.storyboard.schema import BLENDS, CURVES, Settings
from vqclip_video.storyboard.timeline import Timeline
from vqclip_video.storyboard.writer import relative_to


def test_a_storyboard_written_out_says_everything(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "ref.png")
    scenes = "scenes: [{prompt: {image: ref.png}}, {prompt: b, settings: {w1: 2}}]"
    story = reader.parse("models: {vqgan: x.ckpt}\n" + scenes, base=tmp_path)
    text = reader.dump(story)
    assert (
        all(f"{field.name}:" in text for field in fields(Settings))
        and str(tmp_path / "ref.png") in text
    )
    assert reader.parse(text) == story
    moved = reader.dump(story, relative_to(tmp_path))
    assert str(tmp_path) not in moved and reader.parse(moved, base=tmp_path) == story
    assert "../" in reader.dump(story, relative_to(tmp_path / "runs"))


words = (
    st.text(max_size=12).map(lambda text: "x" + text).filter(lambda text: not reader_refuses(text))
)
parts = st.one_of(words, st.tuples(words, st.floats(0.001, 1000)).map(list))


def reader_refuses(text):
    return any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n\r\x85" for c in text)


lengths_of_scenes = st.one_of(
    st.fixed_dictionaries({"duration": st.floats(1, 1000)}),
    st.fixed_dictionaries({"iterations": st.integers(250, 999)}),
    st.just({}),
)
courses = [curve for curve in CURVES if curve != "cut"]
transitions = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "duration": st.floats(0, 0.4),
            "curve": st.sampled_from(courses),
            "blend": st.sampled_from(BLENDS),
        },
    ),
    st.just({"curve": "cut"}),
)
scene_settings = st.fixed_dictionaries(
    {},
    optional={
        "learning_rate": st.floats(1e-6, 10)
        | st.fixed_dictionaries({"start": st.floats(1e-6, 10), "end": st.floats(1e-6, 10)}),
        "style": words,
        "exclude": st.lists(parts, max_size=2),
        "augment": st.fixed_dictionaries({"gain": st.floats(0, 1)}),
        "show_step": st.integers(1, 9),
    },
)
scenes = st.builds(
    lambda prompt, length, rest: {"prompt": prompt, **length, **rest},
    st.lists(parts, min_size=1, max_size=3),
    lengths_of_scenes,
    st.fixed_dictionaries({}, optional={"transition": transitions, "settings": scene_settings}),
)
films = st.fixed_dictionaries(
    {"scenes": st.lists(scenes, min_size=1, max_size=4)},
    optional={
        "title": words,
        "fps": st.floats(24, 60),
        "seed": st.integers(0, 2**63 - 1),
        "settings": scene_settings,
    },
)


@given(films)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_storyboard_survives_being_written_out(film):
    film["scenes"][0].pop("transition", None)
    story = reader.parse(yaml.safe_dump(film))
    again = reader.parse(reader.dump(story))
    assert again == story
    assert reader.dump(again) == reader.dump(story)
    assert Timeline(again).spans == Timeline(story).spans
