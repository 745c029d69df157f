"""Ends a process at a chosen one of its calls on files and processes, as SIGKILL would: nothing
is cleaned up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

EVENTS = {
    "open",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.truncate",
    "subprocess.Popen",
}


def killed_at(step: int, action: Callable[[], object]) -> bool:
    """Runs `action` in a child that dies just before its `step`-th such call; False when it got
    to its end.
    """
    child = os.fork()
    if child == 0:
        left = step

        def count(event: str, arguments: tuple) -> None:
            nonlocal left
            if event in EVENTS:
                left -= 1
                if left < 0:
                    os._exit(9)

        try:
            sys.addaudithook(count)
            action()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9), "the child failed by itself"
    return status == 9


def kill_while_replacing(target: Path, work: Callable[[], object], first: int, every: int) -> None:
    """Kills what replaces a file at its `first`-th such call and at each so many later ones: the
    old file or the whole new one is there each time, and what follows a kill gets to its end.
    """
    work()
    whole, deaths, step = target.read_bytes(), 0, first
    while True:
        target.write_bytes(b"old")
        killed = killed_at(step, work)
        assert target.read_bytes() in (b"old", whole)
        if not killed:
            break
        deaths, step = deaths + 1, step + every
    work()
    assert target.read_bytes() == whole and deaths > 3
