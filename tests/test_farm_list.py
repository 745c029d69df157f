"""The list of a farm: which job is given next, and what becomes of one that goes wrong; with
workers that only pretend.
"""

from dataclasses import dataclass, field

import pytest

from vqclip_video.farm import orders
from vqclip_video.farm.foreman import FAILURES, Foreman, Listener
from vqclip_video.farm.jobs import jobs_of, work_of
from vqclip_video.farm.ledger import Ledger
from vqclip_video.farm.orders import JobOutcome, Report
from vqclip_video.farm.queue import Queue, Waiting
from vqclip_video.farm.shipping import STORED
from vqclip_video.farm.store import open_store

STORY = "settings: {guide: off}\nscenes: [{prompt: a fox, duration: 1s}]\n"


@dataclass(eq=False)
class Pretender:
    """A worker that ends its next job as it is told."""

    name: str
    node: str
    order: object = None
    about: dict = field(default_factory=lambda: {"device": "cpu"})
    report: Report = Report()


class PretendedCrew:
    """`script`: for each job, the outcomes of its tries but the last, which is finished."""

    def __init__(self, ledger, script=None, nodes=2):
        self.workers = [Pretender(f"worker-{n}", f"node-{n}") for n in range(nodes)]
        self.ledger, self.script, self.given, self.stopping = ledger, script or {}, [], False

    def refresh(self, wanted):
        """Nothing: those that are there are all."""

    def idle(self):
        return [each for each in self.workers if each.order is None]

    def give(self, worker, order):
        worker.order = order
        self.given.append((order.job, worker.name))

    def ended(self, seconds):
        found = []
        for worker in [each for each in self.workers if each.order]:
            order, worker.order = worker.order, None
            tries = self.script.get(order.job, [])
            outcome = tries.pop(0) if tries else self._finished(order)
            found.append((worker, outcome))
        return found

    def _finished(self, order):
        about = {"frames": 24, "seconds": 1.0, "key": order.cargo.key}
        place = f".farm/jobs/{order.job}/result.json"
        self.ledger.store.write(place, b'{"key": "%s"}' % order.cargo.key.encode())
        return JobOutcome(order.job, orders.FINISHED, about=about)

    def ask(self):
        pass

    def stop(self):
        self.stopping = True

    def alive(self, node):
        return node != "gone"

    def rest(self, worker):
        if len(self.workers) == 1:
            return False
        self.workers.remove(worker)
        return True


@pytest.fixture
def farm(tmp_path):
    """Runs a farm of three films: (foreman, crew), by outcomes as `PretendedCrew` takes them."""
    (tmp_path / "fox.yaml").write_text(STORY)
    store = open_store(tmp_path / "films")

    def run(script=None, nodes=2, should_stop=lambda: False, seeds=(1, 2, 3)):
        jobs = jobs_of([tmp_path / "fox.yaml"], seeds, ())
        crew = PretendedCrew(Ledger(store), script, nodes)
        foreman = Foreman(jobs, store, crew, Listener(), again=0.0)
        foreman.run(should_stop)
        return foreman, crew

    return run


def states(foreman):
    return [job.state for job in foreman.jobs.values()]


def lost(job, alive):
    return JobOutcome(job, orders.LOST, "it ended", {"node": "here" if alive else "gone"})


def test_what_is_finished_is_not_given_again(farm):
    foreman, crew = farm()
    assert states(foreman) == [orders.FINISHED] * 3 and foreman.exit_code == 0
    assert sorted(job for job, _ in crew.given) == ["fox-seed-1", "fox-seed-2", "fox-seed-3"]
    again, crew = farm(seeds=(1, 2, 3, 4))
    assert states(again) == [orders.THERE] * 3 + [orders.FINISHED]
    assert [job for job, _ in crew.given] == ["fox-seed-4"]
    again.forget()
    assert len(farm()[1].given) == 3


def test_a_job_that_fails_three_times_is_set_aside_and_the_others_go_on(farm):
    error = JobOutcome("fox-seed-2", orders.FAILED, "no number")
    foreman, crew = farm({"fox-seed-2": [error] * 9})
    assert states(foreman) == [orders.FINISHED, orders.FAILED, orders.FINISHED]
    assert [job for job, _ in crew.given].count("fox-seed-2") == FAILURES == 3
    assert foreman.exit_code == 1 and foreman.jobs["fox-seed-2"].message == "no number"


def test_a_worker_that_ends_counts_and_a_machine_that_goes_does_not(farm):
    foreman, _ = farm({"fox-seed-1": [lost("fox-seed-1", alive=False)] * 5})
    assert states(foreman) == [orders.FINISHED] * 3
    assert foreman.jobs["fox-seed-1"].lost_on == ["gone"] * 5


def test_a_job_that_ends_its_workers_is_set_aside(farm):
    foreman, _ = farm({"fox-seed-1": [lost("fox-seed-1", alive=True)] * 5})
    assert states(foreman) == [orders.FAILED, orders.FINISHED, orders.FINISHED]


def test_a_full_disk_is_left_out_and_its_job_goes_elsewhere(farm):
    full = JobOutcome("fox-seed-1", orders.FULL, "not enough disk space")
    foreman, crew = farm({"fox-seed-1": [full]})
    assert states(foreman) == [orders.FINISHED] * 3 and not foreman.jobs["fox-seed-1"].failures
    workers = [worker for job, worker in crew.given if job == "fox-seed-1"]
    assert len(set(workers)) == 2


