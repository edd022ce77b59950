"""The inventory over HTTP."""

from collections.abc import Callable

from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from tests.factories import count_events

CHURN = {"name": "churn", "kind": "ml", "purpose": "Says who may leave."}


def test_duplicate_name_is_a_conflict_and_leaves_no_event(client: TestClient, db: Session) -> None:
    assert client.post("/api/v1/models", json=CHURN).status_code == 201
    assert client.post("/api/v1/models", json=CHURN).status_code == 409
    assert count_events(db, "model.registered") == 1


def test_viewer_may_not_register_and_the_refusal_is_in_the_log(
    client_as: Callable[..., TestClient], db: Session
) -> None:
    assert client_as("viewer").post("/api/v1/models", json=CHURN).status_code == 403
    assert count_events(db, "access.denied") == 1
