"""Saying things to whoever may no longer listen."""

import io
import multiprocessing
import os
import signal
import sys
import time

import pytest
import torch

from vqclip_video.engine.cast import Cast
from vqclip_video.engine.session import Session
from vqclip_video.errors import RenderError
from vqclip_video.show.streams import Audience
from vqclip_video.signals import StopRequests
from vqclip_video.storyboard.schema import PromptPart, Scene, Settings, Storyboard


def test_a_reader_who_left_is_no_error(monkeypatch):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        for _ in range(3):
            Audience("stderr").write("nobody hears this\n")
        stream.flush()  # as Python does at its end


def test_a_terminal_of_few_characters_gets_the_others_as_codes(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    Audience("stdout").write("sea 🌊\n")
    assert written.getvalue() == b"sea \\U0001f30a\n"


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="no signals")
def test_a_stop_in_the_middle_of_a_write_is_still_a_stop():
    def refuse():
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    with StopRequests(refuse) as requests:
        signal.raise_signal(signal.SIGTERM)
        assert requests.wanted
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_workers_forked_meanwhile_answer_no_stop_and_can_be_ended(capfd):
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    with StopRequests(lambda: print("stopping", flush=True)):
        worker = context.Process(target=lambda: (begun.set(), time.sleep(60)))
        worker.start()
        begun.wait(20)
        os.kill(worker.pid, signal.SIGINT)
        worker.terminate()
        worker.join(20)
    ended = worker.exitcode
    worker.kill()
    assert ended == -signal.SIGTERM and "stopping" not in capfd.readouterr().out


def test_a_state_to_go_on_from_never_holds_what_is_no_number(tiny_pair):
    perceptor, _ = tiny_pair
    scene = Scene(
        prompt=(PromptPart(text="sea"),), iterations=30, settings=Settings(cutouts=2, show_step=10)
    )
    session = Session(Storyboard(size=(32, 32), scenes=(scene,)), Cast(*tiny_pair))
    embed, states = perceptor.embed_image, []
    perceptor.embed_image = lambda images: (
        embed(images) * (float("nan") if session.iteration >= 12 else 1.0)
    )
    with pytest.raises(RenderError, match="not a number"):
        for progress in session.run():
            states += [progress.state] if progress.state else []
    tensors = [state["latent"].tensors.values() for state in states]
    assert states[-1]["loop"].numbers["iteration"] == 10
    assert all(torch.isfinite(tensor).all() for state in tensors for tensor in state)
