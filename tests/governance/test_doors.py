"""No way around the gate: whatever can move an alias, a stage or a revision asks it first, by whatever door one comes.

The first two tests read the source: a new function that writes one of the three, or a new caller of the verbs that do,
fails here until it is looked at and written down. The last one walks through every door that answers HTTP.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from modelops_platform.core import gates
from modelops_platform.core.db import Database
from modelops_platform.core.errors import TransitionRefused
from modelops_platform.core.gates import Transition
from modelops_platform.deployments.tables import Revision
from modelops_platform.governance.service.gate import GUARDED
from modelops_platform.registry.tables import Alias, Version

from .setting import Setting

SOURCE = Path(gates.__file__).parent.parent
MOVED = ("Alias", "Revision")
VERBS = {"set_alias", "put_alias", "set_stage", "activate", "apply_granted"}

WRITERS = {
    "registry/service/aliases.py:set_alias": "alias.set",
    "registry/service/protocol.py:set_stage": "stage.set",
    "deployments/service/revisions.py:activate": "deployment.activate",
}
"""What points an alias, a stage or a deployment at a version, and the transition that the gate judges."""

ENDERS = {
    "registry/service/versions.py:archive_version",  # its aliases end
    "registry/service/protocol.py:_archive_others",  # others leave their stage for Archived
}
"""What only takes away."""

CALLERS = {
    "registry/api/aliases.py:set_alias",
    "registry/pages/models.py:set_alias",
    "registry/service/protocol.py:put_alias",
    "mlflow_api/api/registered_models.py:set_alias",
    "mlflow_api/api/model_versions.py:move_version",
    "deployments/api/records.py:activate",
    "deployments/pages.py:activate",
    "governance/service/applying.py:_do",
    "governance/jobs.py:apply",
}
"""Everything that calls those verbs: each is a door, and each comes to the gate through them."""


@dataclass(frozen=True)
class Place:
    """A function of the source."""

    file: str
    node: ast.FunctionDef

    @property
    def name(self) -> str:
        return f"{self.file}:{self.node.name}"


def functions() -> Iterator[Place]:
    for path in sorted(SOURCE.rglob("*.py")):
        file = path.relative_to(SOURCE).as_posix()
        if not file.startswith(("client/", "cli/")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef):
                    yield Place(file, node)


def called(node: ast.AST) -> str:
    """The last name of what is called."""
    if not isinstance(node, ast.Call):
        return ""
    return str(getattr(node.func, "attr", None) or getattr(node.func, "id", ""))


def writes(node: ast.AST) -> bool:
    """Whether this makes an alias or a revision, updates a table of them, or puts a version into a stage."""
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Attribute) and target.attr == "stage" for target in node.targets)
    name = called(node)
    if name in MOVED:
        return bool(node.keywords)  # type: ignore[attr-defined]
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    named = {part.id for part in ast.walk(first) if isinstance(part, ast.Name)} if first is not None else set()
    return name in ("insert", "update", "add_unless_taken") and bool(named & set(MOVED))


def test_whatever_writes_what_is_guarded_asks_the_gate_before() -> None:
    found = {}
    for place in functions():
        written = [node for node in ast.walk(place.node) if writes(node)]
        if written and place.name not in ENDERS:
            asked = [node for node in ast.walk(place.node) if called(node) == "check"]
            found[place.name] = {
                part.value
                for node in asked
                for part in ast.walk(node)
                if isinstance(part, ast.Constant) and part.value in GUARDED
            }
            first = min(node.lineno for node in written)  # type: ignore[attr-defined]
            before = [node for node in asked if node.lineno <= first]  # type: ignore[attr-defined]
            assert before, f"{place.name} writes before it asks"
    assert found == {name: {action} for name, action in WRITERS.items()}
    assert set(WRITERS.values()) <= set(GUARDED)


def test_every_door_is_known() -> None:
    found = {place.name for place in functions() if any(called(node) in VERBS for node in ast.walk(place.node))}
    assert found == CALLERS, "a new door: see that it comes to the gate, then write it down"


def test_each_door_is_shut_where_the_gate_says_no(
    bank: Setting, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.assess()
    admin = bank["admin"]
    made = admin.post(
        "/api/v1/deployments",
        json={"name": "loans", "model": bank.model, "environment": "production", "served": "here"},
    )
    assert made.status_code == 201, made.text
    heard: list[str] = []

    def refuse(_db: Any, transition: Transition) -> str | None:
        heard.append(transition.action)
        raise TransitionRefused("No.", remedy="Ask.")

    monkeypatch.setattr(gates, "_gates", {action: [refuse] for action in GUARDED})
    mlflow = "/api/2.0/mlflow"
    alias = {"name": bank.model, "alias": "champion", "version": "1"}
    stage = {"name": bank.model, "version": "1", "stage": "Production", "archive_existing_versions": False}
    doors: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", f"/api/v1/models/{bank.model}/aliases/champion", {"json": {"version": 1}}),
        ("POST", f"/models/{bank.model}/aliases", {"data": {"alias": "champion", "version": "1"}}),
        ("POST", f"{mlflow}/registered-models/alias", {"json": alias}),
        ("POST", f"{mlflow}/model-versions/transition-stage", {"json": stage}),
        ("POST", "/api/v1/deployments/loans/revisions", {"json": {"version": 1, "reason": "Go."}}),
        ("POST", "/deployments/loans/activate", {"data": {"version": "1", "reason": "Go."}}),
    ]
    for method, path, body in doors:
        answer = admin.request(method, path, headers={"origin": "http://testserver"}, **body)
        assert answer.status_code in (403, 409), f"{path}: {answer.status_code} {answer.text[:300]}"
    assert sorted(heard) == sorted(["alias.set"] * 3 + ["stage.set"] + ["deployment.activate"] * 2)
    with database.read() as db:
        assert db.scalars(select(Alias)).all() == []
        assert db.scalars(select(Revision)).all() == []
        assert db.scalars(select(Version.stage)).all() == [None]
