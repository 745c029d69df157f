"""Pictures of every kind that people have, and things that only pretend to be pictures."""

import numpy as np
import pytest
import torch
from PIL import Image

from vqclip_video.engine import pictures
from vqclip_video.errors import VqclipError


def loaded(path, width=8, height=8):
    picture = pictures.load_picture(path, width, height)
    assert picture.shape == (1, 3, height, width)
    assert picture.dtype == torch.float32 and picture.min() >= 0 and picture.max() <= 1
    return picture


def test_a_wide_picture_is_cropped_to_its_middle_not_squeezed(tmp_path):
    wide = Image.new("RGB", (60, 20), "red")
    wide.paste("blue", (20, 0, 40, 20))
    wide.save(tmp_path / "wide.png")
    colour = loaded(tmp_path / "wide.png").mean((0, 2, 3))
    torch.testing.assert_close(colour, torch.tensor([0.0, 0.0, 1.0]), atol=0.05, rtol=0)


@pytest.mark.parametrize(
    ("mode", "colour", "suffix", "expected"),
    [
        ("L", 128, "png", (0.5, 0.5, 0.5)),
        ("1", 1, "png", (1, 1, 1)),
        ("P", 0, "gif", (0, 0, 0)),
        ("CMYK", (0, 255, 255, 0), "jpg", (1, 0, 0)),
        ("RGBA", (0, 0, 0, 0), "png", (1, 1, 1)),
        ("LA", (0, 0), "png", (1, 1, 1)),
    ],
)
def test_every_mode_becomes_rgb_on_white(tmp_path, mode, colour, suffix, expected):
    path = tmp_path / f"picture.{suffix}"
    Image.new(mode, (16, 16), colour).save(path)
    torch.testing.assert_close(
        loaded(path).mean((0, 2, 3)), torch.tensor(expected, dtype=torch.float32), atol=0.02, rtol=0
    )


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    levels = np.full((16, 16), 32768, np.uint16)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    torch.testing.assert_close(
        loaded(tmp_path / "deep.png").mean(), torch.tensor(0.5), atol=0.01, rtol=0
    )


def test_a_photo_lying_on_its_side_is_turned_upright(tmp_path):
    sideways = Image.new("RGB", (16, 16), "red")
    sideways.paste("blue", (0, 0, 8, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate clockwise to see it
    sideways.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    top = loaded(tmp_path / "photo.jpg", 16, 16)[0, :, :6].mean((1, 2))
    assert top[2] > 0.8 > 0.2 > top[0]


def test_the_first_picture_of_an_animation_is_taken(tmp_path):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("lime", "red")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    torch.testing.assert_close(
        loaded(tmp_path / "moving.gif").mean((0, 2, 3)), torch.tensor([0.0, 1.0, 0.0])
    )


def test_a_truncated_picture_is_refused(tmp_path):
    path = tmp_path / "cut.png"
    Image.effect_noise((64, 64), 90).save(path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(VqclipError, match=r"cut\.png"):
        pictures.load_picture(path, 8, 8)


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(20)]
)
def test_what_is_no_picture_is_refused(tmp_path, content):
    path = tmp_path / "fake.png"
    path.write_bytes(content)
    with pytest.raises(VqclipError, match=r"fake\.png"):
        pictures.load_picture(path, 8, 8)


def test_a_decompression_bomb_is_refused_before_it_unfolds(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    Image.new("1", (400, 400)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50_000)
    with pytest.raises(VqclipError, match="refused"):
        pictures.load_picture(path, 8, 8)
