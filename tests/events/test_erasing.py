"""Erasing a person: nothing names them any more, and the log is as whole as before."""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.core.settings import Settings
from modelops_platform.events.proof.report import Outcome
from modelops_platform.events.service import seal_events
from modelops_platform.operations.verification import verify_installation
from tests.factories import Cast, count_events, last_event

HOLD_TEXT = ("events", "event_personal", "users", "refusals", "event_places", "log_seals", "access_requests")


def everything(db: Session) -> str:
    """All that the log and the accounts hold, as text."""
    db.rollback()
    return "\n".join(str(list(db.execute(text(f"SELECT * FROM {table}")))) for table in HOLD_TEXT)


def test_what_names_a_person_goes_and_what_they_did_stays(
    client: TestClient, nobody: TestClient, cast: Cast, db: Session, database: Database, settings: Settings
) -> None:
    ada = cast.person("contributor", name="Ada Lovelace")
    path = f"/api/v1/users/{ada.id}"
    assert client.patch(path, json={"email": "countess@old.example", "name": "Ada King"}).status_code == 200
    assert client.patch(path, json={"email": "ada@new.example"}).status_code == 200
    own = TestClient(client.app, headers={"authorization": f"Bearer {cast.token(ada)}"})
    assert own.post("/api/v1/units", json={"name": "Loans"}).status_code == 403
    assert nobody.post("/login", data={"email": "ada@new.example", "password": "wrong wrong"}).status_code >= 400
    with database.write() as write:
        seal_events(write)
    for word in ("Lovelace", "Ada King", "countess@old.example", "ada@new.example"):
        assert word in everything(db)
    proofs = [
        client.get(f"/api/v1/events/{one['id']}/proof") for one in client.get("/api/v1/events").json()["items"][:5]
    ]
    proved = [proof.json() for proof in proofs if proof.status_code == 200]

    erased = client.post(f"{path}/erase")
    assert erased.status_code == 200, erased.text
    assert erased.json()["name"] == "Erased person"
    assert erased.json()["erased_at"]
    left = everything(db)
    for word in ("Lovelace", "Ada King", "countess@old.example", "ada@new.example", ada.email):
        assert word not in left, word
    assert ada.id in left
    told: Any = last_event(db, "user.erased")["data"]
    assert told["events"] >= 4
    assert own.get("/api/v1/models").status_code == 401
    report = verify_installation(settings)
    assert (report.outcome, report.findings) == (Outcome.WHOLE, [])
    assert report.erased >= 4
    for before in proved:
        assert client.get(f"/api/v1/events/{event_of(before)}/proof").json() == before
    assert client.post(f"{path}/erase").status_code == 200
    assert count_events(db, "user.erased") == 1
    assert client.post(f"{path}/enable").status_code == 422
    assert client.patch(path, json={"name": "Ada again"}).status_code == 422
    assert "Erased person" in client.get(f"/administration/users/{ada.id}").text


def event_of(proof: dict[str, str]) -> str:
    found: str = json.loads(proof["content"])["id"]
    return found


def test_not_everybody_may_erase_and_not_everybody_can_be(
    client: TestClient, client_as: Callable[..., TestClient], cast: Cast, db: Session
) -> None:
    ada, robot, boss = cast.person(unit="Cards"), cast.person("service"), cast.person("admin")
    for role in ("viewer", "auditor", "risk", "contributor"):
        assert client_as(role).post(f"/api/v1/users/{ada.id}/erase").status_code == 403
    of_cards = client_as("admin", unit="Cards")
    assert of_cards.post(f"/api/v1/users/{boss.id}/erase").status_code in (403, 404)
    assert client.post(f"/api/v1/users/{robot.id}/erase").status_code == 422
    assert client.post("/api/v1/users/nobody/erase").status_code == 404
    me = min(client.get("/api/v1/users").json()["items"], key=lambda one: str(one["created_at"]))["id"]
    assert client.post(f"/api/v1/users/{boss.id}/erase").status_code == 200
    assert client.post(f"/api/v1/users/{me}/erase").status_code == 422
    assert of_cards.post(f"/api/v1/users/{ada.id}/erase").status_code == 200
    assert client.post(f"/administration/users/{cast.person().id}/erase").status_code == 303
    assert count_events(db, "user.erased") == 3
