"""Confirming a proposed tier over HTTP, as people do it."""

from typing import Any

from httpx2 import Response
from sqlalchemy.orm import Session

from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events import service as events
from modelops_platform.governance import service
from tests.factories import Cast, count_events, last_event

from .setting import RESEARCH, Setting


def tier_of(bank: Setting) -> int | None:
    found: int | None = bank["author"].get(f"/api/v1/models/{bank.model}").json()["summary"]["tier"]
    return found


def judged(bank: Setting) -> tuple[int, int | None]:
    answer = bank.gate().json()
    return answer["tier"], answer["proposed_tier"]


def confirm(bank: Setting, by: str, assessment: dict[str, Any]) -> Any:
    return bank[by].post(f"/api/v1/models/{bank.model}/assessments/{assessment['id']}/confirm")


def test_who_made_the_model_proposes_its_tier_and_somebody_else_confirms_it(bank: Setting, db: Session) -> None:
    assert bank.person("risk").name == "Risk Example"
    proposed = bank.assess(RESEARCH, by="author").json()
    assert (proposed["tier"], proposed["reviewed_by"]) == (4, None)
    assert tier_of(bank) is None
    assert judged(bank) == (1, 4)
    page = bank["author"].get(f"/models/{bank.model}/governance").text
    assert "Proposed: tier 4, to be confirmed" in page
    assert "Risk Example" in page  # who can confirm it
    for who in ("author", "owner"):
        refused = confirm(bank, who, proposed)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert confirm(bank, "executive", proposed).status_code == 403
    assert "Confirm tier 4?" in bank["risk"].get(f"/models/{bank.model}/governance").text
    confirmed = confirm(bank, "risk", proposed)
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.json()["reviewed_by"] == bank.person("risk").id
    assert tier_of(bank) == 4
    assert judged(bank) == (4, None)
    assert last_event(db, "risk.confirmed")["data"] == {
        "tier": 4,
        "total": proposed["total"],
        "by": bank.person("author").id,
    }
    assert confirm(bank, "validator", proposed).status_code == 409  # it is in force
    again = bank.assess(RESEARCH, by="author").json()
    assert confirm(bank, "risk", proposed).status_code == 412  # it has ended
    assert tier_of(bank) is None
    form = bank["validator"].post(f"/models/{bank.model}/risk/{again['id']}/confirm")
    assert form.status_code == 303
    assert tier_of(bank) == 4
    assert count_events(db, "risk.confirmed") == 2


def test_who_watches_over_risk_and_is_not_involved_needs_nobody(bank: Setting) -> None:
    assert bank.assess(RESEARCH, by="admin").json()["reviewed_by"] == bank.person("admin").id
    assert tier_of(bank) == 4


def test_who_confirmed_and_then_becomes_the_owner_has_confirmed_nothing(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH, by="risk")
    edited = bank["author"].patch(f"/api/v1/models/{bank.model}", json={"owner": bank.person("risk").id})
    assert edited.status_code == 200, edited.text
    assert judged(bank) == (1, 4)
    with database.write() as db:
        events.seal_events(db)
        service.catch_up(db, DEFAULT_WORKSPACE, 0)
    assert tier_of(bank) is None


def test_a_validator_who_was_only_named_fills_no_seat(bank: Setting) -> None:
    """A name is not a right, whoever wrote it."""
    friend = bank.person("owner").id
    changed = {"owner": bank.person("executive").id}
    assert bank["author"].patch(f"/api/v1/models/{bank.model}", json=changed).status_code == 200
    assert name_validator(bank, friend).status_code == 200
    [approvals] = [one for one in bank.gate().json()["judgements"] if one["check"] == "approvals"]
    [seat] = [seat for seat in approvals["seats"] if seat["role"] == "validator"]
    assert seat["candidates"] == []
    assert "only with the role validator there" in approvals["detail"]


def name_validator(bank: Setting, person: str, by: str = "risk") -> Response:
    return bank[by].post(f"/api/v1/models/{bank.model}/name-validator", json={"validator": person})


def candidates(bank: Setting) -> list[str]:
    [approvals] = [one for one in bank.gate().json()["judgements"] if one["check"] == "approvals"]
    return next(sorted(seat["candidates"]) for seat in approvals["seats"] if seat["role"] == "validator")


def test_a_validator_whom_the_maker_proposed_shuts_no_other_out(bank: Setting, cast: Cast, db: Session) -> None:
    bank.assess()
    chosen, other = bank.person("validator").id, cast.person("validator").id
    shown = bank["viewer"].get(f"/api/v1/models/{bank.model}").json()
    assert (shown["validator"]["id"], shown["validator_named_by"]) == (chosen, None)
    assert candidates(bank) == sorted([chosen, other])  # the author wrote that name
    assert "is proposed to check it" in bank["risk"].get(f"/models/{bank.model}").text
    for by in ("author", "owner", "viewer"):
        assert name_validator(bank, chosen, by=by).status_code == 403, by
    assert name_validator(bank, bank.person("owner").id).status_code == 422
    assert name_validator(bank, "nobody@example.com").status_code == 422
    named = name_validator(bank, chosen)
    assert (named.status_code, named.json()["validator_named_by"]) == (200, bank.person("risk").id)
    assert name_validator(bank, chosen).status_code == 200
    assert count_events(db, "model.validator_named") == 1
    assert candidates(bank) == [chosen]
    path = f"/api/v1/models/{bank.model}/validations"
    refused = bank["owner"].post(path, json={"version": 1, "validator": other})
    assert (refused.status_code, "by somebody without a part in it" in refused.json()["detail"]) == (422, True)
    assert bank["author"].patch(f"/api/v1/models/{bank.model}", json={"validator": other}).status_code == 200
    assert candidates(bank) == sorted([chosen, other])  # a proposal again
    form = {"validator": chosen}
    sent = bank["risk"].post(f"/models/{bank.model}/name-validator", data=form, headers={"origin": "http://testserver"})
    assert sent.status_code == 303
    assert candidates(bank) == [chosen]


def test_the_record_keeps_validator_owner_and_developer_apart(bank: Setting) -> None:
    owner, validator = bank.person("owner").id, bank.person("validator").id
    for change in ({"validator": owner}, {"owner": validator}, {"developer": validator}):
        refused = bank["author"].patch(f"/api/v1/models/{bank.model}", json=change)
        assert (refused.status_code, refused.json()["field"]) == (422, "validator"), change
    body = {"name": "other", "owner": owner, "validator": owner}
    assert bank["author"].post("/api/v1/models", json=body).status_code == 422
