"""Bad input is a 4xx that names field, value and remedy; never a 5xx, never a silent change."""

import base64
import json
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.web.requests import DEEPEST
from tests.factories import count_events

UNITS = "/api/v1/units"
JSON = {"content-type": "application/json"}


def send(client: TestClient, body: bytes, kind: str | None = "application/json") -> Response:
    return client.post(UNITS, content=body, headers={"content-type": kind} if kind else {})


def nested(levels: int) -> bytes:
    return b'{"name":' + b"[" * levels + b"]" * levels + b"}"


def test_a_bad_json_body_names_what_is_wrong(client: TestClient, db: Session, subtests: pytest.Subtests) -> None:
    for body, field in [
        (b"", "body"),
        (b"null", "body"),
        (b"[]", "body"),
        (b'"name"', "body"),
        (b"{", "body"),
        (b"{'name': 1}", "body"),
        (b"\xff\xfe", "body"),
        (b'{"name": "\xff"}', "body"),
        (b'{"name": NaN}', "body"),
        (b'{"name": Infinity}', "body"),
        (b'{"name": 1e999}', "body"),
        (b'{"name": "half \\ud800 pair"}', "body"),
        (b'{"name": "nul \\u0000 here"}', "name"),
        (b'{"na\\u0000me": "x"}', "body"),
        (b'{"name": 5}', "name"),
        (b'{"name": "x", "name": "y"}', "name"),
        (b'{"name": "x", "n\\u0061me": "y"}', "name"),
        (b'{"name": "x", "name" : ' + b"9" * 5000 + b"}", "body"),
        (b'{"name": {"a": "\\":", "a": 1}}', "a"),
        (b'{"name": null, "parent_id": 1}', "name"),
        (b'{"name": {"a": 1}}', "name"),
        (b'{"name": "x", "colour": "red"}', "colour"),
        (b'{"name": ""}', "name"),
        (b'{"name": "' + b"a" * 201 + b'"}', "name"),
        (b'{"name": 123456789012345678901234567890}', "name"),
        (b'{"name": -9223372036854775809}', "name"),
        (nested(DEEPEST), "name"),
        (nested(DEEPEST + 1), "body"),
        (nested(100_000), "body"),
        (b'{"name": "x", "parent_id": "' + b"b" * 37 + b'"}', "parent_id"),
    ]:
        with subtests.test(body=body[:60], field=field):
            before = count_events(db, "unit.created")
            answer = send(client, body)
            assert answer.status_code == 422, answer.text
            problem = answer.json()
            assert problem["field"].startswith(field)
            assert problem["remedy"]
            assert problem["detail"]
            assert answer.headers["content-type"] == "application/problem+json"
            assert count_events(db, "unit.created") == before


def test_a_body_of_another_type_is_named(client: TestClient, subtests: pytest.Subtests) -> None:
    for kind in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "nonsense",
        None,
    ]:
        with subtests.test(kind=kind):
            answer = send(client, b'{"name": "Cards"}', kind)
            assert answer.status_code == 422
            assert answer.json()["field"] == "Content-Type"
            assert "application/json" in answer.json()["remedy"]


def test_a_body_says_how_it_is_written(client: TestClient, subtests: pytest.Subtests) -> None:
    for sent, field in [
        ({"content-encoding": "gzip"}, "Content-Encoding"),
        ({"content-type": "application/json; charset=utf-16"}, "Content-Type"),
        ({"content-type": 'application/json; x=y; CHARSET="latin-1"'}, "Content-Type"),
    ]:
        with subtests.test(sent=sent):
            answer = client.post(UNITS, content=b'{"name": "Cards"}', headers=JSON | sent)
            assert (answer.status_code, answer.json()["field"]) == (422, field)
    for name, kind in [(b"A", "application/json; charset=UTF-8"), (b"B", 'application/json; charset="utf-8"')]:
        assert send(client, b'{"name": "%s"}' % name, kind).status_code == 201


