"""A version of a critical model on its way to production: four people, what each sees, and what stops them."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open
from tests.demonstration import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

ADA, EMI, KARIM, GRACE, INES = (  # developer, validator, risk officer, executive, and the owner
    f"{key}@example.com" for key in ("ada.moreau", "emi.tanaka", "karim.haddad", "grace.novak", "ines.weber")
)
KIN = "breast-lesion-triage"  # whose file and rows are lent
JOB_MS = 60_000
AGAIN = b"\x32\x05again"  # a doc string in the words of ONNX: another file, the same answers


@dataclass
class Story:
    """The model of this story; nobody else's test knows it."""

    demo: Site
    name: str

    @property
    def path(self) -> str:
        """The address of the model, as a page and below /api/v1."""
        return f"/models/{self.name}"

    @property
    def deployment(self) -> str:
        """Where it shall go."""
        return f"{self.name}-production"

    def unmet(self) -> list[str]:
        """What the gate misses before v1 goes to production."""
        found: list[str] = self.demo.get(f"/gate?model={self.name}&version=1&to=production", ADA)["unmet"]
        return found

    def live(self) -> int | None:
        """The version that is live."""
        live: dict[str, Any] | None = self.demo.get(f"/deployments/{self.deployment}")["live"]
        return live["version"] if live else None


@pytest.fixture
def story(demo: Site) -> Story:
    """A model with its people, its card and its monitors, but nobody has assessed it, and it has no version."""
    made = Story(demo, f"second-site-triage-{uuid4().hex[:6]}")
    kin = demo.get(f"/models/{KIN}", ADA)
    told = {"purpose": "Sorts the slides of the second site.", "unit": kin["unit"]["id"], "fields": kin["fields"]}
    held = {"owner": INES, "developer": ADA, "validator": EMI, "eu_class": "minimal"}
    demo.post("/models", {"name": made.name, **told, **held}, ADA)
    demo.post("/deployments", {"name": made.deployment, "environment": "production", "model": made.name}, ADA)
    for measures in ("data_quality", "drift", "quality"):
        demo.post(f"{made.path}/monitors", {"name": measures, "measures": measures}, ADA)
    return made


def unfold(page: Page, label: str) -> Locator:
    """Open a form that is folded away, and return it."""
    page.locator("summary").filter(has_text=label).click()
    return page.locator("details[open]").filter(has=page.locator("summary").filter(has_text=label))


def assess(story: Story, karim: Page) -> None:
    """The risk officer answers one question; what is left open counts as the worst."""
    karim.goto(f"{story.path}/governance")
    karim.get_by_role("link", name="Assess the risk").click()
    karim.get_by_role("group", name=re.compile(r"^I2\.")).get_by_role("radio").nth(1).check()  # nobody is affected
    karim.get_by_label("Why it is assessed now").fill("It orders what physicians read first.")
    karim.get_by_role("button", name="Save the assessment").click()
    expect(karim.locator(".page-title")).to_contain_text("Tier 1")


def register(story: Story, ada: Page) -> None:
    """The developer sends the file and says where it comes from."""
    champion = story.demo.get(f"/models/{KIN}/versions/1", ADA)
    [file] = [file for file in champion["files"] if file["path"].endswith(".onnx")]
    content = story.demo.client(ADA).get(f"/api/v1/files/{file['sha256']}").content + AGAIN
    ada.goto(story.path)
    ada.get_by_role("link", name="Add a version").click()
    ada.set_input_files("input[type=file]", {"name": "second site.onnx", "mimeType": "", "buffer": content})
    ada.get_by_role("button", name="Send", exact=True).click()
    expect(ada.get_by_role("checkbox", name=re.compile(r"second site\.onnx"))).to_be_checked()
    ada.get_by_label("What is new").fill("Built for the second site.")
    ada.get_by_label("Data it was trained on").select_option(champion["data_set_id"])
    ada.get_by_label("Metrics").fill("roc_auc = 0.98 n=114")
    ada.get_by_label("Parameters").fill("C = 0.5")
    unfold(ada, "Source and environment").get_by_label("Commit").fill("4f2a9c1")
    ada.get_by_role("button", name="Add the version").click()
    expect(ada.get_by_role("heading", level=1)).to_contain_text("v1")


