"""The pictures and latents that a storyboard names: what is none, or not whole, is refused where
it is named.
"""

import subprocess
import sys

import numpy as np
import pytest
from complaints import ONE_SCENE, complaint
from PIL import Image
from safetensors.numpy import save_file

from vqclip_video.storyboard import reader


@pytest.fixture
def folder(tmp_path):
    Image.new("RGB", (8, 8), "orange").save(tmp_path / "ref.png")
    save_file({"latent": np.zeros((1, 16, 4, 4), np.float32)}, tmp_path / "start.safetensors")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.png", "cannot find"),
        (".", "is not a file"),
        ("text.png", "cannot be read as a picture"),
        ("bomb.png", "too many pixels"),
        ("cut.png", "cut off"),
        ("'a\\0'", "cannot find"),
    ],
)
def test_pictures_that_are_none(folder, name, message):
    (folder / "text.png").write_text("no picture")
    content = (folder / "ref.png").read_bytes()
    (folder / "cut.png").write_bytes(content[:20])
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
    said = complaint(f"scenes: [{{prompt: {{image: {name}}}}}]", base=folder)
    assert said.startswith("1:27: scenes[0].prompt.image:") and message in said
    assert message in complaint(f"init: {{image: {name}}}\n{ONE_SCENE}", base=folder)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {}),
        ("WEBP", {}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("PPM", {}),
    ],
)
def test_pictures_cut_off_are_refused_at_their_place(folder, format, options):
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    path = folder / f"noise.{format.lower()}"
    Image.fromarray(noise).save(path, format, **options)
    init = f"init: {{image: {path.name}}}\n{ONE_SCENE}"
    assert reader.parse(init, base=folder).init.image == path
    path.write_bytes(path.read_bytes()[:-5000])
    said = complaint(init, base=folder)
    assert said.startswith("1:15: init.image:") and ("cut off" in said or "cannot be read" in said)


@pytest.mark.parametrize(
    ("format", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {"quality": 1})],
)
def test_looking_at_a_huge_picture_takes_little(folder, format, options):
    """48 million pixels, as a telephone's; in a process of its own, whose peak nothing else has
    raised.
    """
    path = folder / f"huge.{format.lower()}"
    Image.new("RGB", (8000, 6000), "teal").save(path, format, **options)
    code = """
import resource, sys, time
from pathlib import Path
from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from vqclip_video.storyboard import files
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
files.picture(Path(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, time.process_time() - began)
"""
    pytest.importorskip("resource")
    said = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    ).stdout
    unit = 1 if sys.platform == "darwin" else 1024
    memory, seconds = said.split()
    assert int(memory) * unit < 200e6 and float(seconds) < 2


def test_latents(folder):
    assert reader.parse(
        f"init: {{latent: start.safetensors}}\n{ONE_SCENE}", base=folder
    ).init.latent.is_file()
    assert "cannot find" in complaint(f"init: {{latent: x.safetensors}}\n{ONE_SCENE}", base=folder)
    assert "expected a .safetensors file" in complaint(
        f"init: {{latent: ref.png}}\n{ONE_SCENE}", base=folder
    )
    assert "found both image and latent" in complaint(
        f"init: {{image: ref.png, latent: start.safetensors}}\n{ONE_SCENE}", base=folder
    )


def test_latents_that_are_none(folder):
    init, path = f"init: {{latent: start.safetensors}}\n{ONE_SCENE}", folder / "start.safetensors"
    whole = path.read_bytes()
    for content, message in (
        (b"", "is no .safetensors file"),
        (bytes(16), "is no .safetensors file"),
        (b"x" * 999, "is no .safetensors"),
        (whole[:-1], "is cut off"),
        ((2**63).to_bytes(8, "little") + b"{}", "is no .safetensors"),
    ):
        path.write_bytes(content)
        said = complaint(init, base=folder)
        assert said.startswith("1:16: init.latent:") and message in said
    for name, shape in (("z", (1, 16, 4, 4)), ("latent", (16, 4, 4)), ("latent", (1, 16, 0, 4))):
        save_file({name: np.zeros(shape, np.float32)}, path)
        assert "holds no latent; films and stills save such files" in complaint(init, base=folder)
