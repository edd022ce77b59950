"""The registry on the wire: models, versions, aliases, stages, sources, searches, rights; on both databases."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from tests.factories import Cast, count_events
from tests.mlflow_api.test_endpoints import API, Wire

INVALID, UNKNOWN = (400, "INVALID_PARAMETER_VALUE"), (404, "RESOURCE_DOES_NOT_EXIST")
TAKEN, DENIED = (400, "RESOURCE_ALREADY_EXISTS"), (403, "PERMISSION_DENIED")
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
S3 = "s3://bucket/model"
MLMODEL = """
flavors:
  python_function: {loader_module: mlflow.sklearn, python_version: 3.11.2}
  sklearn: {pickled_model: model.pkl}
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}, {"type": "string", "name": "city", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
"""


def pair(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value}


class Registry(Wire):
    """Asks as raw clients do, by any method."""

    def ask(self, method: str, path: str, /, **body: Any) -> tuple[int, Any]:
        if method == "GET":
            answer = self.client.get(f"{API}/{path}", params=body)
        else:
            answer = self.client.request(method, f"{API}/{path}", json=body)
        return answer.status_code, answer.json()

    def code(self, method: str, path: str, /, **body: Any) -> tuple[int, str]:
        status, found = self.ask(method, path, **body)
        return status, found.get("error_code", "")

    def model(self, name: str, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.post("registered-models/create", name=name, **more)["registered_model"]
        return found

    def version(self, name: str, source: str = S3, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.post("model-versions/create", name=name, source=source, **more)["model_version"]
        return found

    def get_model(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get("registered-models/get", name=name)["registered_model"]
        return found


@pytest.fixture
def registry(client_as: Callable[..., TestClient]) -> Registry:
    return Registry(client_as("contributor", unit="Cards"))


def test_a_model_lives_under_its_name_and_keeps_its_id(registry: Registry, db: Session) -> None:
    made = registry.model("churn", description="who leaves", tags=[pair("a/b", "1"), pair("empty", "")])
    assert made["description"] == "who leaves"
    assert made["tags"] == [pair("a/b", "1"), pair("empty", "")]
    assert "latest_versions" not in made
    assert registry.code("POST", "registered-models/create", name="churn") == TAKEN
    page = registry.client.get("/api/v1/models/churn").json()
    assert (page["purpose"], page["kind"], page["owner"]["name"][:11]) == ("who leaves", "ml", "Contributor")
    registry.client.patch("/api/v1/models/churn", json={"purpose": "said on the page"})
    assert registry.get_model("churn")["description"] == "said on the page"
    assert registry.ask("PATCH", "registered-models/update", name="churn")[1]["registered_model"]["description"]
    assert registry.ask("PATCH", "registered-models/update", name="churn", description="")[0] == 200
    assert "description" not in registry.get_model("churn")
    assert registry.code("POST", "registered-models/set-tag", name="churn", key="x", value="y") == (200, "")
    assert pair("x", "y") in registry.get_model("churn")["tags"]
    for _ in range(2):  # missing is fine
        assert registry.code("DELETE", "registered-models/delete-tag", name="churn", key="x") == (200, "")
    assert pair("x", "y") not in registry.get_model("churn")["tags"]
    registry.version("churn")
    registry.model("other")
    assert registry.code("POST", "registered-models/rename", name="churn", new_name="other") == TAKEN
    assert (
        registry.post("registered-models/rename", name="churn", new_name="stays")["registered_model"]["name"] == "stays"
    )
    assert registry.get_model("stays")["latest_versions"][0]["version"] == "1"
    assert registry.code("GET", "registered-models/get", name="churn") == UNKNOWN
    assert registry.client.get("/api/v1/models/stays").json()["id"] == page["id"]
    assert registry.code("DELETE", "registered-models/delete", name="stays") == (200, "")
    assert registry.code("DELETE", "registered-models/delete", name="stays") == UNKNOWN
    assert registry.version(registry.model("stays")["name"])["version"] == "1"  # another model
    kinds = ("registered", "edited", "archived")
    assert [count_events(db, f"model.{kind}") for kind in kinds] == [3, 3, 1]


def test_versions_are_numbered_said_of_and_taken_out(registry: Registry, db: Session) -> None:
    registry.model("m")
    for number in range(1, 4):
        made = registry.version("m", f"{S3}/{number}", run_id="abc", run_link="http://x", tags=[pair("n", str(number))])
        assert made["version"] == str(number)
    assert (made["source"], made["run_id"], made["run_link"], made["status"]) == (f"{S3}/3", "abc", "http://x", "READY")
    assert (made["current_stage"], made["tags"]) == ("None", [pair("n", "3")])
    assert registry.get("model-versions/get-download-uri", name="m", version="3") == {"artifact_uri": f"{S3}/3"}
    for path in ("model-versions/get", "model-versions/get-download-uri"):
        assert registry.code("GET", path, name="m", version="x") == INVALID
        assert registry.code("GET", path, name="m", version="9") == UNKNOWN
        assert registry.code("GET", path, name="none", version="1") == UNKNOWN
    said = {"name": "m", "version": "2", "description": "better"}
    assert registry.ask("PATCH", "model-versions/update", **said)[1]["model_version"]["description"] == "better"
    assert "description" in registry.ask("PATCH", "model-versions/update", name="m", version="2")[1]["model_version"]
    registry.post("model-versions/set-tag", name="m", version="2", key="k", value="v")
    registry.post("registered-models/alias", name="m", alias="blue", version="2")
    found = registry.get("model-versions/get", name="m", version="2")["model_version"]
    assert (found["tags"], found["aliases"]) == ([pair("k", "v"), pair("n", "2")], ["blue"])
    assert registry.code("DELETE", "model-versions/delete-tag", name="m", version="2", key="k") == (200, "")
    assert registry.code("DELETE", "model-versions/delete-tag", name="m", version="2", key="k") == (200, "")
    assert registry.code("DELETE", "model-versions/delete", name="m", version="3") == (200, "")
    assert registry.code("GET", "model-versions/get", name="m", version="3") == UNKNOWN
    assert registry.code("DELETE", "model-versions/delete", name="m", version="2") == (200, "")
    assert "aliases" not in registry.get_model("m")  # they end with what they named
    assert registry.version("m")["version"] == "4"  # never used again
    assert [v["version"] for v in registry.get_model("m")["latest_versions"]] == ["4"]
    shown = registry.client.get("/api/v1/models/m/versions").json()["items"]
    assert [one["number"] for one in shown] == [4, 1]
    assert (count_events(db, "version.archived"), count_events(db, "version.tagged")) == (2, 1)


def test_parallel_creates_all_get_a_number(registry: Registry) -> None:
    registry.model("busy")
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: registry.version("busy")["version"], range(24)))
    assert sorted(map(int, numbers)) == list(range(1, 25))


def test_aliases_and_stages(registry: Registry, db: Session) -> None:
    registry.model("m")
    for _ in range(3):
        registry.version("m")
    for version in ("1", "2"):
        registry.post("registered-models/alias", name="m", alias="Green", version=version)
    assert registry.get("registered-models/alias", name="m", alias="Green")["model_version"]["version"] == "2"
    assert registry.get_model("m")["aliases"] == [{"alias": "Green", "version": "2"}]
    assert registry.code("GET", "registered-models/alias", name="m", alias="none") == INVALID
    assert registry.code("GET", "registered-models/alias", name="none", alias="x") == UNKNOWN
    assert registry.code("POST", "registered-models/alias", name="m", alias="x", version="9") == UNKNOWN
    for bad in ("latest", "Latest", "v1", "V22", "a b", "a!", "a b/c", "a:b", ""):
        assert registry.code("POST", "registered-models/alias", name="m", alias=bad, version="1") == INVALID, bad
    for _ in range(2):
        assert registry.code("DELETE", "registered-models/alias", name="m", alias="Green") == (200, "")
    move = {"name": "m", "archive_existing_versions": False}
    for version, stage in (("1", "staging"), ("2", "STAGING"), ("3", "Staging")):
        moved = registry.post("model-versions/transition-stage", **move, version=version, stage=stage)
        assert moved["model_version"]["current_stage"] == "Staging"
    latest = registry.post("registered-models/get-latest-versions", name="m", stages=["Staging"])["model_versions"]
    assert [one["version"] for one in latest] == ["3"]
    registry.post(
        "model-versions/transition-stage", name="m", version="2", stage="Staging", archive_existing_versions=True
    )
    latest = registry.get("registered-models/get-latest-versions", name="m")["model_versions"]
    assert [(one["version"], one["current_stage"]) for one in latest] == [("2", "Staging"), ("3", "Archived")]
    assert registry.get("registered-models/get-latest-versions", name="m", stages=["None"]) == {}
    wrong = {"name": "m", "version": "1"}
    assert registry.code("POST", "model-versions/transition-stage", **wrong, stage="Nowhere") == INVALID
    archive = {**wrong, "stage": "Archived", "archive_existing_versions": True}
    assert registry.code("POST", "model-versions/transition-stage", **archive) == INVALID
    assert registry.code("GET", "registered-models/get-latest-versions", name="m", stages=["x"]) == INVALID
    assert count_events(db, "stage.set") == 5


def test_an_enforcing_gate_refuses_what_is_guarded_and_an_observing_one_tells(
    registry: Registry, client_as: Callable[..., TestClient], db: Session
) -> None:
    registry.model("m")
    registry.version("m")
    champion = {"name": "m", "alias": "champion", "version": "1"}
    status, refused = registry.ask("POST", "registered-models/alias", **champion)
    assert (status, refused["error_code"]) == DENIED
    assert "Unmet: " in refused["message"]
    assert "/models/m/versions/1/evidence" in refused["message"]
    production = {"name": "m", "version": "1", "stage": "Production"}
    assert registry.code("POST", "model-versions/transition-stage", **production) == DENIED
    admin = client_as("admin")
    mode = admin.put("/api/v1/workspace/enforcement", json={"mode": "observe", "reason": "trying it out"})
    assert mode.status_code == 200, mode.text
    assert registry.code("POST", "registered-models/alias", **champion) == (200, "")
    assert registry.code("POST", "model-versions/transition-stage", **production) == (200, "")
    assert (count_events(db, "gate.refused"), count_events(db, "gate.observed")) == (2, 2)


def test_sources_lead_to_ones_own_files_or_are_refused(registry: Registry) -> None:
    registry.model("m")
    run, other = registry.run(), registry.run()
    logged = registry.post("logged-models", experiment_id="0", name="clf", source_run_id=run)["model"]["info"]
    model = logged["model_id"]
    for name, body in (
        ("MLmodel", MLMODEL),
        ("requirements.txt", "scikit-learn==1.9.0\nnumpy>=2 # any\n"),
        ("model.pkl", "x"),
    ):
        assert (
            registry.client.put(f"{PROXY}/0/models/{model}/artifacts/{name}", content=body.encode()).status_code == 200
        )
    assert registry.client.put(f"{PROXY}/0/{run}/artifacts/model/MLmodel", content=MLMODEL.encode()).status_code == 200
    root = f"mlflow-artifacts:/0/{run}/artifacts"
    for source, more in (
        ("/etc/passwd", {}), ("model", {}), ("file:///etc", {}), ("C:\\model", {}), ("http://host/x", {}),
        ("https://host/api/2.0/mlflow-artifacts/artifacts/0/x", {"run_id": run}), ("", {}),
        ("s3://b/../x", {}), ("s3://b/%2e%2e/x", {}), ("s3://b/%252e%252e/x", {}),
        (f"{root}/model", {}), (f"{root}/model", {"run_id": other}), (f"{root}/../x", {"run_id": run}),
        (f"mlflow-artifacts://host/0/{run}/artifacts", {"run_id": run}), ("mlflow-artifacts:/0", {"run_id": run}),
        (f"runs:/{run}/model", {}), (f"runs:/{run}/model", {"run_id": other}), (f"runs://x/{run}", {"run_id": run}),
        (f"models:/{model}", {}), (f"models:/{model}", {"model_id": model[:-1] + "0"[:1] + "x"}),
        ("models:/", {}), ("models:/m", {}), ("models:/a/b/c", {}), ("dummy-source", {}),
    ):  # fmt: skip
        found = registry.code("POST", "model-versions/create", name="m", source=source, **more)
        assert found in (INVALID, UNKNOWN), (source, more, found)
        assert found == INVALID or "model_id" in more, (source, found)
    assert registry.code("POST", "model-versions/create", name="m", source="models:/none/1") == UNKNOWN
    assert registry.code("POST", "model-versions/create", name="none", source=S3) == UNKNOWN
    unknown = {"source": f"models:/m-{'0' * 32}", "model_id": f"m-{'0' * 32}"}
    assert registry.code("POST", "model-versions/create", name="m", **unknown) == UNKNOWN
    made = registry.version("m", f"models:/{model}", model_id=model)
    assert (made["run_id"], made["model_id"], made["source"]) == (run, model, f"models:/{model}")
    uri = registry.get("model-versions/get-download-uri", name="m", version="1")["artifact_uri"]
    assert uri == logged["artifact_uri"]
    got = registry.client.get("/model-versions/get-artifact", params={"name": "m", "version": 1, "path": "model.pkl"})
    assert got.content == b"x"
    page = registry.client.get("/api/v1/models/m/versions/1").json()
    assert [column["name"] for column in page["signature"]["inputs"]] == ["age", "city"]
    assert page["signature"]["inputs"][1]["is_required"] is False
    assert page["signature"]["outputs"][0]["type"] == "int64[-1]"
    assert page["environment"] == {
        "python": "3.11.2",
        "packages": {"scikit-learn": "1.9.0", "numpy": ""},
        "flavors": ["python_function", "sklearn"],
    }
    assert (page["digest_state"], page["source"]["run"], len(page["files"])) == ("verified", run, 3)
    assert registry.version("m", f"runs:/{run}/model", run_id=run)["source"] == f"runs:/{run}/model"
    assert registry.version("m", f"runs:/{run}/clf", run_id=run)["model_id"] == model  # as clients resolve it
    registry.model("copy")
    copied = registry.version("copy", "models:/m/1")
    assert (copied["run_id"], copied["model_id"]) == (run, model)
    assert registry.get("model-versions/get-download-uri", name="copy", version="1")["artifact_uri"] == uri
    copy = registry.client.get("/api/v1/models/copy/versions/1").json()
    assert copy["manifest_digest"] == page["manifest_digest"]


def test_a_version_freezes_the_folder_it_points_at(registry: Registry) -> None:
    registry.model("m")
    run = registry.run()
    folder = f"0/{run}/artifacts/model"
    assert registry.client.put(f"{PROXY}/{folder}/a", content=b"1").status_code == 200
    registry.version("m", f"runs:/{run}/model", run_id=run)
    registry.post("registered-models/rename", name="m", new_name="renamed")
    assert registry.client.put(f"{PROXY}/{folder}/a", content=b"1").status_code == 200  # the same bytes again
    for method, path in (("PUT", "/a"), ("PUT", "/b"), ("DELETE", "/a"), ("DELETE", ""), ("DELETE", "/../")):
        answer = registry.client.request(method, f"{PROXY}/{folder}{path}", content=b"2" if method == "PUT" else None)
        assert (answer.status_code, answer.json()["error_code"]) == INVALID, (method, path)
        assert path == "/../" or "'renamed' version 1" in answer.json()["message"]
    assert registry.client.delete(f"{PROXY}/0/{run}/artifacts").status_code == 400
    assert registry.client.put(f"{PROXY}/0/{run}/artifacts/elsewhere", content=b"2").status_code == 200


def test_what_came_by_the_page_is_loaded_by_clients(registry: Registry) -> None:
    sha256 = registry.client.put("/api/v1/files?name=model.bin", content=b"weights").json()["sha256"]
    registry.client.post("/api/v1/models", json={"name": "page"})
    files = {"files": [{"path": "model/model.bin", "sha256": sha256}]}
    assert registry.client.post("/api/v1/models/page/versions", json=files).status_code == 201
    assert registry.get("model-versions/get", name="page", version="1")["model_version"]["status"] == "READY"
    root = registry.get("model-versions/get-download-uri", name="page", version="1")["artifact_uri"].partition(":/")[2]
    listed = registry.client.get(PROXY, params={"path": root}).json()["files"]
    assert listed == [{"path": "model", "is_dir": True}]
    listed = registry.client.get(PROXY, params={"path": f"{root}/model"}).json()["files"]
    assert listed == [{"path": "model.bin", "is_dir": False, "file_size": 7}]
    assert registry.client.get(f"{PROXY}/{root}/model/model.bin").content == b"weights"
    assert registry.client.get(f"{PROXY}/{root}/none").status_code == 404


def test_prompts_are_rows_of_their_own_kind(registry: Registry) -> None:
    prompt = pair("mlflow.prompt.is_prompt", "true")
    registry.model("greeting", tags=[prompt])
    registry.model("churn")
    text = pair("mlflow.prompt.text", "Hello {{name}}")
    made = registry.version("greeting", "dummy-source", tags=[prompt, text], description="first")
    assert text in made["tags"]
    clause = "tag.`mlflow.prompt.is_prompt` {} 'true'"

    def names(text: str, kind: str = "registered-models") -> list[str]:
        found = registry.get(f"{kind}/search", filter=text)
        return [one["name"] for one in found.get(kind.replace("-", "_"), [])]

    assert names("") == names(clause.format("!=")) == ["churn"]
    assert names(f"{clause.format('=')} AND name LIKE '%'") == ["greeting"]
    assert names("name = 'greeting'", "model-versions") == []
    assert names(f"name = 'greeting' AND {clause.format('=')}", "model-versions") == ["greeting"]
    registry.post(
        "registered-models/alias", name="greeting", alias="production", version="1"
    )  # no policy names prompts
    listed = registry.client.get("/api/v1/models").json()["items"]
    assert [one["name"] for one in listed] == ["churn"]  # never counted as a model
    # Nothing becomes a model, or ceases to be one, once it has versions: other rules would have let it pass.
    for method, path, body in (
        ("POST", "set-tag", {"key": "mlflow.prompt.is_prompt", "value": "false"}),
        ("DELETE", "delete-tag", {"key": "mlflow.prompt.is_prompt"}),
    ):
        assert registry.code(method, f"registered-models/{path}", name="greeting", **body) == INVALID
    assert registry.client.patch("/api/v1/models/greeting", json={"kind": "ml"}).status_code == 422
    assert registry.code("POST", "model-versions/create", name="greeting", source=S3) == INVALID
    registry.version("churn")
    tag = {"name": "churn", "key": "mlflow.prompt.is_prompt", "value": "true"}
    assert registry.code("POST", "registered-models/set-tag", **tag) == INVALID
    assert registry.code("POST", "model-versions/set-tag", version="1", **tag) == INVALID
    assert registry.code("POST", "model-versions/create", name="churn", source="dummy-source", tags=[prompt]) == INVALID


def test_searches_know_their_grammar_and_pages_tell_each_row_once(registry: Registry) -> None:
    for number in range(7):
        registry.model(f"m{number}", tags=[pair("team", "Ab" if number % 2 else "cd")])
    for number in range(5):
        registry.version("m1", f"{S3}/{number}", run_id=f"r{number}", tags=[pair("n", str(number))])

    def models(text: str = "", **more: Any) -> list[str]:
        found = registry.get("registered-models/search", filter=text, **more)
        return [one["name"] for one in found.get("registered_models", [])]

    def versions(text: str = "", **more: Any) -> list[str]:
        found = registry.get("model-versions/search", filter=text, **more)
        return [one["version"] for one in found.get("model_versions", [])]

    assert models() == [f"m{number}" for number in range(7)]
    assert models("name LIKE 'm%' AND tags.team = 'Ab'") == ["m1", "m3", "m5"]
    assert models("name LIKE 'M%'") == models("tags.team LIKE 'ab'") == []
    assert models("name ILIKE 'M_' and tags.`team` != 'Ab'") == ["m0", "m2", "m4", "m6"]
    assert models("name IN ('m1', 'm2')", order_by="name DESC") == ["m2", "m1"]
    assert models("tags.x IS NULL AND name = 'm1'") == ["m1"]
    assert models(order_by="last_updated_timestamp DESC")[0] == "m1"
    assert registry.post("registered-models/search", max_results=2, filter=None)["registered_models"][1]["name"] == "m1"
    assert versions("name = 'm1'") == ["5", "4", "3", "2", "1"]
    assert versions("name='m1' AND version_number > '3'") == versions("name='m1' AND version_number > 3") == ["5", "4"]
    assert versions(f"run_id IN ('r1','r2') AND source_path LIKE '{S3}%' AND tags.n != '9'") == ["3", "2"]
    assert versions("name = 'm1'", order_by=["version_number ASC"]) == ["1", "2", "3", "4", "5"]
    registry.post("registered-models/alias", name="m1", alias="blue", version="2")
    found = registry.get("model-versions/search", filter="run_id = 'r1'")["model_versions"][0]
    assert found["aliases"] == ["blue"]
    for kind, whole, order in (
        ("registered-models", models(), "name"),
        ("registered-models", models(order_by="creation_timestamp DESC"), "creation_timestamp DESC"),
        ("model-versions", versions("name = 'm1'"), "last_updated_timestamp DESC"),
    ):
        seen, token = [], ""
        while True:
            page = registry.get(f"{kind}/search", max_results=2, order_by=order, page_token=token)
            seen += [one["name" if "reg" in kind else "version"] for one in page[kind.replace("-", "_")]]
            token = page.get("next_page_token", "")
            if not token:
                break
        assert seen == whole
    for kind in ("registered-models", "model-versions"):
        for bad in ("x = 'y'", "name > 'a'", "name = m1", "name = 'a' OR name = 'b'", "tags.a"):
            assert registry.code("GET", f"{kind}/search", filter=bad) == INVALID, bad
        assert registry.code("GET", f"{kind}/search", page_token="e30=") == INVALID
        assert registry.code("GET", f"{kind}/search", max_results=0) == INVALID
        assert registry.code("GET", f"{kind}/search", order_by="nothing") == INVALID
    for bad in ("version = '1'", "current_stage = 'None'", "aliases = 'x'", "creation_timestamp > 1"):
        assert registry.code("GET", "model-versions/search", filter=bad) == INVALID, bad
    assert registry.code("GET", "registered-models/search", max_results=1001) == INVALID
    assert registry.code("GET", "model-versions/search", max_results=200_001) == INVALID


def test_names_keys_and_values_have_limits(registry: Registry) -> None:
    for name in ("", " ", "a/b", "a:b", ".", "..", "x" * 251, "zero\u200bwidth"):
        assert registry.code("POST", "registered-models/create", name=name) == INVALID, name
    registry.model("m")
    for key in ("", "a#b", "../x", "/a", "a//b", "x" * 251):
        assert registry.code("POST", "registered-models/set-tag", name="m", key=key, value="v") == INVALID, key
    assert registry.code("POST", "registered-models/set-tag", name="m", key="k", value="x" * 100_000) == (200, "")
    assert registry.code("POST", "registered-models/set-tag", name="m", key="k", value="x" * 100_001) == INVALID
    assert registry.code("POST", "model-versions/create", name="m") == INVALID
    assert registry.code("POST", "registered-models/rename", name="m", new_name="a/b") == INVALID
    for path, body in (("get", {}), ("get", {"name": ""})):
        assert registry.code("GET", f"registered-models/{path}", **body) == INVALID


def test_who_may_not_see_a_model_finds_nothing(
    registry: Registry, cast: Cast, client_as: Callable[..., TestClient]
) -> None:
    registry.model("secret", tags=[pair("a", "b")])
    registry.version("secret")
    other = Registry(client_as("contributor", unit="Loans"))
    viewer = Registry(client_as("viewer", unit="Cards"))
    one = {"name": "secret", "version": "1"}
    for method, path, body in (
        ("GET", "registered-models/get", {"name": "secret"}),
        ("DELETE", "registered-models/delete", {"name": "secret"}),
        ("PATCH", "registered-models/update", {"name": "secret", "description": "x"}),
        ("POST", "registered-models/set-tag", {"name": "secret", "key": "a", "value": "c"}),
        ("GET", "registered-models/get-latest-versions", {"name": "secret"}),
        ("POST", "registered-models/alias", {**one, "alias": "x"}), ("GET", "model-versions/get", one),
        ("POST", "model-versions/create", {"name": "secret", "source": S3}), ("DELETE", "model-versions/delete", one),
        ("POST", "model-versions/transition-stage", {**one, "stage": "Staging"}),
        ("POST", "model-versions/set-tag", {**one, "key": "a"}), ("GET", "model-versions/get-download-uri", one),
    ):  # fmt: skip
        assert other.code(method, path, **body) == UNKNOWN, path
        if method != "GET":
            assert viewer.code(method, path, **body) == DENIED, path
    assert other.get("registered-models/search") == other.get("model-versions/search") == {}
    assert viewer.get("registered-models/search")["registered_models"][0]["name"] == "secret"
    assert (
        other.code("POST", "model-versions/create", name=other.model("own")["name"], source="models:/secret/1")
        == UNKNOWN
    )
    unit = [pair("modelops.unit", "Loans")]
    assert registry.code("POST", "registered-models/create", name="theirs", tags=unit)[0] in (400, 403)
    both = Registry(client_as("contributor"))  # everywhere
    both.model("moved", tags=unit)
    assert other.get_model("moved")["tags"] == unit
    assert (
        json.loads(registry.client.get(f"{API}/registered-models/search").content)["registered_models"][0]["name"]
        == "secret"
    )


def test_pages_show_what_clients_registered(registry: Registry) -> None:
    registry.model("m")
    run = registry.run()
    assert registry.client.put(f"{PROXY}/0/{run}/artifacts/model/a & b.txt", content=b"x").status_code == 200
    registry.version("m", f"runs:/{run}/model", run_id=run)
    version = registry.client.get("/models/m/versions/1").text
    assert f'/runs/{run}"' in version
    assert "/get-artifact" not in registry.client.get(f"/runs/{run}").text
    folder = registry.client.get(f"/runs/{run}?folder=model").text
    assert f"/get-artifact?run_id={run}&amp;path=model%2Fa" in folder
    lineage = registry.client.get("/models/m/versions/1/lineage").text
    assert "How it was logged" in lineage
    assert f"/runs/{run}" in lineage
    registry.version("m", S3, run_id="elsewhere")
    assert "not known here" in registry.client.get("/models/m/versions/2/lineage").text
    assert registry.client.get("/models/m/versions/2").status_code == 200
