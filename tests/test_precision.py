"""Precision, memory and compilation: what `auto` picks, and that no choice changes what is
rendered.
"""

import functools
import gc
import json
import platform
import subprocess
import sys
import weakref
from dataclasses import replace

import pytest
import torch
from casting import cast_of
from torch.utils._python_dispatch import TorchDispatchMode

from vqclip_video.engine import memory, precision
from vqclip_video.engine.compilation import compiler_failure, pick_compile
from vqclip_video.engine.options import EngineOptions
from vqclip_video.engine.precision import bf16_pays, has_native_bf16, pick_precision
from vqclip_video.engine.session import Session
from vqclip_video.errors import RenderError
from vqclip_video.storyboard.schema import Guide, Models, PromptPart, Scene, Settings, Storyboard
from vqclip_video.storyboard.timeline import Timeline

CPU, CUDA = torch.device("cpu"), torch.device("cuda")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def forgetful():
    """No answer of a probe is carried from test to test."""
    bf16_pays.cache_clear()
    yield
    bf16_pays.cache_clear()


def board(iterations=6, size=(64, 64), **settings):
    chosen = Settings(**{"cutouts": 10, "show_step": 1, "guide": Guide(said="off"), **settings})
    scene = Scene(
        prompt=(PromptPart(text="a smiling cat"),), iterations=iterations, settings=chosen
    )
    return Storyboard(size=size, seed=2, scenes=(scene,))


def run(storyboard, **options):
    return list(Session(storyboard, cast_of(storyboard, "cpu", **options)).run())


@pytest.mark.parametrize("ampere, expected", [(True, torch.bfloat16), (False, torch.float16)])
def test_cuda_takes_bfloat16_where_it_is_native(monkeypatch, ampere, expected):
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation=True: ampere or including_emulation,
    )
    assert pick_precision("auto", CUDA) is expected


@pytest.mark.parametrize(
    "native, gain, expected",
    [(True, 1.8, torch.bfloat16), (True, 1.1, torch.float32), (False, 9.0, torch.float32)],
)
def test_a_cpu_takes_bfloat16_where_it_is_native_and_faster(monkeypatch, native, gain, expected):
    monkeypatch.setattr(precision, "has_native_bf16", lambda: native)
    monkeypatch.setattr(precision, "half_gain", lambda: gain)
    assert pick_precision("auto", CPU) is expected
    assert (
        pick_precision("fp32", CPU) is torch.float32
        and pick_precision("bf16", CPU) is torch.bfloat16
    )


def test_the_first_answer_stays_whatever_a_later_probe_would_say(monkeypatch, home):
    monkeypatch.setattr(precision, "half_gain", lambda: 2.0)
    assert bf16_pays()
    bf16_pays.cache_clear()
    monkeypatch.setattr(precision, "half_gain", lambda: pytest.fail("probed again"))
    assert bf16_pays()
    known = json.loads((home / "precision.json").read_text())
    assert list(known.values()) == [True] and torch.__version__ in next(iter(known))


@pytest.mark.parametrize("content", ["", "[]", '{"other": false}', "\x00"])
def test_a_damaged_or_foreign_memory_is_written_anew(monkeypatch, home, content):
    (home / "precision.json").write_text(content)
    monkeypatch.setattr(precision, "half_gain", lambda: 1.0)
    assert not bf16_pays()
    assert False in json.loads((home / "precision.json").read_text()).values()