def activate(story: Story, ada: Page) -> None:
    ada.goto(f"/deployments/{story.deployment}/activate")
    ada.get_by_label("Version").select_option("1")
    ada.get_by_label("Why?").fill("The second site waits for it.")
    ada.get_by_role("button", name="Activate").click()


def refusals(story: Story, ada: Page) -> None:
    """The gate says no, says why, and leads to where each thing is done."""
    activate(story, ada)
    refused = ada.locator("#problem")
    for missing in ("Test suite of tier 1 passed", "Validated in full", "Files signed by a trusted key", "Approved by"):
        expect(refused).to_contain_text(missing)
    expect(refused).to_contain_text("Have an independent validator validate this version and sign.")
    refused.get_by_role("link", name="Go to what is missing").click()
    expect(ada.locator(".decision")).to_contain_text("May v1 go to production?")


def complete_card(story: Story, ada: Page) -> None:
    """What people alone know is written; one field by hand, the rest as a template would send it."""
    card = story.demo.get(f"{story.path}/card", ADA)
    missing = {one["id"] for one in card["fields"] if one["is_wanted"] and not one["is_filled"]} - {"limits"}
    words = dict.fromkeys(missing, "As the standard of the unit says; nothing of our customers is in it.")
    answer = story.demo.client(ADA).patch(f"/api/v1{story.path}/card", json={"fields": words})
    assert answer.status_code == 200, answer.text
    ada.get_by_role("link", name=re.compile("card")).first.click()
    ada.locator("#field-limits").fill("Two hospitals, one imaging protocol; nobody under 18 is in the data.")
    ada.get_by_role("button", name="Save the card").click()
    expect(ada.locator("main")).to_contain_text("Two hospitals, one imaging protocol")


def run_tests(story: Story, ada: Page) -> None:
    """The tests of the tier run on rows that no training saw."""
    [held] = [one for one in story.demo.get("/data-sets?limit=200", ADA)["items"] if KIN in one["name"]]
    ada.goto(f"{story.path}/versions/1/evidence?to=production")
    ada.get_by_role("link", name=re.compile("^Run the suite")).click()
    ada.get_by_label("Data set").select_option(held["name"])
    ada.get_by_label("Target column").fill("malignant")
    ada.get_by_label("What is a yes").fill("1")
    ada.get_by_role("button", name="Run tests").click()
    expect(ada.locator("main")).to_contain_text("Parts good from bad", timeout=JOB_MS)


def assign(story: Story, ada: Page) -> None:
    ada.goto(f"{story.path}/versions/1/evidence?to=production")
    ada.get_by_role("link", name=re.compile("^Have an independent validator")).click()
    ada.get_by_role("button", name="Assign").click()
    expect(ada.locator("main")).to_contain_text("Emi Tanaka validates it")


def validate(emi: Page, title: str) -> None:
    """The validator finds the report under their work, writes it, raises a finding, and signs."""
    emi.goto("/work")
    emi.get_by_role("link", name=re.compile(title)).first.click()
    for part in ("conceptual", "sensitivity", "limits", "monitoring"):
        emi.locator(f"#text-{part}").fill("Looked at on the rows held back; nothing stands against this use.")
        emi.locator(f"#part-{part}").get_by_role("button", name="Keep").click()
        expect(emi.locator(f"#part-{part}").get_by_text("written", exact=True)).to_be_visible()
    raised = unfold(emi, "Raise a finding")
    raised.get_by_label("Finding", exact=True).fill("The second site was seen for a month only")
    raised.get_by_label("What was found, and why it matters").fill("Its slides are stained otherwise.")
    raised.get_by_label("About").select_option("data")
    raised.get_by_label("Severity", exact=True).select_option("low")
    raised.get_by_role("button", name="Raise").click()
    expect(emi.locator("main")).to_contain_text("The second site was seen for a month only")
    emi.get_by_label("Fit with conditions").check()
    emi.get_by_label("Why, in a sentence").fill("Fit, as long as the second site is looked at again in spring.")
    emi.get_by_role("button", name="Sign the report").click()
    expect(emi.locator("main")).to_contain_text("What was signed")


