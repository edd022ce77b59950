"""The same requests to MLflow's own server and to the platform, and what differs in the answers.

    python -m benchmarks.differences http://127.0.0.1:8000 TOKEN

MLflow's server is started on this machine, with a store that is gone afterwards. What differs by nature (ids, times,
words of errors) is put alike before answers are compared. What is printed is either meant so, and then told in
`docs/mlflow-compatibility.md`, or a mistake.
"""

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

READY_WITHIN_SECONDS = 90.0
API = "/api/2.0/mlflow"
_TIMES = re.compile(r"(time|timestamp|timestamp_ms|time_ms)$")
_UNTOLD = ("user_id", "sqlstate", "error_class", "workspace", "message", "next_page_token")
_EMPTY = ("description", "run_link", "model_type", "source_run_id", "run_id", "outputs", "inputs")


@dataclass
class Side:
    """One of the two servers, and what its answers called things."""

    http: httpx2.Client
    names: dict[str, str] = field(default_factory=dict)

    def filled(self, value: Any) -> Any:
        """Return the value with this server's names in the places of `<name>`."""
        if isinstance(value, str):
            return re.sub(r"<(\w+)>", lambda found: self.names.get(found[1], "0" * 32), value)
        if isinstance(value, dict):
            return {key: self.filled(one) for key, one in value.items()}
        return [self.filled(one) for one in value] if isinstance(value, list) else value

    def alike(self, value: Any, key: str = "") -> Any:
        """Return an answer without what differs by nature."""
        if isinstance(value, dict):
            kept = {name: one for name, one in value.items() if name not in _UNTOLD}
            return {name: self.alike(one, name) for name, one in kept.items() if one or name not in _EMPTY}
        if isinstance(value, list):
            return sorted((self.alike(one, key) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
        if _TIMES.search(key):
            return "a time"
        if isinstance(value, float) and abs(value) > 1.797e308:
            return "Infinity" if value > 0 else "-Infinity"
        if isinstance(value, str):
            for name, real in self.names.items():
                value = value.replace(real, f"<{name}>") if len(real) > 8 or value == real else value
            value = re.sub(r"[0-9a-f]{32}", "<hex>", value)
            value = re.sub(r"mlflow-artifacts:/\d+", "mlflow-artifacts:/<e>", value)
        return value


@dataclass(frozen=True)
class Asked:
    """A request, and what parts of its answer are called from then on."""

    method: str
    path: str
    body: Any = None
    query: dict[str, Any] | None = None
    keep: dict[str, str] = field(default_factory=dict)  # name: where it stands in the answer, with dots


def requests(stem: str) -> Iterator[Asked]:
    """Everything that is asked, in order; later requests use what earlier ones made."""
    yield Asked("POST", "experiments/create", {"name": stem}, keep={"e": "experiment_id"})
    for name in (stem, "", None, 5, "x" * 501):
        yield Asked("POST", "experiments/create", {"name": name})
    for key in ("a", "a b", "a/b", "a//b", "/a", "..a", "../a", ".", "a$", "k" * 250, "k" * 251, "é", ""):
        yield Asked("POST", "experiments/set-experiment-tag", {"experiment_id": "<e>", "key": key, "value": "v"})
    run = {"experiment_id": "<e>", "run_name": "first", "start_time": 1000, "tags": [{"key": "t", "value": "A"}]}
    yield Asked("POST", "runs/create", run, keep={"r": "run.info.run_id"})
    yield Asked(
        "POST", "runs/create", {**run, "run_name": "second", "start_time": "2000"}, keep={"s": "run.info.run_id"}
    )
    point = {"run_id": "<r>", "key": "m", "value": 1.5, "timestamp": 1}
    for change in (
        {},
        {"value": "NaN"},
        {"value": "Infinity"},
        {"value": "x"},
        {"step": "3"},
        {"timestamp": -1},
        {"key": ""},
    ):
        yield Asked("POST", "runs/log-metric", {**point, **change})
    for value in ("1", "1", "2", ""):
        yield Asked("POST", "runs/log-parameter", {"run_id": "<r>", "key": "p", "value": value})
    yield Asked("GET", "runs/get", query={"run_id": "<r>"})
    for text in (
        "metrics.m > 1", "metrics.m != 1", "params.p = '1'", "params.p LIKE '%'", "tags.t ILIKE 'a'", "tags.x IS NULL",
        "run_name = 'first'", "status = 'RUNNING'", "run_id IN ('<r>',)", "start_time >= 2000", "metrics.m > '1'",
        "params.p > '1'", "foo = 'x'", "metrics.m > 0 OR metrics.m < 0", "(metrics.m > 0)",
        "name = 'x'; --", "dataset.name = 'x'",
    ):  # fmt: skip
        yield Asked("POST", "runs/search", {"experiment_ids": ["<e>"], "filter": text})
    for order in (["metrics.m"], ["params.p DESC"], ["start_time ASC"], ["foo"], ["tags.t", "run_name"], ["m FOO"]):
        yield Asked("POST", "runs/search", {"experiment_ids": ["<e>"], "order_by": order})
    for most in (0, 1, 50_000, 50_001, "2", "x"):
        yield Asked("POST", "runs/search", {"experiment_ids": ["<e>"], "max_results": most})
    for body in ({"status": "FINISHED", "end_time": 5}, {"status": 4}, {"status": "?"}, {"run_name": "new"}, {}):
        yield Asked("POST", "runs/update", {"run_id": "<s>", **body})
    for path in ("runs/delete", "runs/delete", "runs/restore", "runs/restore"):
        yield Asked("POST", path, {"run_id": "<s>"})
    for name in (f"{stem}-m", f"{stem}-m", "", "a/b", "a:b", None):
        yield Asked("POST", "registered-models/create", {"name": name, "tags": [{"key": "k", "value": "v"}]})
    for source in (
        "s3://b/k",
        "s3://b/../k",
        "/etc/passwd",
        "http://h/x",
        f"models:/{stem}-m/1",
        f"models:/{stem}-m/latest",
    ):
        yield Asked("POST", "model-versions/create", {"name": f"{stem}-m", "source": source})
    for alias in ("blue", "latest", "v1", "a b", "a" * 255, "a" * 256, ""):
        yield Asked("POST", "registered-models/alias", {"name": f"{stem}-m", "alias": alias, "version": "1"})
        yield Asked("GET", "registered-models/alias", query={"name": f"{stem}-m", "alias": alias})
    for stage in ("Staging", "production", "None", "Archived", "Foo"):
        yield Asked("POST", "model-versions/transition-stage", {"name": f"{stem}-m", "version": "1", "stage": stage})
    for text in (
        f"name = '{stem}-m'",
        f"name ILIKE '{stem.upper()}%'",
        "tags.k = 'v'",
        "version_number > 1",
        "run_id != 'x'",
    ):
        yield Asked("GET", "model-versions/search", query={"filter": f"name = '{stem}-m' AND {text}"})
    yield Asked("POST", "logged-models", {"experiment_id": "<e>", "name": "clf"}, keep={"l": "model.info.model_id"})
    for text in ("name = 'clf'", "name LIKE 'c%'", "metrics.m > 1", "tags.x IS NULL", "foo = 'x'"):
        yield Asked("POST", "logged-models/search", {"experiment_ids": ["<e>"], "filter": text})
    for _ in range(2):
        yield Asked("DELETE", "logged-models/<l>")
    for path in ("experiments/delete", "experiments/delete", "experiments/restore", "experiments/restore"):
        yield Asked("POST", path, {"experiment_id": "<e>"})
    for path in ("registered-models/delete", "registered-models/delete"):
        yield Asked("DELETE", path, {"name": f"{stem}-m"})


def compare(theirs: Side, ours: Side, asked: Asked) -> str | None:
    """Send a request to both, and return what differs, None when nothing does."""
    told = []
    for side in (theirs, ours):
        answer = side.http.request(
            asked.method,
            f"{API}/{side.filled(asked.path)}",
            json=side.filled(asked.body) if asked.body is not None else None,
            params=side.filled(asked.query),
        )
        content = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        if answer.status_code == 200:
            for name, place in asked.keep.items():
                found: Any = content
                for part in place.split("."):
                    found = found[part]
                side.names[name] = str(found)
        told.append((answer.status_code, side.alike(content)))
    if told[0] == told[1]:
        return None
    shown = [f"{status} {json.dumps(content, sort_keys=True)[:240]}" for status, content in told]
    sent = json.dumps(asked.body if asked.body is not None else asked.query, ensure_ascii=False)[:160]
    return f"{asked.method} {asked.path} {sent}\n    theirs {shown[0]}\n    ours   {shown[1]}"


@contextmanager
def stock_server() -> Iterator[str]:
    """Run MLflow's own server over an empty store, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="mlflow-") as folder:
        store = ["--backend-store-uri", f"sqlite:///{folder}/store.db", "--artifacts-destination", f"{folder}/files"]
        command = [str(Path(sys.executable).parent / "mlflow"), "server", *store, "--workers", "1", "--port", str(port)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + READY_WITHIN_SECONDS
            while time.monotonic() < until:
                try:
                    if httpx2.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                        break
                except httpx2.TransportError:
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    """Compare, and print what differs."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("url", help="address of the platform")
    reader.add_argument("token", help="API token of an administrator")
    reader.add_argument("--stock", help="address of a server of MLflow that runs already")
    given = reader.parse_args()
    count, found = 0, []
    with stock_server() if not given.stock else contextmanager(lambda: iter([given.stock]))() as url:
        theirs = Side(httpx2.Client(base_url=url, timeout=60))
        ours = Side(httpx2.Client(base_url=given.url, timeout=60, headers={"authorization": f"Bearer {given.token}"}))
        for asked in requests(f"compared-{time.time_ns()}"):
            count += 1
            if difference := compare(theirs, ours, asked):
                found.append(difference)
    print("\n".join(found))
    print(f"{count} requests, {len(found)} answered differently")


if __name__ == "__main__":
    main()
