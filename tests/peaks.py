"""The most memory that a command held, as the system counts it.

A process that has just been forked counts what its parent holds as its own, and the count outlives
`exec`: so the command is started by a process that holds next to nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

BETWEEN = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def peak_memory(command: Sequence[str]) -> int:
    """Bytes. Raises CalledProcessError where the command fails."""
    told = subprocess.run(
        [sys.executable, "-c", BETWEEN, *command], check=True, capture_output=True, text=True
    ).stdout
    return int(told.split()[-1]) * (1 if sys.platform == "darwin" else 1024)
