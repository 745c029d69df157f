"""The README and the pages beside it say what the program does: settings, commands, examples.

After a change of the schema, `python tests/test_readme.py` writes the table anew.
"""

import re
from pathlib import Path

import pytest
from PIL import Image

from vqclip_video.catalogue.platforms import PLATFORMS
from vqclip_video.storyboard import reader
from vqclip_video.storyboard.json_schema import settings_table
from vqclip_video.text import readable

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SETTINGS = ROOT / "docs/settings.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
TABLE = re.compile(r"(<!-- settings: [^>]*-->\n)(.*?)(<!-- end of settings -->)", re.DOTALL)


def test_the_settings_table_is_the_schemas():
    assert TABLE.search(SETTINGS.read_text("utf-8"))[2].strip() == settings_table().strip()


def test_the_storyboard_in_the_readme_is_right(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "reference.png")
    example, *_ = re.findall(r"```yaml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(reader.parse(example, base=tmp_path).scenes) == 3


def test_the_python_in_the_readme_runs(monkeypatch, capsys, tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    story = tmp_path / "story.yaml"
    story.write_text(
        "size: 32x32\nsettings: {cutouts: 2}\nscenes: [{prompt: a sea, duration: 0.1}]\n"
    )
    program = compile(example.replace("storyboards/tide.yaml", str(story)), "README.md", "exec")
    namespace = {}
    exec(program, namespace)
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert namespace["progress"].iteration == 4


def test_the_table_of_platforms_is_the_programs():
    """Each row of docs/deliver.md says the figures by which films are delivered and checked."""
    text = (ROOT / "docs/deliver.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines() if "| `" in row
    ]
    assert [row[0].strip("`") for row in rows] == list(PLATFORMS)
    for (_, pixels, rate, seconds, file, most), place in zip(rows, PLATFORMS.values(), strict=True):
        size = "x".join(map(str, place.size)) if place.size else str(place.side)
        assert size in pixels and str(place.fps[1]) in rate and place.codec.name[:4] in file
        assert place.seconds[1] == 86400 or f"{place.seconds[1]:g}" in seconds
        assert place.bytes is None or readable(place.bytes).replace("1,000 MB", "1 GB") in most
        assert place.bits is None or f"{place.bits / 1e6:g} Mb/s" in most


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_into_the_repository_leads_somewhere(page):
    targets = set(re.findall(r"\]\(([^)#:]+)[)#]", page.read_text("utf-8")))
    assert {target for target in targets if not (page.parent / target).exists()} == set()


if __name__ == "__main__":
    text = SETTINGS.read_text("utf-8")
    SETTINGS.write_text(
        TABLE.sub(lambda found: found[1] + settings_table().strip() + "\n" + found[3], text),
        "utf-8",
    )
