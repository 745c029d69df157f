"""Sketchbooks: the file, what is chosen from it and when nothing is, and the commands."""

import json
import os
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from safetensors.numpy import save_file

from vqclip_video.cli.main import main
from vqclip_video.errors import ModelError, UsageError
from vqclip_video.materials import companion, find_models
from vqclip_video.sketchbook import book, folder, subject
from vqclip_video.sketchbook.decode import decode_sketch
from vqclip_video.sketchbook.pick import Picker
from vqclip_video.storyboard.schema import Models

pytestmark = pytest.mark.usefixtures("one_thread")


def make_book(captions, subjects=None, words=None, image=None, text=None, entries=1000, **about):
    """A book of 4 x 3 codes for models that are never asked for.

    By default each caption has a direction of its own, and all of them are like `no_embedding`.
    """
    count = len(captions)
    codes = np.random.default_rng(0).integers(0, entries, (count, 12))
    sizes = {"height": 3, "width": 4, "entries": entries, "factor": 8}
    models = {"clip": "c" * 64, "vqgan": "v" * 64, "models": "a pair"}
    notes = book.BookNotes(
        **{**sizes, **models, **about},
        captions=tuple(captions),
        subjects=tuple(subjects or [None] * count),
        words=words or {},
    )
    directions = np.eye(count, 16, dtype=np.float32) + 0.1
    packed = book.pack(codes, book.bits_for(entries))
    vectors = [book.eight_bits(directions if given is None else given) for given in (image, text)]
    return book.Sketchbook(notes, packed, *vectors), codes


def no_embedding(texts):
    return np.full((len(texts), 16), 0.25, np.float32)


def subject_found(prompt, **about):
    pick = Picker(make_book(**about)[0], no_embedding).pick(prompt)
    return pick and pick.caption


