"""The gate as the unmodified client meets it: refused with what is unmet, allowed when that is met."""

import time
from typing import Any

import httpx2
import pytest

from tests.contract.mlflow.conftest import Place

pytestmark = pytest.mark.filterwarnings("ignore")
POLICY = """\
id: release-of-anything
version: 1
title: Releases are approved by risk
applies_to:
  actions: [alias:release]
requirements:
  - id: approved
    title: Approved by somebody of risk
    check: approvals
    roles: [risk]
    remedy: Ask somebody of risk.
"""


def test_an_alias_is_refused_with_what_is_unmet_and_allowed_when_it_is_approved(
    mlflow: Any, client: Any, experiment: str, place: Place
) -> None:
    from mlflow.exceptions import RestException

    name = f"gated-{time.time_ns()}"
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_text("weights", "model/model.txt")
    client.create_registered_model(name)
    client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id)
    with _signed_in(place, place.cast.token(place.cast.person("admin"))) as admin:
        _done(admin.post("/policies", json={"document": POLICY, "reason": "Releases are looked at."}))
    with pytest.raises(RestException) as refused:
        client.set_registered_model_alias(name, "release", "1")
    assert (refused.value.error_code, refused.value.get_http_status_code()) == ("PERMISSION_DENIED", 403)
    told = str(refused.value)
    assert "Unmet: Approved by somebody of risk" in told
    assert f"/models/{name}/versions/1/evidence" in told
    assert client.get_registered_model(name).aliases == {}
    with _signed_in(place, place.token) as author:
        wanted = {"model": name, "version": 1, "to": "alias:release", "message": "It is ready."}
        request = _done(author.post("/approvals", json=wanted))
    with _signed_in(place, place.cast.token(place.cast.person("risk"))) as risk:
        vote = {"answer": "approve", "sentence": "I looked at it."}
        _done(risk.post(f"/approvals/{request['id']}/votes", json=vote))
    client.set_registered_model_alias(name, "release", "1")
    assert client.get_model_version_by_alias(name, "release").version == "1"
    client.set_registered_model_alias(name, "other", "1")  # which no policy names


def _signed_in(place: Place, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=f"{place.url}/api/v1", headers={"authorization": f"Bearer {token}"})


def _done(answer: httpx2.Response) -> Any:
    assert answer.status_code in (200, 201), answer.text
    return answer.json()
