"""Validation: who may, what is written, what is signed, and what a change makes of it."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events import service as events
from modelops_platform.governance import queries, service
from modelops_platform.governance.domain.known import Opinion
from modelops_platform.governance.tables import Validation, ValidationSignature
from modelops_platform.registry.tables import Model, Version
from tests.factories import count_events, last_event

from .setting import Setting

on_one = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WORDS = {"conceptual": "A scorecard fits.", "sensitivity": "Income.", "limits": "Not abroad.", "monitoring": "Enough."}


def assign(bank: Setting, *, by: str = "owner", **changes: Any) -> Any:
    body = {"version": 1, "validator": bank.person("validator").id, **changes}
    return bank[by].post(f"/api/v1/models/{bank.model}/validations", json=body)


def write(bank: Setting, id: str, **parts: str) -> None:
    for part, text in (parts or WORDS).items():
        done = bank["validator"].post(f"/api/v1/validations/{id}/parts", json={"part": part, "text": text})
        assert done.status_code == 200, done.text


def sign(bank: Setting, id: str, opinion: str = "fit", *, by: str = "validator", **changes: Any) -> Any:
    report = bank["viewer"].get(f"/api/v1/validations/{id}/report").json()
    body = {"opinion": opinion, "sentence": "I looked at it.", "covers": report["covers"], "digest": report["digest"]}
    return bank[by].post(f"/api/v1/validations/{id}/sign", json={**body, **changes})


def test_a_validation_from_plan_to_signature_to_the_gate(bank: Setting, db: Session, database: Database) -> None:
    made = assign(bank)
    assert made.status_code == 201, made.text
    assert (made.json()["scope"], made.json()["state"]) == ("full", "assigned"), "nobody assessed it: as tier 1"
    id = made.json()["id"]
    assert assign(bank).status_code == 409
    early = sign(bank, id)
    assert early.status_code == 422
    assert "Conceptual soundness" in early.json()["detail"]
    write(bank, id)
    report = bank["viewer"].get(f"/api/v1/validations/{id}/report").json()
    assert report["missing"] == []
    assert report["validation"]["state"] == "in_progress"
    parts = {part["id"]: part for part in report["parts"]}
    assert "vendor" not in parts
    assert "generative" not in parts
    assert any("neither owns" in line["text"] for line in parts["scope"]["lines"])
    assert parts["conceptual"]["text"] == "A scorecard fits."
    finding = {"title": "No data of 2020", "description": "The slump is missing.", "category": "data"}
    raised = bank["validator"].post(f"/api/v1/validations/{id}/findings", json={**finding, "severity": "high"})
    assert raised.status_code == 201, raised.text
    assert sign(bank, id, "fit").status_code == 422, "a high finding is open"
    assert sign(bank, id, "fit_with_conditions", covers="0" * 64).status_code == 412, "another content was read"
    signed = sign(bank, id, "fit_with_conditions")
    assert signed.status_code == 200, signed.text
    told = last_event(db, "validation.completed")["data"]
    assert isinstance(told, dict)
    assert (told["opinion"], told["conditions"], told["digest"]) == ("fit_with_conditions", 1, report["digest"])
    assert [count_events(db, f"validation.{what}") for what in ("assigned", "started", "completed")] == [1, 1, 1]
    after = bank["viewer"].get(f"/api/v1/validations/{id}/report").json()
    assert after["is_signed"]
    assert {part["id"]: part["text"] for part in after["parts"]}["limits"] == "Not abroad."
    assert sign(bank, id).status_code == 409
    late = bank["validator"].post(f"/api/v1/validations/{id}/parts", json={"part": "limits", "text": "Later."})
    assert late.status_code == 409

    with database.read() as now:
        version = now.scalars(select(Version)).one()
        fact = queries.load_validations(now, {version.id: version}, clock.now())[version.id]
        assert (fact.id, fact.opinion, fact.scope) == (id, Opinion.FIT_WITH_CONDITIONS, "full")
        assert (fact.digest, fact.covers) == (version.manifest_digest, report["covers"])
        assert queries.load_validations(now, {version.id: version}, clock.now() - timedelta(hours=1)) == {}
        kept = now.scalars(select(ValidationSignature)).one()
        assert kept.sha256 == service.digest_of_report(kept.report)
    with pytest.raises(RuntimeError, match="never changed"), database.write() as write_db:
        write_db.scalars(select(ValidationSignature)).one().opinion = "fit"

    purpose = {"purpose": "Decides whether a loan is offered, and at which rate."}
    model = bank["owner"].get(f"/api/v1/models/{bank.model}")
    edited = bank["owner"].patch(
        f"/api/v1/models/{bank.model}", json=purpose, headers={"if-match": model.headers["etag"]}
    )
    assert edited.status_code == 200, edited.text
    with database.write() as write_db:
        events.seal_events(write_db)
    with database.write() as write_db:
        service.catch_up(write_db, DEFAULT_WORKSPACE, 0)
    items = bank["viewer"].get(f"/api/v1/models/{bank.model}/validations").json()["items"]
    assert [(one["state"], one["reopens_id"]) for one in items] == [("assigned", id), ("signed", None)]
    assert bank["viewer"].get(f"/api/v1/validations/{id}/report").json()["parts"] == after["parts"], "history stays"
    again = bank["viewer"].get(f"/api/v1/validations/{items[0]['id']}/report").json()
    assert {part["id"]: part["text"] for part in again["parts"]}["limits"] == "Not abroad.", "as a draft"
    with database.write() as write_db:
        service.catch_up(write_db, DEFAULT_WORKSPACE, 0)
    assert len(bank["viewer"].get(f"/api/v1/models/{bank.model}/validations").json()["items"]) == 2


def test_who_is_not_independent_neither_gets_nor_signs_a_validation(bank: Setting, database: Database) -> None:
    for name, word in {
        "owner": "not independent",
        "author": "not independent",
        "risk": "role validator",
        "robot": "Only people",
    }.items():
        refused = assign(bank, validator=bank.person(name).id)
        assert refused.status_code == 422, name
        assert word in refused.json()["detail"], name
    assert assign(bank, validator="nobody").status_code == 422
    for role in ("viewer", "validator", "executive", "robot", "compliance"):
        assert assign(bank, by=role).status_code == 403, role
    assert assign(bank, scope="peer_review").status_code == 422
    assert assign(bank, due="2020-01-01").status_code == 422
    id = assign(bank).json()["id"]
    part = {"part": "limits", "text": "None."}
    other = bank.cast.person("validator", name="Other Validator")
    bank.people["other"] = other
    for name in ("owner", "author", "risk", "admin", "robot", "other", "viewer"):
        assert bank[name].post(f"/api/v1/validations/{id}/parts", json=part).status_code == 403, name
        assert sign(bank, id, by=name).status_code == 403, name
    write(bank, id)
    with database.write() as db:  # made an owner after the work was done
        db.execute(update(Model).values(owner_id=bank.person("validator").id))
    refused = sign(bank, id)
    assert refused.status_code == 403
    assert "not independent" in refused.json()["detail"]
    assert bank["owner"].post(f"/api/v1/validations/{id}/call-off", json={"sentence": "Wrong."}).status_code == 200
    assert bank["owner"].post(f"/api/v1/validations/{id}/call-off", json={"sentence": "Twice."}).status_code == 409


def test_of_two_sign_offs_at_once_one_counts(bank: Setting, database: Database) -> None:
    id = assign(bank).json()["id"]
    write(bank, id)
    report = bank["viewer"].get(f"/api/v1/validations/{id}/report").json()
    answers: list[int] = []
    ready = threading.Barrier(2)

    def go(opinion: str) -> None:
        ready.wait()
        body = {"opinion": opinion, "sentence": "Now.", "covers": report["covers"], "digest": report["digest"]}
        answers.append(bank["validator"].post(f"/api/v1/validations/{id}/sign", json=body).status_code)

    bank["validator"]
    threads = [threading.Thread(target=go, args=(opinion,)) for opinion in ("fit", "not_fit")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409]
    with database.read() as db:
        assert len(db.scalars(select(ValidationSignature)).all()) == 1
        assert db.scalars(select(Validation.state)).one() == "signed"


@on_one
def test_bad_input_to_a_report_is_refused(bank: Setting) -> None:
    id = assign(bank).json()["id"]
    path = f"/api/v1/validations/{id}"
    for body in ({"part": "signature", "text": "x"}, {"part": "no-such", "text": "x"}, {"part": "limits", "text": ""}):
        assert bank["validator"].post(f"{path}/parts", json=body).status_code == 422
    assert bank["validator"].post(f"{path}/sign", json={"opinion": "great"}).status_code == 422
    assert (
        bank["validator"].post("/api/v1/validations/none/parts", json={"part": "limits", "text": "x"}).status_code
        == 404
    )
    write(bank, id)
    refused = sign(bank, id, "fit_with_conditions")
    assert refused.status_code == 422
    assert "no condition" in refused.json()["detail"]
