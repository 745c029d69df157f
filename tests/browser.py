"""Pages looked at in a true browser, where this machine has one: Chromium, without a window.

Playwright drives the browser that is installed; it downloads none here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Looked:
    """A page that is open, and what it did that it should not."""

    def __init__(self, page):
        self.page, self.requests, self.complaints = page, [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))

    def open(self, place: Path | str) -> None:
        self.page.goto(place.absolute().as_uri() if isinstance(place, Path) else place)

    def __call__(self, script: str):
        return self.page.evaluate(script)

    def until(self, script: str) -> None:
        """Asked from outside: the page's own policy lets nobody inside wait for it."""
        from playwright.sync_api import Error

        for _ in range(400):
            with suppress(Error):  # of a page that is just being left for its next version
                if self.page.evaluate(script):
                    return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never became true: {script}; {self.complaints}")

    def click_at(self, place: str, share: float) -> None:
        """Where on an element, as a share of its width."""
        element = self.page.locator(place)
        box = element.bounding_box()
        # By the element itself, which is waited for until it stands still.
        element.click(position={"x": share * box["width"], "y": box["height"] / 2})


@contextmanager
def chromium() -> Iterator:
    """A browser; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium here")
    with playwright.sync_playwright() as driver:
        # Containers have no sandbox to give, and what is opened here is our own.
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