def test_where_nothing_can_be_remembered_the_answer_does_not_hang_on_a_probe(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VQCLIP_HOME", str(tmp_path / "file" / "below"))
    for gain in (0.5, 2.0):
        bf16_pays.cache_clear()
        monkeypatch.setattr(precision, "half_gain", lambda gain=gain: gain)
        assert bf16_pays()


def test_the_probe_is_short_and_leaves_the_threads_as_they_are():
    torch.set_num_threads(2)
    assert 0.01 < precision.half_gain() < 100
    assert torch.get_num_threads() == 2


def test_bfloat16_repeats_itself_bit_for_bit():
    first, second = (run(board(4), precision="bf16")[-1] for _ in range(2))
    assert torch.equal(first.latent, second.latent) and (first.frame == second.frame).all()


def test_bfloat16_sees_what_float32_sees():
    single, half = (run(board(1), precision=name)[0] for name in ("fp32", "bf16"))
    assert half.similarity == pytest.approx(single.similarity, abs=0.01)
    assert abs(half.frame.astype(int) - single.frame).mean() < 1
    a, b = (progress.state["latent"].tensors["mean.0"].flatten() for progress in (single, half))
    assert torch.cosine_similarity(a, b, dim=0) > 0.8


@pytest.mark.slow
@pytest.mark.skipif(not has_native_bf16(), reason="bfloat16 is emulated here, and slow")
def test_bfloat16_ends_as_close_to_the_prompt_as_float32():
    def end(name):
        found = [progress.similarity for progress in run(board(40), precision=name)]
        return sum(found[-15:]) / 15

    assert end("bf16") == pytest.approx(end("fp32"), abs=0.03)


class PeakBytes(TorchDispatchMode):
    """The most bytes that tensors made inside hold at once, from their storages' births and deaths.

    What was there before, the weights above all, is not counted, nor are views of it.
    """

    def __init__(self):
        super().__init__()
        before = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
        self.live, self.peak, self._known = (
            0,
            0,
            {tensor.untyped_storage()._cdata for tensor in before},
        )

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, (tuple, list)) else (found,):
            if isinstance(tensor, torch.Tensor):
                self._meet(tensor.untyped_storage())
        return found

    def _meet(self, storage):
        key, size = storage._cdata, storage.nbytes()
        if key not in self._known:
            self._known.add(key)
            self.live += size
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._part, key, size)

    def _part(self, key, size):
        self._known.discard(key)
        self.live -= size


def test_low_memory_takes_less_and_gives_the_same_gradients():
    storyboard = board(1, size=(160, 160), cutouts=32)
    slopes, peaks = {}, {}
    for name in ("high", "low"):
        session = Session(storyboard, cast_of(storyboard, "cpu", "fp32", name))
        session.latent.step = lambda *_, s=session, n=name: slopes.update(
            {n: [g.grad.clone() for g in s.latent.grids]}
        )
        with PeakBytes() as counted:
            next(session.run())
        peaks[name] = counted.peak
    for low, high in zip(slopes["low"], slopes["high"], strict=True):
        assert (low - high).norm() < 1e-4 * high.norm()
    assert peaks["low"] < 0.5 * peaks["high"]


