"""`render --show`, read from a real terminal by an emulator of what it uses."""

from __future__ import annotations

import base64
import io
import os
import re
import select
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filmprobe import read_frames
from PIL import Image

from vqclip_video.show.inline import (
    BLOCKS,
    ITERM,
    KITTY,
    NOTHING,
    cells_of,
    half_blocks,
    protocol_of,
)

pty = pytest.importorskip("pty")
fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")

STORY = """
models: {{clip: {clip}, vqgan: {vqgan}, vqgan_config: {config}}}
size: 64x32
settings: {{cutouts: 2, show_step: 1}}
pacing: steady
scenes: [{{prompt: the sea, duration: {duration}}}]
"""
LINES, COLUMNS = 24, 100
ROWS, CELLS = 20, 80  # of a picture of 64x32 there
TERMINALS = {
    BLOCKS: {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    KITTY: {"TERM": "xterm-kitty"},
    ITERM: {"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"},
}
# What a terminal takes at once: a control sequence, a command to it, or a sign.
TAKEN = re.compile(
    r"\x1b\[([\d;?]*)([A-Za-z])|\x1b([78])|\x1b\](.*?)\a|\x1b_(.*?)\x1b\\|(.)", re.DOTALL
)


class Screen:
    """What a terminal shows, with the lines that have gone up out of it."""

    def __init__(self, text: str):
        self.lines, self.row, self.column = [{}], 0, 0
        for control, final, _, osc, apc, sign in TAKEN.findall(text):
            assert not (osc or apc)
            self._control(int(control or 1), final) if final in "ABK" and final else None
            self._sign(sign) if sign else None

    def _control(self, count: int, final: str) -> None:
        if final == "K":
            kept = self.lines[self.row].items()
            self.lines[self.row] = {column: sign for column, sign in kept if column < self.column}
        else:
            self.row += -count if final == "A" else count
            assert 0 <= self.row < len(self.lines)

    def _sign(self, sign: str) -> None:
        if sign == "\r":
            self.column = 0
        elif sign == "\n":
            self.row += 1
            self.lines += [{}] * (self.row == len(self.lines))
        else:
            assert self.column < COLUMNS
            self.lines[self.row] = {**self.lines[self.row], self.column: sign}
            self.column += 1

    @property
    def shown(self) -> list[str]:
        wide = range(COLUMNS)
        return ["".join(line.get(at, " ") for at in wide).rstrip() for line in self.lines]


def rendered(folder: Path, files: dict, duration: str, kind: str, *more: str):
    """A render in a terminal, until its end or, where that takes too long, Ctrl-C after 4 s: its
    exit status, what it wrote, and the seconds in which it drew.
    """
    (folder / "story.yaml").write_text(STORY.format(duration=duration, **files))
    process, terminal = pty.fork()
    if process == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.chdir(folder)
        kept = {
            key: os.environ[key] for key in ("PATH", "HOME", "VQCLIP_HOME") if key in os.environ
        }
        own = {"PYTHONPATH": str(Path(__file__).parent.parent), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "vqclip_video", "render", "story.yaml", "--show", *more]
        os.execve(sys.executable, command, {**kept, **own, "LANG": "C.UTF-8", **TERMINALS[kind]})
    seen, began, asked, until = b"", None, False, time.monotonic() + 90
    try:
        while time.monotonic() < until:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    seen += os.read(terminal, 65536)
                except OSError:  # Linux's way to say that the other side is closed
                    break
            if began is None and f"\x1b[{ROWS}A".encode() in seen:
                began = time.monotonic()
            if began and not asked and time.monotonic() > began + 4:
                os.write(terminal, b"\x03")
                asked = True
    except BaseException:
        os.kill(process, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return status, seen.decode(), time.monotonic() - (began or 0)


def test_the_newest_frame_stands_above_the_bar_and_the_last_one_stays(tmp_path, tiny_files):
    status, seen, _ = rendered(tmp_path, tiny_files, "1s", BLOCKS)
    assert status == 0, seen
    shown = Screen(seen).shown
    picture = ["▀" * CELLS] * ROWS
    first = shown.index(picture[0])
    assert shown[first : first + ROWS] == picture
    assert not any("▀" in line for line in shown[:first] + shown[first + ROWS :])
    assert (
        shown[first + ROWS].startswith("outputs/story.mp4: ")
        and "similarity" in shown[first + ROWS]
    )


def test_a_quiet_render_leaves_the_picture_alone(tmp_path, tiny_files):
    status, seen, _ = rendered(tmp_path, tiny_files, "0.3s", BLOCKS, "-q")
    assert status == 0 and Screen(seen).shown == [*["▀" * CELLS] * ROWS, ""]


def test_a_long_one_is_drawn_twice_a_second_at_most(tmp_path, tiny_files):
    status, seen, seconds = rendered(tmp_path, tiny_files, "1h", BLOCKS)
    assert status == 130, seen
    drawn = seen.count(f"\x1b[{ROWS}A")
    frames = int(re.search(r"stopped after (\d+) frames", seen)[1])
    assert 3 <= drawn <= 2 * seconds + 2 < frames
    bars = re.findall(r"\r1/1 the sea +\d+%\|.*? left", seen)
    assert len(bars) > drawn
    lines = Screen(seen).shown
    assert all(set(line) == {"▀"} for line in lines if "▀" in line)
    assert [
        line for line in lines if "stopping after this step" in line
    ]  # the terminal may echo ^C


@pytest.mark.parametrize("kind", [KITTY, ITERM])
def test_terminals_that_take_pixels_get_the_frame(tmp_path, tiny_files, kind):
    status, seen, _ = rendered(tmp_path, tiny_files, "0.5s", kind)
    assert status == 0, seen
    assert "▀" not in seen
    if kind == KITTY:
        chunks = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", seen)
        assert f"c={CELLS},r={ROWS}" in chunks[0][0] and chunks[-1][0].endswith("m=0")
        assert all(len(data) <= 4096 for _, data in chunks)
        last = max(n for n, (head, _) in enumerate(chunks) if head.startswith("a=T"))
        data = "".join(data for _, data in chunks[last:])
    else:
        sent = re.findall(rf"File=inline=1;width={CELLS};height={ROWS};[^:]*:([^\a]*)\a", seen)
        data = sent[-1]
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.size == (64, 32)
        drawn = np.asarray(picture.convert("RGB")).astype(int)
    film = read_frames(tmp_path / "outputs/story.mp4").astype(int)
    away = np.abs(film - drawn).mean(axis=(1, 2, 3))
    assert away.argmin() == len(film) - 1 > 5  # of all frames, the last one


def test_where_nobody_watches_nothing_is_drawn(tmp_path, tiny_files):
    (tmp_path / "story.yaml").write_text(STORY.format(duration="0.2s", **tiny_files))
    command = [sys.executable, "-m", "vqclip_video", "render", "story.yaml", "--show"]
    about = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **TERMINALS[KITTY]}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=about)
    assert ended.returncode == 0, ended.stderr
    assert "\x1b" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "environment, protocol",
    [
        *((environment, protocol) for protocol, environment in TERMINALS.items()),
        ({"TERM": "xterm-ghostty"}, KITTY),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, ITERM),
        ({"TERM": "tmux-256color", "TMUX": "x", "LC_TERMINAL": "iTerm2"}, BLOCKS),
        ({"TERM": "dumb"}, NOTHING),
        ({}, NOTHING),
        ({"WT_SESSION": "x"}, BLOCKS),
    ],
)
def test_a_terminal_is_known_by_its_environment(environment, protocol):
    assert protocol_of(environment) == protocol


@pytest.mark.parametrize(
    "picture", [(256, 256), (1080, 1920), (1920, 1080), (10_000, 10), (10, 10_000)]
)
@pytest.mark.parametrize("window", [(100, 24), (20, 50), (3, 3), (0, 0)])
def test_a_picture_has_its_shape_and_leaves_room_for_the_bar(picture, window):
    (width, height), (columns, rows) = picture, cells_of(*picture, *window)
    assert 1 <= columns <= max(window[0] - 1, 1) and 1 <= rows <= max(window[1] - 4, 1)
    if min(columns, rows) >= 8:
        assert columns / (2 * rows) == pytest.approx(width / height, rel=0.1)


def test_without_all_colours_the_nearest_are_taken():
    frame = np.array([[[255, 0, 0], [250, 250, 250]], [[0, 0, 0], [10, 100, 0]]], np.uint8)
    one, other = "38;5;196;48;5;16", "38;5;231;48;5;28"
    assert half_blocks(frame, 2, 1, False) == f"\x1b[{one}m▀\x1b[{other}m▀\x1b[0m\x1b[K\n"
