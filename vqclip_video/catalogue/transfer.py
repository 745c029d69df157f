"""One link over HTTP into a NAME.part file: resumed where it can be proven to be the same file,
never trusted.

Imported only while a model is fetched, since it loads the network modules.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._version import __version__
from ..errors import ModelError

CHUNK = 1 << 18
SLOWEST = 1024  # bytes a second, over one timeout; a server below that has stopped
LARGEST = 64 << 30  # for a server that does not say how much will come
WEB_PAGE = "sends a web page, not the file; the link may need a browser, or be dead"


class Refused(Exception):
    """This server will not give the right file."""


class Broken(Exception):
    """The transfer stopped; trying again may help."""


@dataclass(frozen=True)
class Destination:
    """What is to arrive.

    `bytes` is its size if known; `proven`: so is its sha256, and any link may go on with it.
    """

    part: Path
    bytes: int | None
    proven: bool
    timeout: float  # seconds without an answer, or of less than `SLOWEST`
    on_bytes: Callable[[int, int | None], None]  # (bytes so far, size or None)

    @property
    def notes(self) -> Path:
        """Where the link and the version of what has arrived so far are noted."""
        return self.part.with_name(self.part.name + ".json")

    def arrived(self) -> int:
        """Bytes of the part file."""
        try:
            return self.part.stat().st_size
        except FileNotFoundError:
            return 0

    def forget(self) -> None:
        """Removes what has arrived."""
        self.part.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("http", "https") or (old == "https" and new == "http"):
            raise Refused(f"redirects from {old} to {new}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def receive(url: str, target: Destination) -> None:
    """Makes `target.part` as large as the file behind `url`, going on where it stopped.

    Raises Refused or Broken with the reason, ModelError where the disk refuses.
    """
    if target.bytes is not None and target.arrived() == target.bytes:
        return
    start, headers = _resumption(url, target)
    headers |= {"User-Agent": f"vqclip-video/{__version__}", "Accept-Encoding": "identity"}
    try:
        with _opener().open(
            urllib.request.Request(url, headers=headers), timeout=target.timeout
        ) as response:
            _store(url, response, start, target)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            target.forget()
            raise Broken("what had arrived was longer than the file") from None
        kind = Broken if error.code in (429, 500, 502, 503, 504) else Refused
        raise kind(f"answers {error.code} {' '.join(str(error.reason).split())}") from None
    except (OSError, http.client.HTTPException) as error:
        raise Broken(_network_reason(error, target.timeout)) from None
    except ValueError as error:
        raise Refused(f"not a link that can be fetched ({error})") from None


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS alone: the stock opener would follow to file:, ftp: and data: as well."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _resumption(url: str, target: Destination) -> tuple[int, dict[str, str]]:
    """From which byte to ask, and the headers that ask for it."""
    start = target.arrived()
    try:
        notes = json.loads(target.notes.read_text("utf-8"))
        version = notes["version"] if notes["url"] == url else None
    except (OSError, ValueError, LookupError, TypeError):
        version = None
    if not start or not (version or target.proven):
        return 0, {}
    return start, {"Range": f"bytes={start}-", **({"If-Range": version} if version else {})}


def _store(url: str, response: Any, asked: int, target: Destination) -> None:
    # A server that ignores Range, or has another version by now, answers 200 and begins at the
    # first byte.
    start, total = 0, _whole_number(response.headers.get("Content-Length"))
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        start, total = _content_range(response.headers.get("Content-Range", ""))
        if start != asked:
            target.forget()
            raise Broken(f"sends bytes from {start}, asked for {asked}")
    if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise Refused(WEB_PAGE)
    first = _network_read(response, target)
    if start == 0 and first.lstrip()[:1] == b"<":
        raise Refused(WEB_PAGE)
    if None not in (total, target.bytes) and total != target.bytes:
        raise Refused(f"offers a file of {total} bytes, {target.bytes} are right")
    total = total or target.bytes
    _check_space(target, (total or 0) - start)
    if start == 0:
        _note_version(url, response, target)
    _copy(response, first, start, total, target)


def _copy(response: Any, chunk: bytes, start: int, total: int | None, target: Destination) -> None:
    done = start
    most = total or LARGEST
    since, since_done = time.monotonic(), done
    with _writing(target), target.part.open("ab" if start else "wb") as file:
        target.on_bytes(done, total)
        while chunk:
            done += len(chunk)
            if done > most:
                raise Refused(f"sends more than the {most} bytes there should be")
            file.write(chunk)
            target.on_bytes(done, total)
            if (now := time.monotonic()) - since > target.timeout:
                if done - since_done < SLOWEST * target.timeout:
                    raise Broken(f"has all but stopped, after {done} bytes")
                since, since_done = now, done
            chunk = _network_read(response, target)
    if total is not None and done < total:
        raise Broken(f"ended after {done} of {total} bytes")
    if done == 0:
        raise Refused("sends an empty file")


def _network_read(response: Any, target: Destination) -> bytes:
    try:
        # read1 gives what is there; read would wait for a whole chunk from a server that drips.
        return response.read1(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise Broken(_network_reason(error, target.timeout)) from None


@contextlib.contextmanager
def _writing(target: Destination) -> Iterator[None]:
    """Within it an OSError comes from the disk, and is the user's to mend."""
    try:
        yield
    except OSError as error:
        raise ModelError(disk_reason(error, target.part)) from error


def disk_reason(error: OSError, path: Path) -> str:
    """The message for a disk that refuses to take a download."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{path}: the disk is full; make space, or set VQCLIP_HOME to a folder elsewhere, and "
            "fetch again"
        )
    return f"{path}: cannot be written ({error.strerror}); set VQCLIP_HOME to a folder that can be"


def _check_space(target: Destination, wanted: int) -> None:
    with _writing(target):
        free = shutil.disk_usage(target.part.parent).free
    if wanted > free:
        raise ModelError(
            f"{target.part.parent}: {wanted / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB "
            "free; make space, or set VQCLIP_HOME to a folder elsewhere, and fetch again"
        )


def _note_version(url: str, response: Any, target: Destination) -> None:
    """Remembers which version of which link the part file comes from, for If-Range."""
    tag = response.headers.get("ETag")
    version = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
    with _writing(target):
        target.notes.write_text(json.dumps({"url": url, "version": version}), "utf-8")


def _content_range(value: str) -> tuple[int, int | None]:
    """(first byte, size or None) of `bytes 5-9/10`."""
    span, _, total = value.removeprefix("bytes ").partition("/")
    start = _whole_number(span.partition("-")[0])
    if start is None:
        raise Broken(f"sends a part of the file without saying which ({value[:40]!r})")
    return start, _whole_number(total)


def _whole_number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else None


def _network_reason(error: Exception, timeout: float) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"did not answer for {timeout:g} seconds"
    if isinstance(reason, http.client.HTTPException):
        return f"broke off ({type(reason).__name__})"
    return f"cannot be reached or broke off ({reason})"
