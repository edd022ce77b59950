"""A real model with data to test it on, and the job process that does the tests."""

import csv
import io
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression
from sqlalchemy import select, update
from starlette.testclient import TestClient

from modelops_platform.artifacts.tables import Blob
from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.governance.jobs import HANDLERS
from modelops_platform.jobs.domain.states import UNFINISHED
from modelops_platform.jobs.runner import Worker
from modelops_platform.jobs.tables import Job

INPUTS = ("income", "age", "debt")
ROWS = 800


@cache
def material() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Inputs and truth of a loan book, always the same."""
    random = np.random.default_rng(7)
    x = random.normal(size=(ROWS, len(INPUTS))).astype(np.float32)
    y = (1.6 * x[:, 0] + 0.8 * x[:, 1] - 0.5 * x[:, 2] + random.logistic(size=ROWS) > 0).astype(int)
    return x, y


@cache
def onnx_model(c: float = 1.0) -> bytes:
    """A logistic regression as ONNX; with a small `c` a poor one."""
    x, y = material()
    model = LogisticRegression(C=c).fit(x[:400], y[:400])
    found = to_onnx(model, x[:1], options={"zipmap": False}, target_opset=17)
    return bytes(found.SerializeToString())


@cache
def loans() -> bytes:
    """The loan book as CSV, with a time, a region and a group whose smallest has 12 rows."""
    x, y = material()
    random = np.random.default_rng(8)
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow([*INPUTS, "paid", "day", "region", "sex"])
    for row in range(ROWS):
        sex = "d" if row < 12 else random.choice(["f", "m"])
        day = f"2026-01-{1 + row * 28 // ROWS:02d}"
        lines.writerow([*(f"{cell:.6g}" for cell in x[row]), y[row], day, random.choice(["north", "south"]), sex])
    return text.getvalue().encode()


ROLES = {"target": "paid", "time": "day", "segments": ["region"], "groups": ["sex"]}


@dataclass
class Laboratory:
    """A developer with a model whose versions are real, and the job process."""

    client: TestClient
    database: Database
    model: str = "loan-default"

    def store(self, name: str, content: bytes, file_format: str | None = None, verdict: str = "clean") -> str:
        stored = self.client.put("/api/v1/files", params={"name": name}, content=content)
        assert stored.status_code == 201, stored.text
        sha256 = str(stored.json()["sha256"])
        with self.database.write() as db:  # the scan is a job; none runs here
            said = {"verdict": verdict, "reasons": [], "scanned_at": clock.now(), "format": file_format}
            db.execute(update(Blob).where(Blob.sha256 == sha256).values(said))
        return sha256

    def add_version(self, content: bytes, path: str = "model.onnx", **changes: Any) -> int:
        kind = changes.pop("format", "onnx")
        body = {
            "files": [{"path": path, "sha256": self.store(path, content, kind, changes.pop("verdict", "clean"))}],
            "metrics": [{"name": "auc", "value": 0.85}],
            "signature": {"inputs": [{"name": name, "type": "double"} for name in INPUTS]},
            **changes,
        }
        made = self.client.post(f"/api/v1/models/{self.model}/versions", json=body)
        assert made.status_code == 201, made.text
        return int(made.json()["number"])

    def add_data_set(self, name: str = "loans", content: bytes | None = None) -> None:
        content = loans() if content is None else content
        body = {"name": name, "digest": self.store(f"{name}.csv", content), "file_name": f"{name}.csv"}
        made = self.client.post("/api/v1/data-sets", json=body)
        assert made.status_code == 201, made.text

    def start(self, suite: str = "tier-1", version: int = 1, **changes: Any) -> dict[str, Any]:
        body = {"suite": suite, "data_set": "loans", **ROLES, **changes}
        made = self.client.post(f"/api/v1/models/{self.model}/versions/{version}/test-runs", json=body)
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found

    def run(self, suite: str = "tier-1", version: int = 1, **changes: Any) -> dict[str, Any]:
        started = self.start(suite, version, **changes)
        self.work()
        return self.look(started["id"])

    def look(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/api/v1/test-runs/{run_id}").json()
        return found

    def work(self) -> None:
        """Let a job process do the tests that wait."""
        handlers = {kind: handler for kind, handler in HANDLERS.items() if kind.startswith("governance.run")}
        worker = Worker(self.database, handlers)
        deadline = time.monotonic() + 90
        while self._unfinished(handlers):
            assert time.monotonic() < deadline
            worker.turn()
            time.sleep(0.1)

    def _unfinished(self, handlers: Any) -> bool:
        with self.database.read() as db:
            statement = select(Job.id).where(Job.state.in_(UNFINISHED), Job.kind.in_(handlers))
            return db.scalars(statement).first() is not None


def by_test(run: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The results of a run by test and segment."""
    return {(one["test"], one["segment"]): one for one in run["results"]}
