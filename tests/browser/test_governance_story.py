"""A new version of a critical model, from its registration to production, by four people in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.demonstration import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

ADA, EMI, KARIM, GRACE, INES, LENA = (
    f"{key}@example.com"
    for key in ("ada.moreau", "emi.tanaka", "karim.haddad", "grace.novak", "ines.weber", "lena.fischer")
)
MODEL, DEPLOYMENT, SUITE = "breast-lesion-triage", "breast-lesion-triage-production", "tier-1"
AT = f"/models/{MODEL}"
JOB_MS = 60_000
AGAIN = b"\x32\x05again"  # a doc string in the words of ONNX: another file, the same answers


def activate(page: Page, number: int) -> None:
    page.goto(f"/deployments/{DEPLOYMENT}/activate")
    page.get_by_label("Version", exact=True).select_option(str(number))
    page.get_by_label("Why?").fill("The challenger reads small lesions better.")
    page.get_by_role("button", name="Activate").click()


def register(demo: Site, page: Page) -> int:
    """Register the champion's file anew, with all that its lineage asks for; return the number of the version."""
    champion = demo.get(f"{AT}/versions/1", ADA)
    [file] = [file for file in champion["files"] if file["path"].endswith(".onnx")]
    content = demo.client(ADA).get(f"/api/v1/files/{file['sha256']}").content + AGAIN
    page.goto(f"{AT}/add-version")
    page.set_input_files("input[type=file]", {"name": "second site.onnx", "mimeType": "", "buffer": content})
    with page.expect_response(lambda answer: answer.request.method == "PUT") as sent:
        page.get_by_role("button", name="Send", exact=True).click()
    assert sent.value.status == 201
    expect(page.get_by_role("checkbox", name=re.compile(r"second site\.onnx"))).to_be_checked()
    page.get_by_label("What is new").fill("Built anew for the second site.")
    page.get_by_label("Data it was trained on").select_option(champion["data_set_id"])
    page.get_by_label("Metrics").fill("roc_auc = 0.98 n=114")
    page.get_by_label("Parameters").fill("C = 0.5")
    page.get_by_text("Source and environment").click()
    page.get_by_label("Commit").fill("4f2a9c1")
    page.get_by_role("button", name="Add the version").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text(re.compile(r"v\d"))
    found = re.search(r"v(\d+)", heading.inner_text())
    assert found is not None
    return int(found[1])


def vote(page: Page, request: str, sentence: str) -> None:
    page.goto(f"/approvals/{request}")
    page.get_by_label("Why, in a sentence").fill(sentence)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("main")).to_contain_text(sentence)


