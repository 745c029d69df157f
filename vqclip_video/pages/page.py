"""An HTML page in one file: templates, styles and scripts lie in `files` and go into it whole.

Nothing is fetched and no text becomes code: values are escaped by Jinja2, data for scripts is JSON
that no script runs, and the page's policy names the scripts that may run by their content.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FILES = Path(__file__).with_name("files")


def page(
    template: str, *, styles: Sequence[str] = (), scripts: Sequence[str] = (), **values: Any
) -> str:
    """The page of a template of `files`, which begins with `{% extends "base.html" %}`.

    `styles` and `scripts` are names of files there, in order; every page has base.css first. A
    value goes into a script as `{{ data(id, value) }}` of data.html, a block that the script reads
    by its id. A page with `served=True` may ask the server that it came from, any other nothing at
    all. A name without a value is an error.
    """
    codes = [_content(name) for name in scripts]
    looks = [Markup(_content(name)) for name in ("base.css", *styles)]
    values.setdefault("served", False)
    about = {"styles": looks, "scripts": [Markup(code) for code in codes]}
    allowed = " ".join(_allowed(code) for code in codes) or "'none'"
    return _environment().get_template(template).render(**values, **about, allowed=allowed)


def data_uri(content: bytes, kind: str) -> str:
    """A file's content as an address that needs no request; kind: such as "image/jpeg"."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _content(name: str) -> str:
    return (FILES / name).read_text("utf-8").strip()


def _allowed(code: str) -> str:
    """How a policy names a script (Content Security Policy level 3)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


@functools.lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # JSON has no NaN, and a script that met one would stop.
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "ensure_ascii": False}
    return environment
