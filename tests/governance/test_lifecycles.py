"""Life cycles over HTTP: what goes by itself, what people move, two definitions at once, two movers at once."""

import itertools
import threading
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events import service as events
from modelops_platform.governance import service
from modelops_platform.governance.tables import LifeCycleStay
from modelops_platform.registry.tables import ModelSummary
from tests.factories import Cast, count_events, last_event

from .setting import RESEARCH, Setting

LIGHT = """
id: light
version: 1
title: A light life for tier 4
about: model
applies_to: {tiers: [4]}
states:
  - {id: proposed, title: Proposed}
  - {id: in_development, title: Being tried}
  - {id: in_use, title: In use}
transitions:
  - {id: begin, title: A version is there, from: [proposed], to: in_development, when: [has_version]}
  - {id: use, title: Put to use, from: [in_development], to: in_use, who: [owner], needs: [assessed]}
  - {id: stop, title: Stop using it, from: [in_use], to: in_development, who: [owner], reason: true}
"""


def follow(database: Database, after: int = 0) -> int:
    with database.write() as db:
        events.seal_events(db)
        return service.catch_up(db, DEFAULT_WORKSPACE, after)


def standing(bank: Setting, version: int | None = None, by: str = "viewer") -> dict[str, Any]:
    path = f"/api/v1/models/{bank.model}" + (f"/versions/{version}" if version else "") + "/life-cycle"
    found = bank[by].get(path)
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json()
    return body


def move(bank: Setting, by: str, to: str, version: int | None = None, **more: Any) -> Any:
    path = f"/api/v1/models/{bank.model}" + (f"/versions/{version}" if version else "") + "/move"
    return bank[by].post(path, json={"to": to, **more})


def publish(bank: Setting, document: str) -> None:
    made = bank["risk"].post("/api/v1/life-cycles", json={"document": document, "reason": "Ours."})
    assert made.status_code == 201, made.text


def test_governance_moves_what_it_decides_and_follows_what_others_do(
    bank: Setting, database: Database, db: Session
) -> None:
    place = follow(database)
    assert [standing(bank)["state"], standing(bank, 1)["state"]] == ["in_development", "draft"]
    bank.assess(RESEARCH)
    request = bank.ask()
    assert [standing(bank)["state"], standing(bank, 1)["state"]] == ["in_validation", "submitted"]
    bank.vote(request, "owner")
    found = standing(bank, 1)
    assert (found["state"], found["stays"][0]["reason"]) == (
        "approved",
        "Every approval is given, and it runs in no protected environment, and it is not archived.",
    )
    assert last_event(db, "version.approved")["data"]["state"] == {"from": "submitted", "to": "approved"}  # type: ignore[index]
    made = {"name": "loans", "environment": "production", "model": bank.model}
    assert bank["author"].post("/api/v1/deployments", json=made).status_code == 201
    assert bank.vote(bank.ask(to="production"), "owner").json()["state"] == "granted"
    activate = {"version": 1, "reason": "Release."}
    assert bank["author"].post("/api/v1/deployments/loans/revisions", json=activate).status_code == 201
    live = standing(bank, 1)
    assert (live["state"], standing(bank)["state"]) == ("deployed", "in_production")
    assert live["stays"][0]["decision_id"] is not None
    assert bank["author"].post("/api/v1/deployments/loans/end", json={"reason": "Over."}).status_code == 200
    follow(database, place)
    assert (standing(bank, 1)["state"], standing(bank)["state"]) == ("superseded", "approved")
    summary = bank["viewer"].get(f"/api/v1/models/{bank.model}").json()["summary"]
    assert summary["state"] == "approved"
    states = [stay["state"] for stay in standing(bank, 1)["stays"]]
    assert states == ["superseded", "deployed", "approved", "submitted", "draft"]


def test_a_suspended_model_and_a_revoked_version_go_nowhere(bank: Setting, database: Database, db: Session) -> None:
    follow(database)
    bank.assess(RESEARCH)
    bank.vote(bank.ask(), "owner")
    assert bank.gate().json()["outcome"] == "allow"
    assert move(bank, "author", "suspended", reason="Try.").status_code == 403
    assert move(bank, "risk", "suspended").json()["field"] == "reason"
    stopped = move(bank, "risk", "suspended", reason="It discriminates.")
    assert (stopped.status_code, stopped.json()["is_barred"]) == (200, True)
    refused = bank.gate().json()
    assert refused["unmet"] == ["barred"]
    assert "The model is suspended: It discriminates." in refused["judgements"][0]["detail"]
    assert bank.promote().status_code == 409
    made = {"name": "trial", "environment": "development", "model": bank.model}
    bank["author"].post("/api/v1/deployments", json=made)
    activate = {"version": 1, "reason": "Quietly."}
    assert bank["author"].post("/api/v1/deployments/trial/revisions", json=activate).status_code == 409
    assert "somebody else does this" in move(bank, "risk", "in_production", reason="Mine.").json()["detail"]
    assert move(bank, "validator", "in_production", reason="It is well.").status_code == 403
    resumed = move(bank, "executive", "in_production", reason="Cause closed.")  # who approves a release, too
    assert resumed.status_code == 200, resumed.text
    assert bank.gate().json()["outcome"] == "allow"
    assert move(bank, "risk", "revoked", 1, reason="Leaked data.").status_code == 200
    assert bank.gate().json()["unmet"] == ["barred"]
    assert bank.promote().status_code == 409
    assert standing(bank, 1)["ways"] == []
    assert count_events(db, "model.suspended") == count_events(db, "version.revoked") == 1