def test_where_every_disk_is_full_the_job_is_set_aside(farm):
    full = JobOutcome("fox-seed-1", orders.FULL, "not enough disk space")
    foreman, _ = farm({"fox-seed-1": [full] * 9}, nodes=1)
    assert states(foreman) == [orders.FAILED, orders.FINISHED, orders.FINISHED]


def test_what_another_farm_renders_is_waited_for(farm):
    held = JobOutcome("fox-seed-1", orders.HELD)
    there = JobOutcome("fox-seed-1", orders.THERE, about={"frames": 24})
    foreman, _ = farm({"fox-seed-1": [held, held, there]})
    assert states(foreman) == [orders.THERE, orders.FINISHED, orders.FINISHED]


def test_files_that_a_machine_lacks_are_put_into_the_store(farm):
    from vqclip_video.farm.shipping import shipped
    from vqclip_video.materials import find_models
    from vqclip_video.storyboard.schema import Models

    file = shipped(find_models(Models()).vqgan_config)
    foreman, _ = farm({"fox-seed-1": [JobOutcome("fox-seed-1", orders.LACKING, lacking=(file,))]})
    assert states(foreman) == [orders.FINISHED] * 3
    assert foreman.store.names(STORED) == [f"{STORED}/{file.key}/{file.path.name}"]


def test_a_stop_is_passed_on_and_waited_for(farm):
    stopped = {f"fox-seed-{n}": [JobOutcome(f"fox-seed-{n}", orders.STOPPED)] for n in (1, 2)}
    asked = iter([False, True])
    foreman, crew = farm(stopped, should_stop=lambda: next(asked, True))
    assert crew.stopping or states(foreman).count(orders.STOPPED) == 2
    assert foreman.exit_code == 130 and "fox-seed-3" in foreman.jobs
    assert farm()[0].exit_code == 0


def test_a_stop_from_elsewhere(farm, tmp_path, monkeypatch):
    monkeypatch.setattr("vqclip_video.farm.foreman.STOP_LOOK", 0.0)
    ledger = Ledger(open_store(tmp_path / "films"))
    stopped = JobOutcome("fox-seed-1", orders.STOPPED)

    def meanwhile():
        ledger.ask_to_stop()
        return False

    foreman, _ = farm({"fox-seed-1": [stopped]}, should_stop=meanwhile)
    assert foreman.stopped and foreman.exit_code == 130 and ledger.told()["ended"]


def test_a_bad_storyboard_among_others_is_listed_with_its_line(tmp_path):
    (tmp_path / "good.yaml").write_text(STORY)
    (tmp_path / "bad.yaml").write_text("scenes:\n  - {prompt: a fox, sed: 3}\n")
    jobs = jobs_of([tmp_path / "bad.yaml", tmp_path / "good.yaml"], (), ())
    assert [job.state for job in jobs] == [orders.REFUSED, "waiting"]
    assert "bad.yaml:2:" in jobs[0].message


def test_films_of_one_name_are_told_apart(tmp_path):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "fox.yaml").write_text(STORY)
    jobs = jobs_of([tmp_path / "a/fox.yaml", tmp_path / "b/fox.yaml"], (), ())
    assert [job.name for job in jobs] == ["fox", "fox-2"]


def test_what_no_farm_left_there_is_not_touched(farm, tmp_path):
    (tmp_path / "films" / "fox-seed-2").mkdir(parents=True)
    (tmp_path / "films" / "fox-seed-2" / "thesis.txt").write_text("mine")
    foreman, crew = farm()
    assert states(foreman) == [orders.FINISHED, orders.REFUSED, orders.FINISHED]
    assert "another output" in foreman.jobs["fox-seed-2"].message


def test_another_film_under_a_finished_ones_name_is_refused(farm, tmp_path):
    farm()
    (tmp_path / "fox.yaml").write_text(STORY.replace("a fox", "an owl"))
    foreman, crew = farm()
    assert states(foreman) == [orders.REFUSED] * 3 and not crew.given
    assert "another storyboard" in foreman.jobs["fox-seed-1"].message


def test_the_longest_first_and_models_kept():
    queue = Queue()
    queue.add([Waiting(f"a{n}", "A", n) for n in (1, 3, 2)] + [Waiting("b", "B", 2.5)])
    assert queue.take().job == "a3"
    assert [queue.take("A").job, queue.take("A").job] == ["a2", "b"]  # A has 1 left, B 2.5
    assert queue.take("B").job == "a1" and queue.take("A") is None and len(queue) == 0


def test_workers_are_shared_out_among_models():
    queue = Queue()
    queue.add(Waiting(f"{models}{n}", models, 1.0) for models in "ABC" for n in range(60))
    loaded, changes = [""] * 12, 0
    while len(queue):
        for place, before in enumerate(loaded):
            if waiting := queue.take(before):
                changes += before != waiting.models
                loaded[place] = waiting.models
    assert changes <= 24  # 12 of them for the first time


def test_the_work_of_a_film_goes_with_iterations_and_pixels(tmp_path):
    texts = {"a": STORY, "b": STORY.replace("1s", "2s"), "c": f"size: 512x512\n{STORY}"}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    jobs = jobs_of([tmp_path / f"{name}.yaml" for name in texts], (), ())
    a, b, c = (work_of(job.storyboard) for job in jobs)
    assert b == 2 * a and 2 * a < c < 4 * a
