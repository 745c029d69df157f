"""What a render waits for before its first iteration."""

import json
import subprocess
import sys

import pytest

# Each costs a second or more, or has no business in a program that stays on this machine.
HEAVY = {
    "torchvision",
    "requests",
    "torch._dynamo",
    "torch._inductor",
    "sympy",
    "matplotlib",
    "scipy",
    "clip",
}
RENDER = """
import json, sys
from pathlib import Path
{program}
print(json.dumps(sorted(sys.modules)))
"""
FIRST_ITERATIONS = """
from vqclip_video.engine.session import render
from vqclip_video.storyboard import reader
text = "size: 32x32\\nsettings: {cutouts: 2, losses: {tv: 0.1, vq: 0.1}}\\nscenes: [{prompt: a cat, iterations: 4}]"
storyboard = reader.parse(text, name="story.yaml")
assert len(list(render(storyboard, "cpu"))) == 4
"""


def modules_after(program: str) -> set[str]:
    command = [sys.executable, "-c", RENDER.format(program=program)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "program", ["import vqclip_video.film", FIRST_ITERATIONS], ids=["import", "first iterations"]
)
def test_nothing_heavy_is_imported_before_the_first_iteration(program):
    assert not modules_after(program) & HEAVY


def test_the_command_line_answers_without_torch():
    assert not modules_after("import vqclip_video.cli.main, vqclip_video.plan") & (
        HEAVY | {"torch"}
    )
