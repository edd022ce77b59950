"""Webhooks: kept by their makers, told of each event once, signed, tried again; on both databases."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.core.keys import load_keys
from modelops_platform.core.settings import Settings, load_settings
from modelops_platform.events import service as events
from modelops_platform.jobs.tables import Job
from modelops_platform.notifications.tables import Webhook, WebhookDelivery
from modelops_platform.notifications.webhooks import delivering
from modelops_platform.notifications.webhooks.secrets import seal, unseal
from modelops_platform.registry import jobs as registry_jobs
from tests.factories import count_events

API = "/api/2.0/mlflow"
ADDED = {"entity": "MODEL_VERSION", "action": "CREATED"}


@dataclass
class Receiver:
    """Another system: what it answers, and what it was told."""

    port: int = 0
    status: int = 200
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=s3cret"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.messages.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.status)
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.port = server.server_address[1]
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path, session_folder: Path, receiver: Receiver) -> Settings:
    """An installation that may call the receiver."""
    keys = str(session_folder / "keys")
    allowed = f"127.0.0.1:{receiver.port}"
    return load_settings(home=tmp_path, database_url=database_url, keys=keys, database_pool=5, outgoing_allow=allowed)


@pytest.fixture
def make(client_as: Callable[..., TestClient], receiver: Receiver) -> Callable[..., tuple[TestClient, str]]:
    """Make a webhook at the receiver, as somebody of a unit."""

    def made(unit: str = "Cards", **more: Any) -> tuple[TestClient, str]:
        client = client_as("contributor", unit=unit)
        wanted = {"name": "hook", "url": receiver.url, "events": [ADDED], "secret": "s3cret", **more}
        answer = client.post(f"{API}/webhooks", json=wanted)
        assert answer.status_code == 200, answer.text
        return client, str(answer.json()["webhook"]["webhook_id"])

    return made


def follow(database: Database) -> int:
    """Give new events their places, and make the messages."""
    delivering.register(registry_jobs.WEBHOOKS)
    with database.write() as db:
        events.seal_events(db)
    with database.write() as db:
        return delivering.follow(db)["made"]


def deliver(database: Database) -> list[str]:
    """Send what waits now, and return the states of all messages."""
    with database.read() as db:
        waiting = db.scalars(select(Job).where(Job.kind == delivering.DELIVER, Job.state == "queued")).all()
    for job in waiting:
        with database.read() as db:
            prepared = delivering.prepare(db, job)
        outcome = delivering.work(None, prepared)  # type: ignore[arg-type]
        with database.write() as db:
            delivering.finish(db, job, outcome)
            db.get_one(Job, job.id).state = "succeeded"
    with database.read() as db:
        return list(db.scalars(select(WebhookDelivery.state).order_by(WebhookDelivery.id)))


def test_a_webhook_is_kept_listed_changed_and_deleted(
    make: Callable[..., tuple[TestClient, str]], client_as: Callable[..., TestClient], database: Database,
    app: FastAPI, receiver: Receiver,
) -> None:  # fmt: skip
    client, webhook_id = make(description="why")
    own = f"{API}/webhooks/{webhook_id}"
    read = client.get(own).json()["webhook"]
    assert (read["name"], read["status"], read["events"], read["description"]) == ("hook", "ACTIVE", [ADDED], "why")
    assert "secret" not in read
    with database.read() as db:
        kept = db.scalars(select(Webhook.secret)).one()
        assert kept is not None
        assert "s3cret" not in kept
        assert unseal(db.info["keys"], kept, webhook_id) == "s3cret"
    changed = client.patch(own, json={"status": "DISABLED", "name": "other"}).json()["webhook"]
    assert (changed["status"], changed["name"], changed["url"]) == ("DISABLED", "other", receiver.url)
    make_another = client.post(f"{API}/webhooks", json={"name": "b", "url": "https://example.com", "events": [ADDED]})
    assert make_another.status_code == 200
    page = client.get(f"{API}/webhooks", params={"max_results": 1}).json()
    rest = client.get(f"{API}/webhooks", params={"max_results": 1, "page_token": page["next_page_token"]}).json()
    assert [one["name"] for one in page["webhooks"] + rest["webhooks"]] == ["b", "other"]
    assert "next_page_token" not in rest
    stranger = client_as("contributor", unit="Cards")
    assert stranger.get(own).status_code == 404
    assert stranger.get(f"{API}/webhooks").json() == {}
    assert client_as("viewer").get(f"{API}/webhooks").status_code == 403
    assert client_as("admin").get(own).status_code == 200
    assert client.request("DELETE", own).json() == {}
    assert client.get(own).status_code == 404
    with database.read() as db:
        assert [count_events(db, f"webhook.{verb}") for verb in ("created", "edited", "deleted")] == [2, 1, 1]


def test_what_is_wrong_with_a_webhook_is_said(client_as: Callable[..., TestClient]) -> None:
    client = client_as("contributor")
    fine = {"name": "a", "url": "https://example.com/x", "events": [ADDED]}
    wrongs: list[dict[str, Any]] = [
        {"name": ""}, {"name": "-a"}, {"name": "a" * 64}, {"name": "a b"}, {"events": []}, {"events": None},
        {"events": [{"entity": "REGISTERED_MODEL", "action": "DELETED"}]},
        {"events": [{"entity": "X", "action": "SET"}]},
        {"url": "http://example.com"}, {"url": "https://10.0.0.1/"}, {"url": "https://localhost/"}, {"url": "file:///a"},
        {"url": "https://user@example.com"}, {"url": "https://[::1]/"}, {"url": "https://169.254.169.254/latest"},
        {"status": "BROKEN"}, {"secret": "x" * 1001}, {"description": "x" * 1001},
    ]  # fmt: skip
    for wrong in wrongs:
        answer = client.post(f"{API}/webhooks", json={**fine, **wrong})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), wrong
    made = client.post(f"{API}/webhooks", json=fine).json()["webhook"]["webhook_id"]
    odd = {"event": {"entity": "PROMPT", "action": "EXCEEDED"}}
    assert client.post(f"{API}/webhooks/{made}/test", json=odd).status_code == 400
    assert client.post(f"{API}/webhooks/nothing/test", json={}).status_code == 404


def test_each_event_is_told_once_and_signed(
    make: Callable[..., tuple[TestClient, str]], client_as: Callable[..., TestClient], database: Database,
    receiver: Receiver,
) -> None:  # fmt: skip
    pairs = [("REGISTERED_MODEL", "CREATED"), ("MODEL_VERSION", "CREATED"), ("MODEL_VERSION_TAG", "SET"),
             ("MODEL_VERSION_TAG", "DELETED"), ("MODEL_VERSION_ALIAS", "CREATED"), ("MODEL_VERSION_ALIAS", "DELETED"),
             ("PROMPT", "CREATED"), ("PROMPT_VERSION", "CREATED")]  # fmt: skip
    client, _ = make(events=[{"entity": entity, "action": action} for entity, action in pairs])
    for path, method, body in (
        ("registered-models/create", "POST", {"name": "m"}),
        ("model-versions/create", "POST", {"name": "m", "source": "s3://bucket/m"}),
        ("model-versions/set-tag", "POST", {"name": "m", "version": "1", "key": "k", "value": "v"}),
        ("model-versions/delete-tag", "DELETE", {"name": "m", "version": "1", "key": "k"}),
        ("registered-models/alias", "POST", {"name": "m", "alias": "best", "version": "1"}),
        ("registered-models/alias", "DELETE", {"name": "m", "alias": "best"}),
    ):
        answer = client.request(method, f"{API}/{path}", json=body)
        assert answer.status_code == 200, answer.text
    elsewhere = client_as("contributor", unit="Loans")
    assert elsewhere.post(f"{API}/registered-models/create", json={"name": "unseen"}).status_code == 200
    assert follow(database) == 6
    assert follow(database) == 0
    assert deliver(database) == ["delivered"] * 6
    told = [json.loads(body) for _headers, body in receiver.messages]
    assert [(one["entity"].upper(), one["action"].upper()) for one in told] == pairs[:6]
    assert told[1]["data"]["version"] == "1"
    assert told[1]["data"]["source"] == "s3://bucket/m"
    assert told[2]["data"] == {"name": "m", "version": "1", "key": "k", "value": "v"}
    assert told[4]["data"] == {"name": "m", "alias": "best", "version": "1"}
    headers, first = receiver.messages[0]
    signed = f"{headers['x-mlflow-delivery-id']}.{headers['x-mlflow-timestamp']}.".encode() + first
    digest = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert headers["x-mlflow-signature"] == f"v1,{digest}"
    assert len({headers["x-mlflow-delivery-id"] for headers, _body in receiver.messages}) == 6


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_message_is_tried_four_times_and_a_refusal_once(
    make: Callable[..., tuple[TestClient, str]], database: Database, receiver: Receiver
) -> None:
    client, webhook_id = make(events=[{"entity": "REGISTERED_MODEL", "action": "CREATED"}])
    receiver.status = 503
    client.post(f"{API}/registered-models/create", json={"name": "first"})
    follow(database)
    states = [deliver(database) for _ in range(5)]
    assert states == [["waiting"]] * 3 + [["failed"]] * 2
    assert len({headers["x-mlflow-delivery-id"] for headers, _body in receiver.messages}) == 1
    assert len(receiver.messages) == 4
    receiver.status = 400
    client.post(f"{API}/registered-models/create", json={"name": "second"})
    follow(database)
    assert deliver(database) == ["failed", "failed"]
    client.patch(f"{API}/webhooks/{webhook_id}", json={"status": "DISABLED"})
    client.post(f"{API}/registered-models/create", json={"name": "third"})
    assert follow(database) == 0
    client.patch(f"{API}/webhooks/{webhook_id}", json={"status": "ACTIVE"})
    assert follow(database) == 0  # what happened meanwhile is not told
    [_first, second] = client.get(f"/api/v1/webhooks/{webhook_id}/deliveries").json()["items"][::-1]
    assert (second["state"], second["attempts"], second["error"]) == ("failed", 1, "It answered 400.")
    assert client.get("/api/v1/webhooks").json()["items"][0]["events"] == [["REGISTERED_MODEL", "CREATED"]]
    with database.read() as db:
        last = db.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id.desc()).limit(1)).one()
        assert (last.response_status, last.attempts, last.response_body) == (400, 1, "thanks")
    with database.write() as db:
        assert delivering.forget_old(db) == 0
        db.execute(update(WebhookDelivery).values(created_at=last.created_at - timedelta(days=91)))
        assert delivering.forget_old(db) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_webhook_is_tested_on_request(make: Callable[..., tuple[TestClient, str]], receiver: Receiver) -> None:
    client, webhook_id = make()
    told = client.post(f"{API}/webhooks/{webhook_id}/test", json={}).json()["result"]
    assert told == {"success": True, "response_status": 200, "response_body": "thanks"}
    assert json.loads(receiver.messages[0][1])["data"]["name"] == "example_model"
    receiver.status = 500
    event = {"event": {"entity": "MODEL_VERSION_TAG", "action": "SET"}}
    told = client.post(f"{API}/webhooks/{webhook_id}/test", json=event).json()["result"]
    assert (told["success"], told["response_status"]) == (False, 500)
    client.patch(f"{API}/webhooks/{webhook_id}", json={"url": "https://nothing.invalid/"})
    told = client.post(f"{API}/webhooks/{webhook_id}/test", json=event).json()["result"]
    assert told["success"] is False
    assert "nothing.invalid" in told["error_message"]


def test_a_secret_opens_with_its_key_and_for_its_webhook_only(tmp_path: Path) -> None:
    keys, others = load_keys(tmp_path / "a"), load_keys(tmp_path / "b")
    kept = seal(keys, "s3cret", "one")
    assert [unseal(keys, kept, "one"), unseal(keys, kept, "two"), unseal(others, kept, "one")] == ["s3cret", None, None]
    assert (tmp_path / "a" / "secrets.key").stat().st_mode & 0o77 == 0