@pytest.mark.parametrize("entries", [2, 1000, 1024, 16384, 65536])
def test_codes_come_back_from_their_bits(entries):
    made, codes = make_book(["a cat", "a dog", None], entries=entries)
    assert made.packed.shape == (3, -(-12 * book.bits_for(entries) // 8))
    for index in range(3):
        assert (made.codes(index) == codes[index].reshape(3, 4)).all()


def test_a_book_comes_back_from_its_file(tmp_path):
    made, _ = make_book(["a kitten", None], ["cat", None], {"cat": ("feline",)})
    (tmp_path / "b.safetensors").write_bytes(book.book_bytes(made))
    again = book.load_book(tmp_path / "b.safetensors")
    assert (
        again.notes == made.notes
        and (again.packed == made.packed).all()
        and (again.image == made.image).all()
    )
    assert np.linalg.norm(again.image_directions, axis=1) == pytest.approx([1, 1])


def test_four_thousand_and_a_half_sketches_fit_into_seven_megabytes():
    captions = ["a small red fox beside a lake in the snowy mountains at sunset"] * 4500
    made, _ = make_book(captions, ["fox"] * 4500)
    made = replace(
        made,
        packed=np.zeros((4500, 32 * 24 * 10 // 8), np.uint8),
        image=np.zeros((4500, 256), np.int8),
        text=np.zeros((4500, 256), np.int8),
    )
    assert len(book.book_bytes(made)) <= 7e6


def test_eight_bits_keep_a_direction():
    vectors = np.random.default_rng(1).normal(size=(5, 256)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    made, _ = make_book([None] * 5, image=unit)
    assert (np.einsum("nd,nd->n", made.image_directions, unit) > 0.999).all()


HOSTILE = {
    "another format": lambda arrays, notes: ({**arrays}, notes, "sketchbook 9"),
    "no captions": lambda arrays, notes: (arrays, {**notes, "captions": []}, book.FORMAT),
    "captions are numbers": lambda arrays, notes: (
        arrays,
        {**notes, "captions": [1, 2]},
        book.FORMAT,
    ),
    "words are no lists": lambda arrays, notes: (
        arrays,
        {**notes, "words": {"cat": "feline"}},
        book.FORMAT,
    ),
    "a size is text": lambda arrays, notes: (arrays, {**notes, "height": "3"}, book.FORMAT),
    "a size is huge": lambda arrays, notes: (arrays, {**notes, "height": 10**12}, book.FORMAT),
    "a size is missing": lambda arrays, notes: (
        arrays,
        {k: v for k, v in notes.items() if k != "width"},
        book.FORMAT,
    ),
    "the notes are a list": lambda arrays, notes: (arrays, [], book.FORMAT),
    "words are a list": lambda arrays, notes: (arrays, {**notes, "words": []}, book.FORMAT),
    "pictures are huge": lambda arrays, notes: (arrays, {**notes, "factor": 1000}, book.FORMAT),
    "codes are short": lambda arrays, notes: (
        {**arrays, "codes": arrays["codes"][:, 1:]},
        notes,
        book.FORMAT,
    ),
    "no codes": lambda arrays, notes: (
        {k: v for k, v in arrays.items() if k != "codes"},
        notes,
        book.FORMAT,
    ),
    "floats": lambda arrays, notes: (
        {**arrays, "image": arrays["image"].astype(np.float32)},
        notes,
        book.FORMAT,
    ),
    "other counts": lambda arrays, notes: (
        {**arrays, "text": arrays["text"][:1]},
        notes,
        book.FORMAT,
    ),
    "flat": lambda arrays, notes: ({**arrays, "image": arrays["image"][0]}, notes, book.FORMAT),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_a_file_that_is_no_sketchbook_is_one_line(spoil, tmp_path):
    made, _ = make_book(["a cat", "a dog"])
    notes = json.loads(json.dumps(vars(made.notes)))
    arrays, notes, format_ = spoil(
        {"codes": made.packed, "image": made.image, "text": made.text}, notes
    )
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(arrays, tmp_path / "b.safetensors", {"format": format_, "notes": json.dumps(notes)})
    with pytest.raises(ModelError, match="build it again") as caught:
        book.load_book(tmp_path / "b.safetensors")
    assert "\n" not in str(caught.value)


def test_texts_that_would_steer_a_terminal_are_shown_without_it(tmp_path):
    made, _ = make_book(
        ["a cat\x1b[2J\nand more", "🦊\u200d日本"],
        ["cat\x07", None],
        {"c\x00at": ("k\x1bitten",)},
        models="a\npair",
    )
    (tmp_path / "b.safetensors").write_bytes(book.book_bytes(made))
    notes = book.load_book(tmp_path / "b.safetensors").notes
    assert notes.captions == ("a cat [2J and more", "🦊\u200d日本") and notes.subjects == (
        "cat",
        None,
    )
    assert notes.words == {"c at": ("k itten",)} and notes.models == "a pair"


def test_embeddings_or_codes_of_another_size_than_the_models_are_one_line(tiny_pair):
    made, _ = make_book(["a cat"])
    with pytest.raises(ModelError, match="embeddings are not those of this CLIP; build it again"):
        Picker(made, lambda texts: np.zeros((len(texts), 8), np.float32)).pick("a cat")
    with pytest.raises(ModelError, match="codes are not those of this VQGAN; build it again"):
        decode_sketch(made, 0, tiny_pair[1])


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\xff" * 16])
def test_what_is_no_safetensors_file_is_one_line(content, tmp_path):
    (tmp_path / "b.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="b.safetensors"):
        book.load_book(tmp_path / "b.safetensors")


def test_codes_beyond_the_codebook_are_refused():
    made, _ = make_book(["a cat"], entries=1024)
    with pytest.raises(ModelError, match="codebook of 1000"):
        replace(
            made, notes=replace(made.notes, entries=1000), packed=np.full_like(made.packed, 255)
        ).codes(0)


def test_a_book_of_other_models_is_refused(tiny_files):
    paths = find_models(
        Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    )
    with pytest.raises(ModelError, match=r"a sketchbook for a pair.*clip-vit.*sketchbook build"):
        make_book(["a cat"])[0].require(paths)


PROMPTS = {
    "a lighthouse on a cliff at sunset": "lighthouse",
    "a field of sunflowers under a blue sky": "sunflower",
    "rows of tulips": "tulip",
    "a close up of a rose": "rose",
    "an oil painting of a castle": "castle",
    "two red foxes": "fox",
    "a hot air balloon over a valley": "hot air balloon",
    "a small hot air balloon": "hot air balloon",
    "a dog jumps over a fence": "dog",
    "a fire burning in the dark": "fire",
    "a city skyline at night": "city",
    "a snow-covered mountain": "mountain",
    "The Cat's paw": "paw",
    "grey wolves": "wolf",
    "pink sunrise over the deep sea": "sea",
    "watercolor, a fox in the snow": "fox",
    "a wolf sketch": "wolf",
    "a drawing of a castle by a child": "castle",
    "the statue of a wolf": "wolf",
    "a herd of foxes crossing a wild river": "fox",
    "show me a lighthouse": "lighthouse",
    "a slice of melon": "melon",
    "a big slice of ripe melon on a table": "melon",
    "a pair of shoes": "shoe",
    "a piece of cake": "cake",
    "a bunch of flowers": "flower",
    "a basket of red apples": "apple",
    "half a melon": "melon",
    "hundreds of apples": "apple",
    "the edge of a city": "city",
    "a cup": "cup",
    "a red cup on a table": "cup",
    "a cup of tea": "cup",
    "two Glasses of wine": "glass",
    "a pair of glasses": "glasses",
    "a slice": "slice",
    "a bowl of soup": "bowl",
    "the roofs of a city": "city",
    "rivers in spring": "river",
}


@pytest.mark.parametrize(("prompt", "wanted"), PROMPTS.items())
def test_the_subject_of_a_prompt(prompt, wanted):
    known = set(PROMPTS.values())
    assert next(name for name in subject.parse_prompt(prompt).names() if name in known) == wanted


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("shoes", "shoe"),
        ("toes", "toe"),
        ("tomatoes", "tomato"),
        ("mazes", "maze"),
        ("waltzes", "waltz"),
        ("axes", "axe"),
        ("boxes", "box"),
        ("cactuses", "cactus"),
        ("houses", "house"),
        ("zombies", "zombie"),
        ("fairies", "fairy"),
        ("pies", "pie"),
    ],
)
def test_one_and_many_are_the_same_word(many, one):
    assert subject.fold(many) == subject.fold(one) == one


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "...",
        "of the",
        "日本",
        "!" * 5000,
        "of " * 3000,
        "ing " * 300,
        "a" * 300_000,
        "slice of " * 3000,
        "bowl with " * 3000,
        "a b of " * 3000,
    ],
)
def test_any_text_has_a_phrase(prompt):
    phrase = subject.parse_prompt(prompt)
    assert len([*phrase.names(), *phrase.longer]) < 1000


CAPTIONS = {
    "captions": [
        "a cat on a hill",
        "a red car",
        "a fox beside a lighthouse",
        "waves on the ocean",
        "a sunflower field",
    ],
    "subjects": ["cat", "car", "fox", None, None],
    "words": {"car": ("automobile",), "train": ("locomotive",)},
}


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("cats in the snow", "a cat on a hill"),
        ("an automobile", "a red car"),
        ("stormy waves", "waves on the ocean"),
        ("a field of sunflowers", "a sunflower field"),
        ("the ocean in winter", "waves on the ocean"),
        ("a lighthouse", None),  # a picture of a fox is none of a lighthouse
        ("a locomotive", None),
        ("an ambulance", None),
        ("a catapult", None),
        ("a wheat field", None),
    ],
)
def test_a_sketch_holds_the_prompts_subject_or_there_is_none(prompt, wanted):
    assert subject_found(prompt, **CAPTIONS) == wanted


TABLE = [
    "cup of coffee",
    "wine glass",
    "teapot",
    "ear",
    "ear of corn",
    "fork and knife",
    "bowl with spoon",
]


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("a cup of coffee in the morning", "cup of coffee"),
        ("a coffee cup", "cup of coffee"),
        ("a cup", "cup of coffee"),
        ("a glass of wine", "wine glass"),
        ("a pot of tea", "teapot"),
        ("an ear of corn on a table", "ear of corn"),
        ("a big ear", "ear"),
        ("a fork and a knife", "fork and knife"),
        ("a bowl of soup", "bowl with spoon"),
        ("a bowl of coffee", "cup of coffee"),
        ("a slice of soup", None),
    ],
)
def test_what_holds_a_thing_and_the_thing_are_found_together(prompt, wanted):
    found = subject_found(prompt, captions=TABLE, subjects=TABLE)
    assert found == wanted