def test_moves_say_why_not_and_what_is_missing(bank: Setting) -> None:
    bank.model = "idea"
    bank.register()
    ways = {way["to"]: way for way in standing(bank, by="owner")["ways"]}
    assert "nobody has determined" in ways["in_development"]["refusal"]
    assert ways["on_hold"]["refusal"] is None
    assert all(way["refusal"] for way in standing(bank, by="viewer")["ways"])
    assert move(bank, "owner", "in_development").status_code == 403
    assert move(bank, "owner", "in_production").json()["field"] == "to"
    assert move(bank, "owner", "on_hold", reason="Budget.", state="approved").status_code == 412
    assert move(bank, "viewer", "on_hold", reason="Mine.").status_code == 403
    assert move(bank, "owner", "on_hold", reason="Budget.").json()["state"] == "on_hold"


def test_two_life_cycles_at_once_and_a_new_version_leaves_what_is_on_its_way(
    bank: Setting, database: Database, db: Session
) -> None:
    publish(bank, LIGHT)
    follow(database)
    bank.assess()  # tier 1
    assert standing(bank)["life_cycle"] == "model"
    bank.model = "lunch-planner"
    bank.register()
    bank.add_version(b"menu")
    bank.assess(RESEARCH)
    small = standing(bank)
    assert (small["life_cycle"], small["title"]) == ("light", "Being tried")
    changed = LIGHT.replace("version: 1", "version: 2").replace("title: In use", "title: Used by all")
    publish(bank, changed.replace("who: [owner], needs", "who: [risk], needs"))
    assert standing(bank)["newer_version"] == 2
    assert move(bank, "owner", "in_use").json()["title"] == "In use"  # by the version that it began under
    assert standing(bank)["life_cycle_version"] == 1
    stale = bank["risk"].post("/api/v1/life-cycles", json={"document": LIGHT, "reason": "Again."})
    assert (stale.status_code, stale.json()["field"]) == (422, "version")
    bad = bank["risk"].post("/api/v1/life-cycles", json={"document": "id: x\nversion: 1\nabout: unit", "reason": "No."})
    assert (bad.status_code, bad.json()["line"]) == (422, 3)
    assert bank["viewer"].post("/api/v1/life-cycles", json={"document": LIGHT, "reason": "Me."}).status_code == 403
    bank.model = "loan-default"
    bank.assess(RESEARCH)  # from tier 1 to tier 4: it goes on under that life cycle
    assert standing(bank)["life_cycle"] == "light"
    assert count_events(db, "life_cycle.transferred") == 1


def test_a_policy_may_guard_a_move(bank: Setting, database: Database) -> None:
    follow(database)
    bank.assess(RESEARCH)
    document = """
id: suspensions
version: 1
title: What a version shows before it is submitted
applies_to: {actions: ["move:submitted"]}
requirements:
  - {id: risk, title: Risk agrees, check: approvals, roles: [risk], remedy: Ask a risk officer.}
"""
    made = bank["risk"].post("/api/v1/policies", json={"document": document, "reason": "Care."})
    assert made.status_code == 201, made.text
    refused = move(bank, "owner", "submitted", 1)
    assert (refused.status_code, refused.json()["decision"]["unmet"]) == (409, ["risk"])
    assert "May loan-default v1 become submitted?" in refused.json()["detail"]
    assert standing(bank, 1)["state"] == "draft"


@pytest.mark.parametrize("second", ["rejected", "on_hold"])
def test_of_two_movers_at_once_one_wins_and_the_other_is_told(bank: Setting, database: Database, second: str) -> None:
    follow(database)
    bank.people["other"] = bank.cast.person("risk", name="Second Officer")
    clients = [bank["risk"], bank["other"]]
    barrier, answers = threading.Barrier(2), []

    def run(client: Any, to: str) -> None:
        barrier.wait()
        body = {"to": to, "reason": "Now.", "state": "in_development"}
        answers.append(client.post(f"/api/v1/models/{bank.model}/move", json=body))

    threads = [threading.Thread(target=run, args=(clients[0], "on_hold"))]
    threads.append(threading.Thread(target=run, args=(clients[1], second)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    with database.read() as db:
        open_ones = db.scalars(select(LifeCycleStay).where(LifeCycleStay.to_at.is_(None))).all()
        assert len([stay for stay in open_ones if stay.state in ("on_hold", "rejected")]) == 1


def test_archiving_retires_and_restoring_takes_up_again(bank: Setting, database: Database) -> None:
    place = follow(database)
    model_id = bank["viewer"].get(f"/api/v1/models/{bank.model}").json()["id"]
    assert bank["author"].post(f"/api/v1/models/{bank.model}/archive").status_code == 200
    place = follow(database, place)
    with database.read() as db:
        assert db.scalars(select(ModelSummary.state)).one() == "retired"
    assert bank["author"].post(f"/api/v1/archived-models/{model_id}/restore").status_code == 200
    follow(database, place)
    assert standing(bank)["state"] == "in_development"


def test_what_is_stored_are_intervals_that_join(app: FastAPI, cast: Cast, database: Database) -> None:
    bank = Setting(app, cast)
    bank.register()
    bank.add_version()
    follow(database)
    bank.assess(RESEARCH)
    with clock.frozen(clock.now() + timedelta(hours=1)):
        bank.vote(bank.ask(), "owner")
    with database.read() as db:
        for subject in set(db.scalars(select(LifeCycleStay.subject_id))):
            mine = select(LifeCycleStay).where(LifeCycleStay.subject_id == subject)
            stays = db.scalars(mine.order_by(LifeCycleStay.from_at, LifeCycleStay.id)).all()
            assert all(before.to_at == after.from_at for before, after in itertools.pairwise(stays))
            assert stays[-1].to_at is None
