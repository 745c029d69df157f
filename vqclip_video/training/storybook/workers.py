"""Processes that share a stage's work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any

from ...errors import RenderError


@contextmanager
def workers(
    count: int | None, begin: Callable[..., None] | None = None, known: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """So many processes, one a core for None; each first calls begin(*known).

    At the end what nobody works at yet is left undone. Raises RenderError where one was killed.

    A multiprocessing.Pool would end its processes by SIGTERM. One that has only just been forked
    loses that signal where the program has a handler for it, and is then waited for for ever.
    """
    pool = ProcessPoolExecutor(count, initializer=begin, initargs=known)
    try:
        yield pool
    except BrokenProcessPool:
        raise RenderError(
            "a process was ended from outside, perhaps for want of memory; try again to go on"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def as_done(
    pool: ProcessPoolExecutor, work: Callable[[Any], Any], items: Iterable[Any], at_once: int
) -> Iterator[Any]:
    """What `work` makes of each item, in the order they are finished.

    No more than `at_once` are begun, so that whoever stops asking waits for no more than those.
    """
    waiting, running = iter(items), set()
    while True:
        running |= {pool.submit(work, item) for item in islice(waiting, at_once - len(running))}
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for each in done:
            yield each.result()
