"""`new --from` and `--photos`: storyboards made of lyrics, photographs and other tools' settings."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sounds import drums, write_wav

from vqclip_video.cli.main import main
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.camera import step_of
from vqclip_video.storyboard.timeline import Timeline

SRT = """\
1
00:00:01,000 --> 00:00:03,500
The <i>river</i> runs
to the sea

2
00:00:04,000 --> 00:00:06,000
&amp; the moon

3
00:00:06,100 --> 00:00:06,200
♪

"""
VTT = "WEBVTT\n\nNOTE hello\n\n01:01.000 --> 01:03.500 line:0\nA river\n\n01:04.000 --> 01:06.000\nA moon\n"
LRC = "[ar: Somebody]\n[offset:+500]\n[00:01.50]A river\n[00:04.00][00:08.00]A moon\n[00:10.00]\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "song.wav", drums(120, 12)[::6], 8000)
    return tmp_path


def new(*arguments, status=0):
    result = CliRunner().invoke(main, ["new", "story.yaml", *map(str, arguments)])
    assert result.exit_code == status, result.output + repr(result.exception)
    return result.output


def test_a_line_of_a_song_becomes_a_scene_at_its_time_with_its_caption(folder):
    (folder / "song.srt").write_text(SRT)
    new("--from", "song.srt", "--audio", "song.wav")
    story = reader.read("story.yaml")
    assert [scene.caption for scene in story.scenes] == ["The river runs to the sea", "& the moon"]
    spans = Timeline(story).spans
    assert [span.first_frame / 24 for span in spans] == [0, 4]
    assert Timeline(story).seconds == 12 and story.audio.file == folder / "song.wav"
    assert story.captions.text == "own"


@pytest.mark.parametrize(
    ("name", "text", "starts", "seconds"),
    [("a.srt", SRT, [0, 4], 6), ("a.vtt", VTT, [0, 64], 66), ("a.lrc", LRC, [0, 3.5, 7.5], 9.5)],
)
def test_each_kind_of_lyrics(folder, name, text, starts, seconds):
    (folder / name).write_text(text)
    new("--from", name)
    line = Timeline(reader.read("story.yaml"))
    assert [span.first_frame / 24 for span in line.spans] == starts and line.seconds == seconds


def test_lines_at_one_time_are_said_together(folder):
    (folder / "a.lrc").write_text("[00:01.00]One\n[00:01.10]two\n[00:03.00]Three\n")
    new("--from", "a.lrc")
    assert [scene.caption for scene in reader.read("story.yaml").scenes] == ["One two", "Three"]


def test_a_photograph_a_bar(folder):
    (folder / "pictures").mkdir()
    for name in ("b.png", "a.jpg"):
        Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(folder / "pictures" / name)
    (folder / "pictures" / "c.png").write_bytes(b"no picture")
    (folder / "pictures" / "notes.txt").write_text("x")
    said = new("--photos", "pictures", "--audio", "song.wav", status=2)
    assert "needs the tempo; by its sound 120" in said and "--bpm" in said
    said = new("--photos", "pictures", "--audio", "song.wav", "--bpm", 120)
    assert "not taken over: " in said and "c.png" in said
    story = reader.read("story.yaml")
    assert [scene.prompt[0].image.name for scene in story.scenes] == ["a.jpg", "b.png"]
    assert abs(story.scenes[0].duration - 2.37) < 0.01 and Timeline(story).seconds == 12
    (folder / "story.yaml").unlink()
    new("--photos", "pictures")
    assert [scene.duration for scene in reader.read("story.yaml").scenes] == [2, 2]


DEFORUM = {
    "W": 512, "H": 448, "seed": 7, "fps": 12, "max_frames": 120, "animation_mode": "2D",
    "zoom": "0:(1.02), 60:(1.05)", "strength_schedule": "0: (0.65)", "steps": 25,
    "rotation_3d_y": "0:(1)", "prompts": {"0": "a river (bright:1.3) --neg blurry", "60": "a moon", "30": "`x`"},
    "animation_prompts_negative": "text", "soundtrack_path": "song.mp3", "add_soundtrack": "File",
}  # fmt: skip


def test_settings_of_deforums(folder):
    (folder / "settings.txt").write_text(json.dumps(DEFORUM))
    said = new("--from", "settings.txt")
    story = reader.read("story.yaml")
    assert (story.size, story.fps, story.seed) == ((512, 448), 12, 7)
    assert [scene.prompt[0].text for scene in story.scenes] == ["a river bright", "a moon"]
    assert [part.text for part in story.scenes[0].settings.exclude] == ["blurry", "text"]
    assert [(s.first_frame, s.frames) for s in Timeline(story).spans] == [(0, 60), (60, 60)]
    text = (folder / "story.yaml").read_text()
    for lost in ("rotation_3d_y 0:(1): a move", "strength_schedule", "soundtrack_path 'song.mp3'"):
        assert f"not taken over: {lost}" in said and f"#   {lost}" in text
    assert "weights of words in the prompt at frame 0" in said and "formula" in said


def turned(angle: float, zoom: float) -> complex:
    """Where Deforum puts the point (1, 0), right and down: OpenCV's matrix of a rotation."""
    return zoom * complex(math.cos(math.radians(angle)), -math.sin(math.radians(angle)))


