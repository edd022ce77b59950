"""Parts that this machine lacks: their tests fail when `CI` is set, else are skipped, and the end lists them once."""

import os
from typing import NoReturn

import pytest

_missing: dict[str, str] = {}


def missing(part: str, reason: str) -> NoReturn:
    """End this test because `part` could not be brought; the reason is one line and says what to do."""
    _missing[part] = reason
    if os.environ.get("CI"):
        pytest.fail(f"{part}: {reason}", pytrace=False)
    pytest.skip(f"{part}: {reason}")


@pytest.fixture(scope="session")
def pango() -> None:
    """Ask for WeasyPrint with its system libraries."""
    try:
        import weasyprint  # noqa: F401 - importing loads the libraries
    except OSError:
        missing("Pango", "WeasyPrint finds no Pango. On Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List once what could not be brought."""
    if not _missing:
        return
    verdict = "failed, because CI is set" if os.environ.get("CI") else "skipped"
    terminalreporter.section("missing on this machine")
    for part, reason in sorted(_missing.items()):
        terminalreporter.write_line(f"{part} (its tests {verdict}): {reason}")
