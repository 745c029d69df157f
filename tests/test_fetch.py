"""Downloads against a server on this machine that misbehaves in every way a server can."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import multiprocessing
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vqclip_video.catalogue import known, store, transfer
from vqclip_video.catalogue.fetch import fetch
from vqclip_video.catalogue.model import Model, ModelFile
from vqclip_video.errors import ModelError

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 4000
SIZE = len(CONTENT)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
CONFIG = (store.BUNDLED / "vqgan.yaml").read_bytes()
TIMEOUT = 0.4


class Handler(BaseHTTPRequestHandler):
    """Answers by the last part of the path; `server.requests` keeps (path, Range, If-Range)."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.requests.append(
            (self.path, self.headers.get("Range"), self.headers.get("If-Range"))
        )
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            getattr(self, "answer_" + self.path.strip("/").split("/")[0])()

    def send(self, body, status=200, length=None, **headers):
        self.send_response(status)
        headers = {"Content_Type": "application/octet-stream", "ETag": '"v1"', **headers}
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def range(self):
        asked = self.headers.get("Range")
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0

    def answer_good(self):
        start = self.range()
        if not start:
            self.send(CONTENT)
        elif start >= len(CONTENT):
            self.send(b"", 416, Content_Range=f"bytes */{SIZE}")
        else:
            self.send(CONTENT[start:], 206, Content_Range=f"bytes {start}-{SIZE - 1}/{SIZE}")

    def answer_config(self):
        self.send(CONFIG)

    def answer_ignores_range(self):
        self.send(CONTENT)

    def answer_breaks(self):
        """Sends a third of what is left, then hangs up."""
        start = self.range()
        rest = CONTENT[start:]
        extra = {"Content_Range": f"bytes {start}-{SIZE - 1}/{SIZE}"} if start else {}
        self.send(rest[: len(rest) // 3 + 1], 206 if start else 200, len(rest), **extra)
        self.close_connection = True

    def answer_stops(self):
        self.send(CONTENT[:1000], length=len(CONTENT))
        self.server.over.wait(10)

    def answer_silent(self):
        self.server.over.wait(10)

    def answer_drips(self):
        self.send(CONTENT[:100], length=len(CONTENT))
        for byte in CONTENT[100:400]:
            if self.server.over.wait(0.05):
                break
            self.wfile.write(bytes([byte]))

    def answer_missing(self):
        self.send(b"no such thing", 404)

    def answer_page(self):
        self.send(b"<!DOCTYPE html><html>Log in</html>", Content_Type="text/html; charset=utf-8")

    def answer_disguised_page(self):
        self.send(b"\n <html>Too many downloads</html>")

    def answer_text(self):
        self.send(b"this is no weights file at all")

    def answer_wrong(self):
        self.send(CONTENT[:-1] + b"!")

    def answer_short(self):
        self.send(CONTENT[:500])

    def answer_empty(self):
        self.send(b"")

    def answer_endless(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.server.over.is_set():
            self.wfile.write(b"40000\r\n" + b"P" * 0x40000 + b"\r\n")

    def answer_loop(self):
        self.send(b"", 302, Location="/loop")

    def answer_to_file(self):
        self.send(b"", 302, Location="file:///etc/passwd")

    def answer_to_ftp(self):
        self.send(b"", 302, Location="ftp://127.0.0.1:1/tiny.ckpt")

    def answer_elsewhere(self):
        self.send(b"", 302, Location="/good")

    def answer_to_page(self):
        self.send(b"", 302, Location="/page")

    def answer_wrong_range(self):
        if self.range():
            self.send(CONTENT[7:], 206, Content_Range=f"bytes 7-{SIZE - 1}/{SIZE}")
        else:
            self.send(CONTENT)

    def answer_slow(self):
        time.sleep(0.3)
        self.send(CONTENT)


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("VQCLIP_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.requests, server.over = [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def model(server, *answers, sha256=SHA256, size=SIZE, filename="tiny.ckpt"):
    file = ModelFile(filename, tuple(f"{server.url}/{answer}" for answer in answers), sha256, size)
    return Model("tiny", "vqgan", 8, (file,), "MIT", "here", "a test")


def part_of(model):
    path = store.own_place(model, model.files[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(path.name + ".part")


def leftovers(model):
    return sorted(path.name for path in part_of(model).parent.iterdir())


def test_a_file_arrives_whole_and_progress_ends_at_its_size(server):
    heard = []
    (path,) = fetch(model(server, "good"), on_progress=lambda *both: heard.append(both))
    assert path.read_bytes() == CONTENT
    assert leftovers(model(server, "good")) == ["tiny.ckpt"]
    assert heard[-1] == (SIZE, SIZE) and heard == sorted(heard)


def test_a_file_that_is_here_is_not_asked_for_again(server):
    fetch(model(server, "good"))
    fetch(model(server, "good"))
    assert len(server.requests) == 1


def test_a_damaged_file_is_replaced(server):
    (path,) = fetch(model(server, "good"))
    path.write_bytes(CONTENT[:-1] + b"?")
    fetch(model(server, "good"))
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("missing", "answers 404"),
        ("page", "a web page"),
        ("disguised_page", "a web page"),
        ("to_page", "a web page"),
        ("wrong", "sha256"),
        ("short", f"offers a file of 500 bytes, {SIZE} are right"),
        ("empty", "offers a file of 0 bytes"),
        ("endless", "sends more than"),
        ("silent", "did not answer for 0.4 seconds"),
        ("stops", "did not answer for 0.4 seconds"),
        ("drips", "has all but stopped"),
        ("loop", "answers 302"),
        ("to_file", "answers 302"),
        ("to_ftp", "redirects from http to ftp"),
    ],
)
def test_what_is_wrong_with_a_server_is_named_and_nothing_gets_its_final_name(
    server, answer, reason
):
    bad = model(server, answer)
    with pytest.raises(ModelError) as caught:
        fetch(bad, timeout=TIMEOUT)
    path = store.own_place(bad, bad.files[0])
    assert reason in str(caught.value) and f"{server.url}/{answer}" in str(caught.value)
    assert str(path) in str(caught.value) and not path.exists()
    assert store.status(bad) == "missing"


@pytest.mark.parametrize("answer", ["text", "empty", "page", "short"])
def test_a_file_without_a_known_sha256_must_still_be_of_its_kind(server, answer):
    unknown = model(server, answer, sha256=None, size=None)
    if answer == "short":  # begins as weights do: all that can be said of it
        assert fetch(unknown)[0].stat().st_size == 500
    else:
        with pytest.raises(ModelError, match="no weights file|empty file|web page"):
            fetch(unknown)


def test_links_are_tried_in_turn_and_all_their_reasons_told(server):
    fetch(model(server, "missing", "page", "wrong", "good"))
    with pytest.raises(ModelError) as caught:
        fetch(model(server, "missing", "page", filename="other.ckpt"))
    assert "404" in str(caught.value) and "a web page" in str(caught.value)


def test_nobody_at_the_other_end(server):
    gone = Model(
        "x",
        "clip",
        8,
        (ModelFile("x.pt", ("http://127.0.0.1:1/x.pt", "file:///etc/passwd")),),
        "",
        "",
        "",
    )
    with pytest.raises(ModelError) as caught:
        fetch(gone)
    assert "cannot be reached" in str(caught.value) and "unknown url type: file" in str(
        caught.value
    )


def test_a_redirect_is_followed(server):
    assert fetch(model(server, "elsewhere"))[0].read_bytes() == CONTENT


def test_https_is_never_left_for_http():
    handler = transfer._Redirects()
    request = transfer.urllib.request.Request("https://example.org/a")
    with pytest.raises(transfer.Refused, match="https to http"):
        handler.redirect_request(request, None, 302, "Found", {}, "http://example.org/a")


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server):
    with pytest.raises(ModelError, match="ended after"):
        fetch(model(server, "breaks"))
    ranges = [asked for _, asked, _ in server.requests]
    assert len(ranges) == 5 and ranges[0] is None and ranges[1] == f"bytes={len(CONTENT) // 3 + 1}-"
    # The next command, and another link, go on from there.
    arrived = part_of(model(server, "good")).stat().st_size
    assert fetch(model(server, "good"))[0].read_bytes() == CONTENT
    assert server.requests[-1] == ("/good", f"bytes={arrived}-", None)


def test_without_a_sha256_only_the_same_version_of_the_same_link_is_resumed(server):
    unknown = model(server, "breaks", sha256=None, size=None)
    with pytest.raises(ModelError):
        fetch(unknown)
    assert server.requests[1][2] == '"v1"'
    assert fetch(model(server, "good", sha256=None, size=None))[0].read_bytes() == CONTENT
    assert server.requests[-1] == ("/good", None, None)


@pytest.mark.parametrize("answer", ["ignores_range", "good", "wrong_range"])
def test_a_part_of_another_file_does_no_harm(server, answer):
    part_of(model(server, answer)).write_bytes(b"PK\x03\x04 an older file's beginning")
    assert fetch(model(server, answer))[0].read_bytes() == CONTENT


def test_a_part_longer_than_the_file(server):
    part_of(model(server, "good")).write_bytes(CONTENT + b"and more")
    assert fetch(model(server, "good", size=None))[0].read_bytes() == CONTENT


def test_a_part_that_was_complete_is_not_fetched_again(server):
    part_of(model(server, "good")).write_bytes(CONTENT)
    assert fetch(model(server, "good"))[0].read_bytes() == CONTENT
    assert server.requests == []


def test_the_first_sha256_of_an_unlisted_file_is_remembered(server):
    unknown = model(server, "good", sha256=None, size=None)
    (path,) = fetch(unknown)
    assert store.recall_sha256(unknown, unknown.files[0]) == SHA256
    path.unlink()
    with pytest.raises(ModelError, match=f"{SHA256} is right"):
        fetch(model(server, "wrong", sha256=None, size=None))


def test_a_config_must_be_one(server):
    good = ModelFile(
        "tiny.yaml", (f"{server.url}/text", f"{server.url}/good", f"{server.url}/config")
    )
    both = Model("tiny", "vqgan", 8, (*model(server, "good").files, good), "", "", "")
    weights, config = fetch(both)
    assert config.read_bytes() == CONFIG and weights.read_bytes() == CONTENT
    bad = ModelFile("bad.yaml", (f"{server.url}/text",))
    with pytest.raises(ModelError, match="sends no VQGAN config"):
        fetch(Model("bad", "vqgan", 8, (bad,), "", "", ""))


def test_a_full_disk_is_said_before_and_while(server, monkeypatch):
    usage = transfer.shutil.disk_usage(".")
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(ModelError, match="1 MB are needed and 0 MB free"):
        fetch(model(server, "good"))
    monkeypatch.undo()
    monkeypatch.setenv("VQCLIP_HOME", str(store.BUNDLED / "vqgan.yaml"))
    with pytest.raises(ModelError, match="set VQCLIP_HOME"):
        fetch(model(server, "good"))


def test_no_space_left_while_writing(server, monkeypatch):
    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    plain = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, *a, **k: Full(plain(self, *a, **k)) if a == ("wb",) else plain(self, *a, **k),
    )
    with pytest.raises(ModelError, match="the disk is full; make space"):
        fetch(model(server, "good"))


def _fetch_together(model, barrier, results):
    barrier.wait(30)
    results.put(fetch(model)[0].read_bytes() == CONTENT)


def test_three_processes_fetch_one_file_once(server):
    context = multiprocessing.get_context("spawn")
    results, barrier, wanted = context.Queue(), context.Barrier(3), model(server, "slow")
    processes = [
        context.Process(target=_fetch_together, args=(wanted, barrier, results)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    assert [results.get(timeout=60) for _ in processes] == [True] * 3
    for process in processes:
        process.join()
    assert len(server.requests) == 1
    if os.name != "nt":  # where an open file cannot be removed, the lock file stays
        assert leftovers(wanted) == ["tiny.ckpt"]


def test_a_killed_fetch_leaves_no_lock_and_no_file(server):
    process = multiprocessing.get_context("spawn").Process(
        target=fetch, args=(model(server, "stops"),)
    )
    process.start()
    part, until = part_of(model(server, "stops")), time.monotonic() + 60
    while not part.exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.join()
    assert part.exists() and not part.with_suffix("").exists()
    assert fetch(model(server, "good"))[0].read_bytes() == CONTENT


def test_a_bundled_model_is_never_fetched(server):
    paths = fetch(known.MODELS["storybook-vqgan"])
    assert [path.name for path in paths] == [
        "vqgan.safetensors",
        "vqgan.yaml",
    ] and server.requests == []
