"""Names and paths become files, or a message with the way to get them."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vqclip_video.catalogue import known, names, store
from vqclip_video.catalogue.known_clips import OPENAI_SOURCE
from vqclip_video.catalogue.model import Model, ModelFile
from vqclip_video.disk.safetensors_header import read_shapes
from vqclip_video.errors import ModelError, StoryboardError, UsageError
from vqclip_video.materials import find_models
from vqclip_video.outline import outline
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.problems import Mark
from vqclip_video.storyboard.schema import Models, Storyboard

CONFIG = (store.BUNDLED / "vqgan.yaml").read_text("utf-8")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty cache and an empty home."""
    monkeypatch.setenv("VQCLIP_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.fixture
def small(monkeypatch):
    """ViT-B/32 and imagenet-f16-16384 made small enough to write."""
    for name in ("ViT-B/32", "imagenet-f16-16384"):
        model = known.MODELS[name]
        files = tuple(ModelFile(file.filename, file.urls, _sha(file), 4) for file in model.files)
        monkeypatch.setitem(
            known.MODELS, name, Model(name, model.kind, model.side, files, "", "", "")
        )


def _sha(file):
    return hashlib.sha256(b"good").hexdigest() if file.filename.startswith("ViT") else None


def factor(models: Models) -> int:
    """Pixels for one place of the latent, as a plan knows it."""
    return outline(Storyboard(models=models)).factor


def put(path: Path, content: bytes | str = b"good") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_storybook_pair_is_here_and_whole():
    paths = find_models(Models())
    assert paths.clip.is_file() and paths.vqgan.is_file() and paths.vqgan_config.is_file()
    assert paths.names == "storybook"
    assert factor(Models()) == 8
    for model in names.members("storybook"):
        assert store.status(model) == "present"
        assert [result.ok for result in store.verify(model)] == [True] * len(model.files)


def test_neither_torch_nor_the_network_is_loaded():
    code = """
import sys
from vqclip_video.catalogue import fetch, known, store
from vqclip_video.materials import find_models
from vqclip_video.outline import outline
from vqclip_video.storyboard.schema import Models, Storyboard
find_models(Models()), outline(Storyboard())
[store.describe(model) for model in known.MODELS.values()]
print([name for name in ("torch", "numpy", "urllib.request", "http.client", "requests") if name in sys.modules])
"""
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        == "[]"
    )


def test_openai_links_carry_their_own_sha256_as_in_the_packages_table():
    import importlib.util

    source = Path(importlib.util.find_spec("clip").origin).with_name("clip.py").read_text("utf-8")
    tables = [
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_MODELS"
    ]
    table = ast.literal_eval(tables[0])
    clips = {name: model for name, model in known.MODELS.items() if model.source == OPENAI_SOURCE}
    assert {name: model.files[0].urls[0] for name, model in clips.items()} == table
    assert all(model.files[0].sha256 == table[name].split("/")[-2] for name, model in clips.items())


def test_every_listed_model_says_where_it_is_from():
    for model in known.MODELS.values():
        row = store.describe(model)
        assert row["licence"] and row["source"] and row["summary"] and row["size"]
        assert model.bundled or all(
            url.startswith("https://") for file in model.files for url in file.urls
        )
        assert len(model.files) == (2 if model.kind == "vqgan" else 1)
    for pair in known.PAIRS.values():
        assert known.MODELS[pair.clip].kind == "clip" and known.MODELS[pair.vqgan].kind == "vqgan"
        for kind in ("sketchbook", "prior"):
            assert getattr(pair, kind) is None or known.MODELS[getattr(pair, kind)].kind == kind


