"""Confirming a proposed tier over HTTP, as people do it."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events import service as events
from modelops_platform.governance import service
from tests.factories import count_events, last_event

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
    """Whoever edits the record could name a friend."""
    friend = bank.person("owner").id
    changed = {"validator": friend, "owner": bank.person("executive").id}
    assert bank["author"].patch(f"/api/v1/models/{bank.model}", json=changed).status_code == 200
    [approvals] = [one for one in bank.gate().json()["judgements"] if one["check"] == "approvals"]
    [seat] = [seat for seat in approvals["seats"] if seat["role"] == "validator"]
    assert seat["candidates"] == []
    assert "only with the role validator there" in approvals["detail"]
