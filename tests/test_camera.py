"""The camera: where it is at a frame, what it makes of the picture, and that nothing changes where
it stands still.
"""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import run
from complaints import ONE_SCENE, complaint, complaints
from PIL import Image

from vqclip_video.engine.camera import CameraWork, warped
from vqclip_video.engine.cast import load_cast
from vqclip_video.engine.guides import Guides
from vqclip_video.engine.latent import Latent
from vqclip_video.engine.morphs import Morph
from vqclip_video.engine.options import EngineOptions
from vqclip_video.engine.session import Session
from vqclip_video.materials import find_materials
from vqclip_video.output.camera_preview import board
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.camera import HOME, CameraPath, Pose
from vqclip_video.storyboard.schema import Models
from vqclip_video.storyboard.timeline import Timeline
from vqclip_video.storyboard.writer import files_of

ASPECT = 96 / 128
REACH = 0.5 / 16


def story(camera, scenes="[{prompt: a lighthouse at sunset, duration: 10s}]", fps=12, settings=""):
    text = (
        f"size: 128x96\nfps: {fps}\nmodels: storybook\ncamera: {camera}\n"
        f"settings: {{show_step: 1, cutouts: 2, guide: off{settings}}}\nscenes: {scenes}\n"
    )
    return reader.parse(text)


def path_of(camera, **about):
    timeline = Timeline(story(camera, **about))
    return timeline, CameraPath(timeline, ASPECT, REACH)


# Where it is


@pytest.mark.parametrize("fps", [12, 24, 60])
def test_motion_is_counted_in_seconds_at_any_rate(fps):
    pose = path_of("{zoom: 1.1, rotate: 9}", fps=fps)[1].at(5 * fps).in_scene
    assert abs(pose.turn) == pytest.approx(1.1**5)
    assert math.degrees(math.atan2(pose.turn.imag, pose.turn.real)) == pytest.approx(-45)
    pose = path_of("{pan: [0.05, -0.1]}", fps=fps)[1].at(5 * fps).in_scene
    assert pose.shift == pytest.approx(-0.25 + 0.5j * ASPECT)


def test_deforums_schedules_count_in_frames():
    timeline, path = path_of('{zoom: "0:(1.0), 24:(1.0), 25:(1.02)", per: frame}')
    assert path.at(24).in_scene == HOME
    assert abs(path.at(60).in_scene.turn) == pytest.approx(1.02**36)


def test_what_moves_and_what_is_missing_make_up_the_whole_way():
    timeline, path = path_of(
        "{zoom: 1.3, pan: [0.1, 0.05], rotate: 'sin(period=3s, from=-9, to=9)'}"
    )
    moved, moves = HOME, 0
    for frame in range(timeline.frames):
        shot = path.at(frame)
        moved = shot.move.after(moved)
        moves += shot.move != HOME
        assert shot.view.reach(ASPECT) <= REACH
        whole = shot.view.after(moved)
        assert whole.turn == pytest.approx(shot.in_scene.turn)
        assert whole.shift == pytest.approx(shot.in_scene.shift)
        guide = shot.of_guide(previous=False)
        assert (guide.turn, guide.shift) == (pytest.approx(moved.turn), pytest.approx(moved.shift))
    assert 10 < moves < timeline.frames / 2


def test_a_scene_counts_from_its_start_and_the_one_before_goes_on():
    scenes = (
        "[{prompt: a, duration: 1s}, {prompt: b, duration: 1s},"
        " {prompt: c, duration: 1s, transition: cut, camera: {zoom: 2}}]"
    )
    _, path = path_of("{zoom: 1.5}", scenes=scenes)
    assert path.at(12).in_scene == HOME
    assert abs(path.at(18).in_scene.turn) == pytest.approx(1.5**0.5)
    assert abs(path.at(18).in_previous.turn) == pytest.approx(1.5**1.5)
    assert path.at(24).view == path.at(24).move == path.at(24).in_scene == HOME
    assert abs(path.at(30).in_scene.turn) == pytest.approx(2**0.5)


