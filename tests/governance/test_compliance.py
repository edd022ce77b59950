"""Policies over a whole portfolio: plans, questions about drafts, how every model stands, judging the past."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.core.errors import TransitionRefused
from modelops_platform.events import service as events
from modelops_platform.governance import jobs, queries, service
from modelops_platform.governance.defaults import default_policy_texts
from modelops_platform.governance.domain.facts import Action, digest_of_facts
from modelops_platform.governance.domain.targets import Target
from modelops_platform.governance.queries import facts as gathering
from modelops_platform.governance.schemas import PolicyIn
from modelops_platform.governance.tables import ComplianceInterval, DecisionRecord, WhatIf
from modelops_platform.jobs.tables import Job
from modelops_platform.registry import queries as registry
from modelops_platform.registry import service as registry_service
from modelops_platform.registry.tables import Alias, Version

from .setting import RESEARCH, RETAIL_CREDIT, Setting

CHAMPION = Target(Action.alias("champion"))
TIER_4 = next(text for text in default_policy_texts() if text.startswith("id: tier-4"))
METRIC = """
  - id: auc
    title: Good enough
    check: metric
    metric: auc
    at_least: 0.9
    remedy: Train a better one.
"""


def next_version(more: str = METRIC) -> str:
    return TIER_4.replace("version: 1", "version: 2").rstrip() + more


def do_job(database: Database, kind: str, args: dict[str, Any]) -> Any:
    """Do a job as a worker would: read, then write."""
    handler = jobs.HANDLERS[kind]
    job: Any = SimpleNamespace(workspace_id=DEFAULT_WORKSPACE, args=args, kind=kind)
    with database.read() as db:
        prepared = handler.prepare(db, job)
    with database.write() as db:
        return handler.finish(db, job, prepared)


def follow(database: Database, after: int = 0) -> int:
    """Follow what happened, and do the jobs that this asks for."""
    with database.write() as db:
        events.seal_events(db)
        place = service.catch_up(db, DEFAULT_WORKSPACE, after)
        asked = db.scalars(select(Job).where(Job.kind == service.COMPLIANCE)).all()
        for job in asked:
            db.delete(job)
    for job in asked:
        do_job(database, service.COMPLIANCE, job.args)
    return place


def intervals(db: Session) -> list[ComplianceInterval]:
    return list(db.scalars(select(ComplianceInterval).order_by(ComplianceInterval.from_at, ComplianceInterval.id)))


def test_a_plan_names_line_and_key_or_what_would_change(bank: Setting) -> None:
    wrong = next_version(METRIC.replace("at_least: 0.9", "at_least: 0.9\n    at_lest: 1"))
    answer = bank["author"].post("/api/v1/policy-plans", json={"documents": [wrong, next_version(), TIER_4]})
    assert answer.status_code == 200, answer.text
    bad, good, same = answer.json()["items"]
    assert bad["problem"]["field"].endswith("at_lest")
    assert wrong.splitlines()[bad["problem"]["line"] - 1].strip() == "at_lest: 1"
    assert good["problem"] is None
    assert (good["policy_id"], good["version"], good["in_force"]) == ("tier-4", 2, 1)
    assert [(one["id"], one["change"]) for one in good["changes"]] == [("auc", "added")]
    assert "auc is at least 0.9" in good["changes"][0]["after"]
    assert same["changes"] == []
    assert same["problem"] is None


def test_what_a_draft_would_change_is_worked_out_before_it_is_published(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    bank.vote(bank.ask(to="production"), "owner")
    refused = bank["author"].post("/api/v1/what-ifs", json={"documents": [next_version()]})
    assert refused.status_code == 403
    asked = bank["risk"].post("/api/v1/what-ifs", json={"documents": [next_version()], "title": "Stricter"})
    assert asked.status_code == 201, asked.text
    id = asked.json()["id"]
    before = do_job(database, service.WHAT_IF, {"what_if_id": id})
    assert before == {"judged": 1, "fail": 1, "pass": 0}
    found = bank["risk"].get(f"/api/v1/what-ifs/{id}").json()
    assert found["summary"]["groups"][0] | {"unit": ""} == {"unit": "", "tier": 4, "judged": 1, "fail": 1, "pass": 0}
    cases = bank["risk"].get(f"/api/v1/what-ifs/{id}/cases", params={"would": "fail"}).json()["items"]
    assert [(one["model"], one["version"], one["unmet"]) for one in cases] == [(bank.model, 1, ["auc"])]
    assert bank["risk"].get(f"/api/v1/what-ifs/{id}/cases", params={"would": "pass"}).json()["items"] == []
    with database.write() as db:
        service.fail_what_if(db, id, DEFAULT_WORKSPACE, "The server stopped.")
        assert db.get_one(WhatIf, id).problem


def test_how_a_model_stands_follows_its_events_as_intervals(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    place = follow(database)
    bank.vote(bank.ask(to="production"), "owner")
    place = follow(database, place)
    assert follow(database, place) == place
    with database.read() as db:
        first, last = intervals(db)[0], intervals(db)[-1]
        assert (first.outcome, last.outcome, last.unmet, last.tier) == ("deny", "allow", [], 4)
        assert first.to_at == last.from_at
        assert (last.policy_id, last.policy_version, last.is_live, last.to_at) == ("tier-4", 1, False, None)
        then = first.from_at
    listed = bank["viewer"].get("/api/v1/compliance", params={"outcome": "allow", "tier": 4}).json()["items"]
    assert [(one["model"], one["environment"]) for one in listed] == [(bank.model, "production")]
    assert bank["viewer"].get("/api/v1/compliance", params={"unit": "Nowhere"}).json()["items"] == []
    past = bank["viewer"].get("/api/v1/compliance", params={"at": then.isoformat()}).json()["items"]
    assert [one["outcome"] for one in past] == ["deny"]
    owed = bank["viewer"].get("/api/v1/compliance", params={"at": then.isoformat(), "requirement": "approvals"}).json()
    assert [one["outcome"] for one in owed["items"]] == ["deny"]
    counts = bank["viewer"].get("/api/v1/compliance-counts").json()
    assert (counts["total"], counts["met"], counts["by_tier"][0]["tier"]) == (1, 1, 4)
    published = bank["risk"].post("/api/v1/policies", json={"document": next_version(), "reason": "Stricter."})
    assert published.status_code == 201, published.text
    follow(database, place)
    with database.read() as db:
        last = intervals(db)[-1]
        assert (last.outcome, last.unmet, last.policy_version) == ("deny", ["auc"], 2)
        assert sum(one.to_at is None for one in intervals(db)) == 1
    assert do_job(database, service.COMPLIANCE, {})["changed"] == 0


def test_the_record_of_the_past_is_judged_as_it_was_said(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    bank.vote(bank.ask(), "owner")
    then = clock.now()
    with database.read() as db:
        version = db.scalars(select(Version)).one()
        before = queries.gather(db, queries.Case(version.id, CHAMPION))
        said = queries.judge(db, of_model(db), CHAMPION)
    owner = bank["owner"]
    edited = {"purpose": "Other.", "owner": bank.person("risk").id}
    assert owner.patch(f"/api/v1/models/{bank.model}", json=edited).status_code == 200
    admin = bank.cast.actor(bank.person("admin"))
    with database.write() as db:
        registry_service.describe_version(db, admin, bank.model, 1, "Said later.")
    with database.read() as db:
        after = queries.gather(db, queries.Case(version.id, CHAMPION))
        past = queries.gather(db, queries.Case(version.id, CHAMPION), at=then)
        judged = queries.judge(db, of_model(db), CHAMPION, at=then)
        stored = db.scalars(select(DecisionRecord)).all()
    assert (after.owner, after.covers) != (before.owner, before.covers)
    assert (past.owner, past.covers, past.fields) == (before.owner, before.covers, before.fields)
    assert said is not None
    assert judged is not None
    assert (judged.outcome, judged.facts_digest) == (said.outcome, said.facts_digest)
    assert not stored


def of_model(db: Session) -> Version:
    return db.scalars(select(Version).options(joinedload(Version.model))).one()


def test_a_fact_that_cannot_be_read_is_no_decision(
    bank: Setting, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> dict[str, Any]:
        raise KeyError("a light of tomorrow")

    monkeypatch.setitem(gathering.LOADERS, "monitors", broken)
    body = {"model": bank.model, "version": 1, "to": "alias:champion"}
    for answer in (bank["admin"].post("/api/v1/gate", json=body), bank.promote()):
        assert answer.status_code == 503, answer.text
        assert "monitors" in answer.json()["detail"]
    with database.read() as db:
        assert db.scalars(select(DecisionRecord)).all() == []


def test_whoever_asks_while_a_policy_is_published_is_judged_by_it_and_hears_why(
    bank: Setting, database: Database
) -> None:
    bank.assess(RESEARCH)
    bank.vote(bank.ask(), "owner")
    assert bank.gate().json()["outcome"] == "allow"
    risk, admin = bank.cast.actor(bank.person("risk")), bank.cast.actor(bank.person("admin"))
    heard: list[TransitionRefused] = []
    began = threading.Event()

    def promote() -> None:
        began.set()
        try:
            with database.write() as db:
                model = registry.get_model(db, admin, bank.model)
                registry_service.set_alias(db, admin, model, "champion", 1)
        except TransitionRefused as error:
            heard.append(error)

    thread = threading.Thread(target=promote)
    with database.write() as db:
        service.publish_policy(db, risk, PolicyIn(document=next_version(), reason="Stricter."))
        thread.start()
        began.wait(10)
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(20)
    assert not thread.is_alive()
    (refusal,) = heard
    assert refusal.details["decision"]["policy_version"] == 2
    assert refusal.details["decision"]["unmet"] == ["auc"]


def test_of_two_promotions_at_once_the_worse_one_is_told_what_stands_there(bank: Setting, database: Database) -> None:
    better, worse = ({"name": "auc", "value": value, "n": 900, "standard_error": 0.001} for value in (0.9, 0.8))
    for figures in (better, worse):
        made = bank["author"].post(f"/api/v1/models/{bank.model}/versions", json={"metrics": [figures]})
        assert made.status_code == 201, made.text
    check = {"id": "better", "title": "Not worse", "check": "champion", "metric": "auc", "remedy": "Train it better."}
    document = {
        "id": "duel",
        "version": 1,
        "title": "Duel",
        "applies_to": {"actions": ["alias:duel"]},
        "requirements": [check],
    }
    published = bank["risk"].post("/api/v1/policies", json={"document": document, "reason": "A duel."})
    assert published.status_code == 201, published.text
    admin = bank.cast.actor(bank.person("admin"))
    heard: list[TransitionRefused] = []
    start = threading.Barrier(2)

    def promote(number: int) -> None:
        start.wait(10)
        try:
            with database.write() as db:
                model = registry.get_model(db, admin, bank.model)
                registry_service.set_alias(db, admin, model, "duel", number)
        except TransitionRefused as error:
            heard.append(error)

    threads = [threading.Thread(target=promote, args=(number,)) for number in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with database.read() as db:
        held = db.scalars(select(Alias).order_by(Alias.from_at)).all()
    assert [alias.version_number for alias in held if alias.to_at is None] == [2]
    assert len(held) + len(heard) == 2
    assert all("Against v2" in error.details["decision"]["judgements"][0]["detail"] for error in heard)


def test_a_decision_is_kept_with_what_it_rested_on(bank: Setting, database: Database) -> None:
    bank.assess(RETAIL_CREDIT)
    assert bank.promote().status_code == 409
    with database.read() as db:
        kept = db.scalars(select(DecisionRecord)).one()
        facts = queries.gather(db, queries.Case(kept.version_id, CHAMPION))
    assert kept.facts_digest == digest_of_facts(facts) == kept.decision["facts_digest"]
    assert all(one["remedy"]["who"] for one in kept.decision["judgements"] if one["remedy"])
