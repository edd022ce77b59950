"""The pages of governance, read as their users read them."""

import re

from .setting import RETAIL_CREDIT, Setting


def page(bank: Setting, by: str, path: str) -> str:
    answer = bank[by].get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_the_questionnaire_shows_every_question_and_its_result_before_saving(bank: Setting) -> None:
    form = bank["risk"].get(f"/models/{bank.model}/risk").text
    assert form.count("<fieldset") == 17
    assert form.count("counts as 4, the worst") == 15
    assert "Minimal risk" in form  # the class stands on the record, so nobody is asked for it again
    answers = {f"answer.{id}": str(score) for id, score in RETAIL_CREDIT.items()} | {"fact.gdpr22": "true"}
    preview = bank["risk"].post(f"/models/{bank.model}/risk/preview", data=answers)
    assert preview.status_code == 200
    assert "Result, not saved yet" in preview.text
    assert "62.2 of 100" in preview.text
    assert bank["risk"].get(f"/api/v1/models/{bank.model}/assessments").json()["items"] == []
    part = (
        bank["risk"]
        .post(
            f"/models/{bank.model}/risk/preview",
            data={"answer.I1": "4"},
            headers={"hx-request": "true", "hx-target": "div#result"},
        )
        .text
    )
    assert "<form" not in part
    assert "14 of 15 not answered" in part
    saved = bank["risk"].post(f"/models/{bank.model}/risk", data=answers)
    assert (saved.status_code, saved.headers["location"]) == (303, f"/models/{bank.model}/governance")
    assert "Why this tier" in page(bank, "viewer", f"/models/{bank.model}/governance")


def test_what_the_form_does_not_know_is_refused(bank: Setting) -> None:
    for data in ({"answer.I1": "7"}, {"answer.X9": "1"}, {"fact.gdpr22": "maybe"}, {"tier": "4"}):
        assert bank["risk"].post(f"/models/{bank.model}/risk", data=data).status_code == 422


def test_evidence_names_what_is_missing_and_where_to_get_it(bank: Setting) -> None:
    path = f"/models/{bank.model}/versions/1/evidence"
    html = bank["author"].get(path).text
    assert "May v1 go to production?" in html
    assert f'href="/models/{bank.model}/risk"' in html
    assert "Owner" in html
    assert "Owner Example" in html
    asked = bank["author"].post(path, data={"to": "production", "message": "Please look at it."})
    assert asked.status_code == 303
    assert asked.headers["location"] in bank["author"].get(path).text
    assert "Nothing guards alias:challenger" in page(bank, "viewer", f"{path}?to=alias:challenger")


def test_an_approval_shows_the_reason_why_one_may_not_vote_and_takes_the_others(bank: Setting) -> None:
    bank.assess()
    request = bank.ask()
    shown = page(bank, "author", f"/approvals/{request}")
    assert "You made this version, so others decide about it." in shown
    assert "would be the first" in shown
    assert "still wanted: Risk Example" in shown
    assert bank["risk"].get("/approvals-waiting").text == "1"
    assert bank["author"].get("/approvals-waiting").text == ""
    assert "1 request needs your word" in page(bank, "risk", "/approvals")
    voted = bank["risk"].post(f"/approvals/{request}/votes", data={"answer": "approve", "sentence": "Sound."})
    assert voted.status_code == 303
    assert bank["risk"].get("/approvals-waiting").text == ""
    assert "approved: Sound." in page(bank, "viewer", f"/approvals/{request}")


def test_policies_read_as_sentences_and_the_mode_is_on_every_page_that_decides(bank: Setting) -> None:
    policy = page(bank, "viewer", "/policies/tier-1")
    assert "nobody counts twice" in policy
    assert "Only risk officers and administrators publish policies." in policy
    assert "No role passes the gate" in page(bank, "viewer", "/policies")
    changed = bank["admin"].post("/enforcement", data={"mode": "observe", "reason": "Moving in."})
    assert changed.status_code == 303
    assert "Observed, not enforced" in page(bank, "viewer", f"/models/{bank.model}/versions/1/evidence")
    assert "Moving in." in page(bank, "viewer", "/enforcement")


def test_a_refusal_is_kept_as_a_page(bank: Setting) -> None:
    assert bank.promote().status_code == 409
    kept = bank["viewer"].get("/api/v1/decisions").json()["items"][0]
    assert "May v1 become champion?" in page(bank, "viewer", f"/decisions/{kept['id']}")
    assert kept["id"] in bank["viewer"].get(f"/models/{bank.model}/governance").text
