"""The portfolio counts what the caller may see, now and on earlier days, in a fixed number of queries."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.registry import queries as registry_queries
from modelops_platform.registry import service as registry
from modelops_platform.registry.schemas import ModelIn
from modelops_platform.reporting import queries
from modelops_platform.reporting.schemas import PortfolioFilter
from tests.factories import Cast


def fill(database: Database, cast: Cast, count: int = 6) -> None:
    """Register models: the first fails in use, the second is in use and unknown, the others are quiet."""
    maker = cast.actor(cast.person("contributor", unit="Cards"))
    with database.write() as db:
        for number in range(count):
            model = registry.register_model(db, maker, ModelIn(name=f"model-{number:04}"))
            live = [
                {
                    "name": "production",
                    "version": 1,
                    "digest": None,
                    "deployment": "d",
                    "since": "",
                    "is_protected": True,
                }
            ]
            registry.summarise(db, model.id, tier=1 + number % 4, impact=1 + number % 5, likelihood=3, light="pass")
            if number == 0:
                registry.summarise(db, model.id, light="fail", live_environments=live)
            if number == 1:
                registry.summarise(db, model.id, light="stale", live_environments=live)


def test_the_numbers_are_those_of_the_rows_behind_them(client: TestClient, database: Database, cast: Cast) -> None:
    fill(database, cast)
    found = client.get("/api/v1/portfolio").json()
    assert (found["total"], found["live"], found["needing_attention"]) == (6, 2, 2)
    assert found["by_attention"] == {"failing": 1, "blind": 1}
    assert found["sentence"].startswith("6 models, 2 need attention")
    assert sum(cell["count"] for cell in found["heat_map"]) == 6
    actor = cast.actor(cast.person("viewer"))
    with database.read() as db:
        for wanted, count in (
            (PortfolioFilter(tier="1"), found["by_tier"]["1"]),
            (PortfolioFilter(light="pass"), found["by_light"]["pass"]),
            (PortfolioFilter(attention="any"), found["needing_attention"]),
            (PortfolioFilter(attention="blind"), 1),
            (PortfolioFilter(live=True), found["live"]),
            (PortfolioFilter(impact=1, likelihood=3), next(c["count"] for c in found["heat_map"] if c["impact"] == 1)),
        ):
            assert len(queries.get_portfolio(db, actor, wanted).rows) == count


def test_an_earlier_day_is_shown_as_it_was(client: TestClient, database: Database, cast: Cast) -> None:
    now = clock.now()
    with clock.frozen(now - timedelta(days=40)):
        fill(database, cast)
    maker = cast.actor(cast.person("admin"))
    with clock.frozen(now - timedelta(days=3)), database.write() as db:
        model = registry.register_model(db, maker, ModelIn(name="late"))
        registry.summarise(db, model.id, light="fail")
        registry.archive_model(db, maker, "model-0005")
    assert client.get("/api/v1/portfolio").json()["total"] == 6
    assert client.get("/api/v1/portfolio").json()["needing_attention"] == 3
    earlier = client.get("/api/v1/portfolio", params={"at": (now - timedelta(days=10)).isoformat()}).json()
    assert (earlier["total"], earlier["needing_attention"]) == (6, 2)
    assert client.get("/api/v1/portfolio", params={"at": "2020-01-01"}).json()["total"] == 0
    assert [point["total"] for point in client.get("/api/v1/portfolio").json()["trend"]][-1] == 6


def test_a_report_that_is_being_made_is_not_made_twice(client: TestClient) -> None:
    first, again, other = (client.post(f"/portfolio/reports{query}") for query in ("", "", "?tier=1"))
    assert first.headers["location"] == again.headers["location"] != other.headers["location"]


def test_nobody_counts_what_they_may_not_see(
    client_as: Callable[..., TestClient], database: Database, cast: Cast
) -> None:
    fill(database, cast)
    assert client_as("viewer", unit="Loans").get("/api/v1/portfolio").json()["total"] == 0
    assert client_as("viewer", unit="Cards").get("/api/v1/portfolio").json()["total"] == 6
    assert client_as(None).get("/api/v1/portfolio").status_code == 403


@pytest.mark.parametrize(
    "query",
    ["at=yesterday", "tier=5", "impact=6", "attention=loud", "colour=red", "at=2026-13-01", "limit=0", "live=perhaps"],
)
def test_a_filter_that_cannot_be_is_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/v1/portfolio?{query}")
    assert answer.status_code == 422
    assert answer.json()["field"] == query.partition("=")[0]
    assert client.get(f"/portfolio?{query}").status_code == 422


def test_the_number_of_queries_does_not_grow(database: Database, cast: Cast) -> None:
    fill(database, cast, 60)
    one_model = cast.person(None)
    with database.read() as db:
        model = registry_queries.get_model(db, cast.actor(cast.person("viewer")), "model-0003")
    cast.grant(one_model, "viewer", "model", model.id)
    counts = set()
    for person, limit in ((one_model, 50), (cast.person("viewer"), 1), (cast.person("viewer"), 50)):
        actor = cast.actor(person)
        with database.read() as db:
            statements: list[str] = []
            connection = db.connection()
            event.listen(connection, "before_cursor_execute", lambda *a, seen=statements: seen.append(a[2]))
            queries.get_portfolio(db, actor, PortfolioFilter(limit=limit))
            counts.add(len(statements))
    assert len(counts) == 1
