"""Intervals of what is live: never two at once, whatever happens in which order."""

import itertools
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.errors import AlreadyExists, NotFound
from modelops_platform.deployments import queries, service
from modelops_platform.deployments.schemas import ActivationIn, DeploymentIn
from modelops_platform.deployments.tables import Revision
from modelops_platform.registry import queries as registry
from modelops_platform.registry import service as inventory
from modelops_platform.registry.schemas import ModelIn, VersionIn
from tests.deployments.conftest import GateKeeper
from tests.factories import SYSTEM, Cast, count_events

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def deployment_id(database: Database, cast: Cast, gate: GateKeeper) -> str:
    """A deployment of a model with four versions."""
    admin = cast.actor(cast.person("admin"))
    with database.write() as db, clock.frozen(START):
        model = inventory.register_model(db, admin, ModelIn(name="churn"))
        for _ in range(4):
            inventory.add_version(db, admin, model, VersionIn())
        wanted = DeploymentIn(name="churn-crm", environment="production", model="churn")
        return service.create_deployment(db, admin, wanted).id


def act(database: Database, deployment_id: str, version: int | None) -> bool:
    """Make a version live, or take the deployment out of service; say whether anything changed."""
    try:
        with database.write() as db:
            if version is None:
                service.end_revision(db, SYSTEM, deployment_id, "Enough.")
            else:
                service.activate(db, SYSTEM, deployment_id, ActivationIn(version=version, reason="Better."))
    except (AlreadyExists, NotFound):
        return False
    return True


def intervals(db: Session) -> list[Revision]:
    db.rollback()
    return list(db.scalars(select(Revision).order_by(Revision.number)))


@pytest.mark.parametrize("seed", range(3))
def test_intervals_never_overlap_and_history_answers_as_it_happened(
    database: Database, db: Session, deployment_id: str, seed: int
) -> None:
    chance = random.Random(seed)
    clocks, changed, live = START, START - timedelta(days=1), None
    told: list[tuple[datetime, int | None]] = [(changed, None)]
    for _ in range(25):
        clocks += timedelta(seconds=chance.choice([-2, 0, 1, 3600]))  # clocks stand still, and run back
        version = chance.choice([None, 1, 2, 3, 4])
        with clock.frozen(clocks):
            if act(database, deployment_id, version):
                live, changed = version, max(clocks, changed)
                told.append((changed, live))
    rows = intervals(db)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    for row, following in itertools.pairwise(rows):
        assert row.to_at is not None
        assert row.from_at <= row.to_at <= following.from_at
    probes = [moment + timedelta(microseconds=shift) for moment, _live in told for shift in (-1, 0, 1)]
    for probe in probes:
        expected = [state for moment, state in told if moment <= probe][-1:] or [None]
        found = [revision.version.number for revision in queries.list_live(db, SYSTEM, at=probe).items]
        assert found == [state for state in expected if state is not None]
    now = [revision.version.number for revision in queries.list_live(db, SYSTEM).items]
    assert now == ([live] if live else [])


def test_what_was_live_is_right_at_the_boundaries(database: Database, db: Session, deployment_id: str) -> None:
    noon, later, end = START + timedelta(hours=12), START + timedelta(hours=13), START + timedelta(hours=14)
    for moment, version in ((noon, 1), (later, 2), (end, None)):
        with clock.frozen(moment):
            assert act(database, deployment_id, version)
    tick = timedelta(microseconds=1)

    def at(moment: datetime) -> list[int]:
        return [revision.version.number for revision in queries.list_live(db, SYSTEM, at=moment).items]

    assert [at(noon - tick), at(noon), at(later - tick), at(later)] == [[], [1], [1], [2]]
    assert [at(end - tick), at(end)] == [[2], []]
    story = intervals(db)
    assert (story[0].end_reason, story[1].end_reason) == ("Replaced by v2.", "Enough.")


def test_activations_at_the_same_moment_leave_one_open_revision(
    database: Database, db: Session, deployment_id: str
) -> None:
    gone_wrong: list[Exception] = []

    def run(version: int) -> None:
        try:
            act(database, deployment_id, version)
        except Exception as error:  # noqa: BLE001 - a thread hands its failure to the test
            gone_wrong.append(error)

    threads = [threading.Thread(target=run, args=(1 + n % 4,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not gone_wrong
    rows = intervals(db)
    assert sum(row.to_at is None for row in rows) == 1
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert count_events(db, "deployment.activated") == len(rows)  # nothing acknowledged is lost
    model = registry.get_model(db, SYSTEM, "churn")
    assert model.summary.live_environments == service.live_environments(db, model.id)


def test_deployments_of_one_model_changed_at_once_all_stand_in_its_summary(
    database: Database, db: Session, deployment_id: str
) -> None:
    others = []
    for n in range(4):
        with database.write() as writing:
            wanted = DeploymentIn(name=f"churn-{n}", environment="staging", model="churn")
            others.append(service.create_deployment(writing, SYSTEM, wanted).id)
    threads = [threading.Thread(target=act, args=(database, one, 1)) for one in (deployment_id, *others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.rollback()
    model = registry.get_model(db, SYSTEM, "churn")
    assert len(model.summary.live_environments) == 5


def test_the_database_itself_refuses_a_second_open_revision(
    database: Database, deployment_id: str, gate: GateKeeper
) -> None:
    act(database, deployment_id, 1)
    with database.read() as db:
        one = intervals(db)[0]
    second = Revision(
        deployment_id=deployment_id,
        number=2,
        version_id=one.version_id,
        traffic=[],
        reason="",
        activated_by="x",
        from_at=START,
    )
    with pytest.raises(IntegrityError), database.write() as db:
        db.add(second)


def test_the_default_environments_are_made_once(write_db: Session) -> None:
    service.ensure_environments(write_db, SYSTEM)
    found = queries.list_environments(write_db, SYSTEM)
    assert [(one.name, one.is_protected) for one in found] == [
        ("development", False),
        ("staging", False),
        ("production", True),
    ]