def test_every_sha256_is_one_and_no_link_is_named_twice():
    links = [url for m in known.MODELS.values() for file in m.files for url in file.urls]
    assert len(set(links)) == len(links)
    for model in known.MODELS.values():
        for file in model.files:
            assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert bool(file.urls) != (model.bundled or file.packaged)
            assert file.urls or store.paths_of(model)[model.files.index(file)].is_file()
    filenames = [(m.kind, file.filename) for m in known.MODELS.values() for file in m.files]
    assert len(set(filenames)) == len(filenames)
    # Weights that were trained on from those of this name.
    assert not any("vqgan_f16_16384" in url for url in links)


def test_what_laions_clips_are_computed_with_belongs_to_their_names():
    clips = [m for m in known.MODELS.values() if "laion" in m.source]
    assert [m.name for m in clips] == [
        *(f"ViT-{size}-laion2b" for size in ("B-32", "B-16", "L-14", "H-14")),
        *(f"ViT-{size}-datacomp" for size in ("B-32", "B-16", "L-14")),
    ]
    for model in clips:
        config, half = model.clip, model.name == "ViT-L-14-laion2b"
        assert not config.quick_gelu and model.licence == "MIT"
        assert config.image_head == (80 if "H-14" in model.name else 64)
        assert (config.mean == (0.5, 0.5, 0.5)) == (config.std == (0.5, 0.5, 0.5)) == half
        assert names.made_like(model.name) == config
        assert outline(Storyboard(models=Models(model.name))).clip_side == 224


@pytest.mark.parametrize(
    ("name", "factor", "numbers", "sphere"),
    [
        ("llamagen-f16", 16, 8, True),
        ("llamagen-f8", 8, 8, True),
        ("ibq-f16-16384", 16, 256, False),
        ("coco-f16-8192", 16, 256, False),
    ],
)
def test_vqgans_are_planned_with_before_their_weights_are_here(name, factor, numbers, sphere):
    known_now = outline(Storyboard(models=Models("storybook", name)))
    assert known_now.missing == (name,)
    config = known_now.config
    assert (config.factor, config.embed_dim, config.sphere) == (factor, numbers, sphere)
    assert known.MODELS[name].side == factor


def test_a_config_of_the_package_joins_the_weights_that_were_fetched():
    model = known.MODELS["llamagen-f8"]
    weights, config = store.paths_of(model)
    assert store.status(model) == "missing" and str(config) not in store.how_to_get(
        model, "missing"
    )
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"PK weights")
    assert store.status(model) == "present"
    files = find_models(Models("storybook", "llamagen-f8"))
    assert (files.vqgan, files.vqgan_config) == (weights, config)
    assert all(each.ok for each in store.verify(model))
    weights.write_bytes(b"PK other weights")
    assert [each.ok for each in store.verify(model)] == [False, True]


def test_the_reader_knows_the_same_names():
    halves = [name for name, model in known.MODELS.items() if model.kind in ("clip", "vqgan")]
    assert sorted(names.NAMES) == sorted([*known.PAIRS, *halves])


def test_models_that_are_not_here_are_all_told_with_the_way_to_get_them(home):
    with pytest.raises(ModelError) as caught:
        find_models(Models("imagenet", "imagenet"))
    text = str(caught.value)
    for name in ("ViT-B/32", "imagenet-f16-16384"):
        assert f"vqclip-video models fetch {name}" in text
        assert all(url in text for file in known.MODELS[name].files for url in file.urls)
    assert str(home / "cache" / "models" / "clip" / "ViT-B-32.pt") in text and "354 MB" in text
    assert factor(Models("imagenet", "imagenet")) == 16


def test_fetched_models_are_found_and_cut_off_ones_told(home, small):
    clip = put(home / "cache/models/clip/ViT-B-32.pt")
    vqgan = put(home / "cache/models/vqgan/imagenet-f16-16384.ckpt")
    config = put(vqgan.with_suffix(".yaml"))
    paths = find_models(Models("imagenet", "imagenet-f16-16384"))
    assert (paths.clip, paths.vqgan, paths.vqgan_config) == (clip, vqgan, config)
    put(clip, b"goo")
    with pytest.raises(ModelError, match="ViT-B/32 is here, but damaged or incomplete"):
        find_models(Models("imagenet", "imagenet"))


