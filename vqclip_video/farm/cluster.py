"""The workers, on Ray: the one module that knows it.

A worker is an actor that holds its share of a node for as long as the node lives, and its networks
with it. Ray is told which node, so that one whose disk is full can be left out.
"""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass, field
from typing import Any

from .._version import __version__
from ..errors import RenderError, UsageError
from .orders import LOST, Assignment, JobOutcome, Report, WorkerOptions

LOCAL, AUTO = "local", "auto"
REST = 600.0  # seconds that a node with a full disk is left out
CALLS = 4  # of one worker at a time: to render, and to be asked and told meanwhile
OBJECT_STORE = 100_000_000  # bytes; what is sent is small
ASKING = 5.0  # seconds that answers are waited for


@dataclass(frozen=True)
class Share:
    """What one worker takes of a node; gpus None: a whole one where the cluster has any."""

    cpus: float = 2.0
    gpus: float | None = None


@dataclass
class Worker:
    """An actor on a node, and what it is doing."""

    name: str
    node: str
    actor: Any
    ready: Any  # a reference to what it says of itself, until it has
    about: dict[str, str] = field(default_factory=dict)
    order: Assignment | None = None
    running: Any = None  # a reference to the outcome
    report: Report = Report()


class RayWorker:
    """What runs on a node."""

    def __init__(self, options: WorkerOptions, name: str) -> None:
        from .renderer import Renderer

        self.renderer = Renderer(options, name)

    def about(self) -> dict[str, str]:
        """What it is: its version and its device."""
        return {"version": __version__, "device": self.renderer.device}

    def render(self, order: Assignment) -> JobOutcome:
        return self.renderer.render(order)

    def report(self) -> Report:
        return self.renderer.report

    def stop(self) -> None:
        self.renderer.stop()


