"""The demonstration's trainings as their developers log them: by the MLflow protocol, to the server that it fills.

It is spoken over plain HTTP, as clients in other languages do, so that a demonstration needs no MLflow.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx2

from modelops_platform.client import ClientError, Refused

from .material import Entry

_API = "/api/2.0/mlflow"
_DIGEST_SIGNS = 36  # the most that the protocol takes


class Logbook:
    """Logs finished trainings, an experiment for each model and a run for each version.

    Args:
        url: The server's address.
        tokens: The API token of each person by key.
    """

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self._http = httpx2.Client(base_url=url, timeout=60.0, trust_env=False)
        self._tokens = tokens
        self._experiments: dict[str, str] = {}

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def log(self, person: str, *, model: str, unit: str, training: Mapping[str, Any]) -> None:
        """Log a finished training as the person who started it. Raises ClientError."""
        name = f"{model} training"
        if name not in self._experiments:
            made = self._post(person, "experiments/create", name=name, tags=_pairs({"modelops.unit": unit}))
            self._experiments[name] = made["experiment_id"]
        recipe = training["document"]
        tags = {"model": model, "version": training["version_number"], "training_run": training["id"]}
        begun = self._post(
            person,
            "runs/create",
            experiment_id=self._experiments[name],
            run_name=f"version {training['version_number']}",
            start_time=_milliseconds(training["started_at"] or training["created_at"]),
            tags=_pairs(tags),
        )
        run_id = begun["run"]["info"]["run_id"]
        ended = _milliseconds(training["ended_at"])
        params = {"estimator": recipe["estimator"], "features": len(recipe["features"]), **recipe.get("parameters", {})}
        points = [
            {"key": one["name"], "value": one["value"], "timestamp": ended, "step": 0} for one in training["metrics"]
        ]
        self._post(person, "runs/log-batch", run_id=run_id, metrics=points, params=_pairs(params))
        self._post(person, "runs/log-inputs", run_id=run_id, datasets=[_data_set(recipe, training)])
        self._post(person, "runs/update", run_id=run_id, status="FINISHED", end_time=ended)

    def log_build(self, entry: Entry, rows: int) -> dict[str, Any]:
        """Log the build of a scorecard or rule set, and return what its version says of it. Raises ClientError."""
        params = {"kind": entry.kind, "method": entry.fields.get("method", "rules"), "rows": rows}
        made = self._post(
            entry.developer,
            "experiments/create",
            name=f"{entry.name} builds",
            tags=_pairs({"modelops.unit": entry.unit}),
        )
        begun = self._post(
            entry.developer,
            "runs/create",
            experiment_id=made["experiment_id"],
            run_name="build 1",
            start_time=_milliseconds(datetime.now(UTC).isoformat()),
            tags=_pairs({"model": entry.name}),
        )
        run_id: str = begun["run"]["info"]["run_id"]
        self._post(entry.developer, "runs/log-batch", run_id=run_id, params=_pairs(params))
        ended = _milliseconds(datetime.now(UTC).isoformat())
        self._post(entry.developer, "runs/update", run_id=run_id, status="FINISHED", end_time=ended)
        return {"source": {"run": run_id}, "parameters": params}

    def _post(self, person: str, path: str, **body: Any) -> Any:
        headers = {"authorization": f"Bearer {self._tokens[person]}"}
        try:
            answer = self._http.post(f"{_API}/{path}", json=body, headers=headers)
        except httpx2.TransportError as error:
            raise ClientError(f"The server does not answer: {error}") from error
        if answer.is_error:
            told = answer.json()
            raise Refused(answer.status_code, {"detail": told["message"], "code": told["error_code"]})
        return answer.json()


def _data_set(recipe: Mapping[str, Any], training: Mapping[str, Any]) -> dict[str, Any]:
    described = {
        "name": recipe["data_set_id"],
        "digest": training["data_set_digest"].removeprefix("sha256:")[:_DIGEST_SIGNS],
        "source_type": "modelops",
        "source": f"/data-sets/{recipe['data_set_id']}",
    }
    return {"dataset": described, "tags": _pairs({"mlflow.data.context": "training"})}


def _pairs(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"key": key, "value": str(value)} for key, value in values.items()]


def _milliseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
