"""The command, as a user meets it: films and stills from real files, plans without torch,
refusals with a status.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import run
from filmprobe import read_film, read_frames
from PIL import Image
from safetensors.torch import load_file

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def own_models(files: dict) -> str:
    return "{{clip: {clip}, vqgan: {vqgan}, vqgan_config: {config}}}".format(**files)


def write_story(folder: Path, files: dict, text: str = "", name: str = "story.yaml") -> Path:
    models = (
        f"models: {{clip: {files['clip']}, vqgan: {files['vqgan']}, vqgan_config: "
        f"{files['config']}}}\n"
    )
    path = folder / name
    path.write_text(models + (text or SHORT), encoding="utf-8")
    return path


SHORT = """
title: "A short one: 100 % = it"
size: 32x32
fps: 10
seed: 5
settings: {cutouts: 4, show_step: 1}
scenes:
  - {prompt: the sea, duration: 0.5s}
  - {prompt: [the sky, {text: clouds, weight: 0.5}], duration: 700ms, transition: {duration: 300ms}}
"""


@pytest.mark.parametrize("clip_format", ["torchscript", "pt", "safetensors"])
@pytest.mark.parametrize("clip_kind", ["vit", "resnet"])
def test_a_film_from_every_kind_of_clip_file(folder, tiny_files, clip_kind, clip_format):
    from tiny import make_clip

    story = write_story(folder, {**tiny_files, "clip": make_clip(folder, clip_kind, clip_format)})
    run("render", story, "--quiet")
    assert read_film(folder / "outputs/story.mp4").frames == 12


@pytest.mark.parametrize(
    ("kind", "format"),
    [
        ("vq", "lightning"),
        ("vq", "pt"),
        ("vq", "safetensors"),
        ("gumbel", "lightning"),
        ("net2net", "lightning"),
    ],
)
def test_a_film_from_every_kind_of_vqgan_file(folder, tiny_files, kind, format):
    from tiny import make_vqgan

    vqgan, config = make_vqgan(folder, kind, format)
    story = write_story(folder, {**tiny_files, "vqgan": vqgan, "config": config})
    run("render", story, "--quiet")
    assert read_film(folder / "outputs/story.mp4").frames == 12


def test_the_film_is_what_the_plan_said(folder, tiny_files):
    story = write_story(folder, tiny_files)
    plan = json.loads(run("plan", story, "--json").stdout)
    run("render", story)
    film = read_film(folder / plan["film"])
    assert film.frames == plan["frames"] == 12
    assert plan["total_iter"] == 12
    assert film.size == (plan["im_shape"][1], plan["im_shape"][0]) == (32, 32)
    assert film.starts == [pytest.approx(n / 10) for n in range(12)]
    assert "yuv420p" in film.about and "bt709" in film.about and "h264 (High)" in film.about
    for told in ("A short one: 100 % \\= it", "clouds", "storyboard", "[CHAPTER]"):
        assert told in film.metadata


def test_a_still_without_a_name_never_replaces_another(folder, tiny_files):
    models = f"models={own_models(tiny_files)}"
    small = ["--size", "32x32", "--iterations", "1", "--set", "settings.cutouts=2", "--set", models]
    for prompt in ("the sea", "the sky", "fire"):
        run("image", prompt, *small, "-q")
    names = {path.name for path in (folder / "outputs").iterdir()}
    assert {
        f"{stem}.{suffix}"
        for stem in ("image", "image-2", "image-3")
        for suffix in ("png", "safetensors")
    } == names
    (folder / "outputs/image.png").unlink()
    run("image", "the sea", *small, "-q")  # its latent is still there
    assert (folder / "outputs/image-4.png").exists() and not (folder / "outputs/image.png").exists()


@pytest.mark.parametrize("size", ["33x47", "50x34"])
def test_odd_and_uneven_sizes_come_out_as_planned(folder, tiny_files, size):
    story = write_story(folder, tiny_files)
    plan = json.loads(run("plan", story, "--set", f"size={size}", "--json").stdout)
    run("render", story, "--set", f"size={size}", "--quiet")
    film = read_film(folder / "outputs/story.mp4")
    assert film.size == (plan["im_shape"][1], plan["im_shape"][0])
    assert all(
        0 <= made - asked <= 1
        for made, asked in zip(film.size, map(int, size.split("x")), strict=True)
    )


def test_beside_the_film_lies_all_that_was_promised(folder, tiny_files):
    story = write_story(
        folder, {kind: shutil.copy(path, folder) for kind, path in tiny_files.items()}
    )
    run("render", story, "-o", "films/first.mp4")
    there = {
        str(path.relative_to(folder / "films"))
        for path in (folder / "films").rglob("*")
        if path.is_file()
    }
    assert there == {
        "first.mp4",
        "first/poster.png",
        "first/contact_sheet.jpg",
        "first/progress.jsonl",
        "first/storyboard.yaml",
        "first/run.json",
        "first/latents/scene-01.safetensors",
        "first/latents/scene-02.safetensors",
        "first/latents/frames.f16",
        "first/latents/frames.json",
        "first/report.html",
    }
    lines = [
        json.loads(line)
        for line in (folder / "films/first/progress.jsonl").read_text().splitlines()
    ]
    assert [line["frame"] for line in lines] == list(range(12))
    assert {"iteration", "time", "scene", "similarity", "losses"} <= set(lines[0])
    best = max(lines, key=lambda line: line["similarity"])["frame"]
    poster = np.asarray(Image.open(folder / "films/first/poster.png")).astype(int)
    assert np.abs(poster - read_frames(folder / "films/first.mp4")).mean((1, 2, 3)).argmin() == best
    about = json.loads((folder / "films/first/run.json").read_text())
    assert (
        about["seed"] == 5 and about["device"].startswith("cpu") and about["seconds"]["render"] > 0
    )
    # The storyboard as rendered renders the same film.
    run("render", "films/first/storyboard.yaml", "-o", "again.mp4", "--quiet")
    assert np.array_equal(
        read_frames(folder / "again.mp4"), read_frames(folder / "films/first.mp4")
    )


def test_the_ends_alone_are_kept_where_a_storyboard_says_so(folder, tiny_files):
    run("render", write_story(folder, tiny_files), "--set", "latents=ends", "--quiet")
    names = sorted(path.name for path in (folder / "outputs/story/latents").iterdir())
    assert names == ["scene-01.safetensors", "scene-02.safetensors"]
    end = load_file(folder / "outputs/story/latents" / names[0])["latent"]
    assert end.shape == (1, 8, 8, 8)


def test_a_finished_film_is_left_alone_until_fresh(folder, tiny_files):
    story = write_story(folder, tiny_files)
    run("render", story, "--quiet")
    before = (folder / "outputs/story.mp4").stat().st_mtime_ns
    assert "--fresh" in run("render", story).stderr
    assert (folder / "outputs/story.mp4").stat().st_mtime_ns == before
    run("render", story, "--fresh", "--quiet")
    assert (folder / "outputs/story.mp4").stat().st_mtime_ns > before


def test_json_tells_a_machine_each_frame_and_the_end(folder, tiny_files):
    story = write_story(folder, tiny_files)
    events = [json.loads(line) for line in run("render", story, "--json").stdout.splitlines()]
    assert [event["event"] for event in events] == ["start", *["frame"] * 12, "finished"]
    assert events[-1]["film"].endswith("story.mp4")
    (again,) = [json.loads(line) for line in run("render", story, "--json").stdout.splitlines()]
    assert again["event"] == "there" and again["film"].endswith("story.mp4")


def test_a_picture_that_changed_makes_another_film(folder, tiny_files):
    Image.new("RGB", (8, 8), "red").save("reference.png")
    story = write_story(
        folder, tiny_files, SHORT.replace("prompt: the sea", "prompt: {image: reference.png}")
    )
    run("render", story, "-q")
    Image.new("RGB", (8, 8), "blue").save("reference.png")
    assert "reference.png" in run("render", story, status=1).stderr
    run("render", story, "-q", "--fresh")


def test_a_render_that_was_refused_does_not_stand_in_the_way_of_the_corrected_one(
    folder, tiny_files
):
    story = write_story(folder, tiny_files)
    assert (
        "discriminator" in run("render", story, "--set", "settings.losses.gan=1", status=1).stderr
    )
    run("render", story, "-q")


def test_a_film_is_finished_where_its_speed_cannot_be_remembered(folder, tiny_files, monkeypatch):
    (folder / "file").write_text("not a folder")
    monkeypatch.setenv("VQCLIP_HOME", str(folder / "file" / "home"))
    run("render", write_story(folder, tiny_files), "-q", "--set", "scenes[0].duration=3s")
    assert (folder / "outputs/story.mp4").exists()
    run("plan", folder / "story.yaml")


def test_keeping_every_latent_is_part_of_the_disk_that_is_needed(folder):
    (folder / "story.yaml").write_text(
        "size: 512x512\npacing: steady\nscenes: [{prompt: a sea, duration: 60s}]\n"
    )
    plain, kept = (
        json.loads(run("plan", "story.yaml", "--set", f"latents={which}", "--json").stdout)[
            "disk_bytes"
        ]
        for which in ("ends", "frames")
    )
    assert kept - plain == 60 * 24 * 64 * 64 * 16 * 2


def test_a_piped_render_says_the_scenes_and_where_the_film_is(folder, tiny_files):
    said = run("render", write_story(folder, tiny_files)).stderr
    assert "scene 1/2: the sea" in said and "scene 2/2: the sky + clouds" in said
    assert "outputs/story.mp4: 12 frames" in said
    assert run("render", write_story(folder, tiny_files), "-o", "quiet.mp4", "-q").output == ""


def test_set_is_checked_like_the_file(folder, tiny_files):
    story = write_story(folder, tiny_files)
    plan = json.loads(
        run(
            "plan",
            story,
            "--set",
            "settings.show_step=3",
            "--set",
            "scenes[0].duration=1s",
            "--json",
        ).stdout
    )
    assert plan["total_iter"] == 51
    wrong = run("render", story, "--set", "settings.learning_rat=3", "--set", "fps=0", status=2)
    assert "did you mean 'learning_rate'" in wrong.stderr and "fps" in wrong.stderr


def test_a_wrong_storyboard_is_refused_with_every_mistake(folder):
    (folder / "story.yaml").write_text(
        "sise: 3x3\nscenes:\n  - prompt: a\n    settings:\n      learnig_rate: 1\n"
    )
    for command in ("render", "plan", "check"):
        said = run(command, "story.yaml", status=2).stderr
        assert "story.yaml:1:1: unknown key 'sise'; did you mean 'size'?" in said
        assert (
            "story.yaml:5:7: scenes[0].settings: unknown key 'learnig_rate'; did you mean "
            "'learning_rate'?" in said
        )


def test_an_unknown_model_is_named_with_its_place_and_the_likely_one(folder):
    (folder / "story.yaml").write_text("models: storybok\nscenes: [{prompt: a sea}]\n")
    said = run("render", "story.yaml", status=2).stderr
    assert "story.yaml:1:9" in said and "'storybook'" in said


def test_a_model_that_is_not_here_stops_before_anything_else(folder):
    (folder / "story.yaml").write_text("models: imagenet\nscenes: [{prompt: a sea}]\n")
    said = run("render", "story.yaml", status=1).stderr
    assert "vqclip-video models fetch" in said and "https://" in said
    assert not (folder / "outputs").exists()
    code = (
        "import sys; from vqclip_video.cli.main import main\n"
        "try: main(['render', 'story.yaml'])\n"
        "except SystemExit as end: assert end.code == 1 and 'torch' not in sys.modules, end"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert run("plan", "story.yaml").exit_code == 0


def test_a_prompt_longer_than_clip_reads_is_said_and_rendered(folder, tiny_files):
    long = " ".join(["sunflower"] * 90) + " at the very end"
    story = write_story(
        folder,
        tiny_files,
        f"size: 32x32\nsettings: {{cutouts: 2}}\nscenes: [{{prompt: {long}, duration: 0.1}}]\n",
    )
    said = run("check", story).stderr
    assert "CLIP reads 77" in said and "at the very end" in said
    run("render", story, "--quiet")


def test_new_writes_a_storyboard_that_plans_and_never_overwrites(folder):
    assert "vqclip-video render" in run("new", "mine.yaml").stdout
    assert "3 scenes" in run("check", "mine.yaml").stdout
    assert run("new", "mine.yaml", status=2).stderr.startswith("error: mine.yaml")
    run("new", "nowhere/mine.yaml", status=1)


def test_the_plan_reads_like_a_table(folder, tiny_files):
    said = run("plan", write_story(folder, tiny_files)).stdout
    assert (
        "total_iter  12" in said
        and "the sky + clouds" in said
        and "known after a first render here" in said
    )
    run("render", folder / "story.yaml", "--quiet")
    assert "about" in run("plan", folder / "story.yaml").stdout.split("rendering")[1]


def test_an_image_with_the_steps_in_between_and_its_latent(folder):
    run(
        "image",
        "a red apple",
        "-o",
        "apple.png",
        "--iterations",
        "6",
        "--every",
        "2",
        "--size",
        "40x33",
        "--exclude",
        "blue",
        "--style",
        "flat colours",
        "--seed",
        "3",
        "--set",
        "settings.cutouts=2",
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        "apple-00002.png",
        "apple-00004.png",
        "apple-00006.png",
        "apple.png",
        "apple.safetensors",
    ]
    assert Image.open("apple.png").size == (40, 33)
    assert load_file("apple.safetensors")["latent"].shape == (1, 16, 5, 5)
    assert np.array_equal(Image.open("apple.png"), Image.open("apple-00006.png"))


def test_an_images_last_picture_is_the_result_whatever_is_saved_in_between(folder):
    run(
        "image",
        "a red apple",
        "-o",
        "a.png",
        "--iterations",
        "5",
        "--every",
        "3",
        "--size",
        "32x32",
        "-q",
        "--set",
        "settings.cutouts=2",
        "--set",
        "settings.show_step=4",
    )
    run(
        "image",
        "a red apple",
        "-o",
        "b.png",
        "--iterations",
        "5",
        "--size",
        "32x32",
        "-q",
        "--set",
        "settings.cutouts=2",
    )
    assert sorted(path.name for path in folder.glob("*.png")) == ["a-00003.png", "a.png", "b.png"]
    assert np.array_equal(Image.open("a.png"), Image.open("b.png"))
    assert not np.array_equal(Image.open("a.png"), Image.open("a-00003.png"))


def test_an_image_is_refused_in_the_words_of_the_command(folder):
    assert (
        "error: --iterations: " in run("image", "a red apple", "--iterations", "0", status=2).stderr
    )
    assert "error: --size: " in run("image", "a red apple", "--size", "abc", status=2).stderr
    assert "error: PROMPT: " in run("image", " ", status=2).stderr
    assert (
        "no model is called" in run("image", "a red apple", "--models", "storybok", status=2).stderr
    )
    assert ".png" in run("image", "a red apple", "-o", "apple.mp4", status=2).stderr
    assert not list(folder.iterdir())


def test_an_image_that_the_device_cannot_compute_is_explained(folder, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("CUDA error: device-side assert triggered\nand more")

    monkeypatch.setattr("vqclip_video.engine.cast.load_cast", broken)
    said = run("image", "a red apple", status=1).stderr
    assert "device-side assert" in said and "and more" not in said


def test_models_lists_what_is_here_with_licence_and_source(folder):
    said = run("models", "list").stdout
    assert "imagenet-f16-16384" in said and "ViT-B/32" in said and "storybook" in said
    rows = json.loads(run("models", "list", "--json").stdout)
    assert {row["name"]: row["status"] for row in rows}["ViT-B/32"] == "missing"
    assert all(row["licence"] and row["source"] for row in rows)
    assert "ok" in run("models", "verify", "storybook").stdout
    assert run("models", "where").stdout.strip()
    run("models", "fetch", "nonsense", status=2)


def test_an_encoder_that_nobody_knows_is_refused_with_the_known_ones(folder, tiny_files):
    assert (
        "libx264"
        in run("render", write_story(folder, tiny_files), "--encoder", "bogus", status=2).stderr
    )


def test_a_pipe_that_knows_few_letters_gets_the_others_escaped(folder):
    (folder / "story.yaml").write_text("scenes: [{prompt: 夜の海}]\n", encoding="utf-8")
    code = "from vqclip_video.cli.main import main; main()"
    for arguments in (["plan", "story.yaml"], ["plan", "story.yaml", "--json"], ["schema"]):
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        )
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.decode("ascii")


def test_an_output_that_is_no_film_is_refused(folder, tiny_files):
    assert (
        ".mp4" in run("render", write_story(folder, tiny_files), "-o", "film.avi", status=2).stderr
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["render", "--help"],
        ["dream", "--help"],
        ["plan", "story.yaml"],
        ["check", "story.yaml"],
        ["schema"],
        ["new", "other.yaml"],
        ["models", "list"],
    ],
)
def test_what_needs_no_network_of_either_kind_imports_none(folder, arguments):
    (folder / "story.yaml").write_text("scenes: [{prompt: a sea}]\n")
    code = (
        f"import sys; from vqclip_video.cli.main import main\ntry: main({arguments!r})\nexcept "
        "SystemExit as end: assert not end.code, end.code\nheavy = {'torch', 'torchvision', "
        "'clip', 'taming', 'requests', 'http.client'} & set(sys.modules)\nassert not heavy, "
        "heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "storyboards").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_storyboard_in_the_repository_is_right(path):
    assert "ok" in run("check", path).stdout