def test_a_scene_has_what_it_does_not_say_from_the_film():
    scenes = "[{prompt: a}, {prompt: b, camera: {zoom: 1.2}}, {prompt: c, camera: {pan: [0, 0]}}]"
    board = story("{pan: [0.1, 0], border: wrap}", scenes=scenes)
    first, second, third = (scene.camera for scene in board.scenes)
    assert (second.zoom, second.pan, second.border) == (1.2, (0.1, 0.0), "wrap")
    assert third.still and not first.still and reader.parse(reader.dump(board)) == board


def test_a_loop_comes_back_to_where_it_began():
    timeline = Timeline(
        reader.parse(
            "size: 128x96\nfps: 12\nloop: true\ncamera: {zoom: 1.3, pan: [0.1, 0], rotate: 9}\n"
            "scenes: [{prompt: a, duration: 2s, transition: 1s}, {prompt: b, duration: 3s}]\n"
        )
    )
    path = CameraPath(timeline, ASPECT, REACH)
    frames = range(timeline.frames - 12, timeline.frames)
    assert timeline.begins(frames[0]).homeward and not timeline.begins(frames[0] - 1).homeward
    step = path.at(1).in_scene
    for frame in frames:  # the first scene goes on as the camera does, and is home at the seam
        following = HOME if frame == frames[-1] else path.at(frame + 1).in_scene
        found = step.after(path.at(frame).in_scene)
        assert abs(found.turn - following.turn) < 1e-9 and abs(found.shift - following.shift) < 1e-9
    assert abs(path.at(frames[-1]).in_previous.turn) == pytest.approx(1.3 ** (35 / 12))


# What it makes of a picture


def test_whole_pixels_are_moved_as_they_are():
    picture = torch.rand(1, 3, 48, 64)
    right = Pose(shift=4 / 64)
    by_border = {name: warped(picture, right, name) for name in ("wrap", "reflect", "replicate")}
    for name, found in by_border.items():
        assert torch.allclose(found[..., 6:-2], picture[..., 2:-6], atol=1e-4), name
    assert torch.allclose(by_border["wrap"], picture.roll(4, -1), atol=1e-4)
    assert torch.allclose(by_border["reflect"][..., :4], picture[..., :4].flip(-1), atol=1e-4)
    assert torch.allclose(by_border["replicate"][..., 0], picture[..., 0], atol=1e-4)
    assert torch.allclose(warped(picture, HOME, "reflect"), picture, atol=1e-5)


def test_a_square_turns_about_the_middle():
    picture = torch.rand(1, 1, 32, 32)
    turned = warped(picture, Pose(turn=-1j), "reflect")  # a quarter, anticlockwise
    assert torch.allclose(turned, picture.rot90(1, (-2, -1)), atol=1e-4)


@pytest.fixture(scope="module")
def cast():
    return load_cast(find_materials(story("{}")), EngineOptions("cpu", "fp32"))


@pytest.fixture(scope="module")
def still(cast):
    """A latent of a picture with things at every scale [1, 16, 12, 16]."""
    book = Path(__file__).parent.parent / "docs" / "voyage.png"
    with Image.open(book) as image:
        part = image.convert("RGB").crop((0, 0, 192, 144)).resize((128, 96), Image.LANCZOS)
    pixels = torch.from_numpy(np.array(part)).permute(2, 0, 1).float() / 255
    return cast.vqgan.encode(pixels[None])


def filmed(cast, still, camera, seconds, fps=12):
    """What is seen frame by frame of a picture that nothing paints on [n, 3, 96, 128]."""
    timeline = Timeline(story(camera, fps=fps))
    work, latent = CameraWork(timeline, cast.vqgan, (12, 16)), Latent(still, cast.vqgan.bound, 4)
    frames = []
    for frame in range(seconds * fps):
        moment = timeline.begins(frame)
        work.move(latent, moment)
        value = latent.value.detach()
        frames.append(work.view(value, work.picture(value), moment)[1])
    return work, torch.cat(frames)


