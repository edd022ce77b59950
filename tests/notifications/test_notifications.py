"""Who is told of what: once, never of what they may not see, and as they wish."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from sqlalchemy import event, func, select
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.events import service as events
from modelops_platform.governance import jobs as governance_jobs
from modelops_platform.identity.tables import User
from modelops_platform.notifications import jobs, service
from modelops_platform.notifications.tables import EventFollower, Notification
from modelops_platform.registry import jobs as registry_jobs
from tests.factories import Cast
from tests.governance.setting import Setting

for room in (jobs, governance_jobs, registry_jobs):
    service.register(room.NOTICES)

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Clients = Callable[..., TestClient]


def follow(database: Database) -> int:
    """Place what happened, and tell people of it."""
    with database.write() as db:
        events.seal_events(db)
    with database.write() as db:
        return service.follow(db)["made"]


def told(client: TestClient, **wanted: str) -> list[tuple[str, str]]:
    """The topics and words of somebody's notifications, the newest first."""
    answer = client.get("/api/v1/notifications", params=wanted)
    assert answer.status_code == 200, answer.text
    return [(one["topic"], one["words"]) for one in answer.json()["items"]]


@pytest.fixture
def as_person(app: FastAPI, cast: Cast) -> Callable[[User], TestClient]:
    """Make a client of a person who exists."""

    def make(person: User) -> TestClient:
        headers = {"authorization": f"Bearer {cast.token(person)}"}
        return TestClient(app, headers=headers, follow_redirects=False)

    return make


def test_who_may_vote_is_told_and_who_asked_hears_the_outcome(app: FastAPI, cast: Cast, database: Database) -> None:
    bank = Setting(app, cast)
    bank.register()
    bank.add_version()
    assert bank.assess().status_code == 201
    follow(database)
    request = bank.ask()
    follow(database)
    wanted = [words for topic, words in told(bank["validator"]) if topic == "approval_wanted"]
    assert len(wanted) == 1
    assert "asked for approval of v1 to" in wanted[0]
    assert told(bank["author"], topic="approval_wanted") == []  # who asked is not told of it
    bank.vote(request, "validator", "reject")
    follow(database)
    assert [topic for topic, _ in told(bank["author"], topic="approval_decided")] == ["approval_decided"]
    [open_form] = {
        line.split('action="')[1].split('"')[0]
        for line in bank["author"].get("/notifications?topic=approval_decided").text.splitlines()
        if "/open" in line
    }
    assert bank["author"].post(open_form).headers["location"] == f"/approvals/{request}"
    assert told(bank["author"], topic="approval_decided", state="unread") == []
    assert bank["admin"].post(f"/api/v1/models/{bank.model}/archive").status_code == 200
    archived = bank["author"].post(open_form)  # what has no page any more is said to have none
    assert archived.headers["location"] in ("/notifications", f"/approvals/{request}")
    assert bank["author"].get(archived.headers["location"]).status_code == 200