def test_moves_of_deforums_go_the_same_way_here(folder):
    moves = {
        "angle": "60: (3), 0: (0)",
        "translation_x": "0:(8)",
        "translation_y": "0:(4*cos(t/9))",
    }
    (folder / "settings.txt").write_text(json.dumps({**DEFORUM, **moves, "border": "wrap"}))
    said = new("--from", "settings.txt")
    assert not any(f"not taken over: {name}" in said for name in (*moves, "zoom"))
    story = reader.read("story.yaml")
    line = Timeline(story)
    for frame in (0, 30, 90):
        camera, share = line.begins(frame).now.camera, min(frame / 60, 1)
        turn = step_of(replace(camera, pan=(0.0, 0.0)), 12.0, 448 / 512).turn
        assert turn == pytest.approx(turned(3 * share, 1.02 + 0.03 * share), abs=1e-9)
        shift = step_of(replace(camera, zoom=1.0, rotate=0.0), 12.0, 448 / 512).shift
        assert shift == pytest.approx(8 / 512 + 4j * math.cos(frame / 9) / 512, abs=1e-9)
        assert (camera.border, camera.per) == ("wrap", "frame")


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ({"zoom": "0:(50)"}, "zoom 0:(50): a move of the camera; too far"),
        ({"angle": "0:(s)"}, "angle 0:(s): a move of the camera; 's' means something else"),
        ({"angle": "0:(max_f)"}, "angle 0:(max_f): a move of the camera; unknown name"),
        ({"zoom": "0:(1"}, "zoom 0:(1: a move of the camera; a bracket"),
        ({"zoom": "0:(1+t)"}, "the moves of the camera: "),
        ({"zoom": [1]}, "zoom [1]: a move of the camera; neither a number"),
        ({"zoom": 10**400}, "a move of the camera; neither"),
        ({"W": None, "translation_x": "0:(3)"}, "translation_x 0:(3): a move of the camera; in pixels"),
        ({"animation_mode": "3D", "translation_x": "0:(3)"}, "translation_x 0:(3): a move"),
    ],
)  # fmt: skip
def test_moves_that_cannot_be_said_are_listed(folder, said, lost):
    settings = {**DEFORUM, "zoom": "0: (1.0)", "angle": "0:(0)", **said}
    (folder / "settings.txt").write_text(json.dumps(settings))
    assert lost in new("--from", "settings.txt")
    assert reader.read("story.yaml").scenes[0].camera.still


def test_a_picture_that_stays_needs_no_camera(folder):
    settings = {**DEFORUM, "zoom": "0: (1.0)", "angle": "0:(0), 9:(0)", "translation_x": 0}
    (folder / "settings.txt").write_text(json.dumps(settings))
    said = new("--from", "settings.txt")
    assert "camera:" not in (folder / "story.yaml").read_text()
    assert not any(f"not taken over: {name}" in said for name in ("zoom", "angle", "translation"))


