"""The head of a cluster is restarted under a farm: the same command goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from farming import wait_for
from stage import Stage, write_story
from tiny import make_clip, make_vqgan

pytest.importorskip("ray")
from vqclip_video.farm.store import open_store  # noqa: E402

pytestmark = [pytest.mark.farm, pytest.mark.slow]
TESTS = Path(__file__).parent
PATIENCE = "3"  # seconds for which the parts of a cluster look for its head; Ray's own are 60


@pytest.fixture
def environment(tmp_path, monkeypatch):
    for name, value in {
        "VQCLIP_HOME": str(tmp_path / "home"),
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_gcs_rpc_server_reconnect_timeout_s": PATIENCE,
        "OMP_NUM_THREADS": "1",
    }.items():
        monkeypatch.setenv(name, value)


@contextmanager
def cluster():
    """A head without room and a node of one core."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        made.add_node(num_cpus=1)
        yield made
    finally:
        made.shutdown()


def test_the_same_command_goes_on_with_a_new_head(environment, tmp_path):
    folder = tmp_path / "stories"
    clip = make_clip(tmp_path, format="safetensors")
    story = write_story(folder, clip, make_vqgan(tmp_path, format="safetensors")[0], 16)
    command = [sys.executable, str(TESTS / "farming.py"), "render", str(story), "--seeds", "1"]
    command += ["-o", str(folder / "farm"), "--cpus-per-film", "1", "--precision", "fp32"]
    store = open_store(folder / "farm")
    with Stage() as stage:
        film = ("-o", "plain/story-seed-1.mp4", "--set", "seed=1", "--precision", "fp32")
        plain = stage.start(folder, "render", "story.yaml", *film)
        with cluster() as first:
            pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
            with subprocess.Popen([*command, "--address", first.address], **pipes) as driver:
                wait_for(lambda: store.names(".farm/jobs/story-seed-1/position"))
                first.remove_node(first.head_node, allow_graceful=False)
                said = driver.communicate(timeout=30)[1]
                assert driver.returncode != 0, said
        assert not (folder / "farm/story-seed-1.mp4").exists()
        with cluster() as second:
            again = [*command, "--address", second.address]
            ended = subprocess.run(again, capture_output=True, text=True, timeout=60)
            assert ended.returncode == 0, ended.stderr
        assert plain.wait().status == 0
    film = (folder / "plain/story-seed-1.mp4").read_bytes()
    assert (folder / "farm/story-seed-1.mp4").read_bytes() == film
