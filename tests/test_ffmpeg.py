import os

import pytest

from vqclip_video.disk.ffmpeg import Process, find_ffmpeg


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
