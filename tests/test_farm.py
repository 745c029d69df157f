"""The farm on Ray, on a cluster of several nodes on this machine: whatever happens, every film is
byte for byte what a plain render gives.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from farming import quick, wait_for
from stage import Stage, write_story
from tiny import make_clip, make_vqgan

ray = pytest.importorskip("ray")
from vqclip_video.engine.options import EngineOptions  # noqa: E402
from vqclip_video.farm import cluster as farm_cluster  # noqa: E402
from vqclip_video.farm import orders  # noqa: E402
from vqclip_video.farm.foreman import Foreman, Listener  # noqa: E402
from vqclip_video.farm.jobs import jobs_of  # noqa: E402
from vqclip_video.farm.ledger import Ledger  # noqa: E402
from vqclip_video.farm.store import open_store  # noqa: E402

pytestmark = [pytest.mark.farm, pytest.mark.slow]
TESTS = Path(__file__).parent
FRAMES, SEEDS = 16, tuple(range(1, 13))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head without room, and two nodes of one core each."""
    from ray.cluster_utils import Cluster

    home = tmp_path_factory.mktemp("nodes")
    environment = {
        "VQCLIP_HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    made.add_node(num_cpus=1)
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> tuple[Path, dict[str, dict[str, bytes]]]:
    """A storyboard, and what plain renders of it leave, by seed."""
    folder = tmp_path_factory.mktemp("plain")
    clip, vqgan = (
        make_clip(folder, format="safetensors"),
        make_vqgan(folder, format="safetensors")[0],
    )
    story, expected = write_story(folder, clip, vqgan, FRAMES), {}
    with Stage() as stage:
        for seed in SEEDS:
            name = f"story-seed-{seed}"
            film = ("-o", f"outputs/{name}.mp4", "--set", f"seed={seed}", "--precision", "fp32")
            ended = stage.render(folder, *film)
            assert ended.status == 0, ended.said
            expected[name] = left(folder / "outputs", name)
    return story, expected


def left(folder: Path, name: str) -> dict[str, bytes]:
    """A film and all that lies in its folder, but for what tells times and machines."""
    files = [
        folder / f"{name}.mp4",
        *(path for path in (folder / name).rglob("*") if path.is_file()),
    ]
    timed = ("run.json", "report.html")
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in files if path.name not in timed
    }


@pytest.fixture
def farm(cluster, films, tmp_path, monkeypatch):
    """Runs a farm in this process, in a folder of the test's own: `meanwhile(crew)` once it works."""
    monkeypatch.setattr(farm_cluster, "RayWorker", farm_cluster.RayWorker)
    monkeypatch.setattr(orders, "WorkerOptions", orders.WorkerOptions)
    quick()
    while len(cluster.worker_nodes) < 2:
        cluster.add_node(num_cpus=1)
    place = films[0].parent / tmp_path.name  # as far from the storyboard as the plain ones
    options = orders.WorkerOptions(str(place), EngineOptions(precision="fp32"), threads=1)

    def run(seeds, meanwhile=lambda crew, ledger: None, paths=(), cpus=1.0, **more):
        jobs, store = jobs_of([films[0], *paths], seeds, ()), open_store(place)
        told, share = replace(options, **more), farm_cluster.Share(cpus)
        with farm_cluster.RayCrew(cluster.address, share, told) as crew:
            thread = threading.Thread(target=meanwhile, args=[crew, Ledger(store)], daemon=True)
            thread.start()
            Foreman(jobs, store, crew, Listener(), again=1.0).run(lambda: False)
            thread.join(5)
            assert not thread.is_alive()
        return jobs

    run.place = place
    yield run
    shutil.rmtree(place, ignore_errors=True)


def in_the_middle(crew, ledger, beside=()):
    """A worker that has sent a position of its job, and is still at it."""
    found = []

    def look():
        for worker in list(crew.workers):
            order = worker.order
            if order and worker.about.get("pid") not in beside:
                place = f".farm/jobs/{order.job}/position"
                if ledger.store.names(place) and worker.order is order:
                    found.append(worker)
                    return True
        return False

    wait_for(look)
    return found[0]


def test_twelve_films_while_a_worker_is_killed_and_a_node_goes(cluster, films, farm, tmp_path):
    (tmp_path / "bad.yaml").write_text("scenes:\n  - {prompt: a fox, sed: 3}\n")

    def meanwhile(crew, ledger):
        killed = in_the_middle(crew, ledger)
        os.kill(int(killed.about["pid"]), signal.SIGKILL)
        other = in_the_middle(crew, ledger, {killed.about["pid"]})
        node = next(each for each in cluster.worker_nodes if each.node_id == other.node)
        cluster.remove_node(node, allow_graceful=False)

    jobs = farm(SEEDS, meanwhile, [tmp_path / "bad.yaml"])
    assert jobs[-1].state == orders.REFUSED and "bad.yaml:2:" in jobs[-1].message
    assert {job.state for job in jobs[:-1]} == {orders.FINISHED}
    assert sum(len(job.lost_on) for job in jobs) == 2 and not any(job.failures for job in jobs)
    assert any(job.about["sittings"] > 1 for job in jobs[:-1])  # went on from a position
    for job in jobs[:-1]:
        assert left(farm.place, job.name) == films[1][job.name]
    assert farm(SEEDS[:3]) and not Ledger(open_store(farm.place)).store.names(
        ".farm/jobs/story-seed-1/data"
    )


def test_the_driver_is_killed_and_another_goes_on(cluster, films, farm):
    command = [sys.executable, str(TESTS / "farming.py"), "render", str(films[0]), "--seeds", "1-2"]
    command += ["-o", str(farm.place), "--address", cluster.address, "--cpus-per-film", "1"]
    command += ["--precision", "fp32", "--json"]
    ledger = Ledger(open_store(farm.place))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as driver:
        wait_for(lambda: ledger.store.names(".farm/jobs/story-seed-1/position"))
        driver.kill()
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {event["event"] for event in events} <= {"job", "farm"}
    for seed in (1, 2):
        assert left(farm.place, f"story-seed-{seed}") == films[1][f"story-seed-{seed}"]


def test_two_farms_on_one_folder_render_each_film_once(cluster, films, farm):
    command = [sys.executable, str(TESTS / "farming.py"), "render", str(films[0]), "--seeds", "1-3"]
    command += ["-o", str(farm.place), "--address", cluster.address, "--cpus-per-film", "0.25"]
    command += ["--precision", "fp32"]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    # Nobody is taken for dead on a machine that has much else to do.
    patient = {**os.environ, "FARM_TEST_LEASE": "60"}
    with subprocess.Popen(command, env=patient, **pipes) as other:
        jobs = farm((1, 2, 3), cpus=0.75, lease_seconds=60.0)
        said = other.communicate(timeout=120)[1]
        assert other.returncode == 0, said
    ledger = Ledger(open_store(farm.place))
    for job in jobs:
        assert left(farm.place, job.name) == films[1][job.name]
        logs = [title for title, _ in ledger.logs(job.name) if title.startswith("log")]
        assert len(logs) == 1 and not job.failures
