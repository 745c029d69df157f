"""What holds of every page: one file, nothing fetched, and texts that stay texts."""

import base64
import hashlib
import json
import re

import pytest
from jinja2 import DictLoader, UndefinedError

from vqclip_video.pages import page as pages
from vqclip_video.pages.page import data_uri, page

EVIL = "</script><script>alert(1)</script> \" ' & \u2028 {{ 7 * 7 }} <!-- 你好 🎬"
PLAIN = """{% extends "base.html" %}{% from "data.html" import data %}
{% block content %}<p title="{{ text }}">{{ text }}</p>{{ data("facts", {"text": text}) }}{% endblock %}"""


@pytest.fixture
def plain(monkeypatch):
    """A template of the test's own beside the true ones."""
    environment = pages._environment.__wrapped__()
    read = lambda name: (pages.FILES / name).read_text("utf-8")  # noqa: E731
    own = {"plain.html": PLAIN}
    environment.loader = DictLoader({name: read(name) for name in ("base.html", "data.html")} | own)
    monkeypatch.setattr(pages, "_environment", lambda: environment)
    return "plain.html"


def test_texts_stay_texts(plain):
    text = page(plain, title=EVIL, text=EVIL)
    assert "alert(1)</script>" not in text and "{{ 7 * 7 }}" in text
    found = re.findall(r'<script type="application/json" id="facts">(.*?)</script>', text, re.S)
    assert json.loads(found[0]) == {"text": EVIL}
    assert text.count("<script") == 1  # that of the data


def test_only_the_scripts_that_are_named_may_run(plain, monkeypatch, tmp_path):
    (tmp_path / "own.js").write_text("document.title = 'x';\n")
    (tmp_path / "base.css").write_text("p { margin: 0 }")
    monkeypatch.setattr(pages, "FILES", tmp_path)
    text = page(plain, title="", text="", scripts=["own.js"])
    (code,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in text and "default-src 'none'" in text
    assert "connect-src" not in text
    assert "connect-src 'self'" in page(plain, title="", text="", served=True)
    assert "script-src 'none'" in page(plain, title="", text="")


def test_a_name_without_a_value_and_a_number_that_is_none_are_errors(plain):
    with pytest.raises(UndefinedError):
        page(plain, title="")
    with pytest.raises(ValueError):
        page(plain, title="", text=float("nan"))


def test_a_file_becomes_an_address():
    assert data_uri(b"\xff\xd8", "image/jpeg") == "data:image/jpeg;base64,/9g="
