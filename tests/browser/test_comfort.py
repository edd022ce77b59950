"""Comfort by keyboard in a real Chromium: palette, help, go-to keys, undo, theme; and without a script."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.testclient import TestClient

from tests.browser.conftest import Window

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
Open = Callable[..., Page]


@pytest.fixture
def open_page(live: int, client: TestClient, browser: Browser) -> Iterator[Open]:
    """Open a page as the administrator; whatever the browser complains about fails the test at its end."""
    for name in ("churn monthly", "churn weekly", "loan default"):
        assert client.post("/api/v1/models", json={"name": name, "purpose": f"Decides about {name}."}).is_success
    me = client.get("/api/v1/me").json()["id"]
    contexts, windows = [], []

    def open_as(path: str = "/", *, javascript: bool = True, width: int = 1280) -> Page:
        link = client.post(f"/api/v1/users/{me}/sign-in-link").json()["url"].partition("link=")[2]
        context = browser.new_context(
            base_url=f"http://127.0.0.1:{live}",
            java_script_enabled=javascript,
            viewport={"width": width, "height": 800},
            reduced_motion="reduce",
            timezone_id="Europe/Paris",
        )
        contexts.append(context)
        answer = context.request.post("/login", form={"link": link}, max_redirects=0)
        assert answer.status == 303
        windows.append(Window(context.new_page()))
        windows[-1].page.goto(path)
        return windows[-1].page

    yield open_as
    for context in contexts:
        context.close()
    assert not [complaint for window in windows for complaint in window.complaints]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_the_palette_finds_goes_and_gives_the_focus_back(open_page: Open) -> None:
    page = open_page("/portfolio")
    page.locator("a[data-go=m]").focus()
    press(page, "Control+k")
    combobox = page.get_by_role("combobox", name="Search or do something")
    expect(combobox).to_be_focused()
    expect(page.get_by_role("option", name="Register a model")).to_be_visible()
    page.keyboard.type("churn")
    expect(page.get_by_role("option")).to_have_count(2)
    first, second = page.get_by_role("option").all()
    expect(first).to_have_attribute("aria-selected", "true")
    press(page, "ArrowDown")
    expect(second).to_have_attribute("aria-selected", "true")
    expect(combobox).to_have_attribute("aria-activedescendant", second.get_attribute("id") or "")
    press(page, "ArrowDown")  # round and back to the first
    expect(first).to_have_attribute("aria-selected", "true")
    press(page, "Tab")
    expect(combobox).to_be_focused()  # the focus does not leave
    press(page, "Escape")
    expect(combobox).to_be_hidden()
    expect(page.locator("a[data-go=m]")).to_be_focused()
    press(page, "Control+k")
    page.keyboard.type("loan")
    expect(page.get_by_role("option")).to_have_count(1)
    press(page, "Enter")
    page.wait_for_url("**/models/loan%20default")
    press(page, "Control+k")
    page.keyboard.type("zzz")
    expect(page.get_by_text("Nothing that you may see has these words.")).to_be_visible()
    press(page, "Enter")  # leads nowhere
    page.keyboard.press("Control+a")
    page.keyboard.type("dark")
    page.get_by_role("option", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.wait_for_timeout(200)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")  # kept on the server


def test_keys_go_places_but_never_while_typing_and_not_when_switched_off(open_page: Open) -> None:
    page = open_page("/")
    press(page, "g", "m")
    page.wait_for_url("**/models")
    press(page, "/")
    search = page.get_by_role("searchbox", name="Search", exact=True)
    expect(search).to_be_focused()
    page.keyboard.type("g d?")
    expect(search).to_have_value("g d?")
    press(page, "Escape", "?")
    help_drawer = page.get_by_role("dialog", name="Help")
    expect(help_drawer.get_by_role("heading", name="Models")).to_be_visible()
    expect(help_drawer.get_by_text("Deployments", exact=True)).to_be_visible()
    press(page, "Escape")
    expect(help_drawer).to_be_hidden()
    page.goto("/profile")
    offer = page.get_by_role("button", name="Use Europe/Paris, the zone of this browser")
    page.set_viewport_size({"width": 320, "height": 800})  # where its long words would push the page out
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.set_viewport_size({"width": 1280, "height": 800})
    offer.click()
    page.get_by_label("Single keys do something").uncheck()
    page.locator("form", has=page.get_by_label("Time zone")).get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").get_by_text("Saved your preferences.")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Paris")
    press(page, "g", "m", "?")
    page.wait_for_timeout(300)
    assert page.url.endswith("/profile")
    expect(help_drawer).to_be_hidden()
    press(page, "Control+k")  # not a single key: it stays
    expect(page.get_by_role("combobox", name="Search or do something")).to_be_focused()


def test_undo_stands_in_the_toast_and_stays_while_one_is_at_it(open_page: Open) -> None:
    page = open_page("/models/churn%20weekly/archive")
    page.clock.install()
    page.get_by_role("main").get_by_role("button", name="Archive").click()
    page.wait_for_url("**/archived-models")
    toast = page.get_by_role("status").filter(has_text="Archived churn weekly.")
    undo = toast.get_by_role("button", name="Undo")
    page.clock.run_for(10_000)
    expect(undo).to_be_visible()
    undo.focus()
    page.clock.run_for(30_000)
    expect(undo).to_be_visible()
    press(page, "Enter")
    page.wait_for_url("**/models/churn%20weekly")
    expect(page.get_by_role("status").get_by_text("Restored churn weekly.")).to_be_visible()
    page.clock.run_for(7_000)
    expect(page.get_by_text("Restored churn weekly.")).to_have_count(0)


def test_without_a_script_search_help_undo_theme_and_bell_are_pages(open_page: Open) -> None:
    page = open_page("/", javascript=False)
    page.get_by_role("searchbox", name="Search", exact=True).fill("churn")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="churn monthly").click()
    assert page.url.endswith("/models/churn%20monthly")
    page.goto("/models/churn%20monthly/archive")
    page.get_by_role("main").get_by_role("button", name="Archive").click()
    page.get_by_role("button", name="Undo").click()
    assert page.url.endswith("/models/churn%20monthly")
    page.locator(".top-user summary").click()
    page.get_by_role("link", name="Help and keys").click()
    expect(page.get_by_role("heading", name="Help", exact=True)).to_be_visible()
    page.locator(".top-user summary").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("link", name="Notifications").click()
    expect(page.get_by_role("heading", name="Notifications")).to_be_visible()


def test_on_a_phone_the_palette_fills_the_width_and_nothing_sticks_out(open_page: Open) -> None:
    page = open_page("/", width=390)
    press(page, "Control+k")
    expect(page.get_by_role("option").first).to_be_visible()
    box = page.locator("#palette-dialog").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 390)
    press(page, "Escape")
    for path in (
        "/welcome",
        "/notifications",
        "/notification-settings",
        "/request-access",
        "/access-requests",
        "/help",
    ):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
