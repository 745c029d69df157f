"""The report of a film that is being rendered, for a browser on this machine.

One address with a word in it that nobody guesses, on 127.0.0.1 alone. What is new comes as
server-sent events (HTML Standard, section 9.2).
"""

from __future__ import annotations

import hmac
import io
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .._version import __version__
from ..errors import UsageError
from ..output.origin import Origin
from ..output.progress import frame_record, to_json
from ..output.report import RunFacts, live_page, read_records
from ..storyboard.sizes import frame_size
from ..storyboard.timeline import Timeline
from ..storyboard.writer import dump, without_places
from .displays import Display

HOST = "127.0.0.1"
SILENCE = 5.0  # seconds after which a line says that the server is there still
FAREWELL = 1.0  # seconds for those who watch to hear how it ended
QUALITY = 90


class LivePage(Display):
    """A listener that shows what it hears to whoever opens its `address`.

    `stop_wanted` becomes true where one of them asks that the render stops.
    """

    def __init__(self, name: str, progress: Path, port: int = 0):
        """`name`: of the film; `progress`: its log, for what an earlier sitting has rendered;
        `port`: 0 takes a free one. Raises UsageError where it is taken.
        """
        self.name, self.stop_wanted, self.ended = name, False, ""
        self.records: list[dict[str, Any]] = []
        self.iteration = self.total = 0
        self.news = threading.Condition()
        self._progress, self._frame = progress, None
        self._timeline: Timeline | None = None
        self.token = secrets.token_urlsafe(16)
        try:
            self._server = _Server((HOST, port), _Handler)
        except OSError as error:
            why = f"port={port} cannot be had ({error.strerror})"
            raise UsageError(f"{why}; choose another, or leave it out") from error
        self._server.live = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """What to open."""
        return f"http://{HOST}:{self._server.server_port}/{self.token}/"

    def start(self, timeline: Timeline, done: int) -> None:
        with self.news:
            self._timeline, self.iteration, self.total = timeline, done, timeline.total_iter
            if done:
                self.records = read_records(self._progress)
            self.news.notify_all()

    def update(self, progress) -> None:
        self.iteration = progress.iteration
        if progress.state is None:
            return
        with self.news:
            self.records.append({**frame_record(progress), "iteration": progress.iteration})
            if progress.frame is not None:
                self._frame = progress.frame
            self.news.notify_all()

    def end(self, result) -> None:
        with self.news:
            self.ended = result.state
            self.news.notify_all()

    def close(self) -> None:
        """Let everybody know, and close the door."""
        with self.news:
            self.ended = self.ended or "failed"
            self.news.notify_all()
        self._server.farewell(FAREWELL)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def page(self) -> str:
        """The page as of now; while there is nothing to show yet, one that asks again."""
        if self._timeline is None:
            return WAITING
        board = self._timeline.storyboard
        text = dump(board, without_places(board, board.home))
        origin = Origin(f"vqclip-video {__version__}", board.seed, board.models.names, text)
        facts = RunFacts(self._timeline, board.title or self.name, origin, {}, self.name)
        with self.news:
            return live_page(facts, self.records, self.iteration)

    def picture(self) -> bytes:
        """The newest frame as JPEG; a black one before the first of this sitting."""
        size = frame_size(self._timeline.storyboard.size) if self._timeline else (2, 2)
        black = np.zeros((size[1], size[0], 3), np.uint8)
        content = io.BytesIO()
        newest = black if self._frame is None else self._frame
        Image.fromarray(newest).save(content, "JPEG", quality=QUALITY)
        return content.getvalue()


WAITING = (
    '<!doctype html><meta http-equiv="refresh" content="1"><link rel="icon" href="data:,">'
    "<title>…</title><p>The models are being loaded."
)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False  # a port that another program listens at is taken
    live: LivePage

    def __init__(self, *arguments: Any):
        self._watched, self._last = 0, threading.Condition()
        super().__init__(*arguments)

    def watched(self, by: int) -> None:
        """Counts who hears events."""
        with self._last:
            self._watched += by
            self._last.notify_all()

    def farewell(self, seconds: float) -> None:
        with self._last:
            self._last.wait_for(lambda: not self._watched, seconds)

    def handle_error(self, request, client_address) -> None:
        """A browser that leaves in the middle of an answer is nobody's concern."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        places: dict[str, Callable[[], None]] = {
            "": self._page,
            "frame.jpg": self._picture,
            "events": self._events,
        }
        self._answer(places)

    def do_POST(self) -> None:
        self._answer({"stop": self._stop})

    def _answer(self, places: dict[str, Callable[[], None]]) -> None:
        _, token, place, *more = [*self.path.partition("?")[0].split("/"), "", "", ""]
        here = f"{HOST}:{self.server.server_port}"
        known = hmac.compare_digest(token.encode(), self.server.live.token.encode())
        if not known or any(more) or place not in places or self.headers.get("Host") != here:
            self._say(404, "text/plain", b"not here")
        else:
            places[place]()

    def _page(self) -> None:
        self._say(200, "text/html; charset=utf-8", self.server.live.page().encode())

    def _picture(self) -> None:
        self._say(200, "image/jpeg", self.server.live.picture())

    def _stop(self) -> None:
        self.server.live.stop_wanted = True
        self._say(204, "text/plain", b"")

    def _events(self) -> None:
        self._head(200, "text/event-stream")
        self.server.watched(+1)
        try:
            self._tell(self.server.live)
        finally:
            self.server.watched(-1)

    def _tell(self, live: LivePage) -> None:
        """Each record from that number on which the page lacks, then how it ended."""
        asked = self.path.partition("?from=")[2]
        told = int(asked) if asked.isdecimal() and len(asked) < 10 else 0
        while True:
            with live.news:
                if len(live.records) <= told and not live.ended:
                    live.news.wait(SILENCE)
                new, ended = live.records[told:], live.ended
            for record in new:
                self._event("frame", to_json(record))
            told += len(new)
            if ended:
                return self._event("end", to_json(ended))
            self.wfile.write(b": still here\n\n")
            self.wfile.flush()

    def _event(self, name: str, data: str) -> None:
        self.wfile.write(f"event: {name}\ndata: {data}\n\n".encode())
        self.wfile.flush()

    def _say(self, status: int, kind: str, content: bytes) -> None:
        self._head(status, kind, len(content))
        self.wfile.write(content)

    def _head(self, status: int, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """The terminal belongs to the render."""