def towards(*axes):
    """Directions that are as much like "a prompt" as the numbers say, the rest being their own."""
    rows = np.zeros((len(axes), 16), np.float32)
    rows[:, 0] = axes
    rows[np.arange(len(axes)), np.arange(1, len(axes) + 1)] = np.sqrt(1 - rows[:, 0] ** 2)
    return rows


def first_axis(texts):
    return np.eye(16, dtype=np.float32)[[0] * len(texts)]


def test_a_word_for_several_subjects_means_the_one_that_fits():
    about = {"subjects": ["candle", "lantern"], "words": {"candle": ["lamp"], "lantern": ["lamp"]}}
    for likeness, wanted in (((0.4, 0.6), 1), ((0.6, 0.4), 0)):
        vectors = towards(*likeness)
        made, _ = make_book(["a candle", "a lantern"], **about, image=vectors, text=vectors)
        assert Picker(made, first_axis).pick("a lamp").index == wanted


def test_a_word_that_only_sounds_right_is_passed_over_for_what_is_meant():
    """Of "a bowl of fruit" the olive is but by the dictionary a fruit; the bowl can be drawn."""
    vectors = towards(0.2, 0.5)
    words = {"olive": ["fruit"]}
    made, _ = make_book(["an olive", "a bowl"], ["olive", "bowl"], words, vectors, vectors)
    picker = Picker(made, first_axis)
    assert picker.pick("a bowl of fruit").subject == "bowl" and picker.pick("some fruit") is None