def test_auto_memory_is_low_only_where_a_film_does_not_fit(monkeypatch):
    storyboard = board(1, size=(256, 256), cutouts=32)
    cast, timeline, options = cast_of(storyboard), Timeline(storyboard), EngineOptions("cpu")
    needed = memory.activation_bytes(storyboard, cast.perceptors, cast.vqgan)
    for available, low in ((needed * 2, False), (needed // 2, True), (None, False)):
        monkeypatch.setattr(
            memory, "available_bytes", lambda device, available=available: available
        )
        cast.prepare(storyboard, timeline, options)
        assert cast.vqgan.low_memory is low
    assert memory.cutouts_at_once(board(cutouts=30, batch_size=7)) == 7


def test_the_estimate_of_activations_is_about_what_they_take():
    storyboard = board(1, size=(128, 128), cutouts=8)
    cast = cast_of(storyboard, "cpu", "fp32", "high")
    estimate = memory.activation_bytes(storyboard, cast.perceptors, cast.vqgan)
    session = Session(storyboard, cast)
    with PeakBytes() as counted:
        next(session.run())
    assert 0.5 * counted.peak < estimate < 1.5 * counted.peak


def test_a_host_says_how_much_memory_it_has():
    assert memory.available_bytes(CPU) is None or memory.available_bytes(CPU) > 2**28
    assert memory.available_bytes(torch.device("meta")) is None


def test_networks_are_compiled_only_where_it_is_asked():
    assert [pick_compile(name) for name in ("auto", "on", "off")] == [False, True, False]


def test_the_compilers_failures_are_told_from_others():
    failure = type("InductorError", (RuntimeError,), {"__module__": "torch._inductor.exc"})(
        "no compiler\nstack …"
    )
    assert "no compiler" in str(compiler_failure(failure))
    assert "compile=off" in str(compiler_failure(failure))
    assert compiler_failure(RuntimeError("shape")) is None


def test_compiled_networks_render_the_same(tiny_files, monkeypatch):
    # Captured and differentiated by torch's compiler, but run by its plain backend: gcc would take
    # minutes.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    storyboard = replace(board(3, size=(32, 32), cutouts=4), models=models)
    plain, compiled = (run(storyboard, precision="fp32", compile=name) for name in ("off", "on"))
    for one, other in zip(plain, compiled, strict=True):
        assert other.similarity == pytest.approx(one.similarity, abs=1e-3)


def test_a_failing_compiler_ends_the_film_with_the_way_out(tiny_files, monkeypatch):
    def failing(function, **_):
        def call(*_):
            raise type("InductorError", (RuntimeError,), {"__module__": "torch._inductor.exc"})(
                "gcc is missing"
            )

        return call

    monkeypatch.setattr(torch, "compile", failing)
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    with pytest.raises(RenderError, match="gcc is missing.*compile=off"):
        run(replace(board(1, size=(32, 32)), models=models), compile="on")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
def test_freed_memory_is_kept_for_the_next_iteration():
    program = """
import resource, torch
from vqclip_video.engine.memory import heap_kept
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(16 << 20)  # 64 MiB, 16384 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
before = faults()
with heap_kept():
    faults()
    print(before, faults())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    before, after = map(int, ended.stdout.split())
    assert after < before / 10


def test_numbers_lost_in_float16_again_are_float32s_from_then_on(tiny_files):
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    storyboard = replace(board(8, size=(32, 32), cutouts=2), models=models)
    cast, said = cast_of(storyboard, "cpu", "fp16"), []
    session = Session(storyboard, cast, on_notice=said.append)
    embed, scales = cast.perceptor.embed_image, []

    def lossy(images):
        scales.append(session.objective.scale)
        found = embed(images)
        lost = cast.perceptor.dtype is torch.float16 and session.iteration >= 4
        return found * float("nan") if lost else found

    cast.perceptor.embed_image = lossy
    found = list(session.run())
    assert [progress.iteration for progress in found] == list(range(1, 9))
    assert sum("not a number" in line for line in said) == 2
    assert sum("float32" in line for line in said) == 1
    assert {each.dtype for each in (cast.perceptor, cast.vqgan)} == {torch.float32}
    # full pace again, and the scale of losses was less after the first step back
    assert found[-1].state["recovery"].numbers["rate_scale"] == 1
    assert scales[0] == 1024 and 32 in scales and scales[-1] == 1
    # what goes on from there is in float32 at once; the next film is what was asked for
    again = cast_of(storyboard, "cpu", "fp16")
    rest = list(Session(storyboard, again, start=found[6].state).run())
    assert torch.equal(rest[-1].latent, found[-1].latent)
    cast.prepare(storyboard, Timeline(storyboard), EngineOptions("cpu", "fp16"))
    assert {each.dtype for each in (cast.perceptor, cast.vqgan)} == {torch.float16}


def test_a_step_back_in_bfloat16_changes_no_number_format(tiny_files):
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])
    storyboard = replace(board(6, size=(32, 32), cutouts=2), models=models)
    cast = cast_of(storyboard, "cpu", "bf16")
    session, embed, lost = Session(storyboard, cast), cast.perceptor.embed_image, [1, 1]

    def lossy(images):
        bad = session.iteration == 3 and lost and lost.pop()
        return embed(images) * float("nan") if bad else embed(images)

    cast.perceptor.embed_image = lossy
    *_, last = session.run()
    assert cast.vqgan.dtype is torch.bfloat16 and not lost
    assert last.state["recovery"].numbers["rate_scale"] == 0.25
