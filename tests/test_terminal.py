"""What a person sees in a terminal, read from a real one."""

from __future__ import annotations

import os
import select
import signal
import struct
import sys
import time
from pathlib import Path

import pytest

pty = pytest.importorskip("pty")
fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")

STORY = """
models: {{clip: {clip}, vqgan: {vqgan}, vqgan_config: {config}}}
size: 32x32
settings: {{cutouts: 2, show_step: 1}}
scenes: [{{prompt: the sea, duration: 1h}}]
"""


def seen_until(terminal: int, words: str | None, seconds: float = 60) -> str:
    """What the terminal shows until it shows `words`, or until its program has ended."""
    seen, until = "", time.monotonic() + seconds
    while time.monotonic() < until and (words is None or words not in seen):
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 65536).decode("utf-8", "replace")
            except OSError:  # Linux's way to say that the other side is closed
                return seen
    assert words and words in seen, f"not within {seconds:.0f} s: {seen}"
    return seen


def test_ctrl_c_leaves_no_stray_character(tmp_path, tiny_files):
    (tmp_path / "story.yaml").write_text(STORY.format(**tiny_files))
    process, terminal = pty.fork()
    if process == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may have it ignored
        os.chdir(tmp_path)
        os.environ |= {"PYTHONPATH": str(Path(__file__).parent.parent), "OMP_NUM_THREADS": "1"}
        os.execv(sys.executable, [sys.executable, "-m", "vqclip_video", "render", "story.yaml"])
    try:
        seen = seen_until(terminal, "similarity")
        os.write(terminal, b"\x03")
        seen += seen_until(terminal, None)
    except BaseException:
        os.kill(process, signal.SIGKILL)
        raise
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(terminal)
    assert status == 130 and "stopping after this step" in seen and "stopped after" in seen
    assert "^C" not in seen
