"""The pages over the portfolio: compliance, the editor with its preview, and questions about drafts."""

from modelops_platform.core.db import Database
from modelops_platform.governance import service

from .setting import RESEARCH, Setting
from .test_compliance import TIER_4, do_job, follow, next_version

SAME = {"origin": "http://testserver"}


def test_every_number_of_the_compliance_page_leads_to_its_rows(bank: Setting, database: Database) -> None:
    empty = bank["viewer"].get("/compliance")
    assert (empty.status_code, "Nothing to judge yet" in empty.text) == (200, True)
    bank.assess(RESEARCH)
    follow(database)
    page = bank["viewer"].get("/compliance").text
    assert "0 of 1 standings meet their policy" in page
    assert "outcome=deny&amp;tier=4#results" in page or "tier=4&amp;outcome=deny#results" in page
    rows = bank["viewer"].get("/compliance?outcome=deny&tier=4").text
    assert f"{bank.model} v1" in rows
    assert "Approvals" in rows
    assert "Nothing matches" in bank["viewer"].get("/compliance?tier=1").text
    assert bank["viewer"].get("/compliance?tier=9").status_code == 422


def test_the_editor_shows_the_line_that_is_wrong_and_what_a_draft_demands(bank: Setting) -> None:
    risk = bank["risk"]
    opened = risk.get("/policy-editor?id=tier-4").text
    assert "version: 2" in opened
    assert "Nothing changes" in opened
    assert "Who would newly fail?" in opened
    draft = next_version()
    better = risk.post("/policy-editor", data={"document": draft}, headers=SAME).text
    assert "auc is at least 0.9." in better
    assert "Good enough (added)" in better
    wrong = risk.post("/policy-editor", data={"document": draft.replace("at_least", "at_leest")}, headers=SAME).text
    assert "not a policy yet" in wrong
    assert 'class="is-wrong"' in wrong
    assert "has no limit" in wrong
    old = risk.post(
        "/policy-editor", data={"document": next_version().replace("version: 2", "version: 7")}, headers=SAME
    )
    assert "cannot be published" in old.text
    assert risk.post("/policy-editor", data={"document": ""}, headers=SAME).status_code == 200
    viewer = bank["viewer"].get("/policy-editor")
    assert "Only risk officers and administrators publish policies." in viewer.text
    published = risk.post("/policies", data={"document": draft, "reason": "Stricter."}, headers=SAME)
    assert published.status_code == 303, published.text
    page = bank["viewer"].get("/policies/tier-4").text
    assert "auc is at least 0.9." in page
    assert "Kinds llm and vendor may have no file." in page


def test_a_question_about_a_draft_is_answered_on_its_page(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    bank.vote(bank.ask(to="production"), "owner")
    risk = bank["risk"]
    assert "No questions yet" in risk.get("/what-ifs").text
    asked = risk.post("/what-ifs", data={"document": next_version(), "reason": ""}, headers=SAME)
    assert asked.status_code == 303, asked.text
    address = asked.headers["location"].partition("?")[0]
    assert "being worked out" in risk.get(address).text
    do_job(database, service.WHAT_IF, {"what_if_id": address.rpartition("/")[2]})
    page = bank["viewer"].get(address).text
    assert "1 would newly fail and 0 newly pass" in page
    assert f"{bank.model} v1" in page
    assert "Good enough" in page
    narrowed = bank["viewer"].get(f"{address}?would=pass").text
    assert f"{bank.model} v1</a>" not in narrowed
    assert "tier-4 v2" in risk.get("/what-ifs").text
    refused = risk.post("/what-ifs", data={"document": TIER_4.replace("check: approvals", "check: a")}, headers=SAME)
    assert refused.status_code == 422
