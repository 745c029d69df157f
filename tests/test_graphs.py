"""Iterations from places that stay: the same film as by itself, bit for bit, captured and replayed.

Without a GPU a stand-in captures: it does the work at each replay and writes its outcome to the
places of the first one.
"""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from casting import cast_of
from click.testing import CliRunner
from tiny import make_clip, make_vqgan

from vqclip_video.cli.main import main
from vqclip_video.engine import iteration
from vqclip_video.engine.graphs import pick_graphs
from vqclip_video.engine.inputs import Inputs, StandingInputs
from vqclip_video.engine.iteration import StandingIteration
from vqclip_video.engine.latent import Latent
from vqclip_video.engine.session import Session
from vqclip_video.errors import RenderError, UsageError
from vqclip_video.models.vqgan.bounds import ChannelRange
from vqclip_video.storyboard import reader

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("one_thread")

FILM = """
size: 48x32
fps: 8
seed: 3
models: {{clip: {clip}, vqgan: {vqgan}}}
init: {{noise: 0.4}}
settings: {{cutouts: 4, show_step: 2, learning_rate: {{0s: 0.2, 1s: 0.05}}, losses: {{tv: 0.1, vq: 0.2}}}}
grow: true
scenes:
  - {{prompt: the sea, duration: 1s}}
  - {{prompt: fire, duration: 1s, transition: {{duration: 0.5s}}, settings: {{exclude: [fog], cutouts: 5}}}}
  - {{prompt: a cat, duration: 0.5s, transition: cut, settings: {{batch_size: 2}}}}
"""
PAIR = """
size: 64x48
fps: 8
seed: 3
settings: {cutouts: 2, show_step: 1}
scenes:
  - {prompt: a lighthouse, iterations: 3, settings: {guide: {sketch: a lighthouse}}}
  - {prompt: a castle, iterations: 6, transition: {duration: 0.5s}, settings: {guide: off}}
"""


class StandIn:
    """What was captured, done again at each replay."""

    def __init__(self, work, latent):
        self.work, self.latent, self.replays = work, latent, 0
        before = [tensor.clone() for tensor in latent.tensors]
        self.outcome = work().copied()
        with torch.no_grad():
            for place, tensor in zip(latent.tensors, before, strict=True):
                place.copy_(tensor)

    def replay(self):
        self.replays += 1
        found = self.work()
        for each in fields(found):
            old, new = getattr(self.outcome, each.name), getattr(found, each.name)
            pairs = [(old[k], new[k]) for k in old] if isinstance(old, dict) else [(old, new)]
            for place, value in pairs:
                place.copy_(value)


def standing(session: Session, capture="stand in", **more) -> StandingIteration:
    graphs = []

    def stand_in(work):
        graphs.append(StandIn(work, session.latent))
        return graphs[-1], graphs[-1].outcome

    capture = stand_in if capture == "stand in" else capture
    session.works = StandingIteration(session.objective, session.works.memory, CPU, capture, **more)
    session.works.graphs = graphs
    return session.works


def story_of(tmp_path, text=FILM):
    if "{clip}" not in text:
        return reader.parse(text)
    clip, vqgan = make_clip(tmp_path), make_vqgan(tmp_path)[0]
    return reader.parse(text.format(clip=clip, vqgan=vqgan))


def films_of(story, start=None, **options):
    sessions = [Session(story, cast_of(story, "cpu", "fp32"), start=start) for _ in range(2)]
    works = standing(sessions[1], **options)
    return [list(session.run()) for session in sessions], works


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert (one.similarity, one.losses) == (other.similarity, other.losses)
        assert [frame.number for frame in one.frames] == [frame.number for frame in other.frames]
        for a, b in zip(one.frames, other.frames, strict=True):
            assert (a.pixels == b.pixels).all()
        if one.state:
            assert torch.equal(one.latent, other.latent)
            for name, part in one.state.items():
                assert part.numbers == other.state[name].numbers
                for key, tensor in part.tensors.items():
                    assert torch.equal(tensor, other.state[name].tensors[key]), (name, key)


