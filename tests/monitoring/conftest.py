"""What the tests of monitoring share: a model that is watched, and a way to post to it."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient


class Watch:
    """A model and who acts on it."""

    def __init__(self, client: TestClient, name: str = "churn") -> None:
        self.client = client
        self.url = f"/api/v1/models/{name}"
        answer = client.post("/api/v1/models", json={"name": name, "unit": "Cards"})
        assert answer.status_code == 201, answer.text
        self.id = answer.json()["id"]

    def monitor(self, name: str = "auc", *, status: int = 201, **values: Any) -> dict[str, Any]:
        """Add a monitor: AUC, bad below, warn 0.85, fail 0.8, unless told otherwise."""
        wanted = {
            "name": name,
            "measures": "quality",
            "bad": "below",
            "warn": 0.85,
            "fail": 0.8,
            "stale_after": "14 days",
        }
        answer = self.client.post(f"{self.url}/monitors", json=wanted | values)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, *points: dict[str, Any], status: int = 201) -> dict[str, Any]:
        """Post points; a metric and 100 rows are given unless told otherwise."""
        body = {"points": [{"metric": "auc", "n": 100} | point for point in points]}
        answer = self.client.post(f"{self.url}/metrics", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def health(self) -> dict[str, Any]:
        """How the model does."""
        return self.client.get(f"{self.url}/health").json()

    def summary(self) -> dict[str, Any]:
        """The model's summary as the inventory shows it."""
        return self.client.get(self.url).json()["summary"]

    def points(self, metric: str = "auc", **wanted: str) -> list[dict[str, Any]]:
        """A series' points, the latest first."""
        return self.client.get(f"{self.url}/monitors/{metric}/points", params=wanted).json()["items"]

    def alerts(self, **wanted: str) -> list[dict[str, Any]]:
        """The model's alerts."""
        return self.client.get("/api/v1/alerts", params=wanted).json()["items"]


@pytest.fixture
def watch(client: TestClient, cast: Any) -> Watch:
    """A model of the unit Cards, watched by an administrator."""
    cast.unit("Cards")
    return Watch(client)


@pytest.fixture
def as_somebody(client_as: Callable[..., TestClient], watch: Watch) -> Callable[..., Watch]:
    """The same model in the hands of somebody else."""

    def make(client: TestClient) -> Watch:
        other = object.__new__(Watch)
        other.client, other.url, other.id = client, watch.url, watch.id
        return other

    return make
