"""How the identity of one run differs from another's, in words."""

from __future__ import annotations

import difflib
from typing import Any

MOST_LINES = 6  # shown of one kind


def differences(known: Any, wanted: Any, name: str = "") -> list[str]:
    """In words, how the fingerprint of the run that is there differs from the one wanted."""
    if isinstance(known, dict) and isinstance(wanted, dict):
        keys = [*wanted, *(key for key in known if key not in wanted)]
        parts = (
            differences(known.get(key), wanted.get(key), f"{name}.{key}" if name else key)
            for key in keys
        )
        return [line for part in parts for line in part]
    if known == wanted:
        return []
    if isinstance(known, str) and isinstance(wanted, str) and "\n" in known + wanted:
        return _different_lines(known, wanted, name)
    return [f"{name}: {_short(known)} there, {_short(wanted)} now"]


def _different_lines(known: str, wanted: str, name: str) -> list[str]:
    before, now = known.splitlines(), wanted.splitlines()
    found = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if tag != "equal":
            there, here = " ".join(before[a:b]), " ".join(now[c:d])
            found.append(f"{name}: {_short(there or None)} there, {_short(here or None)} now")
    more = [f"{name}: {len(found) - MOST_LINES} more"] if len(found) > MOST_LINES else []
    return found[:MOST_LINES] + more


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = " ".join(str(value).split())
    return text if len(text) <= 70 else f"{text[:67]}…"