class RayCrew:
    """All workers of a cluster. Methods raise RenderError where the cluster is lost."""

    def __init__(self, address: str, share: Share, options: WorkerOptions) -> None:
        """Connects to a cluster, or starts one on this machine. Raises UsageError."""
        self.ray, self.options = _ray(), options
        self.here = _connect(self.ray, address)
        total = self.ray.cluster_resources()
        gpus = share.gpus if share.gpus is not None else float(total.get("GPU", 0) > 0)
        self.share = Share(share.cpus, gpus)
        self.workers: list[Worker] = []
        self._resting: dict[str, float] = {}  # by node: until when
        self._numbers = itertools.count(1)

    def __enter__(self) -> RayCrew:
        return self

    def __exit__(self, *exception: object) -> None:
        self.ray.shutdown()

    def refresh(self, wanted: int) -> None:
        """Starts workers where nodes have room, up to `wanted` in all, and takes in those that are
        ready.
        """
        nodes = {node["NodeID"]: node for node in self._nodes()}
        for node, about in nodes.items():
            here = sum(worker.node == node for worker in self.workers)
            for _ in range(min(self._room(node, about) - here, wanted - len(self.workers))):
                self._start(node, about)
        for worker in self.workers:
            if worker.ready is not None and self._done([worker.ready], 0):
                self._take_in(worker)

    def idle(self) -> list[Worker]:
        """The workers that wait for a job."""
        return [each for each in self.workers if each.ready is None and each.running is None]

    def give(self, worker: Worker, order: Assignment) -> None:
        """Has a worker begin with a job."""
        worker.order, worker.report = order, Report(order.job)
        worker.running = worker.actor.render.remote(order)

    def ended(self, seconds: float) -> list[tuple[Worker, JobOutcome]]:
        """What has ended by now, or within so many seconds; workers that are gone are let go."""
        running = {worker.running: worker for worker in self.workers if worker.running is not None}
        if not running:
            time.sleep(seconds)
        found = []
        for reference in self._done(list(running), seconds):
            worker = running[reference]
            try:
                outcome = self.ray.get(reference)
            except self.ray.exceptions.RayError as error:
                outcome = self._lost(worker, error)
            worker.running = worker.order = None
            found.append((worker, outcome))
        return found

    def ask(self) -> None:
        """Has every worker that renders say how far it is."""
        asked = {each.actor.report.remote(): each for each in self.workers if each.running}
        for reference in self._done(list(asked), ASKING, all_of_them=True):
            try:
                report = self.ray.get(reference)
            except self.ray.exceptions.RayError:
                continue  # `ended` will say so
            worker = asked[reference]
            worker.report = report if report.job == worker.report.job else worker.report

    def stop(self) -> None:
        """Tells every worker to stop after its step."""
        for worker in self.workers:
            if worker.running is not None:
                worker.actor.stop.remote()

    def rest(self, worker: Worker) -> bool:
        """Leaves the worker's node out for a while; whether there is another one."""
        others = {node["NodeID"] for node in self._nodes()} - {worker.node, *self._now_resting()}
        if not others:
            return False
        self._resting[worker.node] = time.monotonic() + REST
        for each in [
            each for each in self.workers if each.node == worker.node and not each.running
        ]:
            self._let_go(each)
        return True

    def alive(self, node: str) -> bool:
        """Whether a node is there; of one that went just now, Ray may not know it yet."""
        return node in {each["NodeID"] for each in self._nodes()}

    def _lost(self, worker: Worker, error: Exception) -> JobOutcome:
        self._let_go(worker)
        where = "its worker ended" if self.alive(worker.node) else "its machine is gone"
        reason = str(error).strip().splitlines()[:1]
        about = {"node": worker.node}
        return JobOutcome(worker.order.job, LOST, ": ".join([where, *reason]), about)

    def _let_go(self, worker: Worker) -> None:
        self.workers.remove(worker)
        self.ray.kill(worker.actor)

    def _nodes(self) -> list[dict[str, Any]]:
        try:
            return [node for node in self.ray.nodes() if node["Alive"]]
        except Exception as error:  # Ray raises what its parts raise
            raise _cluster_lost(error) from error

    def _done(self, references: list[Any], seconds: float, all_of_them: bool = False) -> list[Any]:
        if not references:
            return []
        count = len(references) if all_of_them else 1
        try:
            done, _ = self.ray.wait(references, num_returns=count, timeout=seconds)
            if not all_of_them and done:  # others may have ended in the same moment
                done, _ = self.ray.wait(references, num_returns=len(references), timeout=0)
        except Exception as error:
            raise _cluster_lost(error) from error
        return done

    def _now_resting(self) -> set[str]:
        return {node for node, until in self._resting.items() if until > time.monotonic()}

    def _room(self, node: str, about: dict[str, Any]) -> int:
        """How many workers a node holds."""
        if node in self._now_resting():
            return 0
        has, share = about["Resources"], self.share
        rooms = [has.get("CPU", 0) / share.cpus] if share.cpus else []
        rooms += [has.get("GPU", 0) / share.gpus] if share.gpus else []
        return int(min(rooms) + 1e-6)

    def _start(self, node: str, about: dict[str, Any]) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        name = f"{about['NodeManagerHostname']}-{os.getpid()}-{next(self._numbers)}"
        kind = self.ray.remote(RayWorker).options(
            num_cpus=self.share.cpus,
            num_gpus=self.share.gpus,
            max_concurrency=CALLS,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        actor = kind.remote(self.options, name)
        self.workers.append(Worker(name, node, actor, actor.about.remote()))

    def _take_in(self, worker: Worker) -> None:
        try:
            worker.about = self.ray.get(worker.ready)
        except self.ray.exceptions.RayActorError:
            self._let_go(worker)
            return
        except self.ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise RenderError(f"{worker.name} cannot begin: {reason}") from error
        worker.ready = None
        if (version := worker.about["version"]) != __version__:
            raise UsageError(
                f"{worker.name} has vqclip-video {version}, this is {__version__}; install the "
                "same on every machine"
            )


def _ray():
    """Ray, that sends nothing about its use to anybody. Raises UsageError where it is not here."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UsageError(
            "the farm needs Ray; install it with: pip install 'vqclip-video[farm]'"
        ) from None
    return ray


def _connect(ray, address: str) -> bool:
    """Whether the cluster is one of this machine alone, started now. Raises UsageError."""
    quiet = {"log_to_driver": False, "logging_level": "error"}
    if address != LOCAL:
        try:
            ray.init(address=address, **quiet)
            return False
        except Exception as error:
            if address != AUTO:
                raise UsageError(f"address={address}: no cluster answers there ({error})") from None
    ray.init(address=LOCAL, include_dashboard=False, object_store_memory=OBJECT_STORE, **quiet)
    return True


def _cluster_lost(error: Exception) -> RenderError:
    reason = str(error).strip().splitlines()
    why = f" ({reason[0]})" if reason else ""
    return RenderError(f"the cluster does not answer any more{why}; start it, then try again")
