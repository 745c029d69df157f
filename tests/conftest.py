"""Fixtures that several test files share: the storybook pair, a tiny pair in the published
formats, a home.
"""

import os
from pathlib import Path

import pytest
import torch

from vqclip_video.engine.cast import load_pair
from vqclip_video.materials import find_models
from vqclip_video.storyboard.schema import Models

if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests run beside each other, with a thread each; their programs too.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch) -> Path:
    """A cache folder of the test's own, so that no test sees this machine's models or speed."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("VQCLIP_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory) -> dict[str, Path]:
    """Paths of a tiny CLIP (TorchScript, as OpenAI's) and a tiny VQGAN (Lightning, as taming's)."""
    from tiny import make_clip, make_vqgan

    folder = tmp_path_factory.mktemp("tiny")
    vqgan, config = make_vqgan(folder)
    return {"clip": make_clip(folder), "vqgan": vqgan, "config": config}


@pytest.fixture
def tiny_pair(tiny_files):
    """A fresh (Perceptor, VQGAN) from the tiny files."""
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    return load_pair(find_models(models), torch.device("cpu"), "fp32")


@pytest.fixture
def storybook_pair():
    """A fresh (Perceptor, VQGAN) from the package."""
    return load_pair(find_models(Models()), torch.device("cpu"), "fp32")


@pytest.fixture
def one_thread():
    """Networks this small are slower on two threads, many times so where other tests run beside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