def test_picture_and_caption_decide_among_sketches_of_the_subject():
    image, text = np.zeros((3, 16), np.float32), np.zeros((3, 16), np.float32)
    image[:, 1], text[:, 1], image[0, 0], text[0, 0] = 0.1, 0.1, 0.03, 0.03
    image[1, 0] = text[2, 0] = 1
    text[1, 0] = 0.1
    made, _ = make_book(["a cat", "a cat", "a cat"], image=image, text=text)
    picks = Picker(made, first_axis).ranked("a cat", 9)
    assert [pick.index for pick in picks][-1] == 0 and picks[0].fit > picks[-1].fit


def test_a_sketch_that_is_all_against_the_prompt_but_for_its_subject_does_not_fit():
    made, _ = make_book(["white clouds at noon"], image=-np.ones((1, 16)), text=np.eye(16)[:1])
    assert Picker(made, no_embedding).pick("orange clouds at sunset") is None


@pytest.mark.parametrize(("likeness", "found"), [(0.33, True), (0.3, False)])
def test_a_word_of_the_dictionary_alone_is_not_enough(likeness, found):
    """A bass is a singer to a dictionary, and a fish or a guitar to whoever asks for one."""
    vectors = towards(likeness)
    made, _ = make_book(["a singer on a hill"], ["singer"], {"singer": ["bass"]}, vectors, vectors)
    assert bool(Picker(made, first_axis).pick("a bass")) == found


def test_fits_are_what_sketches_are_chosen_by():
    """Shared words count as much in the number that is shown as in the choice."""
    vectors = towards(0.6, 0.55, 0.5)
    captions = ["a cat in the rain by night", "a cat", "a cat at sunset"]
    made, _ = make_book(captions, image=vectors, text=vectors)
    picks = Picker(made, first_axis).ranked("a cat at sunset", 3)
    assert [pick.index for pick in picks] == [2, 1, 0]
    assert [pick.fit for pick in picks] == sorted((pick.fit for pick in picks), reverse=True)
    assert picks[0].fit == pytest.approx(0.8 * 0.5 + 0.2, abs=0.01)


def test_words_that_a_caption_shares_decide_between_equals():
    made, _ = make_book(
        ["a cat at night", "a cat at sunset"], image=np.ones((2, 16)), text=np.ones((2, 16))
    )
    picker = Picker(made, lambda texts: np.full((len(texts), 16), 0.25, np.float32))
    assert picker.pick("a cat at sunset").index == 1 and picker.pick("a cat").index == 0


def test_a_fair_day_is_expected_where_the_prompt_says_nothing_of_the_hour():
    captions = ["a cat on a hill in a storm", "a cat on a hill under a blue sky"]
    made, _ = make_book(captions, image=np.ones((2, 16)), text=np.ones((2, 16)))
    picker = Picker(made, lambda texts: np.full((len(texts), 16), 0.25, np.float32))
    prompts = ("a cat on a hill", "a cat on a hill in a storm", "a cat on a hill under a blue sky")
    assert [picker.pick(prompt).index for prompt in prompts] == [1, 0, 1]


