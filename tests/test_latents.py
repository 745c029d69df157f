"""The latents of all frames, and what the log says of the way from picture to picture."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from filmprobe import read_frames
from safetensors.torch import load_file

from vqclip_video.cli.main import main
from vqclip_video.engine.session import render
from vqclip_video.errors import OutputError
from vqclip_video.output import latents, steps
from vqclip_video.output.latents import KeptLatents, LatentPlaces, LatentSpool
from vqclip_video.storyboard.reader import read

STORY = """
size: 32x32
pacing: steady
fps: 8
models: {{clip: {clip}, vqgan: {vqgan}}}
settings: {{cutouts: 4, show_step: 1}}
scenes:
  - {{prompt: a red apple, duration: 0.75s}}
  - {{prompt: the sea, duration: 0.75s, transition: {{duration: 0.25s}}}}
  - {{prompt: a castle, duration: 0.75s, transition: {{duration: 0.25s}}}}
"""


@pytest.fixture(scope="module")
def story(tmp_path_factory, tiny_files):
    path = tmp_path_factory.mktemp("latents") / "story.yaml"
    path.write_text(STORY.format(**tiny_files))
    return path


def some(count: int, shape=(3, 4, 5)) -> list[np.ndarray]:
    random = np.random.default_rng(count)
    return [random.normal(size=shape).astype(np.float16) for _ in range(count)]


def test_latents_are_read_back_as_they_were_taken(tmp_path):
    taken = [*some(2, (3, 2, 2)), *some(3)]  # of a film that grows
    spool = LatentSpool(LatentPlaces(tmp_path / "latents"))
    for latent in taken:
        spool.append(latent)
    with pytest.raises(OutputError):
        KeptLatents.indexed(tmp_path / "latents")  # not before the film is whole
    spool.finish()
    spool.close()
    kept = KeptLatents.indexed(tmp_path / "latents")
    assert len(kept) == 5 and kept.shape == (3, 4, 5)
    assert all(np.array_equal(one, other) for one, other in zip(kept, taken, strict=True))
    with pytest.raises(IndexError):
        kept[5]


def test_a_spool_goes_on_where_it_was_proven_and_drops_what_came_after(tmp_path):
    places = LatentPlaces(tmp_path)
    spool, taken = LatentSpool(places), some(6)
    for latent in taken[:3]:
        spool.append(latent)
    proven = spool.state()
    spool.append(some(1)[0])  # lost by the kill
    spool.close()
    again = LatentSpool(places, proven)
    for latent in taken[3:]:
        again.append(latent)
    again.finish()
    kept = KeptLatents.indexed(tmp_path)
    assert all(np.array_equal(one, other) for one, other in zip(kept, taken, strict=True))


def test_lost_latents_are_told_and_never_made_up(tmp_path):
    places = LatentPlaces(tmp_path)
    spool = LatentSpool(places)
    for latent in some(3):
        spool.append(latent)
    proven = spool.state()
    spool.finish()
    spool.close()
    places.file.write_bytes(places.file.read_bytes()[:-1])
    for whoever in (lambda: LatentSpool(places, proven), lambda: KeptLatents.indexed(tmp_path)):
        with pytest.raises(OutputError, match="fresh"):
            whoever()


@pytest.mark.parametrize(("wish", "kept"), [("auto", True), ("frames", True), ("ends", False)])
def test_latents_stay_unless_they_take_much_of_the_disk(wish, kept, tmp_path, monkeypatch):
    monkeypatch.setattr(latents, "free_space", lambda path: 1000)
    assert latents.worth_keeping(wish, tmp_path, 100) == kept
    assert latents.worth_keeping(wish, tmp_path, 101) == (wish == "frames")


def test_the_kept_latents_are_those_of_the_frames(story):
    film, folder = story.with_name("film.mp4"), story.with_name("film")
    result = CliRunner().invoke(main, ["render", str(story), "-o", str(film), "-q"])
    assert result.exit_code == 0, result.output
    frames = read_frames(film)
    kept = KeptLatents.indexed(folder / "latents")
    assert len(kept) == len(frames)
    for scene, last in (("scene-01", 5), ("scene-02", 11)):
        end = load_file(folder / f"latents/{scene}.safetensors")["latent"][0]
        assert np.array_equal(kept[last], end.half().numpy())
    log = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    found = [
        steps.step_between(*map(steps.coarse, pair))
        for pair in zip(frames, frames[1:], strict=False)
    ]
    assert log[0]["step"] == 0
    # The pictures that are read back have been through H.264, which smooths noise.
    assert np.allclose([line["step"] for line in log[1:]], found, atol=0.03)


def test_each_frame_is_compared_with_the_scenes_around_it(story):
    """A scene's own target, outside of transitions, is the one that the picture is drawn to."""
    seen = [progress for progress in render(read(story), device="cpu") if progress.state]
    assert [sorted(each.to_scenes) for each in seen] == [[0, 1]] * 6 + [[0, 1, 2]] * 6 + [
        [1, 2]
    ] * 6
    for progress in seen:
        if progress.moment.previous is None:
            assert progress.to_scenes[progress.moment.scene] == pytest.approx(
                progress.similarity, abs=1e-5
            )
    turning = [each for each in seen if each.moment.previous == 0]
    assert turning and all(each.to_scenes[1] != each.similarity for each in turning[:-1])
