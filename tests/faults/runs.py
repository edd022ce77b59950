"""What clients of the MLflow protocol were told while the platform was killed: runs, batches, points and files."""

import itertools
import os
import random
from collections.abc import Callable
from typing import Any

import httpx2

API, FILES = "/api/2.0/mlflow", "/api/2.0/mlflow-artifacts/artifacts"
POINTS, BATCHES_PER_RUN, RUNS_READ = 20, 25, 12
Must = Callable[..., None]


class RunLedger:
    """Runs as they were logged. A batch is there whole or not at all; what was acknowledged is there.

    Args:
        must: Raises unless an answer has one of the statuses that are given to it.
    """

    def __init__(self, must: Must) -> None:
        self._must = must
        self.runs: dict[str, dict[int, bool]] = {}  # run: its batches, and whether each was acknowledged
        self.points: dict[str, set[int]] = {}  # run: acknowledged steps of the metric `loss`
        self.params: dict[str, set[str]] = {}  # run: acknowledged parameters
        self.tags: dict[str, set[str | None]] = {}  # run: what its tag `turn` may say
        self.files: dict[str, bytes] = {}  # acknowledged
        self._experiment = ""
        self._numbers = itertools.count(1)
        self._open: str | None = None

    def log(self, client: httpx2.Client) -> None:
        """Log a batch to a run, which is begun when there is none, or one point, parameter or tag."""
        run = self._run(client)
        number = next(self._numbers)
        if number % 3 == 0:
            point = {"run_id": run, "key": "loss", "value": number, "timestamp": number, "step": number}
            self._must(client.post(f"{API}/runs/log-metric", json=point), 200)
            self.points[run].add(number)
            return
        if number % 5 == 0:
            self._must(client.post(f"{API}/runs/log-parameter", json={"run_id": run, "key": f"p{number}"}), 200)
            self.params[run].add(f"p{number}")
            return
        if number % 4 == 0:
            self.tags[run].add(str(number))
            tag = {"run_id": run, "key": "turn", "value": str(number)}
            self._must(client.post(f"{API}/runs/set-tag", json=tag), 200)
            self.tags[run] = {str(number)}
            return
        self.runs[run][number] = False
        self._must(client.post(f"{API}/runs/log-batch", json=_batch(run, number)), 200)
        self.runs[run][number] = True
        if len(self.runs[run]) >= BATCHES_PER_RUN:
            ended = {"run_id": run, "status": "FINISHED", "end_time": number}
            self._open = None
            self._must(client.post(f"{API}/runs/update", json=ended), 200)

    def send(self, client: httpx2.Client) -> None:
        """Send a file of a run."""
        run = self._run(client)
        path = f"{self._experiment}/{run}/artifacts/{next(self._numbers)}.bin"
        content = os.urandom(random.randrange(1, 100_000))
        self._must(client.put(f"{FILES}/{path}", content=content), 200)
        self.files[path] = content

    def _run(self, client: httpx2.Client) -> str:
        if not self._experiment:
            answer = client.post(f"{API}/experiments/create", json={"name": f"kills {next(self._numbers)}"})
            self._must(answer, 200)
            self._experiment = answer.json()["experiment_id"]
        if self._open is None:
            answer = client.post(f"{API}/runs/create", json={"experiment_id": self._experiment, "start_time": 1})
            self._must(answer, 200)
            run = answer.json()["run"]["info"]["run_id"]
            self.runs[run], self.points[run], self.params[run], self.tags[run] = {}, set(), set(), {None}
            self._open = run
        return self._open

    def check(self, client: httpx2.Client) -> list[str]:
        """Compare with what the platform says now; send again what it may not have, as clients do. Returns faults."""
        faults: list[str] = []
        for run, batches in list(self.runs.items())[-RUNS_READ:]:
            answer = client.get(f"{API}/runs/get", params={"run_id": run})
            if answer.status_code != 200:
                faults.append(f"the run {run} answers {answer.status_code}")
                continue
            faults += self._compare(client, run, batches, answer.json()["run"]["data"])
            history = client.get(f"{API}/metrics/get-history", params={"run_id": run, "metric_key": "loss"}).json()
            steps = {point["step"] for point in history.get("metrics", [])}
            if lost := self.points[run] - steps:
                faults.append(f"the run {run} lost the points {sorted(lost)}")
        for path, content in list(self.files.items())[-RUNS_READ:]:
            answer = client.get(f"{FILES}/{path}")
            if answer.content != content:
                faults.append(f"the file {path} answers {answer.status_code}, {len(answer.content)} bytes")
        return faults

    def _compare(self, client: httpx2.Client, run: str, batches: dict[int, bool], data: Any) -> list[str]:
        faults = []
        there = {pair["key"] for what in ("metrics", "params", "tags") for pair in data.get(what, [])}
        if lost := self.params[run] - there:
            faults.append(f"the run {run} lost the parameters {sorted(lost)}")
        turn = next((tag["value"] for tag in data.get("tags", []) if tag["key"] == "turn"), None)
        if turn not in self.tags[run]:
            faults.append(f"the tag of run {run} says {turn}, not one of {self.tags[run]}")
        self.tags[run] = {turn}
        for number, was_told in batches.items():
            wanted = {pair["key"] for what in ("metrics", "params", "tags") for pair in _batch(run, number)[what]}
            found = wanted & there
            if found and found != wanted:
                faults.append(f"of batch {number} of run {run} there are {len(found)} of {len(wanted)}")
            elif not found and was_told:
                faults.append(f"batch {number} of run {run} was acknowledged and is not there")
            if not was_told:
                self._must(client.post(f"{API}/runs/log-batch", json=_batch(run, number)), 200)
                batches[number] = True
        return faults


def _batch(run: str, number: int) -> dict[str, Any]:
    points = [{"key": f"m{number}-{n}", "value": n, "timestamp": 1, "step": 0} for n in range(POINTS)]
    pair = [{"key": f"b{number}", "value": str(number)}]
    return {"run_id": run, "metrics": points, "params": pair, "tags": [{"key": f"t{number}", "value": "x"}]}
