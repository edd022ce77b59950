"""The platform as several processes: three web, two workers and a gateway on PostgreSQL and a store that speaks S3."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from modelops_platform.core.db import Database
from modelops_platform.core.settings import load_settings
from modelops_platform.jobs import service
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.tables import Schedule
from tests.factories import SYSTEM
from tests.grown.proxy import Proxy
from tests.postgres import Postgres
from tests.s3 import KEYS, fresh_bucket, s3_server
from tests.test_serve import PASSWORD, Server, environment, modelops, operator, until

WEB, WORKERS = 3, 2
EMAIL = "grace@example.org"
UPKEEP = "monitoring.notice_stale"  # a light job of the platform's own, safe to run at any time


class Grown:
    """All processes, behind a proxy that takes the web processes in turn."""

    token: str  # of an administrator
    gateway: Server
    proxy: Proxy

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self.variables = variables
        self.database = Database.from_settings(
            load_settings(home=folder, database_url=variables["MODELOPS_DATABASE_URL"], keys=variables["MODELOPS_KEYS"])
        )
        self.web: list[Server] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self._count = 0

    def start(self, command: str) -> Server:
        """Start a process of its own home, as on a machine of its own."""
        self._count += 1
        home = self.folder / f"{command}-{self._count}"
        home.mkdir()
        return Server(home, command, **self.variables)

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "modelops_platform.cli", "worker"]
        with (self.folder / "workers.log").open("ab") as log:
            return subprocess.Popen(command, env=environment(self.folder, **self.variables), stdout=log, stderr=log)

    def client(self, **options: Any) -> httpx2.Client:
        """A client whose every request is a new connection, and so goes to the next web process."""
        headers = {"connection": "close", **options.pop("headers", {})}
        return httpx2.Client(base_url=self.proxy.url, headers=headers, timeout=30, **options)

    def count(self, question: str, **values: Any) -> int:
        with self.database.read() as db:
            return int(db.scalar(text(question), values) or 0)

    def open_proxy(self) -> None:
        self.proxy = Proxy([int(server.url.rpartition(":")[2]) for server in self.web])

    def close(self) -> None:
        self.proxy.close()
        for worker in self.workers:
            worker.terminate()
        for server in [*self.web, self.gateway]:
            assert server.end()[0] == 0
            server.close()
        assert {worker.wait(15) for worker in self.workers} == {0}
        self.database.dispose()


@pytest.fixture(scope="module")
def grown(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    folder = tmp_path_factory.mktemp("grown")
    with s3_server() as endpoint:
        variables = {
            "MODELOPS_DATABASE_URL": postgres.empty_database(),
            "MODELOPS_ARTIFACT_URL": f"s3://{fresh_bucket(endpoint)}/blobs",
            "MODELOPS_S3_ENDPOINT": endpoint,
            "MODELOPS_KEYS": str(folder / "keys"),
            **{f"MODELOPS_{name.upper()}": value for name, value in KEYS.items()},
        }
        made = Grown(folder, variables)
        made.web = [made.start("web") for _ in range(WEB)]
        assert [server.get("/readyz").status_code for server in made.web] == [503] * WEB, "nobody migrates but one"
        made.token = operator(folder, **variables)
        modelops(
            folder, "user", "create", EMAIL, "--role", "contributor", "--password-stdin", given=PASSWORD, **variables
        )
        made.workers = [made.start_worker() for _ in range(WORKERS)]
        made.gateway = made.start("gateway")
        for server in [*made.web, made.gateway]:
            server.until_ready()
        made.open_proxy()
        try:
            yield made
        finally:
            made.close()


def as_admin(grown: Grown) -> httpx2.Client:
    return grown.client(headers={"authorization": f"Bearer {grown.token}"})


def test_a_session_holds_on_every_web_process_and_ends_on_all(grown: Grown) -> None:
    with grown.client() as browser:
        signed_in = browser.post("/login", data={"email": EMAIL, "password": PASSWORD})
        assert signed_in.status_code == 303, signed_in.text
        assert [browser.get("/models").status_code for _ in range(2 * WEB)] == [200] * (2 * WEB)
        assert browser.post("/logout").status_code == 303
        assert [browser.get("/models").status_code for _ in range(2 * WEB)] == [303] * (2 * WEB)


def test_what_one_web_process_changed_the_others_know_at_once(grown: Grown) -> None:
    token = modelops(grown.folder, "token", "create", "--user", EMAIL, "--name", "ci", **grown.variables).stdout.strip()
    with as_admin(grown) as admin, grown.client(headers={"authorization": f"Bearer {token}"}) as other:
        assert other.post("/api/v1/models", json={"name": "seen", "kind": "ml"}).status_code == 201
        assert [other.get("/api/v1/models/seen").status_code for _ in range(WEB)] == [200] * WEB
        person = next(each for each in admin.get("/api/v1/users").json()["items"] if each["email"] == EMAIL)
        assert admin.post(f"/api/v1/users/{person['id']}/disable").status_code == 200
        assert [other.get("/api/v1/models/seen").status_code for _ in range(WEB)] == [401] * WEB
        assert admin.post(f"/api/v1/users/{person['id']}/enable").status_code == 200


def test_attempts_to_sign_in_are_counted_over_all_web_processes(grown: Grown) -> None:
    with grown.client() as browser:
        wrong = {"email": "somebody@example.org", "password": "guessed it wrong"}
        statuses = [browser.post("/login", data=wrong).status_code for _ in range(12)]
    assert 429 in statuses
    assert statuses == sorted(statuses), "once refused, every process refuses"


def test_a_file_taken_by_one_is_scanned_by_a_worker_and_given_by_the_others(grown: Grown) -> None:
    content = b"a,b\n1,2\n" * 1000
    with as_admin(grown) as admin:
        sha256 = admin.put("/api/v1/files?name=rows.csv", content=content).json()["sha256"]
        until(lambda: admin.get(f"/api/v1/files/{sha256}/report").json()["scanned_at"] is not None)
        assert [admin.get(f"/api/v1/files/{sha256}").content for _ in range(WEB)] == [content] * WEB


def test_a_job_is_watched_from_any_web_process(grown: Grown) -> None:
    job_id = enqueue(grown)
    with as_admin(grown) as admin, admin.stream("GET", f"/jobs/{job_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        heard = "".join(stream.iter_text())
    assert "Succeeded" in heard
    assert heard.endswith("event: end\ndata:\n\n")


def test_no_time_is_fired_twice_or_missed_when_workers_are_killed(grown: Grown) -> None:
    with grown.database.write() as db:
        schedule = service.set_schedule(db, SYSTEM, "often", UPKEEP, {}, Rhythm(every_seconds=1))
        schedule_id = schedule.id
    fired = "SELECT count(*) FROM jobs WHERE schedule_id = :id"
    until(lambda: grown.count(fired, id=schedule_id) >= 3)
    first, second = grown.workers
    grown.workers.append(grown.start_worker())
    for killed in (first, second):  # the last time nobody is left but the one that was started meanwhile
        grown.workers.remove(killed)
        killed.kill()
        killed.wait()
        before = grown.count(fired, id=schedule_id)
        until(lambda before=before: grown.count(fired, id=schedule_id) >= before + 3)
    with grown.database.write() as db:
        service.pause_schedule(db, SYSTEM, db.get_one(Schedule, schedule_id))
    assert grown.count(f"{fired} AND attempts > 1", id=schedule_id) <= 2, "only what the killed ones held"
    twice = (
        "SELECT count(*) FROM (SELECT due_at FROM jobs WHERE schedule_id = :id GROUP BY due_at HAVING count(*) > 1) d"
    )
    assert grown.count(twice, id=schedule_id) == 0


def enqueue(grown: Grown) -> str:
    with grown.database.write() as db:
        return str(service.enqueue(db, SYSTEM, UPKEEP, {}, title="Watched").id)


def test_web_processes_are_replaced_one_by_one_without_a_failed_answer(grown: Grown) -> None:
    stop = threading.Event()
    answers: list[int] = []

    def ask() -> None:
        with as_admin(grown) as client:
            while not stop.wait(0.05):
                answers.append(client.get("/api/v1/models").status_code)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    try:
        for number in range(WEB):
            new = grown.start("web")
            new.until_ready()
            old = grown.web[number]
            grown.web[number] = new
            grown.proxy.servers = [int(server.url.rpartition(":")[2]) for server in grown.web]
            assert old.end()[0] == 0
            old.close()
    finally:
        stop.set()
        for asker in askers:
            asker.join()
    assert len(answers) > 20
    assert set(answers) == {200}


def test_the_gateway_answers_what_deployments_are_asked_and_nothing_else(grown: Grown) -> None:
    headers = {"authorization": f"Bearer {grown.token}"}
    assert grown.gateway.get("/v2/health/ready", headers=headers).status_code == 200
    assert grown.gateway.get("/v2", headers=headers).json()["name"] == "modelops"
    assert grown.gateway.get("/models", headers=headers).status_code == 404
