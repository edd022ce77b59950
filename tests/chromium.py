"""One real Chromium for the whole test session: the system's, else the one that Playwright brought."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.missing import missing
from tools.setup import CHROMIUM

# As root Chromium needs --no-sandbox; the rest keeps it from calling home and from drawing on a GPU.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium once; tests open their own contexts in it."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            missing("Chromium", "none is installed; install chromium, or run `playwright install chromium`")
        running = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield running
        running.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run browser tests last: Playwright keeps an event loop in this thread, so `asyncio.run` fails beside it."""
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))
