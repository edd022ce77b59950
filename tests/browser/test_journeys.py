"""What people come for, done in a real browser: in, register, approve, look, train, and be told no."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.demonstration import PASSWORD, Site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

ADA, ELIF, EMI, KARIM, GRACE = (
    f"{key}@example.com" for key in ("ada.moreau", "elif.kaya", "emi.tanaka", "karim.haddad", "grace.novak")
)
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  const drop = new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: data});
  document.querySelector(".upload-drop").dispatchEvent(drop);
}"""


def register(page: Page, name: str) -> None:
    page.goto("/register")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("What does it decide, and for whom?").fill("Sorts letters for the post room.")
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_somebody_signs_in_with_a_password_and_out_again(demo: Site, open_page: Open) -> None:
    demo.create_user("nora@example.com", "viewer")
    page = open_page(None, "/models")
    expect(page).to_have_url(re.compile(r"/login\?next=%2Fmodels$"))
    page.get_by_label("E-mail").fill("nora@example.com")
    page.get_by_label("Password").fill("something else entirely")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#problem")).to_contain_text(re.compile("password", re.IGNORECASE))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/models$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Models")
    page.request.post("/logout")
    page.goto("/models")
    expect(page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_model_is_registered_with_a_file_and_leaves_its_events(demo: Site, open_page: Open, way: str) -> None:
    page, name, file = open_page(ADA), f"Letter sorter, {way}", f"weights {way}.json"
    register(page, name)
    page.goto(f"/models/{name}/add-version")
    content = json.dumps({"trees": [way] * 5000})
    if way == "chosen":
        page.set_input_files("input[type=file]", {"name": file, "mimeType": "", "buffer": content.encode()})
    else:
        page.evaluate(DROP, [file, content])
    expect(page.locator(".upload-files")).to_contain_text(file)
    with page.expect_response(lambda answer: answer.request.method == "PUT") as sent:
        page.get_by_role("button", name="Send", exact=True).click()
    assert sent.value.status == 201
    expect(page.get_by_label(re.compile(re.escape(file)))).to_be_checked()
    page.get_by_label("Metrics").fill("accuracy = 0.91 n=400")
    page.get_by_role("button", name="Add the version").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("v1")
    expect(page.locator("main")).to_contain_text(file)
    page.goto(f"/models/{name}/activity")
    for told in ("registered", "v1"):
        expect(page.locator("main")).to_contain_text(re.compile(told))
    expect(page.locator("main")).to_contain_text("Ada Moreau")
    kept = demo.get(f"/models/{name}/versions/1", ADA)["files"][0]
    assert demo.client(ADA).get(f"/api/v1/files/{kept['sha256']}").text == content


def test_a_second_person_approves_and_the_author_may_not(demo: Site, open_page: Open) -> None:
    [request] = demo.get("/approvals?model=plan-premium-sheet")["items"]
    author = open_page("chloe.lindqvist@example.com", f"/approvals/{request['id']}")
    expect(author.get_by_role("button", name="Approve")).to_be_disabled()
    page = open_page("hugo.santos@example.com")
    page.get_by_role("link", name=re.compile("plan-premium-sheet")).first.click()
    page.goto(f"/approvals/{request['id']}")
    page.get_by_label("Why, in a sentence").fill("The sums are right and the limits are stated.")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("main")).to_contain_text("The sums are right and the limits are stated.")
    expect(page.locator("main")).to_contain_text("Hugo Santos")
    votes = demo.get(f"/approvals/{request['id']}")["votes"]
    assert [vote["answer"] for vote in votes] == ["approve"]


def test_from_the_portfolio_to_one_figure_in_three_clicks(demo: Site, open_page: Open) -> None:
    page = open_page(GRACE, "/portfolio")
    page.get_by_role("row", name=re.compile("care-outreach-targeting")).get_by_role("link", name="Fail").click()
    expect(page).to_have_url(re.compile("/models/care-outreach-targeting/monitoring"))
    page.locator("main a[href*='/monitoring/']").first.click()
    page.locator("main a[href*='/points/']").first.click()
    point = demo.get(f"/points/{page.url.rpartition('/')[2]}")
    shown = page.locator("main")
    expect(shown).to_contain_text(str(point["value"]))
    expect(shown.locator(f"time[datetime^='{point['at'][:19]}']").first).to_be_visible()
    expect(shown).to_contain_text("Ada Moreau")


def test_a_training_is_watched_live_and_its_end_needs_no_reload(demo: Site, open_page: Open) -> None:
    page = open_page(ELIF, "/models/wine-cultivar-check/recipes")
    page.get_by_role("link", name=re.compile("champion")).first.click()
    page.get_by_role("button", name="Run now").click()
    steps = page.locator(".progress-box .progress-step")
    expect(steps).to_be_visible()
    run = page.url
    expect(page.locator("main")).to_contain_text("On the rows held out", timeout=60_000)
    assert page.url == run
    expect(page.get_by_role("heading", level=1)).to_contain_text("run 2")
    expect(page.get_by_role("link", name="Open v2")).to_be_visible()


def test_a_refused_activation_shows_what_is_missing(demo: Site, open_page: Open) -> None:
    name = "solar-activity-outlook"
    made = {"name": "sun-production", "environment": "production", "model": name}
    demo.post("/deployments", made, "dario.ricci@example.com")
    page = open_page("dario.ricci@example.com", "/deployments/sun-production/activate")
    page.get_by_label("Why?").fill("The desk wants it today.")
    page.get_by_role("button", name="Activate").click()
    decision = page.locator("#problem")
    expect(decision).to_contain_text("May v1 go")
    expect(decision).to_contain_text("Not met")
    expect(page.get_by_label("Why?")).to_have_value("The desk wants it today.")
    assert demo.get("/deployments/sun-production")["live"] is None


def test_the_chosen_theme_stays(open_page: Open) -> None:
    page = open_page(GRACE, "/portfolio")
    page.locator(".top-user summary").click()
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.goto("/models")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def test_signing_in_registering_and_voting_work_without_javascript(demo: Site, open_page: Open) -> None:
    demo.create_user("piet@example.com", "contributor", "Operations")
    page = open_page(None, "/", javascript=False)
    page.get_by_label("E-mail").fill("piet@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    register(page, "Letter sorter, by hand")
    page.goto("/models/Letter sorter, by hand/add-version")
    page.set_input_files("input[type=file]", {"name": "plain.json", "mimeType": "", "buffer": b'{"plain": 1}'})
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("button", name="Add the version").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("v1")

    [request] = demo.get("/approvals?model=complaint-summary-assistant")["items"]
    voter = open_page(KARIM, f"/approvals/{request['id']}", javascript=False)
    voter.get_by_label("Why, in a sentence").fill("A clerk signs each one; that is enough for this use.")
    voter.get_by_role("button", name="Approve").click()
    expect(voter.locator("main")).to_contain_text("A clerk signs each one")