def off_by(seen, wanted):
    """How many pixels to the right a picture lies of where it should, by least squares."""
    off = 0.0
    for _ in range(6):
        here = warped(wanted[None], Pose(shift=off / 128), "reflect")[0]
        slope = (here[..., 2:] - here[..., :-2])[:, 8:-8, 24:-24] / 2
        rest = (seen - here)[:, 8:-8, 25:-25]
        off -= float((slope * rest).sum() / (slope * slope).sum())
    return off


@torch.no_grad()
def test_a_slow_pan_neither_jitters_nor_lags(cast, still):
    work, frames = filmed(cast, still, "{pan: [0.0625, 0], border: wrap}", 2)  # 2/3 pixels a frame
    wanted = [warped(frames[:1], work.path.at(n).in_scene, "wrap")[0] for n in range(len(frames))]
    off = np.array([off_by(*pair) for pair in zip(frames, wanted, strict=True)])
    course = np.polyval(np.polyfit(np.arange(len(off)), off, 1), np.arange(len(off)))
    assert np.std(off - course) < 0.1 and abs(off[-1]) < 0.02 * 16 + 0.1, off


@torch.no_grad()
def test_a_long_zoom_goes_as_far_as_it_says_and_stays_sharp(cast, still):
    _, frames = filmed(cast, still, "{zoom: 1.1}", 10, fps=4)

    def sharpness(pictures):
        grey = pictures.mean(1)
        inner = 4 * grey[:, 1:-1, 1:-1] - grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1]
        return float((inner - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:]).var())

    rates = [growth(frames[n], frames[n + 4]) for n in range(0, 36, 4)]
    assert np.mean(np.log(rates)) == pytest.approx(math.log(1.1), rel=0.02), rates
    assert sharpness(frames[-4:]) >= 0.8 * sharpness(frames[4:8])


def growth(first, second):
    """How many times larger the second picture shows what the first does, by least squares."""
    x, y = torch.arange(128) - 63.5, (torch.arange(96) - 47.5)[:, None]
    found = 1.1
    for _ in range(10):
        here = warped(first[None], Pose(turn=found), "reflect")[0]
        across = (here[:, 1:-1, 2:] - here[:, 1:-1, :-2]) / 2 * x[1:-1]
        down = (here[:, 2:, 1:-1] - here[:, :-2, 1:-1]) / 2 * y[1:-1]
        slope, rest = (across + down)[:, 8:-8, 8:-8], (second - here)[:, 9:-9, 9:-9]
        found *= 1 - float((slope * rest).sum() / (slope * slope).sum())
    return found


