"""Governance against the database: fixed numbers of statements, intervals, what follows from edits below."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from modelops_platform.artifacts.tables import Blob
from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events import service as events
from modelops_platform.governance import queries, service
from modelops_platform.governance.domain.facts import Action
from modelops_platform.governance.domain.targets import Target
from modelops_platform.governance.tables import PolicyVersion
from modelops_platform.registry.tables import ModelSummary, Version
from tests.factories import count_events

from .setting import RESEARCH, RETAIL_CREDIT, Setting

CHAMPION = Target(Action.alias("champion"))


@contextmanager
def counted(db: Session) -> Iterator[list[str]]:
    """Collect the statements that the session sends."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            sent.append(statement)

    engine = db.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def version_ids(db: Session) -> list[str]:
    return list(db.scalars(select(Version.id).order_by(Version.id)))


def test_facts_take_as_many_statements_for_many_versions_as_for_one(bank: Setting, database: Database) -> None:
    bank.assess()
    bank.vote(bank.ask(), "risk")
    with database.read() as db:
        first = version_ids(db)[0]
    with database.read() as db, counted(db) as for_one:
        queries.gather(db, queries.Case(first, CHAMPION))
    for number in range(6):
        bank.add_version(f"more {number}".encode())
        bank.ask(number + 2)
    for _ in range(5):
        bank.cast.person("risk")
    with database.read() as db:
        cases = [queries.Case(id, CHAMPION) for id in version_ids(db)]
    with database.read() as db, counted(db) as for_many:
        found = queries.gather_all(db, cases)
    assert len(found) == 7
    assert len(for_many) == len(for_one) <= 12
    risk = bank.cast.actor(bank.person("risk"))
    with database.read() as db, counted(db) as for_list:
        waiting = queries.list_waiting(db, risk)
    assert [one.is_for_me for one in waiting] == [False, *[True] * 6]
    assert len(for_list) <= 16


def test_what_was_known_then_is_judged_as_it_was_then(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    with database.read() as db:
        then = clock.now()
        version = db.get_one(Version, version_ids(db)[0])
    bank.assess(RETAIL_CREDIT)
    bank.vote(bank.ask(), "owner")
    with database.read() as db:
        before = queries.gather(db, queries.Case(version.id, CHAMPION), at=then)
        after = queries.gather(db, queries.Case(version.id, CHAMPION))
    assert (before.tier and before.tier.tier, after.tier and after.tier.tier) == (4, 1)
    assert (len(before.votes), len(after.votes)) == (0, 1)


def test_shipped_policies_come_once_and_never_over_our_own(database: Database, bank: Setting) -> None:
    with database.write() as db:
        service.ensure_default_policies(db, DEFAULT_WORKSPACE)
    with database.read() as db:
        rows = db.scalars(select(PolicyVersion)).all()
        assert sorted(row.name for row in rows) == ["tier-1 v1", "tier-2 v1", "tier-3 v1", "tier-4 v1"]
        assert count_events(db, "policy.published") == 4


def test_edits_below_void_requests_and_move_states(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    bank.vote(bank.ask(), "owner")
    bank.ask(to="production")
    with database.read() as db:
        assert db.scalars(select(ModelSummary.state)).one() == "approved"
    bank["owner"].patch(f"/api/v1/models/{bank.model}", json={"purpose": "Something else."})
    with database.write() as db:
        events.seal_events(db)
        place = service.catch_up(db, DEFAULT_WORKSPACE, 0)
        assert service.catch_up(db, DEFAULT_WORKSPACE, place) == place
    with database.read() as db:
        summary = db.scalars(select(ModelSummary)).one()
        assert (summary.state, summary.approvals_waiting) == ("in_development", 0)
        assert count_events(db, "approval.invalidated") == 2


def test_an_assessment_grows_old(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    bank.vote(bank.ask(), "owner")
    assert bank.gate().json()["outcome"] == "allow"
    with clock.frozen(clock.now() + timedelta(days=400)):
        assert bank.gate().json()["unmet"] == ["tier-assessed"]


def test_a_damaged_file_is_no_proof(bank: Setting, database: Database) -> None:
    with database.write() as db:
        db.execute(update(Blob).values(damaged_at=clock.now()))
    assert "digest-verified" in bank.gate().json()["unmet"]


def test_what_a_service_account_registers_was_made_by_the_named_developer(bank: Setting, database: Database) -> None:
    bank["owner"].patch(f"/api/v1/models/{bank.model}", json={"developer": bank.person("author").id})
    bank.add_version(b"by ci", by="robot")
    with database.read() as db:
        facts = queries.gather(db, queries.Case(version_ids(db)[1], CHAMPION))
    assert facts.author == bank.person("author").id
    assert bank.person("robot").id in facts.committers


def test_naming_another_developer_afterwards_moves_no_authorship(bank: Setting, database: Database) -> None:
    def name_developer(who: str) -> None:
        changed = bank["owner"].patch(f"/api/v1/models/{bank.model}", json={"developer": bank.person(who).id})
        assert changed.status_code == 200, changed.text

    bank.add_version(b"by ci, for nobody", by="robot")
    name_developer("author")
    bank.add_version(b"by ci, for the author", by="robot")
    name_developer("executive")
    with database.read() as db:
        nobodys, authors = (queries.gather(db, queries.Case(id, CHAMPION)) for id in version_ids(db)[1:])
    assert nobodys.author is None
    assert authors.author == bank.person("author").id
    assert {bank.person("author").id, bank.person("executive").id} <= authors.committers


def test_where_the_owner_made_the_version_the_head_of_the_unit_takes_their_seat(
    bank: Setting, database: Database
) -> None:
    unit = bank["admin"].get(f"/api/v1/models/{bank.model}").json()["unit"]["id"]
    head = bank.cast.person("contributor", name="Head Example")
    changed = bank["admin"].patch(f"/api/v1/units/{unit}", json={"head_id": head.id})
    assert changed.status_code == 200, changed.text
    bank.add_version(b"by the owner", by="owner")
    with database.read() as db:
        facts = queries.gather(db, queries.Case(version_ids(db)[1], CHAMPION))
    assert facts.unit_head == head.id
    assert "unit_head" in next(person.roles for person in facts.people if person.id == head.id)