def test_a_value_of_another_type_is_not_made_to_fit(client: TestClient, subtests: pytest.Subtests) -> None:
    """A yes is no number and `"yes"` is no yes, in JSON; forms know text alone."""
    assert client.post("/api/v1/environments", json={"name": "trial"}).status_code == 201
    for field, value in [("is_protected", 1), ("is_protected", "yes"), ("rank", True), ("rank", "7"), ("rank", 1.5)]:
        with subtests.test(field=field, value=value):
            answer = client.patch("/api/v1/environments/trial", json={field: value})
            assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert client.patch("/api/v1/environments/trial", json={"rank": 7, "is_protected": False}).json()["rank"] == 7


def test_an_unknown_address_or_method_says_what_to_do(client: TestClient) -> None:
    for method, path, status in [("GET", "/api/v1/nothing/at/all", 404), ("PUT", UNITS, 405)]:
        answer = client.request(method, path)
        assert (answer.status_code, bool(answer.json()["remedy"])) == (status, True)


def test_what_is_not_utf_8_is_not_kept_as_something_else(client: TestClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    refused = client.post("/profile", content=b"name=%FF", headers=form)
    assert refused.status_code == 422
    assert client.put("/api/v1/files?name=%FF", content=b"x").status_code == 400
    assert client.patch("/api/v1/environments/%FF", json={"rank": 1}).status_code == 400
    assert client.post("/profile", content=b"name=%EF%BF%BD", headers=form).status_code == 303


def test_forms_take_forms_only(nobody: TestClient) -> None:
    assert nobody.post("/login", content=b'{"email": "x"}', headers=JSON).status_code == 422
    assert nobody.post(
        "/login", content=b"--x\r\n", headers={"content-type": "multipart/form-data; boundary=x"}
    ).status_code in (400, 401, 422)
    assert nobody.post("/login", data={"email": "nul \0 here", "password": "x"}).status_code == 422
    assert (
        nobody.post(
            "/login", content=b"email=%00", headers={"content-type": "application/x-www-form-urlencoded"}
        ).status_code
        == 422
    )
    assert nobody.post("/login", data={"email": "a", "password": "b", "other": "c"}).status_code == 422


def test_a_ten_megabyte_body_is_refused_before_it_is_read(client: TestClient, nobody: TestClient) -> None:
    large = b'{"name": "' + b"a" * 10_000_000 + b'"}'
    answer = send(client, large)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (413, "too_large", "body")
    assert client.post(UNITS, content=iter([large]), headers=JSON).status_code == 413  # length not announced
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert nobody.post("/login", content=b"email=" + b"a" * 10_000_000, headers=form).status_code == 413
    assert nobody.post("/login", files={"email": ("f", b"a" * 10_000_000)}).status_code == 413


def test_who_may_not_ask_hears_that_before_what_was_wrong(nobody: TestClient, app: FastAPI) -> None:
    assert send(nobody, b"{").status_code == 401
    assert nobody.post(UNITS, content=b"a" * 10_000_000, headers=JSON).status_code == 401


def cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def test_a_cursor_that_the_list_did_not_give_out_is_refused(client: TestClient, subtests: pytest.Subtests) -> None:
    for bad in [
        "x",
        "äöü",
        "====",
        "a" * 5000,
        cursor(),
        cursor("one"),
        cursor("a", "b"),
        cursor(1, 2),
        cursor({"t": "2026-01-01T00:00:00"}, 5),
        cursor({"t": "never"}, "id"),
        cursor({"t": "9999-12-31T23:59:59-23:59"}, "id"),
        cursor({"t": "2026-01-01T00:00:00"}, "half \ud800"),
        cursor({"t": "2026-01-01T00:00:00+00:00"}, None),
        cursor({"x": 1}, "id"),
        cursor(["a"], "id"),
        cursor(True, "id"),
        cursor(2**70, "id"),
        base64.urlsafe_b64encode(b"[" * 3000).decode(),
        base64.urlsafe_b64encode(b"[NaN, Infinity]").decode(),
    ]:
        for path in ["/api/v1/models", "/api/v1/users", "/api/v1/events", "/api/v1/grants"]:
            with subtests.test(bad=bad, path=path):
                answer = client.get(path, params={"cursor": bad})
                assert answer.status_code in (200, 422), answer.text
                if answer.status_code == 422:
                    assert answer.json()["field"] == "cursor"


def test_a_bad_query_names_the_parameter(client: TestClient, subtests: pytest.Subtests) -> None:
    for query, field in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=1e3", "limit"),
        ("limit=NaN", "limit"),
        ("colour=red", "colour"),
        ("since=yesterday", "since"),
        ("since=99999-01-01", "since"),
        ("kind=" + "a" * 100, "kind"),
    ]:
        with subtests.test(query=query[:60], field=field):
            answer = client.get(f"/api/v1/events?{query}")
            assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_odd_but_lawful_queries_are_answered(client: TestClient, subtests: pytest.Subtests) -> None:
    for query in [
        "since=0001-01-01",
        "until=9999-12-31",
        "until=0001-01-01",
        "q=%25_%22%5C",
        "actor=%F0%9F%90%8E",
        "q=%ED%A0%80",
        "kind=&since=&q=",
    ]:
        with subtests.test(query=query[:60]):
            assert client.get(f"/api/v1/events?{query}").status_code == 200


