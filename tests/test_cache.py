"""Notes in the cache folder: kept where that is possible, and never in the user's way."""

import sys

import pytest

from vqclip_video.disk import cache
from vqclip_video.errors import UsageError


def test_entries_are_added_and_replaced_and_nothing_else_stays(home):
    assert cache.recall("models/sizes.json") == {}
    cache.remember("models/sizes.json", {"a": 1, "b": [2]})
    cache.remember("models/sizes.json", {"b": 3, "ö": None})
    assert cache.recall("models/sizes.json") == {"a": 1, "b": 3, "ö": None}
    assert [path.name for path in home.rglob("*")] == ["models", "sizes.json"]


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"\xff\xfe", b'{"a": 1', b"[" * 100_000, b"1" * 10_000]
)
def test_a_damaged_note_is_an_empty_one_and_is_written_anew(home, content):
    (home / "note.json").write_bytes(content)
    assert cache.recall("note.json") == {}
    cache.remember("note.json", {"a": 1})
    assert cache.recall("note.json") == {"a": 1}


def test_what_cannot_be_written_is_not_kept_and_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VQCLIP_HOME", str(tmp_path / "file" / "below"))
    cache.remember("note.json", {"a": 1})
    assert cache.recall("note.json") == {}


@pytest.mark.parametrize("named", [None, "~nobody-by-this-name/vqclip"])
def test_an_account_without_a_home_remembers_nothing(monkeypatch, named):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache.Path, "home", homeless)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.delenv("VQCLIP_HOME") if named is None else monkeypatch.setenv("VQCLIP_HOME", named)
    cache.remember("note.json", {"a": 1})
    assert cache.recall("note.json") == {}
    with pytest.raises(UsageError, match="VQCLIP_HOME"):
        cache.cache_dir()


@pytest.mark.parametrize(
    ("platform", "variable", "place"),
    [
        ("linux", None, ".cache/vqclip-video"),
        ("linux", "XDG_CACHE_HOME", "xdg/vqclip-video"),
        ("darwin", None, "Library/Caches/vqclip-video"),
        ("win32", "LOCALAPPDATA", "xdg/vqclip-video"),
    ],
)
def test_where_the_cache_is(monkeypatch, tmp_path, platform, variable, place):
    monkeypatch.delenv("VQCLIP_HOME")
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "xdg"))
    assert cache.cache_dir() == tmp_path / place
