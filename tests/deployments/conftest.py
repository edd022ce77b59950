"""What the tests of release control share: a gate that can be opened and shut, and a model with versions."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import gates
from modelops_platform.core.errors import TransitionRefused
from modelops_platform.events import service as events

ACTION = "deployment.activate"


@dataclass(frozen=True)
class Judged:
    """What the kept event is about."""

    id: str
    model_id: str
    object_kind: str = "version"


@dataclass
class GateKeeper:
    """A real gate: it lets everything pass and names its decision, until it is shut."""

    is_shut: bool = False
    asked: list[gates.Transition] = field(default_factory=list)

    def __call__(self, _db: Session, transition: gates.Transition) -> str | None:
        self.asked.append(transition)
        if not self.is_shut:
            return f"decision-{len(self.asked)}"
        thing = Judged(transition.thing.id, transition.thing.model_id)  # the row itself is gone after the rollback
        raise TransitionRefused(
            "No: 1 of 2 requirements is not met.",
            decision=decision_of(transition),
            to_keep=[lambda db: events.record(db, transition.actor, "transition.refused", thing)],
        )


def decision_of(transition: gates.Transition) -> dict[str, object]:
    """A decision as it travels on a refusal."""
    requirement: dict[str, Any] = {
        "requirement_id": "assessed",
        "title": "Risk tier assessed",
        "status": "not_met",
        "detail": "Nobody has assessed the model.",
        "evidence_at": None,
        "weight": "required",
        "remedy": {"text": "Answer the questionnaire.", "link": "assess_model", "ids": [], "who": None},
    }
    return {
        "outcome": "deny",
        "action": "deployment:activate",
        "environment": transition.context["environment"],
        "version_id": transition.thing.id,
        "policy_title": "Tier 1",
        "policy_version": 1,
        "asked_at": "2026-05-03T12:00:00+00:00",
        "sentence": "No: 1 of 2 requirements is not met.",
        "judgements": [requirement],
    }


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> GateKeeper:
    """The only gate of activations while the test runs."""
    keeper = GateKeeper()
    monkeypatch.setitem(gates._gates, ACTION, [keeper])
    return keeper


@dataclass(frozen=True)
class Rig:
    """Calls that most tests make, by one client."""

    client: TestClient

    def model(self, name: str = "churn", *, versions: int = 2, **more: object) -> None:
        """Register a model with versions, each of a file of its own, so that their digests are verified."""
        assert self.client.post("/api/v1/models", json={"name": name, **more}).status_code == 201
        for number in range(1, versions + 1):
            self.version(name, f"{name} {number}")

    def version(self, name: str, content: str | None) -> int:
        """Add a version made of one file, or of none, and return its number."""
        files = []
        if content is not None:
            stored = self.client.put("/api/v1/files", content=content.encode())
            assert stored.status_code == 201, stored.text
            files = [{"path": "model.txt", "sha256": stored.json()["sha256"]}]
        answer = self.client.post(f"/api/v1/models/{name}/versions", json={"files": files})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["number"])

    def deployment(self, name: str = "churn-crm", *, environment: str = "production", model: str = "churn") -> str:
        """Record a deployment and return its id."""
        wanted = {"name": name, "environment": environment, "model": model, "consumer": "CRM"}
        answer = self.client.post("/api/v1/deployments", json=wanted)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def activate(self, version: int, name: str = "churn-crm", *, status: int = 201) -> dict[str, Any]:
        """Ask to make a version live."""
        wanted = {"version": version, "reason": f"Because of {version}."}
        answer = self.client.post(f"/api/v1/deployments/{name}/revisions", json=wanted)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def live(self, **asked: str) -> list[tuple[str, int]]:
        """Return what is or was live, as (deployment, version)."""
        answer = self.client.get("/api/v1/live", params=asked)
        assert answer.status_code == 200, answer.text
        return [(item["deployment"]["name"], item["version"]) for item in answer.json()["items"]]


@pytest.fixture
def rig(client: TestClient) -> Rig:
    """An administrator's calls."""
    return Rig(client)