def test_openais_own_folder_is_looked_into_for_whole_files(home, small):
    theirs = put(home / ".cache/clip/ViT-B-32.pt")
    assert find_models(Models("ViT-B/32", "storybook")).clip == theirs
    put(theirs, b"cut")
    assert store.paths_of(known.MODELS["ViT-B/32"])[0] == home / "cache/models/clip/ViT-B-32.pt"


def test_verify_tells_right_wrong_and_missing(home, small):
    clip, vqgan = names.members("imagenet")
    (missing,) = store.verify(clip)
    assert not missing.ok and "vqclip-video models fetch ViT-B/32" in missing.detail
    path = put(home / "cache/models/clip/ViT-B-32.pt")
    assert [result.ok for result in store.verify(clip)] == [True]
    put(path, b"evil")
    assert [result.ok for result in store.verify(clip)] == [False]
    assert store.present() == [*names.members("storybook"), clip]


def test_a_sha256_nobody_knows_is_that_of_the_first_time(home, small):
    vqgan = known.MODELS["imagenet-f16-16384"]
    for path in store.paths_of(vqgan):
        put(path)
    assert [result.ok for result in store.verify(vqgan)] == [True, True]
    put(store.paths_of(vqgan)[0], b"evil")
    assert [result.ok for result in store.verify(vqgan)] == [False, True]
    put(home / "cache/models/sha256.json", b"[not json")
    assert [result.ok for result in store.verify(vqgan)] == [True, True]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ViT-B32", "did you mean 'ViT-B/32'?"),
        ("vit-b/32", "did you mean 'ViT-B/32'?"),
        ("imagnet", "did you mean 'imagenet'?"),
        ("imagenet-f16-1024", "is a VQGAN"),
        ("x" * 10_000, "no model is called 'xxx"),
        ("nul\0l", "no model is called"),
    ],
    ids=range(6),
)
def test_an_unknown_name_gets_the_likely_one_and_the_list(name, hint):
    with pytest.raises(UsageError) as caught:
        find_models(Models(name, "storybook"))
    assert (
        hint in str(caught.value)
        and "RN50x64" in str(caught.value)
        and len(str(caught.value)) < 500
    )
    with pytest.raises(UsageError, match="did you mean 'RN50x4'"):
        names.members("RN50x")


def test_names_are_checked_at_their_place_in_the_storyboard():
    marks = {"models": Mark(3, 1), "models.vqgan": Mark(4, 10)}
    outline(Storyboard(models=Models("ViT-B/32", "imagenet"), marks=marks))
    with pytest.raises(StoryboardError) as caught:
        outline(Storyboard(models=Models("RN51", "imaginet"), source=Path("s.yaml"), marks=marks))
    clip, vqgan = str(caught.value).splitlines()
    assert clip.startswith(
        "s.yaml:3:1: models.clip: no model is called 'RN51'; did you mean 'RN50'?"
    )
    assert vqgan.startswith("s.yaml:4:10: models.vqgan: ")


