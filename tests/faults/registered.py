"""What clients of the MLflow protocol were told of the registry while the platform was killed."""

import itertools
from collections.abc import Callable
from typing import Any

import httpx2

API = "/api/2.0/mlflow"
ALIAS, VERSIONS_PER_MODEL = "candidate", 6


class RegistryLedger:
    """Models, versions and an alias as they were registered.

    A version is there with its tag and description or not at all, and once; what was acknowledged is there.

    Args:
        must: Raises unless an answer has one of the statuses that are given to it.
    """

    def __init__(self, must: Callable[..., None]) -> None:
        self._must = must
        self.models: dict[str, bool] = {}  # and whether each was acknowledged
        self.versions: dict[str, dict[str, str | None]] = {}  # model: what was sent, and the version it became
        self.aliases: dict[str, set[str | None]] = {}  # model: versions that the alias may name
        self._numbers = itertools.count(1)
        self._open: str | None = None

    def register(self, client: httpx2.Client) -> None:
        """Register a model, or one more version of it, and let an alias name that."""
        model = self._open or self._begin(client)
        mark = str(next(self._numbers))
        self.versions[model][mark] = None
        answer = client.post(f"{API}/model-versions/create", json=_version(model, mark))
        self._must(answer, 200)
        version = self.versions[model][mark] = answer.json()["model_version"]["version"]
        self.aliases[model].add(version)
        named = {"name": model, "alias": ALIAS, "version": version}
        self._must(client.post(f"{API}/registered-models/alias", json=named), 200)
        self.aliases[model] = {version}
        if len(self.versions[model]) >= VERSIONS_PER_MODEL:
            self._open = None

    def _begin(self, client: httpx2.Client) -> str:
        model = f"registered-{next(self._numbers)}"
        self.models[model], self.versions[model], self.aliases[model] = False, {}, {None}
        self._must(client.post(f"{API}/registered-models/create", json={"name": model}), 200)
        self.models[model], self._open = True, model
        return model

    def check(self, client: httpx2.Client) -> list[str]:
        """Compare with what the platform says now; register again what it may not have. Returns faults."""
        faults: list[str] = []
        for model, was_told in list(self.models.items()):
            again = client.post(f"{API}/registered-models/create", json={"name": model})
            if again.status_code == 200 and was_told:
                faults.append(f"the registered model {model} was acknowledged and is not there")
            elif again.status_code != 200 and again.json()["error_code"] != "RESOURCE_ALREADY_EXISTS":
                faults.append(f"the registered model {model} answers {again.status_code}")
            self.models[model] = True
            faults += self._compare(client, model)
        return faults

    def _compare(self, client: httpx2.Client, model: str) -> list[str]:
        faults = []
        asked = {"filter": f"name = '{model}'", "max_results": "1000"}
        found = client.get(f"{API}/model-versions/search", params=asked).json().get("model_versions", [])
        marks = [version["description"] for version in found]
        if len(set(marks)) < len(marks):
            faults.append(f"versions of {model} are there twice: {marks}")
        by_mark = {version["description"]: version for version in found}
        for mark, number in self.versions[model].items():
            version = by_mark.get(mark)
            if version is None and number is not None:
                faults.append(f"version {number} of {model} was acknowledged and is not there")
            elif version is not None and version.get("tags") != _version(model, mark)["tags"]:
                faults.append(f"version {mark} of {model} is not whole: {version}")
        named = client.get(f"{API}/registered-models/alias", params={"name": model, "alias": ALIAS})
        names = named.json()["model_version"]["version"] if named.status_code == 200 else None
        if names not in self.aliases[model]:
            faults.append(f"the alias of {model} names {names}, not one of {self.aliases[model]}")
        self.aliases[model] = {names}
        return faults


def _version(model: str, mark: str) -> dict[str, Any]:
    tags = [{"key": "mark", "value": mark}]
    return {"name": model, "source": f"s3://kills/{model}/{mark}", "description": mark, "tags": tags}
