"""A real Chromium in front of a real server with the demonstration's data."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.demonstration import Site

PATIENCE_MS = 20_000
INTENDED = "Failed to load resource: the server responded with a status of 4"  # the browser's own note


class Window:
    """A page that notes what the browser complains about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self._note(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._note(str(error)))

    def _note(self, text: str) -> None:
        if not text.startswith(INTENDED):
            self.complaints.append(text)


Open = Callable[..., Page]


@pytest.fixture
def open_page(demo: Site, browser: Browser) -> Iterator[Open]:
    """Open a page as somebody; whatever the browser complains about fails the test at its end."""
    contexts: list[BrowserContext] = []
    windows: list[Window] = []

    def open_as(email: str | None, path: str = "/", *, javascript: bool = True, width: int = 1280) -> Page:
        context = browser.new_context(
            base_url=demo.url,
            java_script_enabled=javascript,
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",
        )
        contexts.append(context)
        if email is not None:
            demo.sign_in(context, email)
        windows.append(Window(context.new_page()))
        windows[-1].page.goto(path)
        return windows[-1].page

    yield open_as
    for context in contexts:
        context.close()
    assert not [complaint for window in windows for complaint in window.complaints]
