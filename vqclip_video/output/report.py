"""The page about a finished film: what it shows, how it came about, and how to make it again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..disk.files import explained
from ..pages.page import data_uri, page
from ..storyboard.numbers import rate_text
from ..storyboard.schema import Scene, Storyboard
from ..storyboard.sizes import frame_size
from ..storyboard.timeline import Span, Timeline
from ..storyboard.words import caption
from ..storyboard.writer import own_settings, without_places
from ..text import clock, plain_text
from .origin import Origin
from .stills import Still

DIGITS = 4  # of a curve's values
STYLES, SCRIPTS = ("uplot.css", "report.css"), ("uplot.js", "report.js")
LEAST_SHARE = 0.001  # of the time, for a stage to be named
# What is said of a run, and how it is called there.
SAID = {
    "device": "device",
    "precision": "precision",
    "threads": "threads",
    "sittings": "sittings",
    "best_similarity": "best similarity",
    "encoder": "encoder",
    "torch": "torch",
    "python": "python",
    "provenance": "labelled as",
}
Records = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RunFacts:
    """What a page about a run says beside its curves."""

    timeline: Timeline
    title: str
    origin: Origin
    about: Mapping[str, Any]  # as in run.json
    name: str  # of the film, without its suffix

    @property
    def board(self) -> Storyboard:
        return self.timeline.storyboard


def report_page(facts: RunFacts, records: Records, stills: Iterable[Still]) -> str:
    """The report of a finished film, which lies beside its folder as NAME.mp4.

    records: the lines of progress.jsonl; stills: of its contact sheet.
    """
    return page(
        "report.html",
        styles=STYLES,
        scripts=(*SCRIPTS, "player.js"),
        film=f"../{quote(facts.name)}.mp4",
        sheet=[_still(still) for still in stills],
        seconds=_stages(facts.about.get("seconds", {})),
        **_common_values(facts, records),
    )


def live_page(facts: RunFacts, records: Records, iteration: int) -> str:
    """The same while the film grows, for `show.live`, which serves it; after that many
    iterations.
    """
    return page(
        "live.html",
        styles=STYLES,
        scripts=(*SCRIPTS, "live.js"),
        served=True,
        sheet=[],
        seconds=[],
        iteration=iteration,
        total=facts.timeline.total_iter,
        **_common_values(facts, records),
    )


def _common_values(facts: RunFacts, records: Records) -> dict[str, Any]:
    """What the page of a finished film and that of a growing one say alike."""
    board, origin, timeline = facts.board, facts.origin, facts.timeline
    own = own_settings(board, without_places(board, board.home))
    story = f"{facts.name}.yaml"
    recover = f"vqclip-video recover {facts.name}.mp4 -o {story}"
    return {
        "title": plain_text(facts.title),
        "facts": _in_short(timeline, origin),
        "size": frame_size(board.size),
        "frames": timeline.frames,
        "scenes": [_row(board, span, own[span.scene]) for span in timeline.spans],
        "about": _about(facts),
        "command": f"{recover}\n{origin.command(story)}",
        "storyboard": origin.storyboard,
        "curves": curves(timeline, records),
        "origin": json.loads(origin.as_json()),
    }


def curves(timeline: Timeline, records: Records) -> dict[str, Any]:
    """What the page draws: a column for each value, a row for each record, which may lack some."""
    names = {key: dict.fromkeys(n for r in records for n in r.get(key, {})) for key in NESTED}
    table = {key: {name: _column(records, name, key) for name in names[key]} for key in NESTED}
    return {
        "fps": float(timeline.storyboard.fps),
        "frames": timeline.frames,
        "scenes": [_block(timeline.storyboard.scenes[s.scene], s) for s in timeline.spans],
        "frame": [record["frame"] for record in records],
        "scene": [record["scene"] for record in records],
        "similarity": _column(records, "similarity"),
        "toward": [_rounded(record.get("scenes")) for record in records],
        **table,
    }


NESTED = ("similarities", "losses")


def read_records(path: Path) -> list[dict[str, Any]]:
    """The lines of progress.jsonl. Raises OutputError."""
    with explained(path), path.open("rb") as file:
        return [json.loads(line) for line in file]


def _column(records: Records, name: str, within: str = "") -> list[float | None]:
    rows = (record.get(within, {}) if within else record for record in records)
    return [_rounded(row.get(name)) for row in rows]


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()} or None
    return None if value is None else round(value, DIGITS)


def _block(scene: Scene, span: Span) -> dict[str, Any]:
    travel = span.transition_iterations / scene.settings.show_step
    about = {"start": span.first_frame, "frames": span.frames, "travel": round(travel, 1)}
    return {**about, "prompt": caption(scene.prompt)}


def _row(board: Storyboard, span: Span, own: str) -> dict[str, Any]:
    scene = board.scenes[span.scene]
    return {
        "start": span.first_frame,
        "from": clock(float(span.first_frame / board.fps)),
        "lasts": clock(float(span.frames / board.fps)),
        "frames": span.frames,
        "iterations": span.iterations,
        "prompt": caption(scene.prompt),
        "exclude": caption(scene.settings.exclude),
        "own": own,
    }


def _in_short(timeline: Timeline, origin: Origin) -> list[str]:
    board = timeline.storyboard
    width, height = frame_size(board.size)
    return [
        clock(timeline.seconds),
        f"{width}×{height}",
        f"{rate_text(board.fps)} fps",
        f"{timeline.frames} frames",
        f"{timeline.total_iter} iterations",
        origin.models,
        f"seed {origin.seed}",
    ]


def _about(facts: RunFacts) -> list[tuple[str, str]]:
    about = {**(facts.origin.made or {}), **facts.about}
    rows = [("program", facts.origin.program)]
    rows += [(said, str(about[name])) for name, said in SAID.items() if about.get(name) is not None]
    hashes = (item for item in (facts.origin.made or {}).items() if "sha256" in item[0])
    rows += [(name.replace(" (sha256)", ""), _hash(digest)) for name, digest in hashes]
    return rows + [(file.name, _hash(file.sha256)) for file in facts.origin.files]


def _hash(digest: str) -> str:
    """Enough of it to tell files apart; all of it is in run.json."""
    return f"sha256 {digest[:16]}…"


def _stages(seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    whole = sum(seconds.values()) or 1.0
    return [
        {"name": name, "share": round(100 * value / whole, 1), "time": clock(value)}
        for name, value in seconds.items()
        if value / whole >= LEAST_SHARE
    ]


def _still(still: Still) -> dict[str, Any]:
    picture = data_uri(still.jpeg(), "image/jpeg")
    about = {"frame": still.frame, "time": still.time, "prompt": still.prompt}
    return {**about, "picture": picture}
