"""Overrides, determinations, EU classes, cards and edits that re-open, over HTTP as people make them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events import service as events
from modelops_platform.governance import queries, service
from modelops_platform.governance.defaults import default_questionnaire_text
from modelops_platform.governance.domain.facts import Action
from modelops_platform.governance.domain.targets import Target
from modelops_platform.governance.tables import RiskAssessment
from modelops_platform.registry.tables import Version
from tests.factories import count_events, last_event

from .setting import RESEARCH, RETAIL_CREDIT, Setting

CHAMPION = Target(Action.alias("champion"))
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MINIMAL = {
    "ai-system": "yes",
    "union": "yes",
    "excluded": "no",
    "practices": "no",
    "general-purpose": "no",
    "product": "no",
    "listed-use": "none",
    "contact": "no",
}


def post(bank: Setting, by: str, path: str, **body: Any) -> Any:
    return bank[by].post(f"/api/v1/models/{bank.model}{path}", json=body)


def override(bank: Setting, tier: int, *, by: str = "author", days: int = 100) -> Any:
    until = (clock.now() + timedelta(days=days)).isoformat()
    return post(bank, by, "/overrides", tier=tier, reason="It only advises.", expires_at=until)


def judged(bank: Setting) -> int:
    return int(bank.gate().json()["tier"])


def follow(database: Database) -> None:
    with database.write() as db:
        events.seal_events(db)
        service.catch_up(db, DEFAULT_WORKSPACE, 0)


def test_a_lower_tier_wants_a_risk_officer_and_falls_back_by_itself(
    bank: Setting, database: Database, db: Session
) -> None:
    assert override(bank, 3).status_code == 412  # nothing is in force yet
    bank.assess(RETAIL_CREDIT)
    assert override(bank, 1).json()["field"] == "tier"
    assert override(bank, 3, days=400).json()["field"] == "expires_at"
    assert override(bank, 3, by="viewer").status_code == 403
    asked = override(bank, 3).json()
    assert override(bank, 2).status_code == 409
    assert judged(bank) == 1
    confirm = f"/overrides/{asked['id']}/confirm"
    for who in ("author", "owner", "validator", "compliance", "robot", "viewer"):
        assert post(bank, who, confirm).status_code == 403, who
    confirmed = post(bank, "risk", confirm)
    assert confirmed.status_code == 200, confirmed.text
    assert judged(bank) == 3
    assert bank["viewer"].get(f"/api/v1/models/{bank.model}").json()["summary"]["tier"] == 3
    assert post(bank, "risk", confirm).status_code == 412
    told: Any = last_event(db, "tier.overridden")["data"]
    assert (told["tier"], told["asked_by"]) == ({"computed": 1, "now": 3}, bank.person("author").id)
    with clock.frozen(clock.now() + timedelta(days=101)):
        assert judged(bank) == 1  # no job has run
        with database.write() as writing:
            assert service.pass_time(writing, DEFAULT_WORKSPACE)["expired"] == 1
        with database.write() as writing:
            assert service.pass_time(writing, DEFAULT_WORKSPACE)["expired"] == 0
        assert bank["viewer"].get(f"/api/v1/models/{bank.model}").json()["summary"]["tier"] == 1
    assert count_events(db, "tier.override_expired") == 1


def test_new_answers_end_what_was_laxer_and_keep_what_is_stricter(bank: Setting, db: Session) -> None:
    bank.assess(RESEARCH)
    stricter = override(bank, 2).json()
    assert post(bank, "validator", f"/overrides/{stricter['id']}/confirm").status_code == 200
    assert judged(bank) == 2
    bank.assess(RESEARCH)
    assert judged(bank) == 2
    assert post(bank, "author", f"/overrides/{stricter['id']}/end", reason="Enough.").status_code == 403
    assert post(bank, "risk", f"/overrides/{stricter['id']}/end", reason="Enough.").status_code == 200
    assert judged(bank) == 4
    bank.assess(RETAIL_CREDIT)
    laxer = override(bank, 2).json()
    assert post(bank, "risk", f"/overrides/{laxer['id']}/confirm").status_code == 200
    assert judged(bank) == 2
    bank.assess(RETAIL_CREDIT, by="validator")
    assert judged(bank) == 1
    listed = bank["viewer"].get(f"/api/v1/models/{bank.model}/overrides").json()["items"]
    assert [one["end_reason"] for one in listed] == ["The model was assessed anew.", "Enough."]
    assert count_events(db, "tier.override_ended") == 2


def test_an_edit_reopens_the_assessment_and_raises_the_tier_at_once(
    bank: Setting, database: Database, db: Session
) -> None:
    bank.assess(RESEARCH)
    bank["owner"].patch(f"/api/v1/models/{bank.model}", json={"eu_class": "high_annex_iii"})
    answer = bank.gate().json()
    assert answer["tier"] == 2  # before any job has run
    tier = next(one for one in answer["judgements"] if one["requirement_id"] == "tier-assessed")
    assert tier["status"] == "not_met"
    assert "changed since then from minimal to high annex iii" in tier["detail"]
    follow(database)
    rows = db.scalars(select(RiskAssessment).order_by(RiskAssessment.from_at)).all()
    assert [(row.tier, row.cause, row.to_at is None) for row in rows] == [(4, "answers", False), (2, "edit", True)]
    assert rows[0].to_at == rows[1].from_at
    follow(database)
    assert count_events(db, "risk.reopened") == 1
    summary = bank["viewer"].get(f"/api/v1/models/{bank.model}").json()["summary"]
    assert (summary["tier"], summary["next_review"]) == (2, clock.now().date().isoformat())
    bank["owner"].patch(f"/api/v1/models/{bank.model}", json={"eu_class": "minimal"})
    assert judged(bank) == 2  # what has risen stays, until somebody answers again
    bank.assess(RESEARCH)
    assert judged(bank) == 4
    before = bank["viewer"].get("/api/v1/use-cases").json()["items"]
    assert before == []
    bank["author"].post("/api/v1/use-cases", json={"name": "lending"})
    bank["owner"].patch(f"/api/v1/models/{bank.model}", json={"use_case": "lending"})
    assert "tier-assessed" in bank.gate().json()["unmet"]


@ON_SQLITE
def test_an_assessment_falls_due_by_its_age_and_the_log_hears_it_once(
    bank: Setting, database: Database, db: Session
) -> None:
    bank.assess(RESEARCH)
    with clock.frozen(clock.now() + timedelta(days=366)):
        for expected in (1, 0):
            with database.write() as writing:
                assert service.pass_time(writing, DEFAULT_WORKSPACE)["due"] == expected
    assert count_events(db, "risk.due") == 1


def test_a_tool_is_said_by_somebody_independent_and_judged_as_tier_four(
    bank: Setting, database: Database, db: Session
) -> None:
    said = post(bank, "author", "/determinations", is_model=False, reason="It adds up numbers.").json()
    assert (judged(bank), said["reviewed_by"]) == (1, None)
    assert post(bank, "owner", f"/determinations/{said['id']}/confirm").status_code == 403
    with database.read() as reading:
        then = clock.now()
        version = reading.scalars(select(Version)).one()
    assert post(bank, "risk", f"/determinations/{said['id']}/confirm").status_code == 200
    answer = bank.gate().json()
    assert answer["tier"] == 4
    tier = next(one for one in answer["judgements"] if one["requirement_id"] == "tier-assessed")
    assert tier["status"] == "not_applicable"
    assert post(bank, "risk", f"/determinations/{said['id']}/confirm").status_code == 409
    with database.read() as reading:
        assert queries.gather(reading, queries.Case(version.id, CHAMPION), at=then).determination is None
    assert post(bank, "validator", "/determinations", is_model=True, reason="It was fitted.").status_code == 201
    assert judged(bank) == 1
    history = bank["viewer"].get(f"/api/v1/models/{bank.model}/determinations").json()["items"]
    assert [(one["is_model"], one["to_at"] is None) for one in history] == [(True, True), (False, False)]
    assert history[1]["to_at"] == history[0]["from_at"]
    assert post(bank, "robot", "/determinations", is_model=True, reason="I say so.").status_code == 403
    assert count_events(db, "determination.recorded") == 2


@ON_SQLITE
def test_guided_questions_write_the_class_and_a_prohibited_use_goes_nowhere(bank: Setting, db: Session) -> None:
    bank.assess(RESEARCH)
    bank.vote(bank.ask(), "owner")
    assert bank.gate().json()["outcome"] == "allow"
    for answers, field in (({"ai-system": "yes"}, "union"), ({"ai-system": "maybe"}, "ai-system"), ({"it": "x"}, "it")):
        refused = post(bank, "compliance", "/eu-classes", answers=answers)
        assert (refused.status_code, refused.json()["field"]) == (422, f"answers.{field}")
    made = post(bank, "compliance", "/eu-classes", answers={**MINIMAL, "practices": "yes"}, reason="It scores people.")
    assert made.status_code == 201, made.text
    assert (made.json()["eu_class"], len(made.json()["trail"])) == ("prohibited", 4)
    model = bank["viewer"].get(f"/api/v1/models/{bank.model}").json()
    assert (model["eu_class"], model["summary"]["tier"]) == ("prohibited", 2)
    answer = bank.gate().json()
    assert "barred" in answer["unmet"]
    assert "prohibited practice" in answer["judgements"][0]["detail"]
    assert bank.promote().status_code == 409
    edited: Any = last_event(db, "model.edited")
    assert edited["actor"]["id"] == bank.person("compliance").id
    assert post(bank, "compliance", "/eu-classes", answers=MINIMAL).json()["eu_class"] == "minimal"
    listed = bank["viewer"].get(f"/api/v1/models/{bank.model}/eu-classes").json()["items"]
    assert [one["eu_class"] for one in listed] == ["minimal", "prohibited"]
    assert listed[1]["to_at"] == listed[0]["from_at"]
    assert post(bank, "viewer", "/eu-classes", answers=MINIMAL).status_code == 403


@ON_SQLITE
def test_a_new_questionnaire_leaves_what_was_assessed(bank: Setting, db: Session) -> None:
    bank.assess(RESEARCH)
    text = default_questionnaire_text().replace("version: 1", "version: 2", 1)
    text = text.replace("- {tier: 3, from: 20}", "- {tier: 3, from: 1}")
    publish = {"document": text.replace("What is the method?", "Which method is it?"), "reason": "Stricter."}
    assert bank["viewer"].post("/api/v1/questionnaires", json=publish).status_code == 403
    made = bank["risk"].post("/api/v1/questionnaires", json=publish)
    assert (made.status_code, made.json()["number"]) == (201, 2)
    assert bank["viewer"].get("/api/v1/questionnaire").json()["version"] == 2
    assert judged(bank) == 4
    page = bank["risk"].get(f"/models/{bank.model}/governance").text
    assert "A newer questionnaire" in page
    again = bank.assess({**RESEARCH, "C1": 1}).json()
    assert (again["questionnaire_version"], again["tier"]) == (2, 3)
    versions = bank["viewer"].get("/api/v1/questionnaires").json()["items"]
    assert [(one["number"], one["published_by"] is None) for one in versions] == [(2, False), (1, True)]
    bad = {"document": text.replace("weight: 50", "weight: 60").replace("version: 2", "version: 3"), "reason": "Bad."}
    refused = bank["risk"].post("/api/v1/questionnaires", json=bad)
    assert (refused.status_code, refused.json()["field"]) == (422, "blocks")
    assert isinstance(refused.json()["line"], int)
    assert count_events(db, "questionnaire.published") == 1


@ON_SQLITE
def test_a_card_names_what_is_missing_and_takes_what_people_write(bank: Setting, database: Database) -> None:
    card = bank["viewer"].get(f"/api/v1/models/{bank.model}/card").json()
    assert "Limits, trade-offs, known failures" in card["missing"]
    fields = {field["id"]: field for field in card["fields"]}
    assert (fields["purpose"]["is_filled"], fields["purpose"]["is_written"]) == (True, False)
    patch = {"fields": {"limits": "tbd", "licence": "Internal use only"}}
    assert bank["viewer"].patch(f"/api/v1/models/{bank.model}/card", json=patch).status_code == 403
    written = bank["owner"].patch(f"/api/v1/models/{bank.model}/card", json=patch).json()
    fields = {field["id"]: field for field in written["fields"]}
    assert (fields["limits"]["is_filled"], fields["licence"]["is_filled"]) == (False, True)
    assert "says nothing" in fields["limits"]["problem"]
    assert written["percent"] > card["percent"]
    with database.read() as db:
        then = clock.now()
        version = db.scalars(select(Version)).one()
    patch = {"fields": {"limits": "Not for firms, nor for loans above 50,000.", "licence": ""}}
    assert bank["owner"].patch(f"/api/v1/models/{bank.model}/card", json=patch).status_code == 200
    with database.read() as db:
        before = queries.gather(db, queries.Case(version.id, CHAMPION), at=then).card
        now = queries.gather(db, queries.Case(version.id, CHAMPION)).card
    assert before is not None
    assert now is not None
    assert "Limits, trade-offs, known failures" in before.missing
    assert "Limits, trade-offs, known failures" not in now.missing
    assert "Licence" in now.missing
    assert before.digest != now.digest
    path, more = f"/api/v1/models/{bank.model}/card", {"fields": {"licence": "MIT"}}
    tag = bank["viewer"].get(path).headers["etag"]
    written = bank["owner"].patch(path, json=more, headers={"If-Match": tag})
    assert (written.status_code, written.headers["etag"] != tag) == (200, True)
    assert bank["owner"].patch(path, json=more, headers={"If-Match": tag}).status_code == 412
    unknown = bank["owner"].patch(f"/api/v1/models/{bank.model}/card", json={"fields": {"colour": "red"}})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "fields.colour")
