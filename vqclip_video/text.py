"""Words for people: times, sizes, names, and a user's texts in a form that can be shown."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches

RESERVED_NAMES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)),
}
NAME_BYTES = 120  # leaves room for suffixes and for the temporary name beside, within the usual 255
MB = 1_000_000
BARS = "▁▂▃▄▅▆▇█"
LONGEST_QUOTE = 60
# how alike two words are of which one is a slip of the other; `caption` and `duration` have .67
SLIP = 0.75


def clock(seconds: float) -> str:
    """A duration a person reads: 0.8s, 42s, 3:07, 1:02:03."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def sparkline(values: Sequence[float | None], least: float, most: float, width: int) -> str:
    """Values as a row of at most `width` bars, each the mean of its part; a gap where there is
    none. The lowest bar is `least`, the highest `most`.
    """
    width = max(1, min(width, len(values)))
    bars = ""
    for column in range(width):
        part = values[column * len(values) // width : (column + 1) * len(values) // width]
        known = [value for value in part if value is not None]
        if not known:
            bars += " "
            continue
        mean = sum(known) / len(known)
        height = (mean - least) / (most - least) if most > least else 0.5
        bars += BARS[min(int(height * len(BARS)), len(BARS) - 1)]
    return bars


def gigabytes(size: int) -> str:
    """Bytes as GB with one digit."""
    return f"{size / 1e9:,.1f} GB"


def readable(size: int) -> str:
    """Bytes as kB or MB."""
    if size < MB:
        return f"{math.ceil(size / 1000)} kB"
    return f"{size / MB:.1f} MB" if size < 10 * MB else f"{size / MB:,.0f} MB"


def plain_text(text: str) -> str:
    """One line without control characters or broken surrogates; emoji and every script stay."""
    kept = (
        " " if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text
    )
    return " ".join("".join(kept).split())


def shortened(text: str, limit: int) -> str:
    """`text`, cut to at most `limit` bytes of UTF-8, between characters, with an ellipsis where
    it was cut.
    """
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data.decode("utf-8")
    return data[: max(limit - len("…".encode()), 0)].decode("utf-8", "ignore").rstrip() + "…"


def safe_name(text: str, default: str = "film") -> str:
    """A file name made of `text` that every file system takes and that cannot leave its folder."""
    name = "".join("-" if char in '<>:"/\\|?*' else char for char in plain_text(text))
    name = shortened(name, NAME_BYTES).strip(". -")
    if not name:
        return default
    return f"_{name}" if name.split(".")[0].strip().lower() in RESERVED_NAMES else name


def quoted(text: str) -> str:
    """A piece of a user's file for a message: on one line, printable, not longer than a line can
    bear.
    """
    short = text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"
    # The leading double quote makes repr choose single quotes, so that all messages look alike.
    return "'" + repr('"' + short)[2:-1].replace("\\'", "'") + "'"


def did_you_mean(word: str, known: list[str]) -> str:
    """The end of a message: "; did you mean 'x'?" where something known is near, else nothing."""
    spellings = {name.lower(): name for name in known}
    # difflib takes quadratic time, and no key or model's name is this long.
    near = get_close_matches(word.lower(), spellings, 1, SLIP) if len(word) <= 40 else []
    near = near or [name for name in spellings if sorted(name) == sorted(word.lower())][:1]
    return f"; did you mean '{spellings[near[0]]}'?" if near else ""
