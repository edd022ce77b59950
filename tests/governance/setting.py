"""A bank's release, with everybody who takes part: made over HTTP, as people do it."""

from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import update
from starlette.testclient import TestClient

from modelops_platform.artifacts.tables import Blob
from modelops_platform.core import clock
from modelops_platform.identity.tables import User
from tests.client import Client
from tests.factories import Cast

from .factories import answers_of

RETAIL_CREDIT = answers_of(3, 4, 3, 3, 2, 3, 1, 1, 2, 1, 1, 4, 3, 3, 0)
RESEARCH = dict.fromkeys(RETAIL_CREDIT, 0)
ROLES = {
    "owner": "contributor",
    "author": "contributor",
    "validator": "validator",
    "risk": "risk",
    "executive": "executive",
    "compliance": "compliance",
    "admin": "admin",
    "viewer": "viewer",
    "robot": "service",
}


@dataclass
class Setting:
    """People with clients, one model, one version."""

    app: FastAPI
    cast: Cast
    model: str = "loan-default"
    people: dict[str, User] = field(default_factory=dict)
    clients: dict[str, TestClient] = field(default_factory=dict)

    def person(self, name: str) -> User:
        """Somebody of the bank, hired when first needed."""
        if name not in self.people:
            self.people[name] = self.cast.person(ROLES[name], name=f"{name.title()} Example")
        return self.people[name]

    def __getitem__(self, name: str) -> TestClient:
        if name not in self.clients:
            token = self.cast.token(self.person(name))
            headers = {"authorization": f"Bearer {token}"}
            self.clients[name] = Client(self.app, headers=headers)
        return self.clients[name]

    def register(self, **changes: Any) -> None:
        body = {
            "name": self.model,
            "kind": "ml",
            "purpose": "Decides whether a loan is offered.",
            "owner": self.person("owner").id,
            "validator": self.person("validator").id,
            "eu_class": "minimal",
            **changes,
        }
        made = self["author"].post("/api/v1/models", json=body)
        assert made.status_code == 201, made.text

    def add_version(self, content: bytes = b"weights", *, by: str = "author", verdict: str | None = "clean") -> int:
        stored = self[by].put("/api/v1/files?name=model.onnx", content=content)
        assert stored.status_code == 201, stored.text
        sha256 = stored.json()["sha256"]
        if verdict is not None:
            with self.cast.database.write() as db:
                scanned = {"verdict": verdict, "reasons": [], "scanned_at": clock.now()}
                db.execute(update(Blob).where(Blob.sha256 == sha256).values(scanned))
        made = self[by].post(
            f"/api/v1/models/{self.model}/versions",
            json={"files": [{"path": "model.onnx", "sha256": sha256}], "metrics": [{"name": "auc", "value": 0.84}]},
        )
        assert made.status_code == 201, made.text
        return int(made.json()["number"])

    def assess(self, answers: dict[str, int] | None = None, *, by: str = "risk", **facts: Any) -> Response:
        body = {"answers": RETAIL_CREDIT if answers is None else answers, "facts": facts}
        return self[by].post(f"/api/v1/models/{self.model}/assessments", json=body)

    def ask(self, version: int = 1, to: str = "alias:champion", *, by: str = "author") -> str:
        body = {"model": self.model, "version": version, "to": to, "message": "Better than the last one."}
        made = self[by].post("/api/v1/approvals", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def vote(self, request: str, by: str, answer: str = "approve") -> Response:
        said = {"answer": answer, "sentence": "I looked at it."}
        return self[by].post(f"/api/v1/approvals/{request}/votes", json=said)

    def promote(self, version: int = 1, alias: str = "champion", *, by: str = "admin") -> Response:
        return self[by].put(f"/api/v1/models/{self.model}/aliases/{alias}", json={"version": version})

    def gate(self, version: int = 1, to: str = "alias:champion", *, by: str = "author", **params: Any) -> Response:
        return self[by].get("/api/v1/gate", params={"model": self.model, "version": version, "to": to, **params})