@pytest.mark.parametrize("capture", ["stand in", None])
def test_from_places_that_stay_the_film_is_the_same_bit_for_bit(tmp_path, capture):
    (plain, placed), works = films_of(story_of(tmp_path), capture=capture)
    assert_same(placed, plain)
    if capture:
        # coarse; at full size; from the transition on, with an exclusion; after the cut
        assert works.captures == 4
        replays = sum(graph.replays for graph in works.graphs)
        assert replays == len(plain) - 4  # the first of each kind is computed as it comes


@pytest.mark.parametrize("capture", ["stand in", None])
def test_so_it_is_with_guides_and_with_a_prior(capture):
    (plain, placed), works = films_of(story_of(None, PAIR), capture=capture)
    assert any("prior" in progress.losses for progress in plain)
    assert_same(placed, plain)
    assert not capture or works.captures == 3


def test_several_clips_in_turns_have_a_graph_each(tmp_path):
    clip, other = (make_clip(tmp_path, kind) for kind in ("vit", "resnet"))
    vqgan = make_vqgan(tmp_path)[0]
    story = reader.parse(
        f"size: 32x32\nseed: 1\nmodels: {{clip: [{clip}, {{file: {other}, weight: 2}}], "
        f"vqgan: {vqgan}, alternate: true}}\nsettings: {{cutouts: 3, show_step: 1}}\n"
        "scenes: [{prompt: a, iterations: 8}]"
    )
    (plain, placed), works = films_of(story)
    assert_same(placed, plain)
    assert works.captures == 2 and [graph.replays for graph in works.graphs] == [3, 3]
    assert [p.similarities for p in placed] == [p.similarities for p in plain]


def test_a_film_is_gone_on_with_from_places_that_stay(tmp_path):
    story = story_of(tmp_path)
    (plain, _), _ = films_of(story)
    state = next(progress.state for progress in plain[9:] if progress.state)
    (_, rest), _ = films_of(story, start=state)
    assert_same(rest, plain[-len(rest) :])


def test_where_nothing_can_be_captured_the_film_goes_on_with_one_line(tmp_path):
    said, tried = [], []

    def fails(work):
        tried.append(work)
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")

    (plain, placed), works = films_of(story_of(tmp_path), capture=fails, on_notice=said.append)
    assert_same(placed, plain)
    assert len(tried) == 1 == len(said) and works.captures == 0
    assert "operation not permitted" in said[0] and "more" not in said[0]


def test_out_of_memory_while_capturing_is_no_reason_to_show_fewer_cutouts(tmp_path):
    def fails(work):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    said = []
    (plain, placed), works = films_of(story_of(tmp_path), capture=fails, on_notice=said.append)
    assert_same(placed, plain)
    assert works.memory.calls.limit == 0 and len(said) == 1


def test_graphs_that_were_asked_for_end_the_film_where_there_are_none(tmp_path):
    def fails(work):
        raise RuntimeError("not here")

    with pytest.raises(RenderError, match="not here.*graphs=off"):
        films_of(story_of(tmp_path), capture=fails, required=True)


def test_out_of_memory_in_an_iteration_halves_the_batches_as_ever(tmp_path):
    story = story_of(tmp_path)
    session = Session(story, cast_of(story, "cpu", "fp32"))
    works = standing(session)
    embed, calls = session.cast.perceptor.embed_image, []

    def little(images):
        calls.append(len(images))
        if len(images) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return embed(images)

    session.cast.perceptor.embed_image = little
    (plain, _), _ = films_of(story)
    found = list(session.run())
    assert works.memory.calls.limit == 2 and max(calls[3:]) <= 5
    assert found[-1].similarity == pytest.approx(plain[-1].similarity, abs=0.05)


def test_only_the_latest_graphs_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(iteration, "MOST_KEPT", 2)
    story = story_of(tmp_path)
    session = Session(story, cast_of(story, "cpu", "fp32"))
    works = standing(session)
    list(session.run())
    assert len(works._places) == 2 < works.captures


