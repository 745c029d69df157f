"""render --live: the report of a film while it grows, to whoever knows its address."""

import http.client
import io
import json
import re
import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from browser import Looked, chromium
from PIL import Image
from stage import Stage

STORY = """\
title: "</script><script>window.evil = 1</script>"
size: 32x32
fps: 24
models: {{clip: {clip}, vqgan: {vqgan}}}
settings: {{cutouts: 2, show_step: 4}}
scenes:
  - {{prompt: a red apple, duration: {seconds}s}}
  - {{prompt: the sea, duration: {seconds}s, transition: {{duration: 0.5s}}, settings: {{exclude: text}}}}
"""


@pytest.fixture(scope="module")
def stage():
    with Stage() as started:
        yield started


@pytest.fixture
def begin(stage, tmp_path, tiny_files):
    """Starts a render; gives the call and the address that it says."""

    def start(*arguments, seconds=60):
        (tmp_path / "story.yaml").write_text(STORY.format(seconds=seconds, **tiny_files))
        call = stage.start(tmp_path, "render", "story.yaml", "--live", *arguments)
        call.wait_until("watch it at ")
        return call, re.search(r"http://\S+", call.said())[0]

    return start


def ask(address, method="GET", **headers):
    request = urllib.request.Request(address, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def events(address, count):
    """The next events, as (name, what it says)."""
    found = []
    with urllib.request.urlopen(f"{address}events?from=0", timeout=30) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        name = ""
        for line in stream:
            kind, _, value = line.decode().rstrip("\n").partition(": ")
            if kind == "event":
                name = value
            elif kind == "data":
                found.append((name, json.loads(value)))
            if len(found) == count:
                break
    return found


def test_frames_come_and_the_stop_button_saves(begin):
    call, address = begin()
    told = events(address, 5)
    assert [name for name, _ in told] == ["frame"] * 5
    assert [each["frame"] for _, each in told] == list(range(5))
    assert told[0][1]["iteration"] == 4 and "clip" in told[0][1]["losses"]
    with Image.open(io.BytesIO(ask(f"{address}frame.jpg"))) as picture:
        assert picture.size == (32, 32)
    page = ask(address).decode()
    assert "connect-src 'self'" in page and "window.evil" in page
    assert "<script>window.evil" not in page.replace("\\u003c", "<<")
    ask(f"{address}stop", "POST")
    ended = call.wait()
    assert ended.status == 130 and "run the same command again" in ended.said


def test_nobody_else_gets_in(begin):
    call, address = begin()
    place = urlsplit(address)
    assert place.hostname == "127.0.0.1" and len(place.path) > 20
    root = f"http://{place.netloc}/"
    strange = [root, f"{root}events", f"{root}{'x' * 22}/", f"{address}../", f"{address}nothing"]
    for other in (*strange, f"{address}stop"):  # whose button is pressed, not visited
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(other)
        assert refused.value.code == 404
    with pytest.raises(urllib.error.HTTPError):
        ask(address, Host="elsewhere.example")
    with pytest.raises(urllib.error.HTTPError):
        ask(f"{root}wrong/stop", "POST")
    line = http.client.HTTPConnection(place.netloc)
    line.request("GET", place.path + "events?from=" + "9" * 400)
    assert line.getresponse().status == 200
    ask(f"{address}stop", "POST")
    assert call.wait().status == 130


def test_a_film_that_goes_on_shows_what_was_rendered_before(begin):
    call, address = begin()
    events(address, 3)
    ask(f"{address}stop", "POST")
    call.wait()
    call, address = begin()
    first = events(address, 2)
    assert [each["frame"] for _, each in first] == [0, 1]
    ask(f"{address}stop", "POST")
    call.wait()


def test_the_end_is_told(begin):
    call, address = begin(seconds=1)
    told = events(address, 49)
    assert told[-1] == ("end", "finished") and told[-2][1]["frame"] == 47
    assert call.wait().status == 0


def test_a_port_that_is_taken_is_told(stage, tmp_path, tiny_files):
    (tmp_path / "story.yaml").write_text(STORY.format(seconds=1, **tiny_files))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = stage.run(tmp_path, "render", "story.yaml", "--port", port)
    assert ended.status == 2 and f"--port {port} cannot be had" in ended.said
    assert not (tmp_path / "outputs").exists()


def test_a_browser_sees_it_grow_and_stops_it(begin):
    with chromium() as browser:
        call, address = begin("-q")
        looked = Looked(browser.new_page())
        looked.open(address)
        looked.until("typeof curves === 'object' && curves.frame.length > 5")
        looked.until("document.getElementById('newest').naturalWidth === 32")
        before = looked("charts[0].plot.data[0].length")
        looked.until(f"charts[0].plot.data[0].length > {before}")
        assert looked("document.getElementById('done').value") > 0
        assert looked("typeof window.evil") == "undefined" and looked.complaints == []
        assert all(
            url.startswith(address) for url in looked.requests if not url.startswith("data:")
        )
        looked.page.locator("#stop").click()
        looked.until("document.getElementById('state').textContent.startsWith('stopped and saved')")
        assert call.wait().status == 130
