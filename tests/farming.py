"""Workers and a driver for tests of the farm: they meet in a film of two seconds what others meet in
one of an hour. `python tests/farming.py render …` is `vqclip-video farm render …` with them.
"""

from __future__ import annotations

import functools
import os
import sys
import time

from vqclip_video.farm import cluster, orders

LEASE, SYNC = 3.0, 0.2
USUAL = orders.WorkerOptions


class QuickWorker(cluster.RayWorker):
    """A checkpoint with every frame, a position five times a second, segments of 8 frames, and a wait in each look of CLIP's, so that
    there is a middle of a film to be killed in.
    """

    def __init__(self, options: orders.WorkerOptions, name: str) -> None:
        from faults import slow

        from vqclip_video import recorder
        from vqclip_video.output import space

        recorder.CHECKPOINT_SECONDS, recorder.CHECKPOINT_SHARE = 0.0, 1.0
        space.SEGMENT_FRAMES = (8, 8)
        slow(float(os.environ.get("FARM_TEST_SLOW", "0.02")))
        super().__init__(options, name)

    def about(self) -> dict[str, str]:
        return {**super().about(), "pid": str(os.getpid())}


def quick() -> None:
    """In this process: have the farm's workers be quick ones, with leases of seconds."""
    cluster.RayWorker = QuickWorker
    lease = float(os.environ.get("FARM_TEST_LEASE", LEASE))
    orders.WorkerOptions = functools.partial(USUAL, lease_seconds=lease, sync_seconds=SYNC)


def wait_for(happened, seconds: float = 90.0) -> None:
    """Until `happened()` is true; AssertionError where it does not come true."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


if __name__ == "__main__":
    from vqclip_video.cli.main import main

    quick()
    main(["farm", *sys.argv[1:]], prog_name="vqclip-video")