def test_grids_and_moments_go_with_the_latent(cast, still):
    latent = Latent(still, cast.vqgan.bound, 3)
    for kept in (latent.grids, latent.means, latent.squares):
        for tensor in kept:
            with torch.no_grad():
                tensor.copy_(torch.rand_like(tensor))
    before = [[t.detach().clone() for t in kept] for kept in (latent.grids, latent.means)]
    wanted = cast.vqgan.bound(still)
    pose = Pose(shift=0.25)  # a quarter of the picture: whole places of each grid
    places = [tensor.data_ptr() for tensor in latent.grids]
    latent.carry(wanted, lambda tensor: warped(tensor, pose, "wrap", "bilinear"))
    assert torch.allclose(latent.value, wanted, atol=1e-5)
    assert [tensor.data_ptr() for tensor in latent.grids] == places  # captured graphs go on
    for kept, old in zip((latent.grids[1:], latent.means), (before[0][1:], before[1]), strict=True):
        for tensor, was in zip(kept, old, strict=True):
            assert torch.allclose(tensor, was.roll(tensor.shape[-1] // 4, -1), atol=1e-4)
    assert all((square >= 0).all() for square in latent.squares)


# In a film, with networks of a few channels


@pytest.fixture(scope="module")
def tiny(tiny_files):
    """A function from a camera, scenes and settings to a storyboard, and its cast."""
    models = Models(str(tiny_files["clip"]), str(tiny_files["vqgan"]), tiny_files["config"])

    def film(*args, **about):
        return replace(story(*args, **about), models=models, size=(48, 32))

    return film, load_cast(find_materials(film("{}")), EngineOptions("cpu", "fp32"))


def run_through(session, steps=None):
    last = session.timeline.total_iter if steps is None else steps
    return [p for p in session.run(lambda: session.iteration >= last) if p.frame is not None]


SHORT = "[{prompt: a cat, duration: 0.5s}, {prompt: a boat, duration: 0.5s, transition: 0.3s}]"


def test_a_camera_at_rest_is_bit_for_bit_none(tiny):
    film, cast = tiny

    def latents(camera):
        session = Session(film(camera, SHORT), cast)
        run_through(session)
        return session.latent.value

    plain = latents("{}")
    for camera in ("{zoom: 1, pan: [0, 0], rotate: 0}", "{pan: ['0*t', 0], rotate: {0s: 0}}"):
        assert torch.equal(latents(camera), plain)


def test_a_film_in_motion_goes_on_where_it_was(tiny):
    """Camera, smoothing, a morph between guides and a scene from another one."""
    scenes = (
        "[{prompt: a cat, name: start, duration: 0.34s}, {prompt: a boat, duration: 0.34s,"
        " transition: 0.3s}, {prompt: a hill, duration: 0.25s, from: {scene: start}}]"
    )
    camera = "{zoom: 3, pan: [0.5, 0], rotate: 40}"
    film, cast = tiny[0](camera, scenes, settings=", smoothing: 0.5"), tiny[1]
    drawn = cast.vqgan.encode(torch.rand(3, 3, 32, 48))
    guides = Guides([drawn[:1], drawn[2:], None], {1: Morph(drawn, (0.0, 0.5, 1.0))})
    whole = Session(film, cast, guides=guides)
    expected = run_through(whole)
    for stop in (1, 4, 5, 8, 10):
        half = Session(film, cast, guides=guides)
        run_through(half, stop)
        rest = Session(film, cast, guides=guides, start=half.state())
        found = run_through(rest)
        assert torch.equal(rest.latent.value, whole.latent.value)
        for one, other in zip(found, expected[len(expected) - len(found) :], strict=True):
            assert np.array_equal(one.frame, other.frame) and torch.equal(one.latent, other.latent)


def test_a_frame_is_what_its_latent_decodes_to(tiny):
    film, cast = tiny
    session = Session(film("{zoom: 2, rotate: 30}", SHORT, settings=", smoothing: 0.5"), cast)
    for progress in run_through(session):
        picture = session.camera.picture(progress.latent)[0].permute(1, 2, 0) * 255
        assert np.array_equal(picture.round().byte().numpy(), progress.frame)


def test_guides_are_posed_with_the_camera(cast, still):
    film = story("{pan: [3, 0], border: wrap}", "[{prompt: a, duration: 1s}]")
    work = CameraWork(Timeline(film), cast.vqgan, (12, 16))
    moment = work.path.timeline.begins(4)
    seen = work.seen(moment)(still, previous=False, fleeting=False)
    assert work.seen(moment)(still, previous=False, fleeting=False) is seen
    wanted, found = work.picture(still).roll(-128, -1), work.picture(seen)  # a whole turn round
    assert (wanted - found).abs().mean() < 0.05
    assert work.seen(work.path.timeline.begins(0))(still, previous=False, fleeting=False) is still


# What is said of it

REFUSED = [
    ("{zoom: 0}", "1:16: camera.zoom: expected a number from 0.1 to 10, found '0'"),
    ("{zoom: 2 - t}", "camera.zoom: expected a number from 0.1 to 10, found"),
    ("{pan: 0.1}", "1:15: camera.pan: expected two values, [x, y]"),
    ("{pan: [1, 2, 3]}", "1:15: camera.pan: expected two values"),
    ("{pan: [0.1, x]}", "1:21: camera.pan[1]: expected a number from -10 to 10, found 'x'"),
    ("{pan: [20, 0]}", "1:16: camera.pan[0]: expected a number from -10 to 10, found '20'"),
    ("{rotate: fast}", "camera.rotate: expected a number from -3600 to 3600, found 'fast'"),
    ("{border: mirror}", "camera.border: expected one of reflect, wrap, replicate"),
    ("{per: beat}", "camera.per: expected one of second, frame"),
    ("{depth: 3}", "camera: unknown key 'depth'"),
    ("1.1", "camera: expected a mapping"),
]


@pytest.mark.parametrize(("camera", "message"), REFUSED)
def test_what_cannot_be_is_refused_at_its_place(camera, message):
    assert message in complaint(f"camera: {camera}\n{ONE_SCENE}")


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "story.yaml"
    path.write_text(
        "size: 128x96\ncamera: {zoom: 1.3, pan: ['sin(period=2s, from=-0.1, to=0.1)', 0]}\n"
        "scenes: [{prompt: a hill, duration: 2s}, {prompt: a lake, camera: {zoom: 1}}]\n"
    )
    return path


def test_plan_previews_the_camera_without_a_model(written, tmp_path):
    run(
        "plan",
        written,
        "--camera",
        "way.gif",
        "--set",
        "models={clip: none.pt, vqgan: ViT}",
        status=2,
    )
    run("plan", written, "--camera", "way.gif")
    run("plan", written, "--camera", "new/way.png")
    with Image.open(tmp_path / "way.gif") as film:
        assert film.n_frames == 60 and film.size == (240, 180)
    with Image.open(tmp_path / "new" / "way.png") as sheet:
        assert sheet.width > 500
    tracks = json.loads(run("plan", written, "--json").stdout)["tracks"]
    assert [track["setting"] for track in tracks] == ["camera.pan[0]"]


def test_a_preview_is_refused_where_there_is_none(written):
    said = run("plan", written, "--camera", "way.mp4", status=2).stderr
    assert "--camera way.mp4: a picture's name ends in one of .gif, .png" in said
    said = run("plan", written, "--camera", "w.gif", "--set", "camera={}", status=2).stderr
    assert "stands still" in said


def test_the_board_shows_where_the_camera_is():
    there = board(HOME, (240, 180))
    assert np.array_equal(board(Pose(shift=30 / 240), (240, 180))[:, 30:], there[:, :-30])
    assert tuple(board(Pose(shift=60 / 240), (240, 180))[90, 180]) == (208, 96, 64)


# What frames show, and what a scene begins as


def test_smoothing_shows_a_running_mean_while_the_latent_goes_on(tiny):
    film, cast = tiny
    plain = run_through(Session(film("{}", SHORT), cast))
    smooth = run_through(Session(film("{}", SHORT, settings=", smoothing: 0.75"), cast))
    mean = plain[0].latent
    for one, other in zip(plain, smooth, strict=True):
        mean = 0.25 * one.latent + 0.75 * mean
        assert torch.allclose(other.latent, mean, atol=1e-4)
        assert one.similarity == other.similarity


def test_smoothing_ends_at_a_cut(tiny):
    film, cast = tiny
    scenes = "[{prompt: a, duration: 0.5s}, {prompt: b, duration: 0.5s, transition: cut}]"
    plain = run_through(Session(film("{}", scenes), cast))
    smooth = run_through(Session(film("{}", scenes, settings=", smoothing: 0.9"), cast))
    assert torch.equal(plain[6].latent, smooth[6].latent)
    assert not torch.equal(plain[5].latent, smooth[5].latent)


def begun(tiny, begins, guided=False):
    """The last latent of the first scene and the first of the third, whose steps are tiny."""
    film, cast = tiny
    scenes = (
        "[{prompt: a cat, name: cat, duration: 0.3s}, {prompt: a boat, duration: 0.3s},"
        f" {{prompt: a hill, duration: 0.3s, {begins}}}]"
    )
    board = film("{}", scenes, settings=", learning_rate: 1e-6, guide_weight: 0")
    drawn = cast.vqgan.encode(torch.rand(1, 3, 32, 48)) if guided else None
    session = Session(board, cast, guides=Guides([None, None, drawn]))
    found = {p.moment.frame: p.latent for p in run_through(session)}
    third = session.timeline.spans[2].first_frame
    return session, found, third


def test_a_scene_begins_as_another_ended_or_goes_on(tiny):
    session, found, third = begun(tiny, "from: {scene: cat}")
    cat = session.timeline.spans[1].first_frame - 1
    assert session.timeline.at(third).afresh
    assert torch.allclose(found[third], found[cat], atol=1e-4)
    session, found, third = begun(tiny, "from: {scene: '1'}")
    assert torch.allclose(found[third], found[cat], atol=1e-4)
    session, found, third = begun(tiny, "from: previous, transition: cut", guided=True)
    moment = session.timeline.at(third)
    assert not moment.afresh and moment.mix == 1
    assert torch.allclose(found[third], found[third - 1], atol=1e-4)


def test_a_scene_begins_as_noise_or_a_picture_whatever_guides_it(tiny, tmp_path):
    _, found, third = begun(tiny, "from: noise", guided=True)
    session, after_cut, _ = begun(tiny, "transition: cut", guided=True)
    assert torch.allclose(after_cut[third], session.guides.targets[2], atol=1e-4)
    assert not torch.allclose(found[third], after_cut[third], atol=0.1)
    Image.new("RGB", (48, 32), (200, 40, 40)).save(tmp_path / "red.png")
    session, found, third = begun(tiny, f"from: {{image: {tmp_path / 'red.png'}}}", guided=True)
    red = torch.tensor([200, 40, 40]).view(1, 3, 1, 1).expand(1, 3, 32, 48) / 255
    wanted = session.cast.vqgan.bound(session.cast.vqgan.encode(red))
    assert torch.allclose(found[third], wanted, atol=1e-4)


WRONG_BEGINNINGS = [
    ("{prompt: a, from: noise}", "scenes[0].from: nothing is before the first scene"),
    ("{prompt: a}, {prompt: b, from: {scene: c}}", "[1].from.scene: expected an earlier scene, found 'c'"),
    ("{prompt: a}, {prompt: b, from: {scene: '2'}}", "[1].from.scene: expected an earlier scene, found '2'"),
    ("{prompt: a}, {prompt: b, from: dream}", "[1].from: expected previous, noise, or a mapping with image or"),
    ("{prompt: a}, {prompt: b, from: noise, transition: 1s}", "[1].transition: `from` begins the picture anew"),
    ("{prompt: a}, {prompt: b, from: {image: none.png}}", "[1].from.image: cannot find"),
    ("{prompt: a}, {prompt: b, from: {image: n.png, scene: a}}", "scenes[1].from"),
    ("{prompt: a, settings: {smoothing: 1}}", "smoothing: expected a number from 0 to 0.99, found '1'"),
]  # fmt: skip


@pytest.mark.parametrize(("scenes", "message"), WRONG_BEGINNINGS)
def test_beginnings_that_cannot_be_are_refused(scenes, message):
    assert message in complaints(f"scenes: [{scenes}]")[0]


def test_beginnings_survive_being_written_out(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "red.png")
    text = (
        "scenes: [{prompt: a, name: first}, {prompt: b, from: {scene: first}}, {prompt: c, from: "
        "previous}, {prompt: d, from: {image: red.png}}]"
    )
    board = reader.parse(text, base=tmp_path)
    assert reader.parse(reader.dump(board)) == board
    assert files_of(board) == (tmp_path / "red.png",)
