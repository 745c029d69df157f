"""ffmpeg: where it is, and one process of it at a time.

Every command is a list of arguments run in the folder of the files, which it names plainly, so that
no quote, colon, `%` or leading dash in a user's path is ever read as something else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import OutputError
from .files import explained

REMEDY = (
    "install one with `pip install imageio-ffmpeg`, or name yours in the variable "
    "IMAGEIO_FFMPEG_EXE"
)
FULL = "No space left"


@dataclass(frozen=True)
class Ended:
    """How an ffmpeg process ended."""

    ok: bool
    frames: int  # written, by its own count; 0 where it tells none, as ffmpeg 7.0 where it copies
    message: str  # the first line it said, which is the cause, or that the disk is full

    @property
    def disk_full(self) -> bool:
        return FULL in self.message


class Process:
    """A running ffmpeg.

    What it says goes to an unnamed file: a pipe that nobody reads could fill and stop it.
    """

    def __init__(self, ffmpeg: str, arguments: Sequence[str], folder: Path) -> None:
        with explained(temporary_folder() / "ffmpeg's messages"):
            self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `wait`)
        command = [
            ffmpeg,
            "-hide_banner",
            "-nostdin",
            "-y",
            "-loglevel",
            "error",
            "-nostats",
            "-progress",
            "pipe:1",
        ]
        # In a session of its own, so that Ctrl-C in the terminal stops the renderer and not the
        # encoder.
        windows = os.name == "nt"
        apart = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
            if windows
            else {"start_new_session": True}
        )
        streams = {"stdin": subprocess.DEVNULL, "stdout": self._log, "stderr": self._log}
        try:
            self._process = subprocess.Popen([*command, *arguments], cwd=folder, **streams, **apart)
        except BaseException as error:
            self._log.close()
            if isinstance(error, OSError) and folder.is_dir():
                raise OutputError(
                    f"{ffmpeg} cannot be started ({error.strerror or error}); {REMEDY}"
                ) from error
            raise

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, timeout: float | None = None) -> Ended:
        """Waits for the end. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        code = self._process.wait(timeout)
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace")
        self._log.close()
        counts = re.findall(r"^frame=\s*(\d+)", said, re.MULTILINE)
        words = [
            re.sub(r"^(\[[^]]*\] )+", "", line)
            for line in said.splitlines()
            if not re.match(r"\w+=|$", line)
        ]
        words.append(f"ended by signal {-code}" if code < 0 else f"exit status {code}")
        message = next((line for line in words if FULL in line), words[0])
        return Ended(code == 0, int(counts[-1]) if counts else 0, message)

    def kill(self) -> None:
        """Ends the process now and waits until it is gone."""
        self._process.kill()
        self._process.wait()
        self._log.close()


def run(ffmpeg: str, arguments: Sequence[str], folder: Path, timeout: float | None = None) -> Ended:
    """Runs ffmpeg to its end; it is gone when this returns or raises."""
    process = Process(ffmpeg, arguments, folder)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return Ended(False, 0, f"no answer in {timeout:.0f} s")
    except BaseException:
        process.kill()
        raise


def temporary_folder() -> Path:
    """The system's folder for temporary files.

    OutputError where there is none that can be written.
    """
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise OutputError(
            f"{error.strerror}; make one writable, or name one in the variable TMPDIR"
        ) from error


def find_ffmpeg() -> str:
    """Path of the ffmpeg to use: imageio-ffmpeg's (or IMAGEIO_FFMPEG_EXE), else the one on the
    PATH.
    """
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        found = shutil.which("ffmpeg")
        if found is None:
            raise OutputError(f"ffmpeg, which writes the video, was not found; {REMEDY}") from error
        return found
