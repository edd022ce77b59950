"""Every page route of the application, looked at in both themes and both widths: nothing to complain about."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as TooLate
from pypdf import PdfReader

from tests.browser.conftest import PATIENCE_MS, Window
from tests.contract.addresses import routes_of
from tests.contract.furnished import log
from tests.demonstration import ADMIN, Site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text(encoding="utf-8")
WIDTHS = (1280, 390)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
MODEL = "breast-lesion-triage"
ASKING = {  # pages that show what is asked for
    "/compare": f"?before={MODEL}/1&after={MODEL}/2",
    "/compare/file": f"?before={MODEL}/1&after={MODEL}/2&path=metrics.json",
    "/runs/{run_id}/metric": "?key=loss",
    "/request-waiver": f"?model={MODEL}",
    "/request-emergency": f"?model={MODEL}",
}
# The same addresses in another state: an earlier day, a narrowed list, an empty one, what is not found, no path at all.
OTHER_STATES = (
    "/portfolio?at=2020-01-01",
    "/portfolio?attention=any",
    "/models?q=nothing-is-called-so",
    "/models?q=kind:ml",
    "/models/nothing-is-called-so",
    "/nowhere",
    "/models/supplier-invoice-agent",
    "/models/supplier-invoice-agent/monitoring",
    "/models/card-fraud-screen/versions/1/evidence",
    "/models/complaint-summary-assistant/governance",
    f"/compare?before={MODEL}/1&after={MODEL}/1",
)

NO_PAGES = {"watch_job", "show_picture"}  # a stream, and the picture of a file that has one
THEMED = ["color-contrast", "link-in-text-block"]  # what another theme can make wrong, the rest is the same page

_FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
_LOOK = """async (rules) => {
  const only = rules ? {runOnly: {type: "rule", values: rules}} : {};
  const found = await axe.run(document, {resultTypes: ["violations"], ...only});
  const told = (node) => `${node.target.join(" ")} ${node.any[0]?.message ?? ""}`;
  return found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map(told).join(" | ")}`);
}"""


def pages(app: FastAPI, demo: Site, half: int) -> Iterator[str]:
    """The address of every other page, with things of the demonstration in its path."""
    at = demo.at(MODEL)
    routes = [asked for asked in routes_of(app) if asked.method == "GET" and not asked.is_api]
    for asked in routes[half::2]:
        if asked.route.name not in NO_PAGES:
            path = at.path(asked.path) + ASKING.get(asked.path, "")
            answer = demo.client().get(path)
            if answer.headers.get("content-type", "").startswith("text/html"):  # files and counts are no pages
                assert answer.status_code == 200, (path, answer.text[:500])
                yield path
            else:
                assert answer.status_code in (200, 303), (path, answer.text[:500])
    yield from OTHER_STATES[half::2]


def fits(page: Page) -> bool:
    """Say whether nothing sticks out at the side; charts are drawn anew a moment after the width has changed."""
    try:
        page.wait_for_function(_FITS, timeout=2000)
    except TooLate:
        return False
    return True


def findings(page: Page, path: str) -> Iterator[str]:
    """What is wrong with the page, in each theme and width."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.goto(path)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            seen = f"{path} at {width} in {theme}"
            if not fits(page):
                yield f"{seen}: too wide"
            for violation in page.evaluate(_LOOK, None if theme == THEMES[0] else THEMED):
                yield f"{seen}: {violation}"


@pytest.fixture(scope="module")
def furnished(demo: Site) -> Site:
    """The demonstration with what only clients of MLflow and readers of reports bring."""
    demo.report()
    log(demo.client())
    return demo


# Two halves that share nothing, for two processes: together they are the longest test there is.
@pytest.mark.parametrize(
    "half", [pytest.param(n, marks=pytest.mark.xdist_group(f"half {n} of all pages")) for n in (0, 1)]
)
def test_no_page_has_anything_to_complain_about(
    half: int, shared_app: FastAPI, furnished: Site, browser: Browser, subtests: pytest.Subtests
) -> None:
    context = browser.new_context(base_url=furnished.url)
    context.add_init_script(AXE)
    furnished.sign_in(context, ADMIN)
    window = Window(context.new_page())
    for path in pages(shared_app, furnished, half):
        with subtests.test(path=path):
            found: list[Any] = list(findings(window.page, path))
            complaints, window.complaints = window.complaints, []
            assert not found + complaints
    context.close()


def test_who_is_not_signed_in_sees_pages_as_good(demo: Site, browser: Browser) -> None:
    context = browser.new_context(base_url=demo.url)
    context.add_init_script(AXE)
    window = Window(context.new_page())
    window.page.set_default_timeout(PATIENCE_MS)
    assert not list(findings(window.page, "/login"))
    assert not window.complaints
    context.close()


def test_a_printed_page_ends_with_words_and_not_with_an_empty_sheet(demo: Site, browser: Browser) -> None:
    """Forms end with buttons that paper has no use for; their margins must not turn the page."""
    context = browser.new_context(base_url=demo.url)
    demo.sign_in(context, ADMIN)
    page = context.new_page()
    for path in ("/create-recipe", f"/models/{MODEL}/edit", f"/models/{MODEL}/governance", "/register", "/deploy"):
        page.goto(path)
        sheets = PdfReader(BytesIO(page.pdf(format="A4"))).pages
        assert sheets[-1].extract_text().strip(), (path, len(sheets))
    context.close()
