"""Many clients at once, with a pool of five connections."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.factories import Cast

CLIENTS, CALLS = 64, 6


def test_sixty_four_writers_meet_no_error(live: int, cast: Cast) -> None:
    headers = {"content-type": "application/json", "authorization": f"Bearer {cast.token(cast.person())}"}

    def ask(connection: http.client.HTTPConnection, method: str, path: str, **body: Any) -> Any:
        connection.request(method, f"/api/2.0/mlflow/{path}", json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        assert answer.status == 200, found
        return found

    first = http.client.HTTPConnection("127.0.0.1", live, timeout=30)
    shared = ask(first, "POST", "runs/create", experiment_id="0")["run"]["info"]["run_id"]

    def log(client: int) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", live, timeout=30)
        own: str = ask(connection, "POST", "runs/create", experiment_id="0")["run"]["info"]["run_id"]
        for step in range(CALLS):
            point = {"key": "m", "value": step, "timestamp": client, "step": step}
            ask(
                connection,
                "POST",
                "runs/log-batch",
                run_id=own,
                metrics=[point],
                params=[{"key": f"p{step}", "value": "1"}],
            )
            ask(connection, "POST", "runs/log-metric", run_id=shared, **point)
        connection.close()
        return own

    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = list(pool.map(log, range(CLIENTS)))
    first.close()  # it may have been idle for too long
    points = ask(first, "GET", f"metrics/get-history?run_id={shared}&metric_key=m")["metrics"]
    assert len(points) == CLIENTS * CALLS
    for run_id in runs[::8]:
        run = ask(first, "GET", f"runs/get?run_id={run_id}")["run"]
        assert run["data"]["metrics"][0]["value"] == CALLS - 1
        assert len(run["data"]["params"]) == CALLS
    first.close()
