"""The storybook's towers: what they read, that they learn, that a stopped training goes on, and
how they are judged.
"""

import hashlib
import json

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.nn.functional import normalize

from vqclip_video.catalogue.clip_config import OF_OPENAI
from vqclip_video.errors import ModelError, UsageError
from vqclip_video.models.clip.perceptor import Perceptor
from vqclip_video.training.budget import Budget
from vqclip_video.training.storybook import (
    corpus,
    image_tower,
    judged,
    states,
    teacher,
    text_tower,
    views,
    vocabulary,
)
from vqclip_video.training.storybook.course import LearningRate, TrainingCourse
from vqclip_video.training.storybook.presets import TowerBatches
from vqclip_video.training.storybook.wordnet import WordNet

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 60),
    "blue": (30, 60, 230),
    "yellow": (240, 220, 40),
}
SMALL = TowerBatches(pictures=12, sprites=4)


def vectors_of(sentences, cache=None):
    """Made-up sentence embeddings: a fixed direction for each word, added up."""
    found = []
    for sentence in sentences:
        seeds = [
            int(hashlib.sha256(word.encode()).hexdigest()[:8], 16) for word in sentence.split()
        ] or [0]
        found.append(
            sum(torch.randn(384, generator=torch.Generator().manual_seed(seed)) for seed in seeds)
        )
    return normalize(torch.stack(found), dim=-1)


@pytest.fixture
def plain_colours(tmp_path, monkeypatch):
    """A folder of 16 pictures of four colours, as the world writes one."""
    monkeypatch.setattr(corpus, "embed", vectors_of)
    pictures = np.zeros((16, 192, 192, 3), np.uint8)
    captions = []
    for index, picture in enumerate(pictures):
        name = list(COLOURS)[index % 4]
        picture[:] = COLOURS[name]
        captions.append([f"a {name} wall", f"{name} paint", f"the color {name}"])
    np.save(tmp_path / "pictures.npy", pictures)
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    return corpus.read_corpus(tmp_path, tmp_path)


@pytest.fixture
def sprites():
    """One white square, cut out."""
    pictures = torch.zeros(1, 4, 80, 80, dtype=torch.uint8)
    pictures[:, :, 20:60, 20:60] = 255
    names = ("a white square",)
    return corpus.Sprites(pictures, names, ((0,),), vectors_of(names), torch.ones(1))


def course(folder, steps, seed=0, report=lambda line: None, **options):
    return TrainingCourse(folder, Budget(steps=steps), seed, report=report, **options)


def train(plain_colours, sprites, folder, steps, **options):
    return image_tower.train_image_tower(
        plain_colours,
        sprites,
        plain_colours,
        course(folder, steps, seed=3, **options),
        batches=SMALL,
    )


def test_a_corpus_is_the_pictures_at_half_their_size_and_each_caption_once(plain_colours):
    assert plain_colours.pictures.shape == (16, 3, 96, 96)
    assert tuple(plain_colours.pictures[2, :, 50, 50].tolist()) == COLOURS["blue"]
    assert len(plain_colours.captions.texts) == 12 == len(plain_colours.vectors)
    own = [plain_colours.captions.texts[row] for row in plain_colours.captions.of_picture[3]]
    assert own == ["a yellow wall", "yellow paint", "the color yellow"]


def test_the_image_tower_learns_what_colours_are_called(plain_colours, sprites, tmp_path):
    lines = []
    image_tower.train_image_tower(
        plain_colours,
        sprites,
        plain_colours,
        course(tmp_path / "run", 50, report=lines.append),
        batches=SMALL,
    )
    (loss,) = (
        float(line.rsplit(" ", 1)[1]) for line in lines if "step 50," in line and "loss" in line
    )
    assert loss < 2.3  # by chance 2.8: one of 16 captions


def test_a_stopped_training_of_the_image_tower_goes_on_as_if_it_had_not(
    plain_colours, sprites, tmp_path
):
    whole = train(plain_colours, sprites, tmp_path / "whole", 4)
    asked = iter([False, True])
    train(plain_colours, sprites, tmp_path / "parts", 4, stop=lambda: next(asked))
    parts = train(plain_colours, sprites, tmp_path / "parts", 4)
    again = image_tower.trained_image_tower(tmp_path / "parts")
    # The head's dropout and noise come from torch's own generator, which a stop does not keep:
    # nearly, not exactly.
    for name, weight in whole.visual.state_dict().items():
        assert torch.allclose(weight.float(), parts.visual.state_dict()[name].float(), atol=2e-2), (
            name
        )
        assert torch.equal(parts.visual.state_dict()[name], again.visual.state_dict()[name])


def proven(info):
    """A checkpoint that its digest proves whole, with `info` in it."""
    content = safetensors.torch.save({}, {"info": json.dumps(info)})
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 cut off", proven({}), proven({"state": {"tensor": "gone"}})]
)
def test_a_damaged_training_is_one_line_with_the_remedy(content, tmp_path):
    with pytest.raises(UsageError, match="run the stage image-tower first"):
        image_tower.trained_image_tower(tmp_path)
    (tmp_path / image_tower.IMAGE_TOWER).mkdir()
    (tmp_path / image_tower.IMAGE_TOWER / "checkpoint-000001").write_bytes(content)
    with pytest.raises(ModelError, match="^[^\n]*remove it to begin anew$"):
        image_tower.trained_image_tower(tmp_path)