def complaints(text: str, base: Path) -> list[str]:
    """What is wrong with the models of a storyboard, without its name."""
    with pytest.raises(StoryboardError) as caught:
        outline(reader.parse(f"{text}\nscenes:\n- {{prompt: a}}\n- {{prompt: b}}\n", base=base))
    return [line.removeprefix("storyboard:") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("models", "place", "reason"),
    [
        (
            "{clip: ./no.pt}",
            "1:16: models.clip: ",
            "there is no file .*no.pt; known names are storybook",
        ),
        (
            "{vqgan: no.ckpt}",
            "1:17: models.vqgan: ",
            "there is no file .*no.ckpt; known names are storybook",
        ),
        ("{vqgan: two}", "1:17: models.vqgan: ", "not one checkpoint but a.ckpt, b.ckpt"),
        (
            "{vqgan: lone/a.ckpt}",
            "1:17: models.vqgan: ",
            "no YAML beside it; .* or name it with vqgan_config",
        ),
        (
            "{vqgan: many/a.ckpt}",
            "1:17: models.vqgan: ",
            r"more than one YAML \(x.yaml, y.yaml\) beside it",
        ),
        (
            "{vqgan: foreign}",
            "1:17: models.vqgan: ",
            "antigravity.Network.*is not a VQGAN known here",
        ),
        (
            "{vqgan: lone, vqgan_config: no.yaml}",
            "1:37: models.vqgan_config: ",
            "no.yaml: cannot be read",
        ),
        (
            "{vqgan: imagenet, vqgan_config: foreign/a.yaml}",
            "1:41: models.vqgan_config: ",
            "not a VQGAN known here",
        ),
    ],
)
def test_ones_own_files_that_cannot_serve_are_told_at_their_place(home, models, place, reason):
    put(home / "two" / "a.ckpt"), put(home / "two" / "b.ckpt"), put(home / "lone" / "a.ckpt")
    (
        put(home / "many" / "a.ckpt"),
        put(home / "many" / "x.yaml", CONFIG),
        put(home / "many" / "y.yaml", CONFIG),
    )
    foreign = CONFIG.replace("taming.models.vqgan.VQModel", "antigravity.Network")
    put(home / "foreign" / "a.ckpt"), put(home / "foreign" / "a.yaml", foreign)
    (said,) = complaints(f"models: {models}", home)
    assert said.startswith(place) and re.search(reason, said)
    assert ": models." not in said.removeprefix(place)


def test_ones_own_files_that_serve_and_known_models_not_here_pass_the_check(home):
    put(home / "own" / "a.ckpt"), put(home / "own" / "a.yaml", CONFIG), put(home / "clip.pt")
    configured = "{vqgan: imagenet, vqgan_config: own/a.yaml}"
    for models in ("{clip: clip.pt, vqgan: own}", "imagenet", "storybook", configured):
        outline(reader.parse(f"models: {models}\nscenes: [{{prompt: a}}]", base=home))


def safetensors(path: Path, *names: str) -> Path:
    """A file with these tensors, all empty."""
    header = json.dumps(
        {name: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for name in names}
    ).encode()
    put(path.with_suffix(".yaml"), CONFIG)
    return put(path, len(header).to_bytes(8, "little") + header)


def test_gan_without_a_discriminator_is_told_at_the_setting(home):
    safetensors(
        home / "without.safetensors", "decoder.conv_in.weight", "loss.perceptual_loss.lin0.weight"
    )
    for models in ("storybook", "{vqgan: storybook-vqgan}", "{vqgan: without.safetensors}"):
        board = (
            f"models: {models}\nscenes:\n- {{prompt: a}}\n- {{prompt: b, settings: {{losses: {{gan:"
            " 0.5}}}\n"
        )
        with pytest.raises(StoryboardError) as caught:
            outline(reader.parse(board, base=home))
        assert str(caught.value).startswith(
            "storyboard:4:40: scenes[1].settings.losses.gan: found 0.5, but the VQGAN "
        )
        assert "has no discriminator; set it to 0" in str(
            caught.value
        ) and "imagenet-f16-1024" in str(caught.value)
    clip, said = complaints("models: {clip: no.pt}\nsettings: {losses: {gan: 2}}", home)
    assert clip.startswith("1:16: models.clip: ")
    assert said.startswith("2:26: settings.losses.gan: found 2, but")


