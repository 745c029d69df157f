"""Who is at a job, across machines that share nothing but a store.

A lease has generations, each a file of its own. To take it is to create the file of the next
generation, which a store lets one of several do; so none is ever taken twice, and whoever was
believed dead and comes back finds a younger generation and stops. A holder renews its file; no two
machines' clocks are compared: whoever waits watches whether the file changes, by its own clock.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator

from ..errors import OutputError
from .store import Store

SECONDS = 30.0  # without a sign of life until a lease may be taken over
RENEWALS = 3  # in that time
LOOKS = 10  # in that time, of whoever waits


class Lease:
    """The right to work at the job whose files lie under `place` in the store."""

    def __init__(self, store: Store, place: str, owner: str, seconds: float = SECONDS) -> None:
        self.store, self.place, self.owner, self.seconds = store, place, owner, seconds
        self.generation = 0  # that is held; 0: none
        self._beat, self._renewed, self._lost = 0, 0.0, False

    def acquire(self) -> bool:
        """Whether it is held now. Where another holder is silent, that is waited for; where it is
        alive, that is soon said.
        """
        last = self.newest()
        if last and not self._given_up(last) and not self._silent(last):
            return False
        self._beat, self.generation = 0, last + 1
        if not self.store.create(self._name(last + 1), self._content()):
            self.generation = 0
            return False
        self._renewed = time.monotonic()
        for older in self._generations()[:-1]:
            self.store.remove(self._name(older))
        return True

    @property
    def held(self) -> bool:
        """Whether nobody else can have it: it is renewed in time, and was not taken over."""
        late = time.monotonic() - self._renewed > self.seconds * (1 - 1 / RENEWALS)
        return bool(self.generation) and not self._lost and not late

    def confirm(self) -> bool:
        """`held`, after a look at the store."""
        self._lost = self._lost or self.newest() != self.generation
        return self.held

    def renew(self) -> None:
        """A sign of life. Raises OutputError."""
        before = time.monotonic()
        if self.confirm():
            self._beat += 1
            self.store.write(self._name(self.generation), self._content())
            self._renewed = before

    def release(self) -> None:
        """Lets go: the next one need not wait."""
        if self.generation and not self._lost:
            self.store.write(self._name(self.generation), self._content(released=True))
        self.generation = 0

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Inside, it is renewed in the background; afterwards it is let go."""
        ended = threading.Event()

        def renewing() -> None:
            while not ended.wait(self.seconds / RENEWALS / 2):
                with contextlib.suppress(OutputError):  # `held` knows how long that may go on
                    self.renew()

        thread = threading.Thread(target=renewing, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            with contextlib.suppress(OutputError):
                self.release()

    def newest(self) -> int:
        """The youngest generation there is; 0 where there is none."""
        return max(self._generations(), default=0)

    def _generations(self) -> list[int]:
        names = self.store.names(f"{self.place}/lease")
        stems = (name.rpartition("/")[2].removesuffix(".json") for name in names)
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def _name(self, generation: int) -> str:
        return f"{self.place}/lease/{generation:06d}.json"

    def _content(self, released: bool = False) -> bytes:
        about = {"owner": self.owner, "beat": self._beat, "released": released}
        return json.dumps(about).encode()

    def _given_up(self, generation: int) -> bool:
        try:
            return bool(json.loads(self.store.read(self._name(generation)) or b"{}")["released"])
        except (ValueError, KeyError):  # it is being created just now
            return False

    def _silent(self, generation: int) -> bool:
        first, until = self.store.read(self._name(generation)), time.monotonic() + self.seconds
        while time.monotonic() < until:
            time.sleep(self.seconds / LOOKS)
            if self.store.read(self._name(generation)) != first or self.newest() != generation:
                return False
        return True
