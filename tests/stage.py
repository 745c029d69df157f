"""The command line in a process of its own for each call, without waiting for torch to be imported
each time.

`python tests/stage.py` imports everything, then forks a child for each line of JSON that it reads.
`Stage` is the other side. The children render as the command does, but for what makes a short film
meet what a long one meets: segments of 8 frames, and a checkpoint as often as frames come. Faults
to play are named in tests/faults.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
STORY = """\
size: 32x32
fps: 8
seed: 5
models: {{clip: {clip}, vqgan: {vqgan}}}
settings: {{cutouts: 4, show_step: 1}}
latents: frames
{more}
scenes:
  - prompt: a red apple
    iterations: {half}
  - prompt: the sea
    iterations: {half}
    transition: {{duration: 0.25s}}
"""


@dataclass(frozen=True)
class Ended:
    """How a call ended: exit status (negative: the signal that killed it) and what it said."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


class Call:
    """A running command."""

    def __init__(self, stage: Stage, pid: int, folder: Path):
        self.pid, self._stage, self._folder = pid, stage, folder

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def said(self) -> str:
        """Standard error so far."""
        return (self._folder / "err").read_text("utf-8", "replace")

    def wait_until(self, words: str) -> None:
        """Until it has said `words` on standard error."""
        for _ in range(2000):
            if words in self.said():
                return
            time.sleep(0.02)
        raise AssertionError(f"never said {words!r}, but: {self.said()}")

    def wait(self) -> Ended:
        status = self._stage.ask(wait=self.pid)
        out, err = ((self._folder / name).read_text("utf-8", "replace") for name in ("out", "err"))
        return Ended(status, out, err)


class Stage:
    """Starts commands; `with Stage() as stage`."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS.parent)}
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self._logs = tempfile.TemporaryDirectory(prefix="stage-")
        self._calls = 0

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.stdin.close()
        self._server.wait(30)
        self._logs.cleanup()

    def ask(self, **request: object) -> int:
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def start(
        self, folder: Path, *arguments: str, faults: tuple[str, ...] = (), **environment: str
    ) -> Call:
        """Run the command line with `arguments` in `folder`; `faults` are `name` or
        `name=value`.
        """
        self._calls += 1
        logs = Path(self._logs.name) / str(self._calls)
        logs.mkdir()
        for name in ("out", "err"):
            (logs / name).touch()
        pid = self.ask(
            folder=str(folder),
            arguments=arguments,
            faults=faults,
            logs=str(logs),
            environment={"VQCLIP_HOME": f"{self._logs.name}/home", **environment},
        )
        return Call(self, pid, logs)

    def run(
        self, folder: Path, *arguments: str, faults: tuple[str, ...] = (), **environment: str
    ) -> Ended:
        return self.start(folder, *arguments, faults=faults, **environment).wait()

    def render(
        self, folder: Path, *arguments: str, faults: tuple[str, ...] = (), **environment: str
    ) -> Ended:
        """Render story.yaml of `folder`."""
        return self.run(folder, "render", "story.yaml", *arguments, faults=faults, **environment)


def write_story(folder: Path, clip: Path, vqgan: Path, frames: int = 24, more: str = "") -> Path:
    """Makes `folder` with a short film's story.yaml in it; more: further keys of the film."""
    folder.mkdir(parents=True, exist_ok=True)
    story = folder / "story.yaml"
    text = STORY.format(clip=clip, vqgan=vqgan, half=frames // 2, more=more)
    story.write_text(text, encoding="utf-8")
    return story


def left_behind(folder: Path, name: str = "story") -> dict[str, bytes]:
    """Everything that a finished film of `folder` left on disk, run.json and the report, which hold
    timings, aside.
    """
    outputs = folder / "outputs"
    timed = ("run.json", "report.html")
    files = [path for path in outputs.rglob("*") if path.is_file() and path.name not in timed]
    assert outputs / f"{name}.mp4" in files
    return {str(path.relative_to(outputs)): path.read_bytes() for path in files}


def play(request: dict) -> None:
    """In the child: become the command."""
    from faults import apply

    from vqclip_video import recorder
    from vqclip_video.cli import main as cli
    from vqclip_video.output import space

    recorder.CHECKPOINT_SECONDS, recorder.CHECKPOINT_SHARE, space.SEGMENT_FRAMES = 0.0, 1.0, (8, 8)
    os.chdir(request["folder"])
    os.environ.update(request["environment"])
    for stream, name in ((sys.stdin, None), (sys.stdout, "out"), (sys.stderr, "err")):
        path = os.devnull if name is None else f"{request['logs']}/{name}"
        descriptor = os.open(path, os.O_RDWR)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
    for fault in request["faults"]:
        apply(fault)
    cli.main(request["arguments"], prog_name="vqclip-video")


def serve() -> None:
    import torch

    import vqclip_video.film  # noqa: F401

    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            print(os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1]), flush=True)
            continue
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            # whoever runs the tests may have been started by nohup
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            run_child(request)
        print(child, flush=True)


def run_child(request: dict) -> None:
    status = 1
    try:
        play(request)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
