"""Faults that a render can be made to meet (see tests/stage.py), each named, some with a number."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

EVENTS = {
    "open",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.truncate",
    "subprocess.Popen",
}


def apply(fault: str) -> None:
    """Arrange for `name` or `name=value` to happen in this process."""
    name, _, value = fault.partition("=")
    FAULTS[name](float(value) if value else 0.0)


def die(step: float) -> None:
    """SIGKILL just before the step-th call on a file of the output, or on another process."""
    left = int(step)

    def count(event: str, arguments: tuple) -> None:
        nonlocal left
        if event in EVENTS and (event == "subprocess.Popen" or "outputs" in f"{arguments[0]}"):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def count_steps(_: float) -> None:
    """Say at the end how many steps `die` could choose from."""
    steps = 0

    def count(event: str, arguments: tuple) -> None:
        nonlocal steps
        if event in EVENTS and (event == "subprocess.Popen" or "outputs" in f"{arguments[0]}"):
            steps += 1

    sys.addaudithook(count)
    embedding(lambda embed, images: embed(images))
    from vqclip_video.show.terminal import Lines

    end = Lines.end

    def end_and_say(display, *arguments) -> None:
        end(display, *arguments)
        display.notice(f"steps: {steps}")

    Lines.end = end_and_say


def embedding(wrapper: Callable) -> None:
    """Once the film begins, have every look of CLIP at a batch of pictures go through
    `wrapper(embed, images)`.
    """
    from vqclip_video import film

    session = film.Session

    def begin(storyboard, cast, **options):
        embed = cast.perceptor.embed_image
        cast.perceptor.embed_image = lambda images: wrapper(embed, images)
        return session(storyboard, cast, **options)

    film.Session = begin


def slow(seconds: float) -> None:
    """Each iteration takes so much longer."""

    def wait(embed, images):
        time.sleep(seconds)
        return embed(images)

    embedding(wait)


def device_full(most: float) -> None:
    """torch says that the device's memory is full for batches of more than `most`."""
    import torch

    def refuse(embed, images):
        if len(images) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return embed(images)

    embedding(refuse)


def host_full(most: float) -> None:
    """The same from the host's allocator."""

    def refuse(embed, images):
        if len(images) > most:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate "
                "memory: you tried to allocate 9000000000 bytes. Error code 12 (Cannot allocate "
                "memory)"
            )
        return embed(images)

    embedding(refuse)


def address_space(megabytes: float) -> None:
    """A real limit: this process may take so much more memory than it has when the first batch
    is embedded.
    """
    limited = []

    def limit(embed, images):
        if not limited:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            most = pages * resource.getpagesize() + int(megabytes * 2**20)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            limited.append(True)
        return embed(images)

    embedding(limit)


def nan_once(call: float) -> None:
    """The call-th embedding is no number."""
    calls = [0]

    def poison(embed, images):
        calls[0] += 1
        return embed(images) * (float("nan") if calls[0] == int(call) else 1.0)

    embedding(poison)


def nan_from(call: float) -> None:
    """Every embedding from the call-th on is no number."""
    calls = [0]

    def poison(embed, images):
        calls[0] += 1
        return embed(images) * (float("nan") if calls[0] >= int(call) else 1.0)

    embedding(poison)


def device_lost(call: float) -> None:
    """The call-th embedding fails as a device does that has fallen off the bus."""
    calls = [0]

    def fail(embed, images):
        calls[0] += 1
        if calls[0] == int(call):
            raise RuntimeError(
                "CUDA error: unspecified launch failure\nCUDA kernel errors might be reported later"
            )
        return embed(images)

    embedding(fail)


def slow_loading(seconds: float) -> None:
    """The models take so much longer to load."""
    from vqclip_video import film

    load = film.load_cast

    def wait(*arguments, **options):
        print("loading", file=sys.stderr, flush=True)
        time.sleep(seconds)
        return load(*arguments, **options)

    film.load_cast = wait


def at_call(number: float, happening: Callable[[], None]) -> None:
    """Once, when CLIP looks for the number-th time."""
    calls = [0]

    def count(embed, images):
        calls[0] += 1
        if calls[0] == int(number):
            happening()
        return embed(images)

    embedding(count)


def fill_disk(call: float) -> None:
    """Somebody else fills the disk that the film goes to, at the call-th embedding."""

    def fill() -> None:
        with contextlib.suppress(OSError), Path("outputs/ballast").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1000))

    at_call(call, fill)


def vanish(call: float) -> None:
    """The folder that the film goes to is removed at the call-th embedding."""
    at_call(call, lambda: shutil.rmtree("outputs"))


def kill_ffmpeg(times: float) -> None:
    """The first so many encoders of the film are killed right after their start."""
    from vqclip_video.disk import ffmpeg
    from vqclip_video.output import encoding

    left = [int(times)]

    class Killed(ffmpeg.Process):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            if left[0]:
                left[0] -= 1
                os.kill(self.pid, signal.SIGKILL)

    encoding.Process = Killed


def nohup(_: float) -> None:
    """Started so that the end of its terminal is no matter."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def no_folder(_: float) -> None:
    """The current folder is removed."""
    Path.cwd().rmdir()


def other_numerics(_: float) -> None:
    """A version of the program that computes something else."""
    from vqclip_video import film

    film.NUMERICS += 1


FAULTS = {
    "address-space": address_space, "count-steps": count_steps, "device-full": device_full,
    "device-lost": device_lost, "die": die, "fill-disk": fill_disk, "host-full": host_full,
    "kill-ffmpeg": kill_ffmpeg, "nan-from": nan_from, "nan-once": nan_once, "no-folder": no_folder,
    "nohup": nohup, "other-numerics": other_numerics, "slow": slow, "slow-loading": slow_loading,
    "vanish": vanish,
}  # fmt: skip
