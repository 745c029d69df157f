"""Signed files: valid as they are, invalid with one byte changed."""

import os
import random
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from filmprobe import ffmpeg, read_frames

from vqclip_video.cli.main import main
from vqclip_video.output.provenance import GENERATED, read_label
from vqclip_video.output.self_description import read_origin

STORY = """\
size: 32x32
fps: 24
models: {{clip: {clip}, vqgan: {vqgan}}}
settings: {{cutouts: 2, show_step: 1}}
deliver: [webp, gif, avif, discord, telegram-sticker]
scenes: [{{prompt: a red apple, duration: 0.25s}}]
"""


def run(*arguments, status=0, **environment):
    environment = {"VQCLIP_CERT": None, "VQCLIP_KEY": None, **environment}
    result = CliRunner().invoke(main, [*map(str, arguments)], env=environment)
    assert result.exit_code == status, result.output + repr(result.exception)
    return result


def test_without_the_packages_it_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "c2pa", None)
    (tmp_path / "film.mp4").write_bytes(b"film")
    assert "vqclip-video[credentials]" in run("sign", tmp_path / "film.mp4", status=2).output


@pytest.fixture(scope="module")
def rendered(tmp_path_factory, tiny_files):
    pytest.importorskip("c2pa")
    folder = tmp_path_factory.mktemp("signed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("VQCLIP_HOME", str(folder / "home"))
        Path("story.yaml").write_text(STORY.format(**tiny_files))
        run("render", "story.yaml", "-q")
    return folder / "outputs"


@pytest.fixture
def outputs(rendered, tmp_path, monkeypatch):
    shutil.copytree(rendered, tmp_path / "outputs")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "outputs"


def test_all_files_of_a_run_are_signed_and_one_changed_byte_shows(outputs):
    kinds = {".mp4", ".png", ".jpg", ".webp", ".gif", ".avif"}
    frames = read_frames(outputs / "story.mp4")
    said = run("sign", "outputs/story").output
    assert "verifiers will call it unverified" in said
    files = [
        outputs / "story.mp4",
        *(p for p in (outputs / "story").iterdir() if p.suffix in kinds),
    ]
    assert {path.suffix for path in files} == kinds and len(files) == 7
    assert run("sign", "--check", "outputs/story").stdout.count("valid  ") == 7
    assert (read_frames(outputs / "story.mp4") == frames).all()
    draw = random.Random(1)
    for path in files:
        assert read_label(path).source == GENERATED and read_origin(path).seed == 0
        content = path.read_bytes()
        # Among the pictures: what lies in a manifest itself, or pads it, is another story.
        place = (
            content.find(b"mdat") + 40 if path.suffix in (".mp4", ".avif") else len(content) // 2
        )
        path.write_bytes(
            content[:place] + bytes([content[place] ^ draw.choice((1, 64))]) + content[place + 1 :]
        )
        assert run("sign", "--check", path, status=1).stdout.startswith("invalid"), path
        path.write_bytes(content)


def test_a_delivery_of_a_signed_film_passes_its_platform_and_is_not_signed(outputs):
    run("sign", "outputs/story.mp4", "outputs/story/story.discord.mp4")
    run("check", "outputs/story/story.discord.mp4", "--for", "discord")
    run("deliver", "outputs/story.mp4", "--to", "gif", "-o", "new.gif")
    assert run("sign", "--check", "new.gif", status=1).stdout.startswith("unsigned")
    run("recover", "outputs/story.mp4", "-q")


def test_a_certificate_of_ones_own(outputs, home):
    run("sign", "outputs/story.mp4", "-q")  # which makes a local one
    chain, key = home / "credentials/chain.pem", home / "credentials/key.pem"
    if os.name != "nt":
        assert key.stat().st_mode & 0o077 == 0  # nobody else's business
    said = run("sign", "outputs/story/poster.png", "--cert", chain, "--key", key).output
    assert "unverified" not in said
    said = run(
        "sign", "outputs/story/contact_sheet.jpg", VQCLIP_CERT=str(chain), VQCLIP_KEY=str(key)
    )
    assert "signed" in said.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing.mp4",), "no film"),
        (("theirs.mp4",), "does not say that it was generated"),
        (("outputs/story/story.telegram-sticker.webm",), "not a kind of file"),
        (("outputs/story/run.json",), "not a kind of file"),
        (("outputs/story.mp4", "--cert", "story.pem"), "belong together"),
        (("outputs/story.mp4", "--cert", "no.pem", "--key", "no.pem"), "cannot be read"),
        (("outputs/story.mp4", "--cert", "story.pem", "--key", "story.pem"), "no certificates"),
        (("signed.mp4",), "signed already"),
    ],
)
def test_what_cannot_be_signed_is_refused_and_left_as_it_was(outputs, arguments, words):
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32:r=24:d=0.2", "theirs.mp4")
    Path("story.pem").write_text("no PEM")
    shutil.copy("outputs/story.mp4", "signed.mp4")
    run("sign", "signed.mp4", "-q")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert words in run("sign", *arguments, status=2).output
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