def test_a_look_is_taken_only_where_it_is_asked_for():
    captions = ["a cat by the ocean at sunset, watercolor", "a cat by the sea at sunset"]
    made, _ = make_book(captions, image=np.ones((2, 16)), text=np.ones((2, 16)))
    picker = Picker(made, lambda texts: np.full((len(texts), 16), 0.25, np.float32))
    assert picker.pick("a cat by the ocean at sunset").index == 1
    assert picker.pick("a watercolor of a cat by the ocean").index == 0


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("a kitten", "a cat far away"),
        ("a cat", "a cat far away"),
        ("a cat in stained glass", "a cat far away"),
        ("pixel art of a cat", "pixel art of a cat"),
        ("a dog", "a dog in watercolour"),
        ("a painting of a dog", "a dog in watercolour"),
        ("a barrel", "an oil drum"),
    ],
)
def test_an_ordinary_picture_comes_before_a_look_that_is_not_asked_for(prompt, wanted):
    """However little it is like the prompt: "kitten" shares no word with either of the cats."""
    captions = [
        "pixel art of a cat",
        "a cat far away",
        "a dog in watercolour",
        "an oil drum",
        "a sketch of an oil drum",
    ]
    vectors = towards(0.9, 0.4, 0.5, 0.5, 0.9)
    about = {
        "subjects": ["cat", "cat", "dog", "oil drum", "oil drum"],
        "words": {"cat": ["kitten"], "oil drum": ["barrel"]},
    }
    made, _ = make_book(captions, **about, image=vectors, text=vectors)
    assert Picker(made, first_axis).pick(prompt).caption == wanted


def test_an_unknown_word_takes_the_subject_it_means_and_no_other():
    names = [f"thing{letter}" for letter in "abcdefghi"]
    vectors = {name: np.eye(16, dtype=np.float32)[index] + 3 for index, name in enumerate(names)}
    vectors |= {"pooch": vectors["thingc"] + 0.01, "ambulance": sum(vectors.values()) / len(names)}
    made, _ = make_book([f"a {name}" for name in names], names)

    def embed(texts):
        found = np.stack([vectors.get(text.removeprefix("a "), np.ones(16)) for text in texts])
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    picker = Picker(made, embed)
    assert picker.pick("pooch").subject == "thingc"
    assert picker.pick("ambulance") is None


def test_pictures_without_captions_are_matched_by_their_looks():
    image = np.zeros((2, 16), np.float32)
    image[0, 0], image[1, 1] = 1, 1
    made, _ = make_book([None, None], image=image, text=np.zeros((2, 16)))
    axes = {"a cat": 1, "a picture": 5, "a dog": 7}
    picker = Picker(
        made, lambda texts: np.eye(16, dtype=np.float32)[[axes[text] for text in texts]]
    )
    assert picker.pick("a cat").index == 1 and picker.pick("a cat").fit == pytest.approx(1)
    assert picker.pick("a dog") is None


@pytest.mark.parametrize(
    ("stem", "caption"),
    [
        ("red-fox_02", "red fox"),
        ("IMG_1234", None),
        ("DSC00017", None),
        ("2024-05-01 12.30.11", None),
        ("Screenshot 2024-05-01 at 12.30", None),
        ("my_cat", "my cat"),
        ("Äpfel", "Äpfel"),
    ],
)
def test_captions_from_file_names(stem, caption):
    assert folder.caption_from_name(stem) == caption


@pytest.fixture
def pictures(tmp_path):
    """A folder: a cat named by its file, a dog by a text file, a fox by the table, a bad one,
    and one not named.
    """
    home = tmp_path / "pictures"
    (home / "deep").mkdir(parents=True)
    for number, name in enumerate(["a_cat.png", "deep/IMG_1.jpg", "fox.webp", "IMG_2.png"]):
        Image.new("RGB", (80, 60), (60 * number, 120, 200)).save(home / name)
    (home / "deep" / "IMG_1.txt").write_text("a dog on a hill\nmore")
    (home / "broken.png").write_bytes(b"no picture")
    (home / "captions.json").write_text('{"fox.webp": {"caption": "a vixen", "subject": "fox"}}')
    return home


