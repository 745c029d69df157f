import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqclip_video.disk import files
from vqclip_video.disk.files import atomic_write, explanation, free_space
from vqclip_video.doctor import check_disk, check_encoders, check_ffmpeg
from vqclip_video.errors import OutputError
from vqclip_video.text import plain_text, safe_name, shortened


@pytest.mark.parametrize(
    "content, stored", [(b"\0\xff", b"\0\xff"), ("é\n", b"\xc3\xa9\n"), ("\ud800", b"?")]
)
def test_content_arrives_and_nothing_else_stays(tmp_path, content, stored):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    atomic_write(path, content)
    assert path.read_bytes() == stored
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space"), KeyboardInterrupt()])
@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_interrupted_write_leaves_what_was_there(tmp_path, monkeypatch, error, place):
    def fail(*arguments):
        raise error

    path = tmp_path / "file"
    path.write_bytes(b"before")
    monkeypatch.setattr(*((os, "fsync") if place == "fsync" else (Path, "replace")), fail)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        atomic_write(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


class InUse(PermissionError):
    """What Windows raises where another program has the file open."""

    winerror = 32


@pytest.mark.parametrize("refusals", [1, 5])
def test_a_file_that_a_viewer_holds_for_a_while_is_swapped_in_all_the_same(
    tmp_path, monkeypatch, refusals
):
    path, replace, left = tmp_path / "film.mp4", Path.replace, [InUse()] * refusals
    path.write_bytes(b"before")

    def in_use(self, target):
        if left:
            raise left.pop()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", in_use)
    monkeypatch.setattr(files, "SWAP_POLL", 0.001)
    atomic_write(path, b"after")
    assert path.read_bytes() == b"after" and not left


def test_a_file_that_stays_in_use_is_told_and_left_as_it_was(tmp_path, monkeypatch):
    def in_use(self, target):
        raise InUse(errno.EACCES, "denied")

    path = tmp_path / "film.mp4"
    path.write_bytes(b"before")
    monkeypatch.setattr(Path, "replace", in_use)
    monkeypatch.setattr(files, "SWAP_SECONDS", 0.01)
    with pytest.raises(
        OutputError, match="a program has it open, such as a player or viewer; close it, then try"
    ):
        atomic_write(path, b"after")
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_truly_full_device_is_explained(monkeypatch):
    monkeypatch.setattr(files, "beside", lambda path: Path("/dev/full"))
    monkeypatch.setattr(files, "remove", lambda path: None)
    with pytest.raises(
        OutputError, match=r"needs about 5\.0 MB, [\d.,]+ MB free at /dev; make space and try again"
    ):
        atomic_write(Path("/dev/film"), bytes(5_000_000))


@pytest.mark.parametrize(
    "number, words",
    [
        (errno.ENOSPC, "make space"),
        (errno.EROFS, "read-only; choose another output"),
        (errno.EACCES, "not permitted; change the folder's permissions"),
        (errno.ENOENT, "vanished; bring it back"),
        (errno.ENOTDIR, "a file stands where a folder is needed"),
        (errno.ENAMETOOLONG, "with a shorter one"),
        (errno.EIO, "check the disk"),
    ],
)
def test_every_refusal_names_its_remedy_in_one_line(tmp_path, number, words):
    line = explanation(OSError(number, os.strerror(number)), tmp_path / "film.mp4", needed=1)
    assert words in line and "\n" not in line


def test_free_space_is_known_for_what_is_not_there_yet(tmp_path):
    assert abs(free_space(tmp_path / "a" / "b" / "c.mp4") - free_space(tmp_path)) < 1e9
    assert free_space(tmp_path) > 0


@pytest.mark.parametrize(
    "text, name",
    [
        ("A year in the valley", "A year in the valley"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "film"),
        ("", "film"),
        ("\0\n\t", "film"),
        ("con", "_con"),
        ("LPT1.mp4", "_LPT1.mp4"),
        ("C:\\x", "C--x"),
        ("--output", "output"),
        ("🎬 مرحبا", "🎬 مرحبا"),
        ("film. ", "film"),
    ],
)
def test_names_of_files(text, name):
    assert safe_name(text) == name


@given(st.text(max_size=300))
def test_any_text_makes_a_name_that_stays_in_its_folder(text):
    name = safe_name(text)
    assert Path("folder", name).parent == Path("folder") and name not in ("", ".", "..")
    assert len(name.encode()) <= 130
    assert name == safe_name(name)


@given(st.text(), st.integers(3, 60))
def test_shortened_text_fits_and_begins_the_same(text, limit):
    text = plain_text(text)
    short = shortened(text, limit)
    assert len(short.encode()) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_plain_text_is_one_line_in_any_script():
    assert plain_text(" a\n\tb\0\x1b[31m\u2028🎬 مرحبا \ud83d") == "a b [31m 🎬 مرحبا"


def test_checks_find_this_machine_fit(tmp_path):
    for check in (check_ffmpeg(), check_encoders(), check_disk(tmp_path / "new" / "film.mp4")):
        assert check.ok and check.detail
    assert "libx264 works" in check_encoders().detail


def test_checks_without_ffmpeg_say_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nowhere"))
    for check in (check_ffmpeg(), check_encoders()):
        assert not check.ok and "pip install imageio-ffmpeg" in check.remedy
        assert check.detail


def test_disk_that_refuses_or_is_nearly_full(tmp_path, monkeypatch):
    monkeypatch.setattr("vqclip_video.doctor.free_space", lambda path: 1_000_000)
    check = check_disk(tmp_path)
    assert not check.ok and "1.0 MB free" in check.detail and "make space" in check.remedy

    def refuse(**arguments):
        raise PermissionError(errno.EACCES, "denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert "-o" in check_disk(tmp_path).remedy and not check_disk(tmp_path).ok
