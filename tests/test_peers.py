"""docs/peers.md: what it claims of this program has a test behind it."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "peers.md"
NAMED = re.compile(r"(test_\w+\.py)::(test_\w+)")


def rows():
    """The cells of each row of the tables that say what shows it."""
    inside = False
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if cells[-1] == "shown by":
            inside, width = True, len(cells)
        elif not line.startswith("|"):
            inside = False
        elif inside and not set(line) <= set("|-"):
            assert len(cells) == width, line
            yield cells


def test_every_claim_names_a_test_that_exists():
    found = list(rows())
    assert len(found) > 25
    for *_, here, shown in found:
        match = NAMED.fullmatch(shown)
        assert match, f"{here}: {shown}"
        tree = ast.parse((TESTS / match[1]).read_text("utf-8"))
        assert match[2] in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}, (
            shown
        )


def test_no_claim_is_made_twice():
    wants = [cells[0] for cells in rows()]
    assert len(set(wants)) == len(wants)
