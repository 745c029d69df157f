"""The newest frame in a terminal, above the progress bar, drawn over the one before it.

In pixels where the terminal says by its environment that it takes them, by kitty's graphics
protocol (sw.kovidgoyal.net/kitty/graphics-protocol) or iTerm2's inline images
(iterm2.com/documentation-images.html); elsewhere in half blocks, two pixels to a cell. The
terminal is never asked, since its answer would come among what the user types.
"""

from __future__ import annotations

import base64
import io
import os
import time
from collections.abc import Mapping
from contextlib import suppress

import numpy as np
from PIL import Image
from tqdm import tqdm

from .displays import Display
from .streams import ERR

SECONDS_BETWEEN_FRAMES = 0.5
MOST_SHARE = 0.05  # of the time that drawing may take
MOST_ROWS = 24
MOST_PIXELS = 512  # of a side, of what is sent in pixels
KITTY_CHUNK = 4096  # characters of base64, by kitty's protocol
WINDOWS = "WT_SESSION"  # of Windows Terminal
KITTY, ITERM, BLOCKS, NOTHING = "kitty", "iTerm2", "half blocks", ""


def protocol_of(environment: Mapping[str, str]) -> str:
    """How the terminal that a program has such an environment of shows pictures."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if term in ("", "dumb"):
        return BLOCKS if WINDOWS in environment else NOTHING
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return BLOCKS  # what runs in them does not reach the terminal itself
    if term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return KITTY
    if program in ("iTerm.app", "WezTerm") or environment.get("LC_TERMINAL") == "iTerm2":
        return ITERM
    return BLOCKS


class InlineFrames(Display):
    """A listener that draws; it does nothing where standard error is no terminal that can show a
    picture. It has to hear of an end before whoever says it in words.
    """

    def __init__(self) -> None:
        protocol = protocol_of(os.environ) if ERR.isatty() else NOTHING
        if protocol == BLOCKS and not ERR.encoding.lower().startswith("utf"):
            protocol = NOTHING
        self.protocol, self._due, self._newest = protocol, 0.0, None
        self._place: tuple[int, ...] | None = None  # of the one above the cursor, where it is
        self._images = os.getpid() % 2**16 << 16  # kitty's numbers of pictures

    def update(self, progress) -> None:
        if progress.frame is not None and self.protocol:
            self._newest = progress.frame
            if time.monotonic() >= self._due:
                self._draw()

    def notice(self, text: str) -> None:
        self._place = None  # a line stands between, so the next one goes below it

    def end(self, result) -> None:
        if self._newest is not None:
            self._draw()

    def _draw(self) -> None:
        began, frame = time.monotonic(), self._newest
        with suppress(OSError, ValueError), tqdm.external_write_mode(file=ERR):
            window = os.get_terminal_size(ERR.fileno())
            columns, rows = cells_of(frame.shape[1], frame.shape[0], *window)
            room, place = "", (*window, columns, rows)
            if place != self._place:
                room, self._place = "\n" * rows, place
                self._images += 1
            ERR.write(f"{room}\x1b[{rows}A{self._picture(frame, columns, rows)}")
        self._newest, now = None, time.monotonic()
        self._due = now + max(SECONDS_BETWEEN_FRAMES, (now - began) / MOST_SHARE)

    def _picture(self, frame: np.ndarray, columns: int, rows: int) -> str:
        """What draws a frame below the cursor, and leaves the cursor at the line after it."""
        if self.protocol == BLOCKS:
            full = os.environ.get("COLORTERM") in ("truecolor", "24bit") or WINDOWS in os.environ
            return half_blocks(frame, columns, rows, full)
        draw = kitty(frame, columns, rows, self._images)
        return f"{draw if self.protocol == KITTY else iterm(frame, columns, rows)}\x1b[{rows}B\r"


def cells_of(width: int, height: int, columns: int, lines: int) -> tuple[int, int]:
    """The columns and rows that a picture takes of a terminal's, at cells twice as high as wide."""
    most = max(min(MOST_ROWS, lines - 4), 1), max(columns - 1, 1)
    rows = min(most[0], max(round(most[1] * height / (2 * width)), 1))
    return min(max(round(2 * rows * width / height), 1), most[1]), rows


def half_blocks(frame: np.ndarray, columns: int, rows: int, full: bool) -> str:
    """A frame [height, width, 3] uint8 as lines of upper half blocks; `full`: in 24-bit colours,
    else in the 6×6×6 of xterm's 256.
    """
    pixels = np.asarray(Image.fromarray(frame).resize((columns, 2 * rows), Image.Resampling.BOX))
    if full:
        colours = [[f"2;{r};{g};{b}" for r, g, b in row] for row in pixels.tolist()]
    else:
        cube = np.rint(pixels / 51).astype(int) @ (36, 6, 1) + 16
        colours = [[f"5;{colour}" for colour in row] for row in cube.tolist()]
    pairs = (zip(*colours[row : row + 2], strict=True) for row in range(0, 2 * rows, 2))
    lines = ("".join(f"\x1b[38;{up};48;{down}m▀" for up, down in row) for row in pairs)
    return "".join(f"{line}\x1b[0m\x1b[K\n" for line in lines)


def kitty(frame: np.ndarray, columns: int, rows: int, number: int) -> str:
    """A frame by kitty's protocol; one of a number that was drawn before takes its place."""
    data = _encoded(frame, "PNG")
    chunks = [data[at : at + KITTY_CHUNK] for at in range(0, len(data), KITTY_CHUNK)]
    more = [1] * (len(chunks) - 1) + [0]
    heads = [f"a=T,f=100,i={number},p=1,q=2,C=1,c={columns},r={rows},"] + [""] * (len(chunks) - 1)
    parts = zip(heads, more, chunks, strict=True)
    return "".join(f"\x1b_G{head}m={m};{chunk}\x1b\\" for head, m, chunk in parts)


def iterm(frame: np.ndarray, columns: int, rows: int) -> str:
    """A frame by iTerm2's; the cursor is where it was, whichever way a terminal moves it."""
    data = _encoded(frame, "JPEG")
    how = f"inline=1;width={columns};height={rows};preserveAspectRatio=0"
    return f"\x1b7\x1b]1337;File={how}:{data}\a\x1b8"


def _encoded(frame: np.ndarray, format: str) -> str:
    picture, content = Image.fromarray(frame), io.BytesIO()
    picture.thumbnail((MOST_PIXELS, MOST_PIXELS))
    picture.save(content, format)
    return base64.b64encode(content.getvalue()).decode()
