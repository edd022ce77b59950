"""The inventory over HTTP."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import gates
from tests.factories import Cast, count_events, last_event

CHURN = {"name": "churn", "kind": "ml", "purpose": "Says who may leave."}
Clients = Callable[..., TestClient]


def register(client: TestClient, name: str, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/models", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def names(client: TestClient, **filters: str) -> list[str]:
    answer = client.get("/api/v1/models", params={"sort": "name", **filters})
    assert answer.status_code == 200, answer.text
    return [model["name"] for model in answer.json()["items"]]


def upload(client: TestClient, content: bytes) -> str:
    answer = client.put("/api/v1/files", params={"name": "model/rules.json"}, content=content)
    assert answer.status_code == 201, answer.text
    return answer.json()["sha256"]


def test_duplicate_name_is_a_conflict_and_leaves_no_event(client: TestClient, db: Session) -> None:
    assert client.post("/api/v1/models", json=CHURN).status_code == 201
    assert client.post("/api/v1/models", json=CHURN).status_code == 409
    assert count_events(db, "model.registered") == 1


def test_viewer_may_not_register_and_the_refusal_is_in_the_log(client_as: Clients, db: Session) -> None:
    assert client_as("viewer").post("/api/v1/models", json=CHURN).status_code == 403
    assert count_events(db, "access.denied") == 1


def test_a_model_is_registered_with_people_fields_and_tags(client: TestClient, cast: Cast, db: Session) -> None:
    owner, validator = cast.person(unit="Cards", name="Ann Lee"), cast.person("validator")
    model = register(
        client,
        "assistant",
        kind="llm",
        unit="Cards",
        owner=owner.email,
        validator=validator.id,
        eu_class="transparency",
        affects_people=True,
        fields={
            "base_model": "m-2",
            "context_tokens": "128000",
            "data_leaves": "yes",
            "prompt_location": "https://x.org/p",
        },
        tags={"pilot": "", "team": "cards"},
    )
    assert (model["owner"]["name"], model["unit"]["name"]) == ("Ann Lee", "Cards")
    assert model["validator"]["id"] == validator.id
    assert model["fields"] == {
        "base_model": "m-2", "context_tokens": 128000, "data_leaves": True, "prompt_location": "https://x.org/p",
    }  # fmt: skip
    assert model["tags"] == {"pilot": "", "team": "cards"}
    assert client.get("/api/v1/models/assistant").json() == model
    assert last_event(db, "model.registered")["object"] == {"kind": "model", "id": model["id"], "name": "assistant"}


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": "zero\u200bwidth"}, "name"),
        ({"name": "x" * 251}, "name"),
        ({"name": "a", "kind": "magic"}, "kind"),
        ({"name": "a", "colour": "red"}, "colour"),
        ({"name": "a", "owner": "nobody@example.org"}, "owner"),
        ({"name": "a", "unit": "No such unit"}, "unit"),
        ({"name": "a", "eu_class": "fine"}, "eu_class"),
        ({"name": "a", "fields": {"base_model": "of another kind"}}, "fields.base_model"),
        ({"name": "a", "kind": "llm", "fields": {"context_tokens": "many"}}, "fields.context_tokens"),
        ({"name": "a", "kind": "llm", "fields": {"context_tokens": 1e300}}, "fields.context_tokens"),
        ({"name": "a", "kind": "llm", "fields": {"prompt_location": "javascript:alert(1)"}}, "fields.prompt_location"),
        ({"name": "a", "kind": "llm", "fields": {"hosting": "moon"}}, "fields.hosting"),
        ({"name": "a", "kind": "vendor", "fields": {"contract_ends": "2026-02-30"}}, "fields.contract_ends"),
        (
            {"name": "a", "kind": "vendor", "fields": {"relationship_owner": "ghost@example.org"}},
            "fields.relationship_owner",
        ),
        ({"name": "a", "kind": "vendor", "fields": {"may_audit": [1]}}, "fields.may_audit"),
    ],
)
def test_bad_input_names_the_field(client: TestClient, wanted: dict[str, Any], field: str) -> None:
    answer = client.post("/api/v1/models", json=wanted)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert answer.json()["remedy"]


def test_an_edit_of_what_somebody_else_changed_is_refused(client: TestClient, db: Session) -> None:
    register(client, "churn", kind="vendor", fields={"vendor": "Acme", "product": "Score"})
    tag = client.get("/api/v1/models/churn").headers["etag"]
    patch = {"purpose": "Better words.", "fields": {"product": None, "contract": "C-7"}}
    edited = client.patch("/api/v1/models/churn", json=patch, headers={"if-match": tag})
    assert edited.status_code == 200, edited.text
    assert edited.json()["fields"] == {"vendor": "Acme", "contract": "C-7"}
    assert client.patch("/api/v1/models/churn", json=patch, headers={"if-match": tag}).status_code == 412
    assert last_event(db, "model.edited")["data"] == {
        "changes": {
            "purpose": ["", "Better words."],
            "fields": [{"vendor": "Acme", "product": "Score"}, {"vendor": "Acme", "contract": "C-7"}],
        }
    }
    again = edited.headers["etag"]
    assert client.patch("/api/v1/models/churn", json={}, headers={"if-match": again}).headers["etag"] == again
    assert count_events(db, "model.edited") == 1


def test_another_kind_keeps_only_the_fields_that_it_has_too(client: TestClient) -> None:
    register(client, "x", kind="vendor", fields={"vendor": "Acme", "personal_data": True})
    edited = client.patch("/api/v1/models/x", json={"kind": "llm", "fields": {"provider": "Acme"}})
    assert edited.json()["fields"] == {"personal_data": True, "provider": "Acme"}


def test_what_is_null_or_empty_is_taken_as_nothing(client: TestClient) -> None:
    nothing = dict.fromkeys(("unit", "use_case", "owner", "developer", "validator", "eu_class"))
    register(client, "churn", **nothing)
    version = {"data_set": None, "source": {"commit": None, "location": ""}, "environment": {"python": None}}
    assert client.post("/api/v1/models/churn/versions", json=version).status_code == 201
    empty = "q=&kind=&tier=&state=&light=&environment=&unit=&owner=&tag="
    assert [model["name"] for model in client.get(f"/api/v1/models?{empty}").json()["items"]] == ["churn"]
    patch = {"developer": None, "use_case": None, "fields": None, "name": None, "owner": None}
    assert client.patch("/api/v1/models/churn", json=patch).status_code == 200


def test_a_model_moves_with_its_files_where_one_may_register(client: TestClient, client_as: Clients) -> None:
    clerk = client_as("contributor", unit="Cards")
    reader = client_as("viewer", unit="Loans")
    register(clerk, "churn", unit="Cards")
    sha256 = upload(clerk, b"{}")
    files = [{"path": "rules.json", "sha256": sha256}]
    assert clerk.post("/api/v1/models/churn/versions", json={"files": files}).status_code == 201
    assert clerk.patch("/api/v1/models/churn", json={"unit": "Loans"}).status_code == 403
    assert reader.get(f"/api/v1/files/{sha256}/report").status_code == 404
    assert client.patch("/api/v1/models/churn", json={"unit": "Loans"}).json()["unit"]["name"] == "Loans"
    assert reader.get(f"/api/v1/files/{sha256}/report").status_code == 200
    assert clerk.get("/api/v1/models/churn").status_code == 404


def test_look_alikes_warn_on_both_as_long_as_both_live(client: TestClient, client_as: Clients) -> None:
    register(client, "Credit score")
    assert register(client, "credit-sc0re")["similar_names"] == ["Credit score"]
    assert client.get("/api/v1/models/Credit score").json()["similar_names"] == ["credit-sc0re"]
    stranger = client_as("contributor", unit="Elsewhere")
    assert register(stranger, "credit_score", unit="Elsewhere")["similar_names"] == []  # it sees neither
    for name in ("credit-sc0re", "credit_score"):
        client.post(f"/api/v1/models/{name}/archive")
    assert client.get("/api/v1/models/Credit score").json()["similar_names"] == []


def test_a_rename_moves_the_warning_along(client: TestClient) -> None:
    register(client, "alpha")
    register(client, "beta")
    assert client.patch("/api/v1/models/beta", json={"name": "Alpha"}).json()["similar_names"] == ["alpha"]
    assert client.patch("/api/v1/models/Alpha", json={"name": "alpha"}).status_code == 409
    assert client.patch("/api/v1/models/Alpha", json={"name": "gamma"}).json()["similar_names"] == []
    assert client.get("/api/v1/models/alpha").json()["similar_names"] == []


def test_an_archived_name_is_free_and_restoring_it_then_is_a_conflict(client: TestClient, db: Session) -> None:
    first = register(client, "churn")
    assert client.post("/api/v1/models/churn/archive").json()["archived_at"]
    assert client.get("/api/v1/models/churn").status_code == 404
    register(client, "churn")
    refused = client.post(f"/api/v1/archived-models/{first['id']}/restore")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_exists")
    client.post("/api/v1/models/churn/archive")
    assert [m["name"] for m in client.get("/api/v1/archived-models").json()["items"]] == ["churn", "churn"]
    restored = client.post(f"/api/v1/archived-models/{first['id']}/restore")
    assert restored.json()["id"] == first["id"]
    assert client.get("/api/v1/models/churn").json()["id"] == first["id"]
    assert count_events(db, "model.restored") == 1
    assert client.delete("/api/v1/models/churn").status_code == 405


def test_versions_are_numbered_frozen_and_unverified_without_files(client: TestClient) -> None:
    register(client, "churn")
    wanted = {
        "description": "First.",
        "metrics": [{"name": "accuracy", "value": 0.8, "n": 400}],
        "parameters": {"C": 0.5, "solver": "lbfgs", "seed": 7, "fit": True, "none": None, "code": "0010"},
        "signature": {"inputs": [{"name": "age", "type": "double"}], "outputs": [{"name": "p"}]},
        "source": {"commit": "abc123"},
        "environment": {"python": "3.11", "packages": {"scikit-learn": "1.9.0"}},
    }
    first = client.post("/api/v1/models/churn/versions", json=wanted)
    assert first.status_code == 201, first.text
    assert (first.json()["number"], first.json()["digest_state"], first.json()["manifest_digest"]) == (
        1,
        "unverified",
        None,
    )
    assert first.json()["parameters"] == wanted["parameters"]
    assert client.post("/api/v1/models/churn/versions", json={}).json()["number"] == 2
    assert [v["number"] for v in client.get("/api/v1/models/churn/versions").json()["items"]] == [2, 1]
    assert client.get("/api/v1/models/churn/versions/1").json()["metrics"][0]["n"] == 400
    assert client.patch("/api/v1/models/churn/versions/1", json={}).status_code == 405


@pytest.mark.parametrize(
    "wanted",
    [
        '{"metrics": [{"name": "auc", "value": NaN}]}',
        '{"metrics": [{"name": "auc", "value": 1e999}]}',
        '{"metrics": [{"name": "auc", "value": 1, "n": -1}]}',
        '{"metrics": [{"name": "auc", "value": 1, "n": 99999999999999999999}]}',
        '{"metrics": [{"name": "auc", "value": 1}, {"name": "auc", "value": 2}]}',
        '{"parameters": {"deep": {"er": 1}}}',
        json.dumps({"files": [{"path": "../etc/passwd", "sha256": "a" * 64}]}),
        json.dumps({"files": [{"path": "m.onnx", "sha256": "a" * 64}]}),
        '{"files": [{"path": "m.onnx", "sha256": "short"}]}',
        json.dumps({"files": [{"path": "a", "sha256": "a" * 64}, {"path": "a", "sha256": "b" * 64}]}),
        '{"data_set": "unknown"}',
        '{"number": 5}',
    ],
)
def test_a_bad_version_is_refused_and_takes_no_number(client: TestClient, wanted: str) -> None:
    register(client, "churn")
    answer = client.post("/api/v1/models/churn/versions", content=wanted, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert client.post("/api/v1/models/churn/versions", json={}).json()["number"] == 1


def test_a_version_holds_stored_files_by_digest(client: TestClient, client_as: Clients) -> None:
    register(client, "churn")
    one, two = upload(client, b'{"a": 1}'), upload(client, b'{"b": 2}')
    files = [{"path": "rules.json", "sha256": two}, {"path": "a/b.json", "sha256": one}]
    made = client.post("/api/v1/models/churn/versions", json={"files": files}).json()
    assert made["digest_state"] == "verified"
    assert [(file["path"], file["size"]) for file in made["files"]] == [("a/b.json", 8), ("rules.json", 8)]
    same = client.post("/api/v1/models/churn/versions", json={"files": files[::-1]}).json()
    assert same["manifest_digest"] == made["manifest_digest"]
    both = [{"path": "a", "sha256": one}, {"path": "a/b", "sha256": one}]
    assert client.post("/api/v1/models/churn/versions", json={"files": both}).status_code == 422
    stranger = client_as("contributor", unit="Elsewhere")
    register(stranger, "mine", unit="Elsewhere")
    refused = stranger.post("/api/v1/models/mine/versions", json={"files": files})
    assert (refused.status_code, refused.json()["field"]) == (422, "files")  # knowing a digest is no right
    data = {"name": "d", "digest": one, "file_name": "d.json"}
    assert client.post("/api/v1/data-sets", json=data).json()["size"] == 8


def test_a_version_number_beyond_the_database_is_a_4xx(client: TestClient) -> None:
    register(client, "churn")
    assert client.get("/api/v1/models/churn/versions/99999999999999999999").status_code == 422
    assert client.get("/api/v1/models/churn/versions/7").status_code == 404


def test_aliases_are_intervals_that_ask_the_gate(
    client: TestClient, open_gate: list[gates.Transition], db: Session
) -> None:
    register(client, "churn")
    for _ in range(2):
        client.post("/api/v1/models/churn/versions", json={})
    assert client.put("/api/v1/models/churn/aliases/candidate", json={"version": 1}).status_code == 200
    assert client.put("/api/v1/models/churn/aliases/candidate", json={"version": 2}).status_code == 200
    assert client.put("/api/v1/models/churn/aliases/candidate", json={"version": 2}).status_code == 200  # no change
    assert [(t.thing.number, t.context["alias"]) for t in open_gate] == [(1, "candidate"), (2, "candidate")]
    assert client.get("/api/v1/models/churn").json()["aliases"] == {"candidate": 2}
    assert client.delete("/api/v1/models/churn/aliases/candidate").status_code == 204
    assert client.delete("/api/v1/models/churn/aliases/candidate").status_code == 404
    history = client.get("/api/v1/models/churn/aliases").json()["items"]
    assert [(entry["version_number"], entry["to_at"] is None) for entry in history] == [(2, False), (1, False)]
    assert history[0]["from_at"] == history[1]["to_at"]
    assert client.get("/api/v1/models/churn").json()["aliases"] == {}
    assert count_events(db, "alias.set") == 2


@pytest.mark.parametrize("alias", ["latest", "v3", "12", "a:b", "Latest"])
def test_an_alias_that_reads_like_a_version_is_refused(client: TestClient, alias: str) -> None:
    register(client, "churn")
    client.post("/api/v1/models/churn/versions", json={})
    assert client.put(f"/api/v1/models/churn/aliases/{alias}", json={"version": 1}).status_code == 422


def test_search_takes_words_terms_and_facets(client: TestClient, cast: Cast, client_as: Clients) -> None:
    ann = cast.person(unit="Cards", name="Ann Lee")
    register(client, "churn", purpose="Says who may leave. 100%_sure", tags={"pilot": "", "team": "blue"}, unit="Cards")
    register(client, "assistant", kind="llm", owner=ann.email, fields={"base_model": "Große-Liebe"})
    register(client, "prices", kind="spreadsheet")
    assert names(client, q="kind:ml") == ["churn"]
    assert names(client, q="-kind:ml") == ["assistant", "prices"]
    assert names(client, q="kind:llm kind:ml") == ["assistant", "churn"]
    assert names(client, q="LEAVE") == ["churn"]
    assert names(client, q="grosse-liebe") == ["assistant"]
    assert names(client, q='"who may" -sure') == []
    assert names(client, q="%_") == ["churn"]
    assert names(client, q="owner:ann") == ["assistant"]
    assert names(client, q="tag:pilot unit:cards tier:none light:unknown") == ["churn"]
    assert names(client, q="tag:team=blue") == ["churn"]
    assert names(client, q="tier:1") == []
    assert names(client, kind="llm", q="-light:pass") == ["assistant"]
    for bad in ({"q": "colour:red"}, {"kind": "x"}, {"color": "red"}, {"cursor": "nonsense"}, {"limit": "0"}):
        assert client.get("/api/v1/models", params=bad).status_code == 422
    assert names(client_as("viewer", unit="Cards")) == ["churn"]


def test_pages_follow_one_another_in_every_order(client: TestClient) -> None:
    for number in range(5):
        register(client, f"m{number}")
    for sort in ("name", "-name", "changed", "-changed", "tier", "-tier", "light", "-light"):
        found, cursor = [], None
        while True:
            page = client.get(
                "/api/v1/models", params={"sort": sort, "limit": 2, **({"cursor": cursor} if cursor else {})}
            ).json()
            found += [model["name"] for model in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert sorted(found) == [f"m{number}" for number in range(5)], sort


def test_the_export_is_the_filtered_list_without_formulas(client: TestClient) -> None:
    register(client, "=1+1", purpose="@cmd", kind="rules")
    register(client, "churn")
    text = client.get("/api/v1/exports/models", params={"q": "kind:rules", "format": "csv"}).content.decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["name"], row["purpose"]) == ("'=1+1", "'@cmd")
    found = client.get("/api/v1/exports/models", params={"q": "kind:rules", "format": "json"}).json()["items"]
    assert [model["name"] for model in found] == ["=1+1"]


def test_a_workspace_asks_for_its_own_fields(client: TestClient, client_as: Clients) -> None:
    wanted = {
        "key": "cost_centre",
        "label": "Cost centre",
        "type": "choice",
        "choices": ["A", "B"],
        "is_required": True,
        "kinds": ["ml"],
    }
    assert client_as("contributor").post("/api/v1/fields", json=wanted).status_code == 403
    assert client.post("/api/v1/fields", json=wanted).status_code == 201
    assert client.post("/api/v1/fields", json=wanted).status_code == 409
    assert client.post("/api/v1/fields", json={**wanted, "key": "vendor"}).status_code == 409
    assert client.post("/api/v1/fields", json={**wanted, "key": "x", "choices": []}).status_code == 422
    refused = client.post("/api/v1/models", json=CHURN)
    assert (refused.status_code, refused.json()["field"]) == (422, "fields.cost_centre")
    register(client, "churn", fields={"cost_centre": "B"})
    register(client, "rules", kind="rules")
    assert client.post("/api/v1/fields/cost_centre/archive").json()["archived_at"]
    register(client, "other")
    assert client.get("/api/v1/models/churn").json()["fields"] == {"cost_centre": "B"}
    kinds = {kind["kind"]: kind for kind in client.get("/api/v1/kinds").json()["items"]}
    assert "cost_centre" not in [field["key"] for field in kinds["ml"]["fields"]]


def test_use_cases_and_data_sets_are_recorded(client: TestClient, client_as: Clients) -> None:
    case = client.post("/api/v1/use-cases", json={"name": "Lending", "purpose": "Lend wisely.", "unit": "Organisation"})
    assert case.status_code == 201, case.text
    edited = client.patch(
        "/api/v1/use-cases/Lending", json={"value": "2 M a year"}, headers={"if-match": case.headers["etag"]}
    )
    assert edited.json()["value"] == "2 M a year"
    assert register(client, "churn", use_case="Lending")["use_case"]["name"] == "Lending"
    assert names(client, q="use-case:lending") == ["churn"]
    wanted = {"name": "loans 2026", "digest": "ab" * 32, "rows": 1000, "columns": [{"name": "age", "type": "int"}]}
    assert client.post("/api/v1/data-sets", json=wanted).status_code == 201
    assert client.post("/api/v1/data-sets", json=wanted).status_code == 409
    assert client.post("/api/v1/data-sets", json={**wanted, "name": "x", "file_name": "x.csv"}).status_code == 422
    version = client.post("/api/v1/models/churn/versions", json={"data_set": "loans 2026"}).json()
    assert version["data_set_id"] == client.get("/api/v1/data-sets/loans 2026").json()["id"]
    assert client_as("contributor", unit="Elsewhere").get("/api/v1/data-sets/loans 2026").status_code == 404
