"""Large files and folders in a real browser: broken off, paused, the page reloaded, and gone on with."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import Open
from tests.demonstration import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

ADA = "ada.moreau@example.com"
PART = 16 * 1024**2
SLOW_MS = 60_000  # what is intercepted passes through the test's own process
FOLDER = """async (files) => {
  const file = (name, text) => ({isFile: true, isDirectory: false, name, file: (done) => done(new File([text], name))});
  const folder = (name, inside) => ({isFile: false, isDirectory: true, name, createReader: () => {
    const portions = [inside.slice(0, 1), inside.slice(1), []];
    return {readEntries: (done) => done(portions.shift())};
  }});
  const root = folder("bundle", [file("a.txt", files[0]), folder("inner", [file("b.txt", files[1])])]);
  const drop = new Event("drop", {bubbles: true, cancelable: true});
  drop.dataTransfer = {items: [{webkitGetAsEntry: () => root}], files: []};
  document.querySelector(".upload-drop").dispatchEvent(drop);
}"""


def send(page: Page) -> None:
    page.get_by_role("button", name="Upload", exact=True).click()


def test_an_upload_goes_on_after_a_break_and_a_reload(demo: Site, open_page: Open, tmp_path: Path) -> None:
    file = tmp_path / "large weights.bin"
    file.write_bytes(os.urandom(2 * PART + 1_000))
    page, offsets, is_away = open_page(ADA, "/files"), [], [True]

    def part(route: Route, request: Request) -> None:
        offset = int(request.headers["upload-offset"])
        if (
            is_away[0] and offset == PART
        ):  # for now it takes no more; a 5xx would fail the test by the browser's own note
            route.fulfill(status=429, body="")
            return
        offsets.append(offset)
        route.continue_()

    page.route(
        "**/api/v1/uploads/*",
        lambda route, request: part(route, request) if request.method == "PATCH" else route.continue_(),
    )
    page.set_input_files("#field-file", file)
    send(page)
    expect(page.locator(".upload-words")).to_contain_text("trying again", timeout=SLOW_MS)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".upload-words")).to_contain_text("Paused")
    page.reload()

    row = page.get_by_role("row", name="large weights.bin")
    expect(row).to_contain_text("16.8 MB")
    expect(page.locator("#unfinished + p")).to_contain_text("choose the same file")
    is_away[0] = False
    page.set_input_files("#field-file", file)
    expect(page.locator(".upload-note")).to_contain_text("have arrived")
    send(page)
    expect(page.get_by_role("link", name="large weights.bin")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#unfinished")).to_have_count(0, timeout=SLOW_MS)
    assert offsets == [0, PART, 2 * PART]  # nothing that had arrived was sent again


def test_a_dropped_folder_keeps_its_paths(demo: Site, open_page: Open) -> None:
    page = open_page(ADA, "/files")
    page.evaluate(FOLDER, ["first of a folder", "second of a folder"])
    expect(page.locator(".upload-files li")).to_have_count(2)
    send(page)
    for path in ("bundle/a.txt", "bundle/inner/b.txt"):
        expect(page.get_by_role("row", name=path)).to_be_visible()