def test_four_people_bring_a_version_of_a_critical_model_into_production(demo: Site, open_page: Open) -> None:
    ada = open_page(ADA)
    number = register(demo, ada)
    asked = f"/gate?model={MODEL}&version={number}&to=production"
    demo.until(lambda: "artifact-scanned" not in demo.get(asked, ADA)["unmet"])

    activate(ada, number)
    refused = ada.locator("#problem")
    for missing in ("Test suite of tier 1 passed", "Validated in full", "Files signed by a trusted key", "Approved by"):
        expect(refused).to_contain_text(missing)
    expect(refused).to_contain_text("Have an independent validator validate this version and sign.")

    ada.goto(f"{AT}/card")
    ada.locator("#field-limits").fill("Two hospitals, one imaging protocol; nobody under 18 is in the data.")
    ada.get_by_role("button", name="Save the card").click()
    expect(ada.locator("main")).to_contain_text("Two hospitals, one imaging protocol")

    [held] = [one for one in demo.get("/data-sets?limit=200", ADA)["items"] if MODEL in one["name"]]
    ada.goto(f"{AT}/tests")
    ada.locator("select[name=version]").select_option(str(number))
    ada.locator("select[name=suite]").select_option(SUITE)
    ada.locator("select[name=data_set]").select_option(held["name"])
    ada.get_by_label("Target column").fill("malignant")
    ada.get_by_label("What is a yes").fill("1")
    ada.get_by_role("button", name="Run tests").click()
    expect(ada.locator("main")).to_contain_text("Parts good from bad", timeout=JOB_MS)

    ada.goto(f"{AT}/validation")
    ada.locator("select[name=version]").select_option(str(number))
    ada.get_by_role("button", name="Assign").click()
    [assigned] = demo.until(
        lambda: [one for one in demo.get(f"{AT}/validations", ADA)["items"] if one["version"] == number]
    )

    emi = open_page(EMI, f"/validations/{assigned['id']}")
    for part in ("conceptual", "sensitivity", "limits", "monitoring"):
        emi.locator(f"#text-{part}").fill("Looked at on the rows held back; nothing stands against this use.")
        with emi.expect_navigation():
            emi.locator("form", has=emi.locator(f"#text-{part}")).get_by_role("button", name="Keep").click()
    emi.get_by_label("Finding", exact=True).fill("The second site was seen for a month only")
    emi.get_by_label("What was found, and why it matters").fill("Its slides are stained otherwise.")
    emi.get_by_label("Severity").select_option("low")
    emi.get_by_role("button", name="Raise").click()
    expect(emi.locator("main")).to_contain_text("The second site was seen for a month only")
    emi.get_by_label("Fit with conditions").check()
    emi.get_by_label("Why, in a sentence").fill("Fit, as long as the second site is looked at again in spring.")
    emi.get_by_role("button", name="Sign the report").click()
    expect(emi.locator("main")).to_contain_text("What was signed")

    waived = {"model": MODEL, "version": number, "requirement": "artifact-signed"}
    why = {"reason": "The signing host is being replaced.", "control": "The digest was compared by two people."}
    waiver = demo.post("/waivers", waived | why, ADA)
    for_ada = ada.goto(f"/waivers/{waiver['id']}")
    assert for_ada is not None
    expect(ada.get_by_role("button", name="Agree")).to_have_count(0)
    karim, grace = open_page(KARIM), open_page(GRACE)
    for page in (karim, grace):
        page.goto(f"/waivers/{waiver['id']}")
        page.get_by_label("Why, in a sentence").fill("For these days, with two pairs of eyes.")
        page.get_by_role("button", name="Agree").click()
    expect(grace.locator("main")).to_contain_text(re.compile("active", re.IGNORECASE))

    for word in ("explainability review", "security review"):
        demo.post(f"{AT}/attestations", {"version": number, "word": word}, LENA)
    demo.post(f"{AT}/attestations", {"version": number, "word": "rollback drill"}, INES)
    ada.goto(f"{AT}/versions/{number}/evidence?to=production")
    ada.get_by_label("What should they know, in a sentence?").fill("Tested and validated; it is ready.")
    ada.get_by_role("button", name="Ask for approval").click()
    [request] = demo.until(lambda: demo.get(f"/approvals?model={MODEL}&state=open", ADA)["items"])

    ada.goto(f"/approvals/{request['id']}")
    expect(ada.get_by_role("button", name="Approve")).to_be_disabled()
    demo.post(f"/approvals/{request['id']}/votes", {"answer": "approve", "sentence": "We need it."}, INES)
    demo.post(f"/approvals/{request['id']}/votes", {"answer": "approve", "sentence": "It is in order."}, LENA)
    vote(emi, request["id"], "Validated; the condition has its date.")
    vote(karim, request["id"], "The risks are named and watched.")
    activate(ada, number)
    expect(ada.locator("#problem")).to_contain_text("Approved by")
    vote(grace, request["id"], "The use is worth the risk that is left.")
    activate(ada, number)
    expect(ada.locator("main")).to_contain_text(f"v{number}")
    assert demo.get(f"/deployments/{DEPLOYMENT}")["live"]["version"] == number

    shown = demo.until(
        lambda: [
            one for one in demo.get("/compliance?limit=200", GRACE)["items"] if one["model"] == MODEL and one["is_live"]
        ]
    )
    assert shown
    grace.goto("/compliance")
    expect(grace.get_by_role("row", name=re.compile(MODEL))).to_contain_text(f"v{number}")