def test_the_steps_of_a_parseq_document_move_the_camera(folder):
    steps = [1.0] + [1.01 + 0.001 * frame for frame in range(1, 50)] + [1.06] * 50
    rendered = [
        {"frame": frame, "zoom_delta": step, "angle_delta": 0.5, "zoom": 7}
        for frame, step in enumerate(steps)
    ]
    document = {
        "options": {"output_fps": 20},
        "managedFields": ["zoom", "angle", "translation_x", "strength"],
        "prompts": [{"positive": "a moon", "from": 0, "to": 99}],
        "keyframes": [{"frame": 0}, {"frame": 99}],
        "rendered_frames": rendered,
    }
    (folder / "parseq.json").write_text(json.dumps(document))
    said = new("--from", "parseq.json")
    for name, left in (("zoom", 0), ("angle", 0), ("translation_x", 1), ("strength", 1)):
        assert (f"{name} by keyframes" in said) == left
    line = Timeline(reader.read("story.yaml"))
    for frame in (0, 1, 17, 49, 50, 99):
        camera = line.begins(frame).now.camera
        assert camera.zoom == pytest.approx(steps[frame]) and camera.rotate == 0.5
    assert (folder / "story.yaml").read_text().count(":(") == 4  # only where it bends
    for each in rendered:
        each |= {"zoom_delta": 1, "angle_delta": 4000}
    (folder / "parseq.json").write_text(json.dumps(document))
    (folder / "story.yaml").unlink()
    said = new("--from", "parseq.json")
    assert "angle by its rendered frames" in said and "zoom by" not in said
    assert "camera:" not in (folder / "story.yaml").read_text()
    document["managedFields"].append("translation_z")
    (folder / "parseq.json").write_text(json.dumps(document))
    (folder / "story.yaml").unlink()
    assert "zoom by keyframes" in new("--from", "parseq.json")


def test_documents_of_parseqs(folder):
    document = {
        "options": {"output_fps": 20, "bpm": 140},
        "managedFields": ["zoom", "strength"],
        "prompts": {
            "promptList": [
                {"positive": "a moon", "negative": "", "from": 50, "to": 99, "allFrames": False},
                {"positive": "a river", "negative": "blurry", "from": 0, "to": 49},
            ]
        },
        "keyframes": [{"frame": 0, "zoom": 1}, {"frame": 99, "zoom": 1.1}],
    }
    (folder / "parseq.json").write_text(json.dumps(document))
    said = new("--from", "parseq.json")
    story = reader.read("story.yaml")
    assert (story.fps, story.bpm, Timeline(story).frames) == (20, 140, 100)
    assert [scene.prompt[0].text for scene in story.scenes] == ["a river", "a moon"]
    assert "zoom by keyframes: a move of the camera" in said and "strength by keyframes" in said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.srt", b"hello", "no lines with times"),
        ("a.lrc", b"\xff\xfe\x00", "no lines with times"),
        ("a.txt", b"hello", "this is no JSON"),
        ("a.json", b"[1, 2]", "neither settings"),
        ("a.json", b"{}", "there are no prompts"),
        ("a.json", b'{"prompts": {"0": 3}}', "no prompts"),
        ("a.json", b'{"keyframes": [1], "prompts": 7}', "there are no prompts"),
        ("a.json", b"[" * 100_000, "this is no JSON"),
        ("a.mp3", b"", "such files are not known"),
    ],
)
def test_what_makes_no_storyboard(folder, name, content, said):
    (folder / name).write_bytes(content)
    assert said in new("--from", name, status=2)
    assert not (folder / "story.yaml").exists()


def test_options_that_do_not_go_together(folder):
    (folder / "a.srt").write_text(SRT)
    assert "no file" in new("--from", "none.srt", status=2)
    assert "no such file" in new("--from", "a.srt", "--audio", "none.mp3", status=2)
    assert "name one" in new("--from", "a.srt", "--photos", ".", status=2)
    assert "--audio goes with" in new("--audio", "song.wav", status=2)
    assert "--bpm is of" in new("--from", "a.srt", "--bpm", 120, status=2)
    assert "no pictures" in new("--photos", ".", status=2)
    assert "is no folder" in new("--photos", "song.wav", status=2)