def test_inputs_stand_at_their_places():
    told = Inputs({"a": 0.1, "b": 3.0}, {"t": torch.ones(2, 3)}, {"n": 4})
    place = StandingInputs(told, CPU)
    at = place.inputs.tensors["t"].data_ptr(), place.inputs.numbers["b"].data_ptr()
    for factor in (1.0, 2.0):
        place.fill(Inputs({"a": 0.1, "b": factor}, {"t": factor * torch.ones(2, 3)}, {"n": 4}))
        assert float(place.inputs.numbers["b"]) == factor == float(place.inputs.tensors["t"][1, 2])
    assert at == (place.inputs.tensors["t"].data_ptr(), place.inputs.numbers["b"].data_ptr())
    assert told.shape == place.inputs.shape
    assert told.shape != Inputs(told.numbers, told.tensors, {"n": 5}).shape
    assert told.shape != Inputs(told.numbers, {"t": torch.ones(3, 3)}, {"n": 4}).shape
    assert told.shape != Inputs({"a": 0.1}, told.tensors, {"n": 4}).shape


def test_a_latent_comes_back_to_its_places_whatever_was_done_to_it():
    bound = ChannelRange(-torch.ones(4) * 9, torch.ones(4) * 9)
    latent = Latent(torch.randn(1, 4, 6, 6), bound, 2)
    home = latent.tensors
    state = latent.state()
    latent.begin(torch.full((1, 4, 6, 6), 2.0))
    latent.move_to(home)
    assert all(a is b for a, b in zip(latent.tensors, home, strict=True))
    assert float(home[0].detach().mean()) == 2 and latent.grids[0].requires_grad
    latent.restore(state)
    latent.move_to(home)
    assert torch.equal(home[0], state.tensors["grid.0"])


def test_graphs_are_cudas():
    cuda = torch.device("cuda")
    assert pick_graphs("auto", cuda) and pick_graphs("on", cuda) and not pick_graphs("off", cuda)
    assert not pick_graphs("auto", CPU) and not pick_graphs("off", torch.device("mps"))
    with pytest.raises(UsageError, match="graphs=auto"):
        pick_graphs("on", CPU)


def test_asking_for_graphs_on_a_cpu_is_refused_in_the_commands_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ["--size", "32x32", "--iterations", "1", "--device", "cpu"]
    ended = CliRunner().invoke(main, ["image", "a cat", *small, "--graphs", "on"])
    assert (
        ended.exit_code != 0 and "--graphs auto" in ended.output and "Traceback" not in ended.output
    )


cuda_only = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def on_cuda(story, graphs, start=None):
    session = Session(story, cast_of(story, "cuda", graphs=graphs), start=start)
    return session, list(session.run())


@pytest.mark.gpu
@cuda_only
@pytest.mark.parametrize("text", [FILM, PAIR])
def test_a_graph_gives_what_eager_mode_gives_on_the_same_card(tmp_path, text):
    story = story_of(tmp_path, text)
    (eager_session, eager), (session, replayed) = (on_cuda(story, g) for g in ("off", "on"))
    assert session.works.captures > 0 == eager_session.works.captures
    assert_same(replayed, eager)


@pytest.mark.gpu
@cuda_only
def test_a_film_is_gone_on_with_on_cuda(tmp_path):
    story = story_of(tmp_path)
    _, whole = on_cuda(story, "on")
    state = next(progress.state for progress in whole[9:] if progress.state)
    _, rest = on_cuda(story, "on", state)
    assert_same(rest, whole[-len(rest) :])


@pytest.mark.gpu
@cuda_only
def test_out_of_memory_inside_a_capture_leaves_the_film_as_it_is(tmp_path, monkeypatch):
    story, said = story_of(tmp_path), []
    _, eager = on_cuda(story, "off")
    cast = cast_of(story, "cuda")
    session, decode = Session(story, cast, on_notice=said.append), cast.vqgan.decode

    def hungry(z):
        if torch.cuda.is_current_stream_capturing():
            torch.empty(2**50, dtype=torch.uint8, device="cuda")
        return decode(z)

    monkeypatch.setattr(cast.vqgan, "decode", hungry)
    assert_same(list(session.run()), eager)
    assert any("no CUDA graphs" in line for line in said) and session.works.captures == 0