@pytest.fixture
def tiny_options(tiny_files):
    options = {
        "--clip": tiny_files["clip"],
        "--vqgan": tiny_files["vqgan"],
        "--vqgan-config": tiny_files["config"],
    }
    return [str(part) for pair in options.items() for part in pair]


def run(*arguments):
    return CliRunner().invoke(main, ["sketchbook", *map(str, arguments)], catch_exceptions=False)


def test_a_book_of_ones_own_pictures(pictures, tmp_path, tiny_options):
    made = tmp_path / "own.safetensors"
    (tmp_path / "words.json").write_text('{"fox": ["reynard"]}')
    ended = run(
        "build",
        pictures,
        "-o",
        made,
        "--size",
        "32x24",
        "--words",
        tmp_path / "words.json",
        *tiny_options,
    )
    assert ended.exit_code == 0, ended.output
    assert "4 pictures, 3 with captions" in ended.output and "left out" in ended.output
    assert "broken.png" in ended.output
    notes = book.load_book(made).notes
    assert (
        notes.captions == (None, "a cat", "a dog on a hill", "a vixen")
        and notes.subjects[3] == "fox"
    )
    assert (notes.width, notes.height, notes.words) == (8, 6, {"fox": ("reynard",)})
    sheet = tmp_path / "sheet.png"
    shown = run("show", "a reynard", "--book", made, "-o", sheet, *tiny_options)
    assert shown.exit_code == 0 and "a vixen" in shown.output and Image.open(sheet).format == "PNG"
    sheet.unlink()
    (pictures / "IMG_2.png").unlink()  # without a caption, it may be like anything
    run("build", pictures, "-o", made, "--size", "32x24", *tiny_options)
    none = run("show", "an ambulance", "--book", made, "-o", sheet, *tiny_options)
    assert "none fits: no sketch of 'ambulance'" in none.output and not sheet.exists()
    other = run("show", "a cat", "--book", made, "-o", sheet)
    assert other.exit_code == 1 and "storybook" in other.output


def test_the_list_of_sketches_reads_from_the_best_down(tmp_path):
    shown = run("show", "a black cat on a green hill", "-o", tmp_path / "sheet.png", "--count", "9")
    fits = [float(line.split()[0]) for line in shown.output.splitlines()[:-1]]
    assert len(fits) == 9 and fits == sorted(fits, reverse=True) and 0 <= fits[-1] <= fits[0] <= 1


MEANT = {
    "a pastoral landscape painting": None,
    "a bass": None,
    "a bow": None,
    "a submarine": None,
    "a pair of shoes": None,
    "a cup": "cup",
    "a cup of tea": "teacup",
    "a cup of coffee": "cup of coffee",
    "a red cup on a table": "cup",
    "a glass of wine": "wine glass",
    "a bowl of fruit": "bowl",
    "a slice of melon": "melon",
    "a piece of cake": "cake",
    "a bunch of flowers": "bouquet",
    "a palm": "palm tree",
    "a kitten": "cat",
}


def packaged_picker(pair):
    made = book.load_book(companion("sketchbook", Models()))
    return Picker(made, lambda texts: pair[0].embed_text(texts).numpy())


def test_the_packaged_book_has_what_is_meant_or_nothing(storybook_pair):
    picker = packaged_picker(storybook_pair)
    found = {prompt: picker.pick(prompt) for prompt in MEANT}
    captions = {prompt: pick and f"{pick.caption} " for prompt, pick in found.items()}
    assert [prompt for prompt, pick in found.items() if bool(pick) != bool(MEANT[prompt])] == []
    wanted = {prompt: f" {meant} " for prompt, meant in MEANT.items() if meant}
    assert [captions[prompt] for prompt in wanted if wanted[prompt] not in captions[prompt]] == []


def test_the_packaged_book_shows_no_look_that_is_not_asked_for(storybook_pair):
    picker = packaged_picker(storybook_pair)
    counts = Counter(picker.book.notes.subjects)
    found = [picker.pick(f"a {name}") for name, count in counts.items() if count > 4]
    looks = ("art", "oil", "painting", "watercolor", "watercolour", "stained", "sketch", "drawing")
    assert [pick.caption for pick in found if set(looks) & set(subject.tokens(pick.caption))] == []