def test_gan_passes_where_there_is_a_discriminator_or_only_loading_can_tell(home):
    safetensors(home / "with.safetensors", "loss.discriminator.main.0.weight")
    safetensors(home / "net2net.safetensors", "first_stage_model.loss.discriminator.main.0.weight")
    put(home / "pickle.ckpt", b"PK\x03\x04" + bytes(100)), put(home / "pickle.yaml", CONFIG)
    for vqgan in (
        "imagenet",
        "openimages-gumbel-f8-8192",
        "with.safetensors",
        "net2net.safetensors",
        "pickle.ckpt",
    ):
        board = (
            f"models: {{vqgan: {vqgan}}}\nsettings: {{losses: {{gan: 1}}}}\nscenes: [{{prompt: a}}]"
        )
        outline(reader.parse(board, base=home))
    off = "settings: {losses: {gan: 1}}\nscenes: [{prompt: a, settings: {losses: {gan: 0}}}]"
    outline(reader.parse(off, base=home))


def test_the_catalogue_is_right_about_the_storybook_discriminator():
    tensors = read_shapes(find_models(Models()).vqgan)
    has_one = any(name.startswith("loss.discriminator.") for name in tensors)
    assert has_one == known.MODELS["storybook-vqgan"].discriminator


@pytest.mark.parametrize(
    ("checkpoint", "config"),
    [
        ("mine.ckpt", "mine.yaml"),
        ("mine.ckpt", "mine.yml"),
        ("last.ckpt", "model.yaml"),
        ("last.ckpt", "anything.yaml"),
        ("log/ckpts/last.ckpt", "log/configs/model.yaml"),
        ("log/checkpoints/last.ckpt", "log/configs/2020-11-09T13-31-51-project.yaml"),
    ],
)
def test_the_config_of_ones_own_vqgan_is_found(home, checkpoint, config):
    checkpoint, config = put(home / "own" / checkpoint), put(home / "own" / config, CONFIG)
    if config.name.endswith("-project.yaml"):
        put(config.with_name("2020-11-09T13-31-51-lightning.yaml"), "trainer: {}")
    paths = find_models(Models("storybook", str(checkpoint)))
    assert (paths.vqgan, paths.vqgan_config) == (checkpoint, config)
    assert factor(Models("storybook", str(checkpoint))) == 8
    folder = home / "own" / "log" if "log" in checkpoint.parts else home / "own"
    assert find_models(Models("storybook", str(folder))).vqgan == checkpoint


def test_a_config_named_wins_over_the_one_beside(home):
    own, other = (
        put(home / "own.ckpt"),
        put(home / "f4" / "other.yaml", CONFIG.replace("- 2\n      - 2", "- 2")),
    )
    put(home / "own.yaml", CONFIG)
    models = Models("storybook", str(own), other)
    assert find_models(models).vqgan_config == other and factor(models) == 4
    assert factor(Models("imagenet", "imagenet", other)) == 4
    with pytest.raises(ModelError, match="there is no file"):
        find_models(Models("storybook", str(own), home / "no.yaml"))


def test_ones_own_files_that_do_not_serve(home):
    clip = str(put(home / "clip.pt"))
    assert find_models(Models(clip, "storybook")).clip == Path(clip)
    put(home / "two" / "a.ckpt"), put(home / "two" / "b.ckpt"), put(home / "lone" / "a.ckpt")
    for vqgan, reason in (
        (home / "gone.ckpt", "there is no file"),
        (home / ("x" * 10_000), "there is no file"),
        (home / "two", "not one checkpoint but a.ckpt, b.ckpt"),
        (home / "lone" / "a.ckpt", "no YAML beside it; .*a.yaml, or name it with vqgan_config"),
    ):
        with pytest.raises(ModelError, match=reason):
            find_models(Models(clip, str(vqgan)))


def test_a_config_naming_another_class_is_refused_and_not_imported(home):
    own = put(home / "own.ckpt")
    put(home / "own.yaml", CONFIG.replace("taming.models.vqgan.VQModel", "antigravity.Network"))
    with pytest.raises(StoryboardError, match="antigravity.Network.*is not a VQGAN known here"):
        factor(Models("storybook", str(own)))
    assert "antigravity" not in sys.modules
