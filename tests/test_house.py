"""How the package is laid out: which room may know which, what a name stands for, and what the
world sees of it.
"""

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import vqclip_video

HOME = Path(vqclip_video.__file__).parent
# Each room may know those before it. A file of the package itself is a room of its own.
ROOMS = [
    "errors",
    "_version",
    "text",
    "pages",
    "signals",
    "disk",
    "catalogue",
    "sound",
    "storyboard",
    "outline",
    "speed",
    "footprint",
    "materials",
    "models",
    "remarks",
    "drafts",
    "output",
    "sketchbook",
    "show",
    "engine",
    "printing",
    "deliveries",
    "recorder",
    "film",
    "vary",
    "still",
    "recover",
    "previews",
    "plan",
    "bench",
    "farm",
    "doctor",
    "training",
    "cli",
]
ENTRANCES = {"__init__", "__main__"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): ast.parse(path.read_text("utf-8")) for path in HOME.rglob("*.py")}
PACKAGES = {module_name(path) for path in HOME.rglob("__init__.py")}


def room_of(module: str) -> str:
    return module.split(".")[0]


def imports(module: str) -> set[str]:
    """The package's modules that one imports, inside functions too, but not for type checkers
    alone.
    """
    tree, found = MODULES[module], set()
    for_checkers = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    inside = module.split(".") if module in PACKAGES else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and node not in for_checkers:
            base = inside[: len(inside) - node.level + 1] + (node.module or "").split(".")
            base = ".".join(filter(None, base))
            for name in node.names:
                inner = f"{base}.{name.name}".strip(".")
                found.add(inner if inner in MODULES else base)
    return found - {""}


def test_every_room_has_its_place():
    assert {room_of(module) for module in MODULES} - ENTRANCES == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_only_those_before_it(room):
    before = {*ROOMS[: ROOMS.index(room)], room}
    wrong = {
        f"{module} -> {known}"
        for module in MODULES
        if room_of(module) == room
        for known in imports(module)
        if room_of(known) not in before
    }
    assert not wrong


def test_no_module_comes_back_to_itself():
    known = {module: imports(module) for module in MODULES}
    on_the_way, done = [], set()

    def walk(module):
        assert module not in on_the_way, " -> ".join([*on_the_way, module])
        if module not in done:
            on_the_way.append(module)
            for each in sorted(known.get(module, ())):
                walk(each)
            done.add(on_the_way.pop())

    for module in sorted(MODULES):
        walk(module)


def test_a_name_stands_for_one_thing():
    """Commands are named for what they do, and the painted world has scenes and places of its
    own; otherwise no two public functions or classes share a name.
    """
    homes = defaultdict(set)
    for module, tree in MODULES.items():
        if room_of(module) != "cli" and not module.startswith("training.storybook.world"):
            for node in tree.body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
                    homes[node.name].add(module)
    assert {name: sorted(places) for name, places in homes.items() if len(places) > 1} == {}


def test_only_the_command_line_knows_click():
    users = {
        room_of(module)
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        and any(each.name == "click" for each in node.names)
        or isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.startswith("click")
    }
    assert users == {"cli"}


def test_the_public_face_is_all_there_and_nothing_heavy_until_asked():
    for name in vqclip_video.__all__:
        assert getattr(vqclip_video, name) is not None
    assert set(dir(vqclip_video)) == set(vqclip_video.__all__)
    with pytest.raises(AttributeError):
        vqclip_video.nothing  # noqa: B018
    code = "import sys, vqclip_video as v; v.read, v.Storyboard; print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stdout.split() == ["False"], ended.stderr


def test_type_checkers_are_told_that_there_are_types():
    assert (HOME / "py.typed").is_file()