def test_a_state_comes_back_as_it_was_kept(tmp_path):
    weight = torch.nn.Parameter(torch.randn(3, 2))
    optimiser = torch.optim.AdamW([weight], lr=0.1, betas=(0.9, 0.98))
    weight.sum().backward()
    optimiser.step()
    kept = {
        "optimiser": optimiser.state_dict(),
        "random": torch.Generator().get_state(),
        "budget": {"done": 3, "seconds": 0.1},
        "name": "a",
        "none": None,
    }
    states.save_state(tmp_path / "kept", kept)
    found = states.load_state(tmp_path / "kept")
    assert found["budget"] == kept["budget"] and found["none"] is None and found["name"] == "a"
    assert torch.equal(found["random"], kept["random"])
    assert found["optimiser"]["param_groups"] == kept["optimiser"]["param_groups"]
    assert isinstance(found["optimiser"]["param_groups"][0]["betas"], tuple)
    moments, was = found["optimiser"]["state"][0], kept["optimiser"]["state"][0]
    assert moments.keys() == was.keys() and all(torch.equal(moments[key], was[key]) for key in was)


def test_a_torn_state_falls_back_to_the_one_before_and_says_so(tmp_path):
    for done in (1, 2):
        states.save_state(tmp_path / "kept", {"done": done, "tensor": torch.ones(2)})
    newest = max((tmp_path / "kept").iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    told = []
    assert states.load_state(tmp_path / "kept", told.append)["done"] == 1
    assert len(told) == 1 and newest.name in told[0]


def test_what_is_no_data_is_not_kept(tmp_path):
    with pytest.raises(TypeError):
        states.save_state(tmp_path / "kept", {"function": print})
    assert states.load_state(tmp_path / "kept") is None


def test_captions_of_the_same_meaning_are_no_mistakes():
    head = teacher.TeacherHead(8).eval()
    vectors = vectors_of(["a red wall", "a red wall", "a blue sky"])
    pictures = head(vectors)
    same = image_tower.contrast(pictures, vectors, head)
    other = image_tower.contrast(pictures.roll(1, 0), vectors, head)
    assert same < other


def test_views_keep_their_range_and_sprites_leave_the_rest_empty():
    random = torch.Generator().manual_seed(0)
    pictures = torch.rand(6, 3, 96, 96, generator=random)
    seen = views.recoloured(views.crops(pictures, random), random)
    assert seen.shape == (6, 3, 64, 64) and seen.min() >= 0 and seen.max() <= 1
    cut_out = views.strewn(torch.ones(6, 4, 80, 80), random)
    assert cut_out.shape == (6, 4, 64, 64)


def test_the_text_tower_gives_its_texts_the_directions_asked_for(tmp_path):
    torch.manual_seed(0)
    clip = text_tower.new_clip()
    sentences = [
        f"a {colour} {thing}" for colour in COLOURS for thing in ("wall", "house", "cat", "sea")
    ]
    targets = normalize(vectors_of(sentences) @ torch.randn(384, 256), dim=-1)
    source = text_tower.Texts(text_tower.tokenise(sentences), targets, share=0.1)
    before = cosine(clip, source)
    text_tower.distil(clip, [source], course(tmp_path, 25))
    assert cosine(clip, source) > before + 0.3

    with torch.no_grad():
        learnt = text_tower.embed_tokens(clip, source.tokens)
    perceptor = Perceptor(clip, OF_OPENAI, torch.device("cpu"), torch.float32)
    assert torch.allclose(perceptor.embed_text(sentences), learnt, atol=1e-4)


def cosine(clip, source):
    with torch.no_grad():
        return float((text_tower.embed_tokens(clip, source.tokens) * source.targets).sum(-1).mean())


def test_the_text_tower_learns_on_the_device_that_it_is_on():
    """torch's device without memory stands for a GPU: it, too, refuses tensors of two devices."""
    clip = text_tower.new_clip().to("meta")
    found = text_tower.embed_tokens(clip, text_tower.tokenise(["a red wall", "a cat"]))
    loss, _ = text_tower._loss(found, torch.rand(2, 256, device="meta"))
    loss.backward()
    assert found.device.type == clip.token_embedding.weight.grad.device.type == "meta"


def test_a_stopped_distillation_goes_on_where_it_was(tmp_path):
    sentences = ["a red wall", "a blue sea", "a cat"]
    source = text_tower.Texts(
        text_tower.tokenise(sentences), vectors_of(sentences)[:, :256], share=0.02
    )
    clip, lines = text_tower.new_clip(), []
    text_tower.distil(clip, [source], course(tmp_path, 4, stop=lambda: True, report=lines.append))
    text_tower.distil(clip, [source], course(tmp_path, 4, report=lines.append))
    assert lines == ["text tower: goes on after 1 steps"]


def test_a_distillation_that_goes_on_keeps_the_image_tower_it_is_given(tmp_path):
    source = text_tower.Texts(
        text_tower.tokenise(["a cat"]), vectors_of(["a cat"])[:, :256], share=0.02
    )
    text_tower.distil(text_tower.new_clip(), [source], course(tmp_path, 1))
    better = text_tower.new_clip()
    seen = better.visual.conv1.weight.clone()
    text_tower.distil(better, [source], course(tmp_path, 1))
    assert torch.equal(better.visual.conv1.weight, seen)


@pytest.fixture
def dictionary(tmp_path):
    """A WordNet of four nouns, in its own format."""
    entries = {
        "cat": "a feline mammal",
        "lighthouse": "a tower with a light",
        "mouser": "a cat that hunts",
        "Felis": "a genus",
    }
    data, index = "", ""
    for file, (noun, gloss) in [
        *((5, entry) for entry in entries.items()),
        (4, ("running", "an act")),
    ]:
        index += f"{noun.lower()} n 1 0 1 0 {len(data):08}  \n"
        data += f'{len(data):08} {file:02} n 01 {noun} 0 000 | {gloss}; "an example of it"  \n'
    (tmp_path / "data.noun").write_text(data)
    (tmp_path / "index.noun").write_text(index)
    return WordNet(tmp_path)


def test_general_texts_are_nouns_glosses_and_prompts_each_once(dictionary):
    found = vocabulary.general_texts(dictionary, 40, seed=1)
    written = {text.text for text in found}
    assert len(found) == len(written) == 40
    assert {"cat", "lighthouse", "a feline mammal"} <= written
    assert not any("running" in text or "example" in text or "felis" in text for text in written)
    assert all(noun in text.text for text in found for noun in text.nouns)
    assert (
        found
        == vocabulary.general_texts(dictionary, 40, seed=1)
        != vocabulary.general_texts(dictionary, 40, seed=2)
    )


def test_a_noun_without_a_picture_means_what_its_gloss_is_near(dictionary, monkeypatch):
    monkeypatch.setattr(vocabulary, "embed", vectors_of)
    torch.manual_seed(0)
    head, known = teacher.TeacherHead(16).eval(), ["cat", "lighthouse", "sea"]
    unseen = [
        vocabulary.General("mouser", ("mouser",)),
        vocabulary.General("a red mouser", ("mouser",)),
        vocabulary.General("mouser"),
    ]
    with torch.no_grad():
        of_known = head(vectors_of(known))
    alike = vocabulary.targets(unseen, dictionary, known, head, None) @ of_known.T
    assert (
        alike[0].argmax() == 0
        and alike[0, 0] > alike[2, 0] + 0.2
        and alike[1, 0] > alike[1, 1:].max()
    )


def test_a_budget_counts_what_an_interrupted_run_has_used():
    budget = Budget(minutes=1)
    budget.resume({"done": 7, "seconds": 45.0})
    assert budget.done == 7 and 0.75 <= budget.fraction < 0.8
    assert Budget(steps=10, done=5).fraction == 0.5
    assert Budget(minutes=1, steps=10, done=9).fraction == 0.9  # whichever is used first


def test_however_short_the_time_is_a_step_is_taken():
    budget = Budget(minutes=1e-9)
    assert budget.fraction == 0  # its time begins with the work
    budget.begin()
    assert budget.fraction == 1 and not budget.ended
    budget.done += 1
    assert budget.ended


def test_the_learning_rate_rises_holds_and_falls():
    rates = [
        LearningRate(1.0).at(fraction, step)
        for fraction, step in ((0, 0), (0.2, 500), (0.65, 900), (1, 2000))
    ]
    assert (
        rates[0] == 0.01
        and rates[1] == 1
        and 0.4 < rates[2] < 0.6
        and rates[3] == pytest.approx(0.02)
    )


def test_caption_accuracy_is_one_for_perfect_and_a_hundredth_for_blind():
    own = torch.arange(600).view(200, 3)
    pictures = normalize(torch.randn(200, 64, generator=torch.Generator().manual_seed(0)), dim=-1)
    perfect = pictures.repeat_interleave(3, 0)
    assert judged.caption_accuracy(pictures, perfect, own) == (1.0, 1.0)
    blind = normalize(torch.randn(600, 64, generator=torch.Generator().manual_seed(1)), dim=-1)
    top1, top5 = judged.caption_accuracy(pictures, blind, own)
    assert top1 < 0.05 and top5 < 0.15


def test_there_are_24_prompts_and_30_synonyms_and_the_nearest_word_is_told():
    assert len(judged.prompts()) == 24 and len(judged.synonyms()) == 30
    answers = judged.nearest_known(lambda words: torch.eye(64)[[hash_of(word) for word in words]])
    assert {meant for _, meant, _ in answers} == {known for _, known in judged.synonyms()}


def hash_of(word):
    return int(hashlib.sha256(word.encode()).hexdigest()[:8], 16) % 64