def test_each_event_is_told_once_however_often_the_log_is_followed(
    client: TestClient, cast: Cast, database: Database
) -> None:
    owner = cast.person("contributor")
    assert client.post("/api/v1/models", json={"name": "churn", "owner": owner.id}).status_code == 201
    with database.write() as db:
        events.seal_events(db)
    made: list[int] = []

    def once() -> None:
        with database.write() as db:
            made.append(service.follow(db)["made"])

    threads = [threading.Thread(target=once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 0, 0, 1]
    with database.write() as db:  # a follower that begins again tells nobody twice
        db.get_one(EventFollower, "notifications").place = 0
        assert service.follow(db)["made"] == 0
    with database.read() as db:
        assert db.scalar(select(func.count()).select_from(Notification).where(Notification.user_id == owner.id)) == 1


def test_what_one_may_no_longer_see_is_neither_listed_nor_counted(
    client: TestClient, cast: Cast, database: Database, as_person: Callable[[User], TestClient]
) -> None:
    owner = cast.person("contributor", unit="Cards")
    mine = as_person(owner)
    assert client.post("/api/v1/models", json={"name": "secret-churn", "owner": owner.id, "unit": "Cards"}).is_success
    follow(database)
    assert told(mine)[0][0] == "responsibility"
    [one] = mine.get("/api/v1/notifications").json()["items"]
    assert mine.get("/notification-count").text == "1"
    cast.unit("Treasury")
    assert client.patch("/api/v1/models/secret-churn", json={"unit": "Treasury"}).status_code == 200
    assert told(mine) == []
    assert mine.get("/notification-count").text == ""
    assert "secret-churn" not in mine.get("/notifications").text
    assert mine.post(f"/notifications/{one['id']}/open").status_code == 404
    assert mine.post(f"/api/v1/notifications/{one['id']}/read").status_code == 404


@ON_SQLITE
def test_nobody_reads_or_marks_what_others_were_told(
    client: TestClient, client_as: Clients, cast: Cast, database: Database
) -> None:
    owner = cast.person("contributor")
    client.post("/api/v1/models", json={"name": "churn", "owner": owner.id})
    follow(database)
    with database.read() as db:
        one = db.scalars(select(Notification.id)).one()
    other = client_as("admin")
    assert told(other) == []
    assert other.post(f"/api/v1/notifications/{one}/read").status_code == 404


@ON_SQLITE
def test_a_silent_topic_makes_nothing_and_a_token_for_reading_changes_nothing(
    client: TestClient, cast: Cast, database: Database, app: FastAPI, as_person: Callable[[User], TestClient]
) -> None:
    owner = cast.person("contributor")
    mine = as_person(owner)
    assert mine.post("/notification-settings", data={"topics": ["alert", "danger"]}).status_code == 303
    page = mine.get("/notification-settings").text
    assert page.count(" checked") == 2
    client.post("/api/v1/models", json={"name": "churn", "owner": owner.id})
    assert follow(database) == 0
    assert mine.get("/api/v1/notification-topics").json() == {"topics": ["alert", "danger"]}
    assert mine.put("/api/v1/notification-topics", json={"topics": ["alert"]}).json() == {"topics": ["alert"]}
    reader = TestClient(app, headers={"authorization": f"Bearer {cast.token(owner, 'read')}"})
    assert reader.get("/api/v1/notifications").status_code == 200
    assert reader.post("/read-all-notifications").status_code == 403
    assert mine.post("/notification-settings", data={"topics": ["everything"]}).status_code == 422


@ON_SQLITE
def test_marks_go_back_and_forth_and_all_at_once(
    client: TestClient, cast: Cast, database: Database, as_person: Callable[[User], TestClient]
) -> None:
    owner = cast.person("contributor")
    mine = as_person(owner)
    for name in ("one", "two"):
        client.post("/api/v1/models", json={"name": name, "owner": owner.id})
    follow(database)
    first = mine.get("/api/v1/notifications").json()["items"][0]["id"]
    assert mine.post(f"/api/v1/notifications/{first}/read").json()["read_at"]
    assert mine.get("/notification-count").text == "1"
    assert mine.post(f"/api/v1/notifications/{first}/unread").json()["read_at"] is None
    assert mine.post("/read-all-notifications").status_code == 303
    assert mine.get("/notification-count").text == ""
    assert told(mine, state="unread") == []


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Count the statements that readers send."""
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(database.read_engine, "before_cursor_execute", note)
    yield statements
    event.remove(database.read_engine, "before_cursor_execute", note)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_list_and_count_cost_the_same_number_of_queries_at_any_size(
    client: TestClient, cast: Cast, database: Database, as_person: Callable[[User], TestClient]
) -> None:
    owner = cast.person("contributor", unit="Cards")
    mine = as_person(owner)
    seen: dict[str, set[int]] = {"/notifications": set(), "/notification-count": set()}
    for round_number, count in enumerate((1, 12)):
        for number in range(count):
            name = f"model-{round_number}-{number}"
            client.post("/api/v1/models", json={"name": name, "owner": owner.id, "unit": "Cards"})
        follow(database)
        for path, counts in seen.items():
            with counted(database) as statements:
                assert mine.get(path).status_code == 200
            counts.add(len(statements))
    assert all(len(counts) == 1 for counts in seen.values()), seen


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "bad", ["cursor=junk", "limit=0", "topic=nothing", "state=%F0%9F%90%88", "cursor=" + "x" * 5000]
)
def test_bad_filters_are_refused_in_words(client: TestClient, bad: str) -> None:
    assert client.get(f"/notifications?{bad}").status_code == 422
    assert client.get(f"/api/v1/notifications?{bad}").status_code == 422