def ask_waiver(story: Story, ada: Page) -> None:
    """The developer asks to go on without one thing; who asks does not decide."""
    ada.goto(f"{story.path}/versions/1/evidence?to=production")
    ada.get_by_role("link", name=re.compile("waiver of: Files signed")).click()
    expect(ada.get_by_label("Which requirement")).to_have_value("artifact-signed")
    expect(ada.get_by_label("Version (optional)", exact=True)).to_have_value("1")
    ada.get_by_label("Why it cannot be met now").fill("The signing host is being replaced.")
    ada.get_by_label("What is done instead").fill("The digest was compared by two people.")
    ada.get_by_role("button", name="Ask", exact=True).click()
    expect(ada.get_by_role("heading", level=1)).to_contain_text("Files signed by a trusted key")
    expect(ada.get_by_role("button", name="Agree")).to_be_disabled()


def agree(page: Page, url: str) -> None:
    page.goto("/work")
    page.locator(f"a[href='{url}']").first.click()
    page.get_by_label("Why, in a sentence").fill("For these days, with two pairs of eyes.")
    page.get_by_role("button", name="Agree").click()
    expect(page.locator("main")).to_contain_text("For these days, with two pairs of eyes.")


def attest(page: Page, story: Story, word: str) -> None:
    page.goto(f"{story.path}/versions/1/evidence?to=production")
    page.get_by_role("link", name="Add", exact=True).click()
    form = unfold(page, word)
    expect(form.get_by_label("Version (optional)", exact=True)).to_have_value("1")
    form.get_by_role("button").click()
    expect(page.get_by_role("heading", name="Proof")).to_be_visible()


def ask_approval(story: Story, ada: Page) -> str:
    """The developer asks those whom the policy names, and may not vote."""
    ada.goto(f"{story.path}/versions/1/evidence?to=production")
    ada.get_by_label("What should they know, in a sentence?").fill("Tested and validated; it is ready.")
    ada.get_by_role("button", name="Ask for approval").click()
    expect(ada.get_by_role("button", name="Approve")).to_be_disabled()
    return ada.url


def vote(page: Page, url: str, sentence: str) -> None:
    page.goto(url)
    page.get_by_label("Why, in a sentence").fill(sentence)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("main")).to_contain_text(sentence)


def test_four_people_bring_a_version_of_a_critical_model_into_production(story: Story, open_page: Open) -> None:
    ada, emi, karim, grace, ines = (open_page(email) for email in (ADA, EMI, KARIM, GRACE, INES))
    assess(story, karim)
    register(story, ada)
    story.demo.until(lambda: "artifact-scanned" not in story.unmet())
    refusals(story, ada)
    complete_card(story, ada)
    run_tests(story, ada)
    assign(story, ada)
    validate(emi, story.name)
    ask_waiver(story, ada)
    for page in (karim, grace):
        agree(page, ada.url.removeprefix(story.demo.url))
    attest(karim, story, "Security review")
    attest(karim, story, "Explainability review")
    attest(ines, story, "Rollback drill")
    request = ask_approval(story, ada)
    for email, page in ((INES, ines), (EMI, emi), (KARIM, karim)):
        vote(page, request, f"{email} has read what stands here.")
    activate(story, ada)
    expect(ada.locator("#problem")).to_contain_text("Approved by")
    vote(grace, request, "The use is worth the risk that is left.")
    ada.goto(request)
    ada.get_by_role("link", name=f"Activate in {story.deployment}").click()
    expect(ada.get_by_label("Version")).to_have_value("1")
    ada.get_by_label("Why?").fill("The second site waits for it.")
    ada.get_by_role("button", name="Activate").click()
    story.demo.until(lambda: story.live() == 1)
    story.demo.until(lambda: story.name in {one["model"] for one in story.demo.get("/compliance?live=true")["items"]})
    karim.goto("/compliance?live=true")
    expect(karim.get_by_role("row", name=re.compile(story.name))).to_contain_text("met")
    karim.goto("/coming-up?days=92&kind=waiver")
    expect(karim.get_by_role("row", name=re.compile(story.name))).to_contain_text("Files signed by a trusted key")
    grace.goto("/portfolio?live=true")
    expect(grace.get_by_role("row", name=re.compile(story.name))).to_contain_text("production v1")
