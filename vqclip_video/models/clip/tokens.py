"""CLIP's byte-pair tokeniser, taken from the installed `clip` package without importing the
package.

`import clip` would execute its `__init__`, which pulls in torchvision and `pkg_resources` (2.7 s,
and a limit on
setuptools). The two files needed are plain modules, so they are loaded from where the package lies.
This module
never imports torch: `plan` counts tokens with it.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ...errors import ModelError

CONTEXT_LENGTH = 77  # tokens that every published CLIP reads, start and end included


@cache
def clip_file(name: str) -> ModuleType:
    """The module `clip/NAME.py` of the installed clip-anytorch package, loaded on its own.

    Raises ModelError where the package is missing, or where `clip` is another project of that name.
    """
    package = importlib.util.find_spec("clip")
    path = Path(package.origin).parent / f"{name}.py" if package and package.origin else None
    if path is None or not path.is_file():
        found = (
            f"the `clip` at {package.origin} is another project"
            if package
            else "no `clip` package is installed"
        )
        raise ModelError(
            f"OpenAI's CLIP is needed, but {found}; run: pip uninstall clip; pip install "
            "clip-anytorch"
        )
    spec = importlib.util.spec_from_file_location(f"{__name__}.{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def tokenizer() -> Any:
    """OpenAI's `SimpleTokenizer` (reads its 1.3 MB vocabulary on the first call)."""
    return clip_file("simple_tokenizer").SimpleTokenizer()


def vocabulary_size() -> int:
    """Rows a token embedding must have for this tokeniser: 49408, the end token being the
    highest.
    """
    return len(tokenizer().encoder)


def tokens_of(text: str, context_length: int = CONTEXT_LENGTH) -> list[int]:
    """Token ids of `text` between the start and the end token, cut to `context_length` with the
    end token kept.
    """
    words = tokenizer()
    start, end = words.encoder["<|startoftext|>"], words.encoder["<|endoftext|>"]
    return [start, *words.encode(text)[: context_length - 2], end]


def count_tokens(text: str, context_length: int = CONTEXT_LENGTH) -> tuple[int, str]:
    """How many tokens `text` is, start and end included, and the words beyond `context_length` that
    CLIP cuts.

    The words are "" where all is read; else they are in the tokeniser's spelling: lower case,
    single spaces.
    """
    tokens = tokenizer().encode(text)
    return len(tokens) + 2, tokenizer().decode(tokens[context_length - 2 :]).strip()
