"""The artifact proxy on the wire: paths, rights, ranges, folders; on both databases."""

import hashlib
from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.artifacts import service as artifacts
from modelops_platform.artifacts.domain import Format, ScanReport, Verdict
from modelops_platform.core.db import Database
from tests.factories import Cast, count_events
from tests.mlflow_api.test_endpoints import API, Wire

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
INVALID = (400, "INVALID_PARAMETER_VALUE")


@pytest.fixture
def wire(client_as: Callable[..., TestClient]) -> Wire:
    return Wire(client_as("contributor", unit="Cards"))


def put(wire: Wire, path: str, body: bytes = b"x") -> tuple[int, str]:
    answer = wire.client.put(f"{PROXY}/{path}", content=body)
    return answer.status_code, answer.json().get("error_code", "")


def names(wire: Wire, path: str) -> list[tuple[str, bool]]:
    answer = wire.client.get(PROXY, params={"path": path})
    assert answer.status_code == 200, answer.text
    return [(one["path"], one["is_dir"]) for one in answer.json().get("files", [])]


def test_files_go_up_and_down_and_away(wire: Wire, db: Session) -> None:
    experiment = wire.post("experiments/create", name="files")["experiment_id"]
    run = wire.run(experiment)
    root = f"{experiment}/{run}/artifacts"
    assert put(wire, f"{root}/a.txt", b"0123456789") == (200, "")
    assert put(wire, f"{root}/sub/b é.txt", b"b") == (200, "")
    assert put(wire, f"{root}/sub/deep/c.bin", b"") == (200, "")
    assert names(wire, root) == [("a.txt", False), ("sub", True)]
    assert names(wire, f"{root}/sub") == [("b é.txt", False), ("deep", True)]
    assert names(wire, f"{root}/a.txt") == names(wire, f"{root}/none") == []
    assert names(wire, "") == [(experiment, True)]
    got = wire.client.get(f"{PROXY}/{root}/a.txt")
    assert (got.content, got.headers["x-content-type-options"]) == (b"0123456789", "nosniff")
    assert got.headers["content-disposition"].startswith("attachment")
    part = wire.client.get(f"{PROXY}/{root}/a.txt", headers={"range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert wire.client.get(f"{PROXY}/{root}/a.txt", headers={"range": "bytes=99-"}).status_code == 416
    listed = wire.get("artifacts/list", run_id=run, path="sub")
    assert listed["root_uri"] == f"mlflow-artifacts:/{root}"
    assert [one["path"] for one in listed["files"]] == ["sub/b é.txt", "sub/deep"]
    assert wire.client.get("/get-artifact", params={"run_uuid": run, "path": "sub/b é.txt"}).content == b"b"
    assert wire.client.post(f"{API}/upload-artifact?run_uuid={run}&path=p/q.txt", content=b"q").status_code == 200
    assert put(wire, f"{root}/a.txt", b"new") == (200, "")  # overwrites
    assert wire.client.get(f"{PROXY}/{root}/a.txt").content == b"new"
    for _ in range(2):  # missing is fine
        assert wire.client.delete(f"{PROXY}/{root}/sub").json() == {}
    assert names(wire, root) == [("a.txt", False), ("p", True)]
    assert count_events(db, "artifact.deleted") == 1


def test_a_path_is_a_label_that_leads_nowhere_else(wire: Wire) -> None:
    root = f"0/{wire.run()}/artifacts"
    for path in (
        "%2e%2e/x",
        "a/%2e%2e/%2e%2e/x",
        "%252e%252e/x",
        "a%00b",
        "a%5cb",
        "//etc/passwd",
        "a//b",
        "a/",
        "%2fetc",
    ):
        full = f"{PROXY}/{root}/{path}"
        for method in ("PUT", "GET", "DELETE"):
            if method == "DELETE" and path == "a/":
                continue  # names a folder
            answer = wire.client.request(method, full, content=b"x" if method == "PUT" else None)
            assert (answer.status_code, answer.json()["error_code"]) == INVALID, (method, path)
    for path in ("../x", "/etc/passwd", "a/../../b", "..%2f..", "a\\b"):
        answer = wire.client.get(PROXY, params={"path": path})
        assert (answer.status_code, answer.json()["error_code"]) == INVALID, path
    assert put(wire, f"{root}/a") == (200, "")
    assert put(wire, f"{root}/a/b") == INVALID  # a file is no folder
    assert put(wire, f"{root}/f/g") == (200, "")
    assert put(wire, f"{root}/f") == INVALID
    assert wire.client.get(f"{PROXY}/{root}/f").json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert wire.client.get(f"{PROXY}/{root}/none").status_code == 404


def test_rights_are_those_of_the_paths_owner(wire: Wire, cast: Cast, client_as: Callable[..., TestClient]) -> None:
    experiment = wire.post("experiments/create", name="mine")["experiment_id"]
    run = wire.run(experiment)
    assert put(wire, f"{experiment}/{run}/artifacts/a") == (200, "")
    assert put(wire, f"{experiment}/loose/a") == (200, "")  # of no run: the experiment's
    other = Wire(client_as("contributor", unit="Loans"))
    viewer = Wire(client_as("viewer", unit="Cards"))
    admin = Wire(client_as("admin"))
    for path in (f"{experiment}/{run}/artifacts/a", f"{experiment}/loose/a", "424242/x"):
        assert put(other, path) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert other.client.get(f"{PROXY}/{path}").status_code == 404
        assert other.client.delete(f"{PROXY}/{path}").status_code == 404
    assert other.client.get(PROXY).json() == {}
    assert put(viewer, f"{experiment}/{run}/artifacts/b") == (403, "PERMISSION_DENIED")
    assert viewer.client.get(f"{PROXY}/{experiment}/loose/a").status_code == 200
    assert put(wire, "elsewhere/a") == (403, "PERMISSION_DENIED")  # outside every experiment: administrators only
    assert put(admin, "elsewhere/a") == (200, "")
    # Who may not see an experiment any more does not see its files by their digest either.
    moved = admin.post("experiments/create", name="moves", tags=[{"key": "modelops.unit", "value": "Cards"}])
    below_moved = f"{moved['experiment_id']}/x"
    assert put(admin, below_moved, b"moves along") == (200, "")
    digest = f"/api/v1/files/{hashlib.sha256(b'moves along').hexdigest()}/report"
    assert [one.client.get(digest).status_code for one in (wire, other)] == [200, 404]
    tag = {"experiment_id": moved["experiment_id"], "key": "modelops.unit", "value": "Loans"}
    admin.post("experiments/set-experiment-tag", **tag)
    assert [one.client.get(digest).status_code for one in (wire, other)] == [404, 200]
    # An experiment may say that its files are below the folder of another one: it reaches nothing there.
    for location in (f"{experiment}/{run}/artifacts", str(experiment), f"{experiment}/loose"):
        thief = other.post(
            "experiments/create", name=f"thief {location}", artifact_location=f"mlflow-artifacts:/{location}"
        )
        other.run(thief["experiment_id"])
        assert other.client.get(f"{PROXY}/{experiment}/loose/a").status_code == 404
        assert other.client.get(f"{PROXY}/{experiment}/{run}/artifacts/a").status_code == 404
    # One with a place of its own keeps its files there.
    shared = wire.post("experiments/create", name="own", artifact_location="mlflow-artifacts:/team/x")["experiment_id"]
    below = f"team/x/{wire.run(shared)}/artifacts/a"
    assert put(wire, below) == put(wire, "team/x/a") == (200, "")
    assert put(other, below)[0] == put(other, "team/x/a")[0] == 404


def test_what_is_not_offered_says_so_without_being_retried(wire: Wire) -> None:
    run = wire.run()
    path = f"0/{run}/artifacts/big"
    for action in ("create", "complete", "abort"):
        answer = wire.client.post(
            f"/api/2.0/mlflow-artifacts/mpu/{action}/{path}", json={"path": "big", "num_parts": 2}
        )
        assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
        assert answer.json()["message"].startswith("Multipart upload is not supported")
    put(wire, path)
    presigned = wire.client.get(f"/api/2.0/mlflow-artifacts/presigned/{path}")
    assert (presigned.status_code, presigned.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert wire.refused("artifacts/presigned-upload-url", run_id=run, path="x") == INVALID


def test_what_the_scan_calls_dangerous_goes_only_to_those_who_may_put_it_there(
    wire: Wire, database: Database, db: Session, client_as: Callable[..., TestClient]
) -> None:
    experiment = wire.post("experiments/create", name="pickles")["experiment_id"]
    path = f"{experiment}/{wire.run(experiment)}/artifacts/model.pkl"
    put(wire, path, b"a model with code of its own")
    sha256 = hashlib.sha256(b"a model with code of its own").hexdigest()
    with database.write() as session:
        artifacts.keep_report(session, sha256, ScanReport(Format.PICKLE, Verdict.DANGEROUS, ("It runs code.",)))
    viewer = Wire(client_as("viewer", unit="Cards"))
    refused = viewer.client.get(f"{PROXY}/{path}")
    assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert wire.client.get(f"/api/v1/files/{sha256}").status_code in (403, 404)
    assert wire.client.get(f"{PROXY}/{path}").status_code == 200
    assert count_events(db, "artifact.opened") == 1
