import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from killing import killed_at

from vqclip_video.errors import OutputError, UsageError
from vqclip_video.output.differences import differences
from vqclip_video.output.progress import ProgressLog
from vqclip_video.output.rundir import RunDir

BOARD = "seed: 7\nscenes:\n  - prompt: one\n"
PRINT = {
    "storyboard": BOARD,
    "seed": 7,
    "models": {"clip": "a" * 64, "vqgan": "b" * 64},
    "numerics": 1,
    "size": (4, 2),
}


@pytest.fixture
def run(tmp_path):
    with RunDir(tmp_path / "film.mp4") as run:
        yield run


@pytest.fixture
def no_fsync(monkeypatch):
    """A killed process, unlike a power cut, does not need it, and it is what takes the time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def leave_traces(run):
    """What a render makes on its way."""
    run.latents.mkdir(exist_ok=True)
    run.work.mkdir(exist_ok=True)
    for file in (
        run.poster,
        run.contact_sheet,
        run.progress,
        run.preview,
        run.latents / "scene-001.safetensors",
    ):
        file.write_bytes(b"ours")
    for name in (
        "segment-00000.rgb",
        "segment-00000.film.mp4",
        "segment-00000.film.1.part",
        "format.film",
        "tail.film.1.mp4",
        "join.film.ffconcat",
        "checkpoint-000001",
        "sheet-000000.png",
    ):
        (run.work / name).write_bytes(b"ours")


def finish(run):
    run.film.write_bytes(b"film")
    run.save_run({"seconds": 1.5}, finished=True)
    run.close()


def test_names_with_and_without_suffix(tmp_path):
    for given in ("a film.v2", "a film.v2.mp4", "a film.v2.MP4"):
        run = RunDir(tmp_path / given)
        assert (run.film.name, run.folder.name) == ("a film.v2.mp4", "a film.v2")
        assert run.film.parent == run.folder.parent == tmp_path


@pytest.mark.parametrize(
    "given, words", [("a.mkv", "name it a.mp4"), ("..", "names no"), (".mp4", "names no")]
)
def test_outputs_that_name_no_film(given, words):
    with pytest.raises(UsageError, match=words):
        RunDir(Path(given))


def test_a_runs_life(run):
    assert run.state(PRINT) == "new" and not run.folder.exists()
    assert run.open(PRINT, BOARD) == "new"
    assert run.storyboard.read_text() == BOARD and run.latents.is_dir()
    leave_traces(run)
    run.close()
    assert run.open(PRINT, BOARD) == "unfinished"
    assert (run.work / "checkpoint-000001").exists()
    finish(run)
    assert not run.work.exists() and not run.preview.exists() and run.poster.exists()
    before = sorted(run.folder.rglob("*"))
    assert run.open(PRINT, BOARD) == "finished"
    assert sorted(run.folder.rglob("*")) == before
    assert json.loads(run.run.read_text())["seconds"] == 1.5


def test_interrupted_run_is_still_unfinished(run):
    run.open(PRINT, BOARD)
    run.save_run({"loss": float("nan"), "rates": [float("inf"), 1]}, finished=False)
    saved = json.loads(run.run.read_text())
    assert saved["finished"] is False and saved["loss"] is None and saved["rates"] == [None, 1]
    assert run.state(PRINT) == "unfinished"


def test_run_killed_while_it_removed_an_older_film_goes_on_removing(run):
    run.open(PRINT, BOARD)
    older = run.latents / "scene-09.safetensors"
    older.touch()
    run.close()
    assert run.open(PRINT, BOARD) == "new"
    assert not older.exists()


def test_run_that_never_rendered_gives_way_to_another_film(run):
    run.open(PRINT, BOARD)
    run.close()
    assert run.open({**PRINT, "seed": 8}, BOARD) == "new"


def test_finished_run_without_its_film_is_made_again(run):
    run.open(PRINT, BOARD)
    finish(run)
    run.film.unlink()
    assert run.open(PRINT, BOARD) == "new"


@pytest.mark.parametrize("ended", [False, True])
def test_run_of_another_film_is_refused_with_all_differences(run, ended):
    run.open(PRINT, BOARD)
    leave_traces(run)
    if ended:
        finish(run)
    run.close()
    other = {**PRINT, "seed": 8, "storyboard": BOARD.replace("one", "two"), "device": "cuda"}
    other["models"] = {"clip": "a" * 64}
    with pytest.raises(OutputError) as refused:
        run.open(other, BOARD)
    lines = str(refused.value).splitlines()
    assert lines[1:-1] == [
        "  storyboard: - prompt: one there, - prompt: two now",
        "  seed: 7 there, 8 now",
        f"  models.vqgan: {'b' * 64} there, nothing now",
        "  device: nothing there, cuda now",
    ]
    assert "another output" in lines[-1] and "fresh=True" in lines[-1]
    assert run.open(PRINT, BOARD) == ("finished" if ended else "unfinished")


def test_many_differing_lines_are_counted():
    before, now = ("\n".join(f"{word} {n}\nsame" for n in range(20)) for word in ("old", "new"))
    found = differences({"storyboard": before}, {"storyboard": now})
    assert len(found) == 7 and found[-1] == "storyboard: 14 more"
    assert differences({"a": before, "b": [1, 2]}, {"a": before, "b": [1, 2]}) == []


@pytest.mark.parametrize("ended", [False, True])
def test_fresh_removes_what_we_made_and_nothing_else(run, ended):
    run.open(PRINT, BOARD)
    leave_traces(run)
    if ended:
        finish(run)
    run.close()
    run.work.mkdir(exist_ok=True)
    theirs = [
        run.folder / "notes.txt",
        run.latents / "mine.txt",
        run.work / "mine.bin",
        run.folder.parent / "film.mp3",
    ]
    for file in theirs:
        file.write_bytes(b"theirs")
    assert run.open({**PRINT, "seed": 9}, "seed: 9\n", fresh=True) == "new"
    files = {file for file in run.folder.rglob("*") if file.is_file()}
    ours = {run.work / name for name in ("identity.json", "lock", "lock.json")}
    assert files == {*theirs[:3], run.storyboard, *ours}
    assert all(file.read_bytes() == b"theirs" for file in theirs) and not run.film.exists()
    finish(run)
    assert (run.work / "mine.bin").exists()


@pytest.mark.parametrize("fresh", [False, True])
def test_folder_or_film_of_somebody_else_is_refused(tmp_path, fresh):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "run.json").write_text('{"fingerprint": {"seed": 7}, "finished": true}')
    (tmp_path / "wedding.mp4").write_bytes(b"irreplaceable")
    for name in ("holiday", "wedding"):
        with pytest.raises(OutputError, match="choose another output"):
            RunDir(tmp_path / name).open(PRINT, BOARD, fresh=fresh)
    assert (tmp_path / "wedding.mp4").read_bytes() == b"irreplaceable"
    assert not (tmp_path / "holiday" / ".work").exists() and not (tmp_path / "wedding").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_fresh_does_not_reach_through_links(run, tmp_path):
    run.open(PRINT, BOARD)
    run.close()
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "precious.safetensors").write_bytes(b"x")
    run.latents.rmdir()
    run.latents.symlink_to(tmp_path / "archive")
    run.open(PRINT, BOARD, fresh=True)
    assert (tmp_path / "archive" / "precious.safetensors").exists()


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"program": 3}']
)
def test_garbled_run_json_is_nobodys_run(run, garbage):
    run.folder.mkdir()
    run.run.write_bytes(garbage)
    with pytest.raises(OutputError, match="run.json"):
        run.open(PRINT, BOARD)


def test_second_render_is_refused_while_the_first_lives(run):
    run.open(PRINT, BOARD)
    with pytest.raises(
        OutputError, match=rf"process {os.getpid()}, since \d{{4}}-\d\d-\d\d .* is rendering here"
    ):
        RunDir(run.film).open(PRINT, BOARD)
    with pytest.raises(OutputError, match="is rendering here"):
        RunDir(run.film).open(PRINT, BOARD, fresh=True)
    run.close()
    assert RunDir(run.film).open(PRINT, BOARD) == "new"  # nothing of it was rendered yet


def test_dead_process_holds_no_lock(run):
    script = (
        "import sys, os; from pathlib import Path; from vqclip_video.output.rundir import RunDir\n"
    )
    script += (
        f"run = RunDir(Path(sys.argv[1])); print(run.open({PRINT!r}, {BOARD!r}), flush=True); "
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(run.film)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "new\n"
    with pytest.raises(OutputError, match=f"process {child.pid}, since"):
        run.open(PRINT, BOARD)
    child.kill()
    child.communicate()
    assert run.open(PRINT, BOARD) == "new"


@pytest.mark.skipif(os.name == "nt", reason="simulates flock's refusal")
def test_file_system_without_locks_still_renders(run, monkeypatch):
    def unsupported(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", unsupported)
    assert run.open(PRINT, BOARD) == "new"


def test_folder_that_cannot_be_made_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        RunDir(tmp_path / "file" / "film").open(PRINT, BOARD)
    (tmp_path / "film").write_bytes(b"")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        RunDir(tmp_path / "film").open(PRINT, BOARD)

    def read_only(*arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(OutputError, match="read-only; choose another output"):
        RunDir(tmp_path / "new").open(PRINT, BOARD)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
@pytest.mark.parametrize("before", ["nothing", "unfinished", "finished"])
@pytest.mark.parametrize("fresh", [False, True])
def test_kill_at_any_step_of_opening_leaves_a_folder_to_go_on_in(tmp_path, no_fsync, before, fresh):
    step, killed = 0, True
    while killed:
        run = RunDir(tmp_path / f"{step}.mp4")
        if before != "nothing":
            run.open(PRINT, BOARD)
            leave_traces(run)
            if before == "finished":
                finish(run)
            run.close()
        killed = killed_at(step, lambda run=run: run.open(PRINT, BOARD, fresh=fresh))
        state = run.open(PRINT, BOARD, fresh=False)
        if state == "finished":
            assert before == "finished" and run.film.exists() and run.poster.exists()
        else:
            assert fresh or before != "finished"
            assert run.storyboard.read_text() == BOARD
        run.close()
        step += 1
    assert step > 1 or before == "finished"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_kill_while_starting_anew_never_goes_on_from_the_other_film(tmp_path, no_fsync):
    """Another film's checkpoint under this film's identity would be the one unforgivable state."""
    step, killed = 0, True
    other = {**PRINT, "seed": 8}
    while killed:
        run = RunDir(tmp_path / f"{step}.mp4")
        run.open(PRINT, BOARD)
        leave_traces(run)
        run.close()
        killed = killed_at(step, lambda run=run: run.open(other, BOARD, fresh=True))
        try:
            assert run.open(other, BOARD) in ("new", "unfinished")
            assert not (run.work / "checkpoint-000001").exists()
        except OutputError:
            assert run.open(other, BOARD, fresh=True) == "new"
        run.close()
        step += 1
    assert step > 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_kill_while_finishing_leaves_a_finished_or_an_unfinished_film(tmp_path, no_fsync):
    step, killed = 0, True
    while killed:
        run = RunDir(tmp_path / f"{step}.mp4")
        run.open(PRINT, BOARD)
        leave_traces(run)
        run.film.write_bytes(b"film")
        killed = killed_at(step, lambda run=run: run.save_run({}, finished=True))
        run.close()
        state = run.open(PRINT, BOARD)
        assert state == "finished" or (run.work / "checkpoint-000001").exists()
        assert state == "unfinished" or not run.work.exists()
        run.close()
        step += 1
    assert step > 5


def test_progress_keeps_a_line_for_each_frame_of_the_film_so_far(tmp_path):
    path = tmp_path / "progress.jsonl"
    log = ProgressLog(path)
    for frame in range(5):
        log.append(
            {"frame": frame, "loss": float("nan") if frame == 1 else 0.5, "prompt": "é 🎬\n"}
        )
    assert [
        json.loads(line)["frame"] for line in path.read_text(encoding="utf-8").splitlines()
    ] == [0, 1, 2, 3, 4]
    log.sync()
    log.close()
    with path.open("ab") as file:
        file.write(b'{"frame": 5, "lo')
    log = ProgressLog(path, lines=3)
    log.append({"frame": 3})
    log.close()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["frame"] for line in lines] == [0, 1, 2, 3]
    assert json.loads(lines[1]) == {"frame": 1, "loss": None, "prompt": "é 🎬\n"}


def test_progress_with_a_torn_last_line_loses_only_that(tmp_path):
    path = tmp_path / "progress.jsonl"
    path.write_bytes(b'{"frame": 0}\n{"fra')
    log = ProgressLog(path, lines=2)
    log.append({"frame": 1})
    log.close()
    assert path.read_bytes() == b'{"frame": 0}\n{"frame": 1}\n'


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_progress_on_a_full_disk_is_explained(tmp_path):
    (tmp_path / "progress.jsonl").write_bytes(b"")
    log = ProgressLog(tmp_path / "progress.jsonl")
    os.dup2(os.open("/dev/full", os.O_WRONLY), log._descriptor)
    with pytest.raises(OutputError, match="not enough disk space"):
        log.append({"frame": 0})
    log.close()
