import os

import pytest

from vqclip_video.output.ffmpeg import Ended, Process, find_ffmpeg


def test_ctrl_c_in_the_terminal_does_not_reach_the_encoder(tmp_path):
    if os.name == "nt":
        pytest.skip("uses POSIX process groups")
    arguments = ["-f", "lavfi", "-i", "color=s=32x32:r=24", "-f", "null", "-"]
    process = Process(find_ffmpeg(), arguments, tmp_path)
    try:
        assert os.getpgid(process.pid) != os.getpgid(0)
    finally:
        process.kill()
    assert not process.running


def test_an_ffmpeg_that_tells_no_count_is_believed_by_its_ending():
    """ffmpeg 7.0 says nothing of frames where it copies them."""
    assert Ended(True, None, "").wrote(23) and Ended(True, 23, "").wrote(23)
    assert not Ended(True, 22, "").wrote(23) and not Ended(False, None, "").wrote(23)
