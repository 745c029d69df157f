"""Ends a process at a chosen one of its calls on files and processes, as SIGKILL would: nothing
is cleaned up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

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
