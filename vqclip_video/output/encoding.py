"""ffmpeg, tried more than once: one encoder in the background, and those that are waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..disk.ffmpeg import Ended, Process, run
from ..disk.files import explained, free_space, full_disk
from ..errors import FullDiskError, OutputError
from .delivery import Delivery

ATTEMPTS = 3  # how often one segment is tried: ffmpeg may be killed by a user, or for memory


@dataclass(frozen=True)
class Remedy:
    """What to say where the disk or ffmpeg refuses: about which file, how many bytes the work still
    wants, and what to do once there is space.
    """

    path: Path
    needed: Callable[[], int]
    then: Callable[[], str]

    def explained(self, path: Path | None = None):
        """Turns an OSError of the block into an OutputError."""
        return explained(path or self.path, self.needed(), self.then())

    def full_disk(self) -> FullDiskError:
        return FullDiskError(full_disk(self.path, self.needed(), self.then()))


class Encoding:
    """Makes the segments of all deliveries, one at a time, in the order in which they were filled.

    `folder` is the one that ffmpeg runs in; `warn` gets a line when something went wrong and was
    repaired. Raises OutputError and nothing else, once a segment has failed `ATTEMPTS` times.
    """

    def __init__(self, folder: Path, remedy: Remedy, warn: Callable[[str], None]) -> None:
        self._folder, self._remedy, self._warn = folder, remedy, warn
        # without an encoded version, the one at work included
        self._waiting: list[tuple[int, Delivery]] = []
        self._process: Process | None = None
        self._failures = 0

    @property
    def process(self) -> Process | None:
        """The encoder at work."""
        return self._process

    def add(self, segment: int, deliveries: list[Delivery]) -> None:
        """Has a full segment made for each of the deliveries."""
        self._waiting += [(segment, delivery) for delivery in deliveries]

    def wait(self, before: int | None = None) -> None:
        """Waits until all that is waiting is encoded, or all of the segments before one."""
        while self._waiting and (before is None or self._waiting[0][0] < before):
            self.tend(wait=True)

    def tend(self, wait: bool = False) -> None:
        """Takes in a finished encoder and starts the next; waits for the running one if told to."""
        if self._process is not None and (wait or not self._process.running):
            try:
                outcome = self._process.wait()
            except BaseException:
                self.close()
                raise
            self._process = None
            self._take_in(outcome)
        if self._process is None and self._waiting:
            segment, delivery = self._waiting[0]
            with self._remedy.explained():
                arguments = delivery.segment_arguments(segment)
                self._process = Process(delivery.ffmpeg, arguments, self._folder)

    def run(
        self,
        delivery: Delivery,
        arguments: list[str],
        frames: int,
        held: Callable[[], int] | None = None,
    ) -> None:
        """Runs ffmpeg for a delivery until it has written exactly `frames` frames, by its own count
        or by that of what it wrote (`held`); an attempt that fails is repeated.
        """
        for failures in range(1, ATTEMPTS + 1):
            with self._remedy.explained():
                outcome = run(delivery.ffmpeg, arguments, self._folder)
            if outcome.ok and held:
                outcome = replace(outcome, frames=held())
            if outcome.ok and outcome.frames == frames:
                return
            self._refuse(delivery, outcome, frames, failures)

    def close(self) -> None:
        """Ends the encoder, if one runs; a segment it was at is encoded by the next run."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            segment, delivery = self._waiting[0]
            delivery.discard(segment)

    def _take_in(self, outcome: Ended) -> None:
        """A whole segment gets its name; a failed one stays first in line, a few times over."""
        segment, delivery = self._waiting[0]
        frames = delivery.spool.segment_frames
        if outcome.ok and outcome.frames == frames:
            with self._remedy.explained():
                delivery.take_in(segment)
            self._waiting.pop(0)
            self._failures = 0
            return
        delivery.discard(segment)
        self._failures += 1
        self._refuse(delivery, outcome, frames, self._failures)
        self._warn(
            f"ffmpeg failed ({outcome.message}); encoding frames from {segment * frames} again"
        )

    def _refuse(self, delivery: Delivery, outcome: Ended, frames: int, failures: int) -> None:
        """Raises what a failed ffmpeg means to the user, unless another attempt may help."""
        width, height = delivery.format.size
        if outcome.disk_full or free_space(self._folder) < frames * width * height * 3 // 8:
            raise self._remedy.full_disk()
        if failures >= ATTEMPTS:
            wrote = f"of {frames} frames it wrote {outcome.frames}"
            problem = wrote if outcome.ok else outcome.message
            raise OutputError(
                f"ffmpeg failed {failures} times ({problem}); no frame is lost: "
                f"{self._remedy.then()}"
            )
