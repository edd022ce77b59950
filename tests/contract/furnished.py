"""One of everything, made over HTTP as people make it, so that every address of the application has an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from starlette.testclient import TestClient

from modelops_platform.artifacts.tables import Blob
from modelops_platform.core import clock
from modelops_platform.core.actor import Permission
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events import service as events
from modelops_platform.governance.defaults import default_policy_texts
from modelops_platform.identity.domain import PERMISSIONS, Role
from modelops_platform.identity.tables import ProviderIdentity
from tests.contract.addresses import EXPERIMENT, PROMPT, TRACE, Addresses, Asked

MODEL, UNIT = "loan-default", "Cards"
KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
NOT_THE_ADMINS = frozenset(Permission) - PERMISSIONS[Role.ADMIN]
ROWS = b"income,age,default\n" + b"".join(b"%d,%d,%d\n" % (n, 20 + n % 50, n % 2) for n in range(80))
RECIPE = {
    "data_set_id": "loans",
    "target": "default",
    "features": ["income", "age"],
    "task": "classification",
    "estimator": "LogisticRegression",
    "metrics": ["accuracy"],
}


@dataclass
class House:
    """A furnished installation: its administrator, its data scientist, and where everything is."""

    admin: TestClient
    maker: TestClient
    at: Addresses
    validator: TestClient

    def client_for(self, asked: Asked) -> TestClient:
        """Somebody who may: administrators do all but what judges."""
        if asked.permission == Permission.VALIDATE:
            return self.validator
        return self.maker if asked.permission in NOT_THE_ADMINS else self.admin


def _made(client: TestClient, path: str, body: Any = None, *, method: str = "POST") -> Any:
    answer = client.request(method, f"/api/v1{path}", json=body)
    assert answer.status_code in (200, 201, 204), f"{method} {path}: {answer.text}"
    return answer.json() if answer.content else None


def _store(client: TestClient, name: str, content: bytes) -> str:
    stored = client.put("/api/v1/files", params={"name": name}, content=content)
    assert stored.status_code == 201, stored.text
    return str(stored.json()["sha256"])


def log(client: Any) -> None:
    """Log something of each kind that clients of MLflow log, under names that `addresses` knows."""
    made = client.post("/api/2.0/mlflow/experiments/create", json={"name": EXPERIMENT})
    assert made.status_code == 200, made.text
    experiment = made.json()["experiment_id"]
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    told = {"trace": {"trace_info": {"trace_id": TRACE, "trace_location": place, "state": "OK"}}}
    prompt = {"name": PROMPT, "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
    told_of = {"entity": "MODEL_VERSION", "action": "CREATED"}
    run = {"experiment_id": experiment, "run_name": "first"}
    for path, body in (
        ("2.0/mlflow/runs/create", run),
        ("3.0/mlflow/traces", told),
        ("2.0/mlflow/registered-models/create", prompt),
        ("2.0/mlflow/logged-models", {"experiment_id": experiment, "name": "clf"}),
        ("3.0/mlflow/datasets/create", {"name": "examples", "experiment_ids": [experiment]}),
        ("3.0/mlflow/scorers/register", {"experiment_id": experiment, "name": "kind", "serialized_scorer": "{}"}),
        ("2.0/mlflow/webhooks", {"name": "hook", "url": "https://example.com/hook", "events": [told_of]}),
    ):
        logged = client.post(f"/api/{path}", json=body)
        assert logged.status_code == 200, logged.text


def furnish(client_as: Callable[..., TestClient], database: Database) -> House:
    """Make one of everything in the unit Cards."""
    admin, maker = client_as("admin"), client_as("contributor", unit=UNIT)
    me = maker.get("/api/v1/me").json()["id"]
    log(maker)
    _made(admin, "/fields", {"key": "region", "label": "Region", "type": "text"})
    _made(maker, "/use-cases", {"name": "lending", "unit": UNIT})
    model = {"kind": "ml", "unit": UNIT, "use_case": "lending", "owner": me, "eu_class": "minimal"}
    _made(maker, "/models", {"name": MODEL, "tags": {"stage": "pilot"}, **model})
    _made(maker, "/models", {"name": "old", **model})
    _made(maker, "/models/old/archive")
    data = _store(maker, "loans.csv", ROWS)
    columns = [{"name": name, "type": "double"} for name in ("income", "age", "default")]
    record = {"name": "loans", "unit": UNIT, "digest": data, "file_name": "loans.csv", "rows": 80, "columns": columns}
    _made(maker, "/data-sets", record)
    file = _store(maker, "model.onnx", b"weights")
    _made(admin, "/retention-rules", {"what": "unused_upload", "days": 7})
    _made(admin, "/uploads", {"name": "large.bin", "size": 10})
    for number in (1, 2):
        version = {"files": [{"path": "model.onnx", "sha256": file}], "metrics": [{"name": "auc", "value": 0.8}]}
        assert _made(maker, f"/models/{MODEL}/versions", version)["number"] == number
    with database.write() as db:  # the scan is a job; none runs here
        db.execute(update(Blob).values(verdict="clean", reasons=[], scanned_at=clock.now()))
        db.execute(update(Blob).where(Blob.sha256 == file).values(format="onnx"))
    _made(maker, f"/models/{MODEL}/aliases/candidate", {"version": 1}, method="PUT")
    validator = client_as("validator")
    results = {"suite": "own", "digest": _made(maker, f"/models/{MODEL}/versions/1", method="GET")["manifest_digest"]}
    _made(
        maker, f"/models/{MODEL}/versions/1/test-results", results | {"results": [{"test": "smoke", "outcome": "pass"}]}
    )
    _made(maker, f"/models/{MODEL}/versions/1/test-runs", {"suite": "tier-4", "data_set": "loans", "target": "default"})
    assigned = {"version": 1, "validator": validator.get("/api/v1/me").json()["id"]}
    _made(maker, f"/models/{MODEL}/validations", assigned)
    _made(maker, f"/models/{MODEL}/assessments", {"answers": {}, "facts": {}, "reason": "First."})
    lower = {"tier": 2, "reason": "It only advises.", "expires_at": (clock.now() + timedelta(days=90)).isoformat()}
    _made(maker, f"/models/{MODEL}/overrides", lower)
    _made(maker, f"/models/{MODEL}/determinations", {"is_model": False, "reason": "It adds up numbers."})
    _made(maker, f"/models/{MODEL}/monitors", {"name": "auc", "measures": "quality", "bad": "below", "fail": 0.7})
    _made(maker, f"/models/{MODEL}/metrics", {"points": [{"metric": "auc", "value": 0.5, "n": 100}]})
    place = {"environment": "development", "served": "here"}
    _made(maker, "/deployments", {"name": "loans-dev", "model": MODEL, **place})
    _made(maker, "/deployments/loans-dev/revisions", {"version": 1, "reason": "First."})
    _made(maker, "/gate", {"model": MODEL, "version": 1, "environment": "production"})
    _made(maker, "/approvals", {"model": MODEL, "version": 1, "environment": "production", "message": "Please."})
    weak = {"model": MODEL, "title": "Unstable", "description": "It jumps.", "category": "data", "severity": "low"}
    found = _made(admin, "/findings", weak)
    _made(maker, "/waivers", {"model": MODEL, "finding": found["id"], "reason": "Late.", "control": "We look."})
    urgent = {"model": MODEL, "version": 2, "to": "alias:champion", "reason": "It stands still."}
    _made(maker, "/emergencies", urgent)
    _made(maker, f"/models/{MODEL}/attestations", {"word": "owner attestation"})
    _made(admin, "/trusted-keys", {"name": "Release", "public_key": KEY})
    _made(admin, "/what-ifs", {"documents": [default_policy_texts()[0].replace("version: 1", "version: 2")]})
    recipe = _made(maker, "/recipes", {"name": "weekly", "model": MODEL, "document": RECIPE})
    _made(maker, f"/recipes/{recipe['id']}/schedule", {"cron": "30 6 * * mon"}, method="PUT")
    _made(maker, f"/recipes/{recipe['id']}/runs")
    _made(admin, "/group-mappings", {"group": "risk-officers", "role": "risk"})
    program = _made(admin, "/users", {"email": "pipeline@example.org", "name": "Pipeline", "kind": "service"})
    trusted = {"name": "scoring", "issuer": "https://ci.example", "audience": "modelops", "user_id": program["id"]}
    _made(admin, "/trust-rules", {**trusted, "claims": {"repository": "acme/scoring"}})
    with database.write() as db:  # made by a sign-in
        who = {"workspace_id": DEFAULT_WORKSPACE, "issuer": "https://login.example", "subject": me}
        db.add(ProviderIdentity(user_id=me, **who))
    _made(admin, "/holds", {"model": MODEL, "version": 2, "reason": "A lawsuit."})
    assert admin.post("/portfolio/reports").status_code == 303
    with database.write() as db:  # the job process does
        events.seal_events(db)
    return House(admin, maker, Addresses(lambda path: _made(admin, path, method="GET"), MODEL), validator)
