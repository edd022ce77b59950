"""Searches among a hundred thousand runs: each is answered, or refused in words, within half a second."""

import time
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.core.statements import Statement
from modelops_platform.tracking.service.upkeep import refresh_statistics

API = "/api/2.0/mlflow"
RUNS = 100_000
WITHIN_SECONDS = 0.5
_NUMBERS = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {RUNS})"
_ADD_RUNS = (
    "INSERT INTO runs (id, experiment_id, lifecycle, status, start_ms, end_ms, name, user_name, artifact_uri,"
    f" created_by, created_ms) {_NUMBERS} SELECT printf('%032x', n * 7919 % 1000003), '0', 'active', 'FINISHED', n, 1,"
    " 'run ' || n, 'u', 'x', 'x', 1 FROM n"
)
_ADD_METRICS = (
    "INSERT INTO latest_metrics (run_id, key, experiment_id, value, timestamp, step)"
    " SELECT id, 'acc', '0', (start_ms * 7919 % 10007) / 10007.0, 1, 0 FROM runs"
)
_ADD_PARAMS = "INSERT INTO params (run_id, key, value, logged_ms) SELECT id, 'kind', 'k' || start_ms % 5, 1 FROM runs"
ASKED = [
    ("", ["metrics.acc DESC"]),
    ("metrics.acc > 0.5 AND params.kind = 'k1'", ["metrics.acc DESC"]),
    ("metrics.acc > 2", []),
    ("metrics.nothing < 1", ["params.kind ASC", "metrics.acc DESC"]),
    ("params.kind LIKE '%1' AND attributes.run_name ILIKE '%9%9%9%'", ["params.kind DESC"]),
    (f"attributes.run_name LIKE '{'%a' * 2000}'", []),
    (f"tags.x LIKE '{'_%' * 200}b'", ["tags.x DESC"]),
    (" AND ".join(f"metrics.acc != {n}" for n in range(60)), ["metrics.nothing DESC"]),
    (" AND ".join(f"params.p{n} != 'x'" for n in range(61)), []),
    ("params.kind IN (" + ",".join(f"'{n}'" for n in range(9_000)) + ")", []),
    ("(" * 50_000, []),
    ("'" * 99_999, []),
    ("a" * 1_000_000, []),
    ("metrics.acc > 0.5 OR 1 = 1", []),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_search_is_answered_or_refused_within_half_a_second(
    client_as: Callable[..., TestClient], database: Database, subtests: pytest.Subtests
) -> None:
    client = client_as("contributor")
    client.post(f"{API}/runs/create", json={"experiment_id": "0"})  # makes the experiment
    with database.write() as db:
        for text in (_ADD_RUNS, _ADD_METRICS, _ADD_PARAMS):
            Statement(text).do(db.connection())
        refresh_statistics(db)
    statuses = []
    for asked, order in ASKED:
        with subtests.test(asked=asked[:80], order=order):
            body = {"experiment_ids": ["0"], "filter": asked, "order_by": order, "max_results": 100}
            began = time.process_time()  # of the whole process: other work on the machine does not count
            answer = client.post(f"{API}/runs/search", json=body)
            assert time.process_time() - began < WITHIN_SECONDS
            assert answer.status_code in (200, 400), answer.text
            statuses.append(answer.status_code)
    assert set(statuses) == {200, 400}
