"""What machines of a farm share: a store, a lease, a position; without Ray."""

import json
import threading
import uuid

import pytest

from vqclip_video.errors import OutputError, UsageError
from vqclip_video.farm.lease import Lease
from vqclip_video.farm.ledger import Ledger
from vqclip_video.farm.position import Position
from vqclip_video.farm.store import RemoteStore, open_store

QUICK = 0.6  # seconds of a lease


@pytest.fixture(params=["folder", "file", "memory", "parts"])
def store(request, tmp_path):
    """A store of each kind; `parts`: one that does not put files whole by itself."""
    if request.param in ("memory", "parts"):
        made = open_store(f"memory://{uuid.uuid4().hex}/films")
        assert isinstance(made, RemoteStore)
        made._whole = request.param == "memory"
        return made
    return open_store(tmp_path if request.param == "folder" else f"file://{tmp_path}")


def test_files_are_put_found_and_taken_away(store, tmp_path):
    assert store.read("a/b.txt") is None and store.names("a") == []
    store.write("a/b.txt", b"one")
    store.write("a/b.txt", b"two")
    assert store.read("a/b.txt") == b"two"
    assert store.create("a/c.txt", b"mine") and not store.create("a/c.txt", b"theirs")
    (tmp_path / "film").write_bytes(bytes(range(256)) * 999)
    store.upload(tmp_path / "film", "a/deep/film.mp4")
    store.download("a/deep/film.mp4", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "film").read_bytes()
    assert store.names("a") == ["a/b.txt", "a/c.txt", "a/deep/film.mp4"]
    store.remove("a/b.txt")
    store.remove("a/b.txt")
    assert store.names("a") == ["a/c.txt", "a/deep/film.mp4"]


def test_one_of_many_creates_a_file(store):
    won, line = [], threading.Barrier(8)

    def create(number: int) -> None:
        line.wait()
        if store.create("one", b"%d" % number):
            won.append(number)

    threads = [threading.Thread(target=create, args=[number]) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(won) == 1 and store.read("one") == b"%d" % won[0]


def test_what_a_store_refuses_is_told_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr("vqclip_video.farm.store.PAUSES", (0.0,))
    with pytest.raises(UsageError, match="nosuch"):
        open_store("nosuch://bucket/films")
    with pytest.raises(OutputError, match="gone"):
        open_store(f"memory://{uuid.uuid4().hex}").download("gone", tmp_path / "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="folder"):
        open_store(tmp_path / "file").write("a/b", b"")


def test_a_lease_has_one_holder_and_is_passed_on(store):
    first, second = (Lease(store, "job", name, QUICK) for name in "ab")
    assert first.acquire() and first.confirm()
    with first.kept():
        assert not second.acquire()
    assert second.acquire() and second.generation == 2
    assert not first.held and second.confirm()


def test_a_silent_holder_is_replaced_and_knows_it(store):
    first, second, third = (Lease(store, "job", name, QUICK) for name in "abc")
    assert first.acquire()
    assert second.acquire()  # after having waited for a sign of life
    assert not first.confirm() and not first.held
    first.renew()  # changes nothing
    first.release()
    with second.kept():
        assert second.confirm() and not third.acquire()


def test_a_holder_that_cannot_reach_the_store_stops(store, monkeypatch):
    lease = Lease(store, "job", "a", QUICK)
    assert lease.acquire()

    def down(*arguments):
        raise OutputError("the network is down")

    monkeypatch.setattr(store, "write", down)
    with lease.kept():
        threading.Event().wait(QUICK)
        assert not lease.held


def test_a_position_goes_to_another_machine(store, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "a").write_bytes(b"1" * 9)
    (here / "b").write_bytes(b"2" * 9)
    files = {"film/a": here / "a", "film/.work/b": here / "b"}
    first = Position(store, "job", 1)
    assert Position(store, "job", 1).fetch(there) == 0
    first.push(files)
    objects = store.names("job/data")
    (here / "b").write_bytes(b"3" * 10)
    first.push(files)
    assert set(store.names("job/data")) & set(objects) == {"job/data/000001-000001"}
    assert Position(store, "job", 2).fetch(there) == 2
    assert (there / "film/a").read_bytes() == b"1" * 9
    assert (there / "film/.work/b").read_bytes() == b"3" * 10


def test_the_dead_that_come_back_disturb_nobody(store, tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    zombie, next_one = Position(store, "job", 1), Position(store, "job", 2)
    zombie.push({"a": tmp_path / "a"})
    next_one.fetch(tmp_path / "second")
    (tmp_path / "second/a").write_bytes(b"new")
    next_one.push({"a": tmp_path / "second/a"})
    (tmp_path / "a").write_bytes(b"a zombie's")
    zombie.push({"a": tmp_path / "a"})
    Position(store, "job", 3).fetch(tmp_path / "third")
    assert (tmp_path / "third/a").read_bytes() == b"new"
    next_one.clear()
    assert store.names("job") == []


def test_a_position_that_was_spoilt_is_not_gone_on_from(store, tmp_path):
    (tmp_path / "a").write_bytes(b"right")
    Position(store, "job", 1).push({"a": tmp_path / "a"})
    store.write("job/data/000001-000001", b"wrong")
    with pytest.raises(OutputError, match="000001-000001"):
        Position(store, "job", 2).fetch(tmp_path / "there")


def test_the_ledger_keeps_what_became_of_jobs(store, tmp_path):
    ledger = Ledger(store)
    assert ledger.finished() == set() and ledger.told() == {} and not ledger.asked_to_stop()
    work = tmp_path / "work"
    (work / "fox" / ".work").mkdir(parents=True)
    (work / "fox" / ".work" / "lock").write_text("")
    (work / "fox" / "poster.png").write_bytes(b"png")
    (work / "fox.mp4").write_bytes(b"mp4")
    assert ledger.begin("fox", "key") and ledger.begin("fox", "key")
    assert not ledger.begin("fox", "another")
    ledger.note("fox", "failure", 1, "no\n")
    ledger.note("fox", "log", 2, "yes\n")
    assert ledger.finished() == set() and ledger.taken() == {"fox"}
    ledger.finish("fox", work / "fox.mp4", {"frames": 3})
    assert ledger.finished() == {"fox"} and ledger.result("fox") == {"frames": 3}
    assert [name for name in store.names("") if name.startswith("fox")] == [
        "fox.mp4",
        "fox/poster.png",
    ]
    assert ledger.logs("fox") == [("failure-000001", "no\n"), ("log-000002", "yes\n")]
    ledger.tell([{"job": "fox"}], ended=False)
    assert ledger.told()["jobs"] == [{"job": "fox"}] and json.dumps(ledger.told())
    ledger.ask_to_stop()
    assert ledger.asked_to_stop()
    ledger.go_on()
    assert not ledger.asked_to_stop()
    ledger.forget("fox")
    assert ledger.taken() == set()