def test_names_take_any_unicode_and_come_back_as_they_were(client: TestClient, subtests: pytest.Subtests) -> None:
    for name in [
        "größe",
        "模型",
        "🐎 مرحبا",
        "'; DROP TABLE units; --",
        "<script>alert(1)</script>",
        "{{ 7777 * 7777 }}",
        "%s %(x)s",
        "a" * 200,
        "ﷺ",
    ]:
        with subtests.test(name=name):
            assert client.post(UNITS, json={"name": name}).json()["name"] == name
            page = client.get("/administration/units").text
            assert "<script>alert" not in page
            assert "60481729" not in page


def test_a_bad_idempotency_key_is_named(client: TestClient, subtests: pytest.Subtests) -> None:
    for key in ["", "a" * 201, "line\u0085break"]:
        with subtests.test(key=key):
            sent = {**JSON, "idempotency-key": key.encode("latin-1")}
            answer = client.post(UNITS, content=b'{"name": "Cards"}', headers=sent)  # type: ignore[arg-type]
            assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


def test_a_repeated_create_happens_once_and_another_body_is_refused(client: TestClient, db: Session) -> None:
    before = count_events(db, "unit.created")
    key = {"idempotency-key": "3b1f"}
    first = client.post(UNITS, json={"name": "Cards"}, headers=key)
    again = client.post(UNITS, json={"name": "Cards"}, headers=key)
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), first.headers["etag"])
    assert client.post(UNITS, json={"name": "Loans"}, headers=key).status_code == 422
    assert count_events(db, "unit.created") == before + 1


def test_secrets_are_not_shown_back(client: TestClient, nobody: TestClient) -> None:
    answer = nobody.post("/login", data={"email": "x", "password": "p" * 2000})
    assert answer.status_code == 422
    assert "ppp" not in answer.text


def test_other_methods_are_refused_by_name(client: TestClient, subtests: pytest.Subtests) -> None:
    for method in ["PUT", "DELETE", "TRACE", "FOO"]:
        with subtests.test(method=method):
            assert client.request(method, UNITS).status_code == 405


def test_a_time_is_written_out_and_within_reach(client: TestClient, subtests: pytest.Subtests) -> None:
    for text in [
        "1900000000",
        "2027-01-01T00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999-14:00",
        "9999-12-31T23:59:59Z",
        "2027-06-30T23:59:60Z",
        "soon",
    ]:
        with subtests.test(text=text):
            posted = client.post("/api/v1/tokens", json={"name": "x", "expires_at": text})
            assert (posted.status_code, posted.json()["field"]) == (422, "expires_at"), posted.text
            asked = client.get("/api/v1/portfolio", params={"at": text})
            assert (asked.status_code, asked.json()["field"]) == (422, "at"), asked.text
