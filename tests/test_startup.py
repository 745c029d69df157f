"""What a render waits for before its first iteration."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import vqclip_video

PACKAGE = Path(vqclip_video.__file__).parent

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


@pytest.mark.parametrize("arguments", [["train", "--help"], ["train", "storybook", "--help"]])
def test_help_for_training_comes_without_torch(arguments):
    program = f"""
from click.testing import CliRunner
from vqclip_video.cli.main import main
ended = CliRunner().invoke(main, {arguments})
assert ended.exit_code == 0, ended.output
"""
    assert not modules_after(program) & (HEAVY | {"torch", "numpy", "lightning"})


def imported_by(path: Path) -> set[str]:
    """The modules of the package that a file imports anywhere in it."""
    here = path.relative_to(PACKAGE.parent).with_suffix("").parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*here[: len(here) - node.level], *(node.module or "").split(".")]
            base = ".".join(part for part in base if part)
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def test_training_is_behind_one_arrow():
    """Only the command line asks for it, and it never asks back, not even inside a function."""
    for path in PACKAGE.rglob("*.py"):
        room, imported = path.relative_to(PACKAGE).parts[0], imported_by(path)
        if room == "training":
            assert not {name for name in imported if name.startswith("vqclip_video.cli")}, path
        elif room != "cli":
            assert not {name for name in imported if name.startswith("vqclip_video.training")}, path
