import os
import time

import pytest
from footage import SIZE, fake_ffmpeg

from vqclip_video.disk.ffmpeg import find_ffmpeg
from vqclip_video.errors import OutputError
from vqclip_video.output import encoders
from vqclip_video.output.encoders import pick_encoder, probe
from vqclip_video.output.formats import Encoder


@pytest.mark.skipif(os.name == "nt", reason="needs scripts that can be run")
def test_listed_encoder_that_does_not_work_gives_way_with_a_message(tmp_path, monkeypatch):
    real = find_ffmpeg()
    refuse = "import sys, os\nif 'h264_nvenc' in sys.argv: sys.exit('Cannot load libcuda.so.1')\n"
    script = f"{refuse}os.execv({real!r}, [{real!r}, *sys.argv[1:]])"
    monkeypatch.setattr(encoders, "find_ffmpeg", lambda: fake_ffmpeg(tmp_path, script))
    picked = pick_encoder("h264_nvenc", SIZE)
    assert picked.name == "libx264"
    reason = "the encoder h264_nvenc does not work here (Cannot load libcuda.so.1)"
    assert picked.message == f"{reason}; using libx264 instead"
    assert pick_encoder("auto", SIZE).message == ""


def test_unknown_encoder_names_the_known_ones():
    with pytest.raises(OutputError, match="there are: auto, libx264"):
        pick_encoder("x264")


def test_missing_ffmpeg_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nowhere"))
    with pytest.raises(OutputError, match="pip install imageio-ffmpeg.*IMAGEIO_FFMPEG_EXE"):
        pick_encoder("auto", SIZE)


def test_no_encoder_that_works(tmp_path, monkeypatch):
    if os.name == "nt":
        pytest.skip("needs scripts that can be run")
    path = fake_ffmpeg(tmp_path, "import sys; sys.exit('Unknown encoder')")
    monkeypatch.setattr(encoders, "find_ffmpeg", lambda: path)
    with pytest.raises(OutputError, match="no video encoder .* works: .*Unknown encoder"):
        pick_encoder("auto", SIZE)


def test_probe_that_hangs_is_ended(tmp_path, monkeypatch):
    if os.name == "nt":
        pytest.skip("needs scripts that can be run")
    monkeypatch.setattr(encoders, "PROBE_SECONDS", 0.3)
    slow = Encoder(fake_ffmpeg(tmp_path, "import time; time.sleep(60)"), "libx264")
    begun = time.monotonic()
    assert probe(slow, SIZE, 24) == "no answer in 0 s"
    assert time.monotonic() - begun < 10
