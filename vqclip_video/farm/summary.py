"""The page that a farm leaves: every film with its contact sheet, and what is not there and why."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PIL import Image

from ..output.stills import encoded_picture
from ..pages.page import data_uri, page
from ..text import clock
from .jobs import FilmJob
from .orders import FINISHED, THERE
from .store import Store
from .table import totals

PAGE = "index.html"
SIDE = 720  # pixels of a sheet's longer side
MOST_SHEETS = 500  # more of them make a page that no browser likes


def write_summary(store: Store, jobs: Sequence[FilmJob]) -> None:
    """Puts the page beside the films. Raises OutputError."""
    rows = [job.row() for job in jobs]
    lacking = [row for row in rows if row["state"] not in (FINISHED, THERE)]
    films = list(_films(store, [row for row in rows if row["state"] in (FINISHED, THERE)]))
    told = [{"job": row["job"], "state": row["state"], "message": row.get("message", "")}
            for row in lacking]  # fmt: skip
    values = {"title": f"{len(films)} films", "totals": totals(rows, None)}
    store.write(PAGE, page("farm.html", **values, films=films, lacking=told).encode())


def _films(store: Store, rows: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, str]]:
    for number, row in enumerate(rows):
        name = row["job"]
        sheet = store.read(f"{name}/contact_sheet.jpg") if number < MOST_SHEETS else None
        facts = [f"{row['frames']} frames in {clock(row['seconds'])}", row["device"]]
        if row.get("similarity") is not None:
            facts.append(f"best similarity {row['similarity']:.3f}")
        small = data_uri(_smaller(sheet), "image/jpeg") if sheet else ""
        yield {"job": name, "film": f"{name}.mp4", "sheet": small, "facts": ", ".join(facts)}


def _smaller(sheet: bytes) -> bytes:
    with Image.open(io.BytesIO(sheet)) as image:
        image.thumbnail((SIDE, SIDE))
        return encoded_picture(image.convert("RGB"), "JPEG", quality=80)