def test_a_books_codes_decode_to_its_pictures(storybook_pair, tmp_path):
    """Through the real VQGAN: a flat picture comes back with its colour."""
    from vqclip_video.sketchbook.build import Drawing, build_sketchbook

    drawing = Drawing(Image.new("RGB", (64, 48), (200, 60, 40)), "red", None)
    made = build_sketchbook([drawing], *storybook_pair, find_models(Models()), (64, 48))
    pixels = np.asarray(decode_sketch(made, 0, storybook_pair[1]), float)
    assert pixels.shape == (48, 64, 3) and np.abs(pixels.mean((0, 1)) - (200, 60, 40)).max() < 30


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "{nowhere}", "-o", "{out}"], "is no folder"),
        (["build", "{empty}", "-o", "{out}"], "no pictures in it"),
        (["build", "{full}", "-o", "{out}", "--size", "30x24"], "multiples of 8; try 32x24"),
        (
            ["build", "{full}", "-o", "{out}", "--size", "8192x8192"],
            "4,194,304 pixels at most; try 512x384",
        ),
        (["build", "{full}", "-o", "{out}", "--size", "wide"], "--size: expected a size"),
        (["build", "{full}", "-o", "book.pt"], "ends in .safetensors"),
        (["build", "{full}", "-o", "{nowhere}/b.safetensors"], "is no folder"),
        (["build", "{full}", "-o", "{out}", "--words", "{nowhere}"], "cannot be read"),
        (["build", "{full}", "-o", "{out}", "--models", "storybok"], "no model is called"),
        (["show", "a cat", "-o", "a.gif"], "ends in .png"),
        (["show", "a cat", "--models", "imagenet", "-o", "{sheet}"], "have no sketchbook"),
    ],
)
def test_each_mistake_is_one_line(arguments, said, pictures, tmp_path):
    (tmp_path / "empty").mkdir()
    places = {
        "nowhere": tmp_path / "nowhere",
        "empty": tmp_path / "empty",
        "full": pictures,
        "out": tmp_path / "o.safetensors",
        "sheet": tmp_path / "s.png",
    }
    ended = run(*[argument.format(**places) for argument in arguments])
    assert ended.exit_code in (1, 2) and said in ended.output and "Traceback" not in ended.output


@pytest.mark.parametrize("table", ["[1]", '{"a.png": 3}', '{"a.png": {"caption": 3}}', "{"])
def test_a_table_that_is_none_is_refused(table, pictures):
    (pictures / "captions.json").write_text(table)
    with pytest.raises(UsageError, match="captions.json"):
        folder.find_drawings(pictures)


def test_texts_of_hostile_tables_and_files_become_captions(pictures, tmp_path, tiny_options):
    """Broken surrogates, which no file can hold, control characters and a name in no encoding."""
    (pictures / "captions.json").write_text(
        '{"a_cat.png": "a \\ud800cat\\u001b", "fox.webp": {"caption": " "}}'
    )
    (pictures / "deep" / "IMG_1.txt").write_bytes(b"a d\xffg\x07 barks\n")
    (pictures / "loop.png").symlink_to("loop.png")
    (pictures / "deep" / "up").symlink_to(pictures)
    try:
        (pictures / "IMG_2.png").rename(os.fsdecode(os.fsencode(pictures) + b"/red \xff car.png"))
    except OSError:  # file systems that know their names' encoding
        (pictures / "IMG_2.png").rename(pictures / "red car.png")
    found = [each.caption for each in folder.find_drawings(pictures)]
    assert found == ["a cat", "broken", "a d�g barks", "fox", "red car"]
    ended = run(
        "build", pictures, "-o", tmp_path / "own.safetensors", "--size", "32x24", *tiny_options
    )
    assert ended.exit_code == 0 and "4 pictures, 4 with captions" in ended.output


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs permissions that bind")
def test_what_may_not_be_read_is_passed_over_or_named(pictures):
    (pictures / "deep").chmod(0o400)
    try:
        assert len(folder.find_drawings(pictures)) == 4
    finally:
        (pictures / "deep").chmod(0o700)
    (pictures / "captions.json").chmod(0)
    with pytest.raises(UsageError, match="captions.json: cannot be read"):
        folder.find_drawings(pictures)
