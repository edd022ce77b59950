"""Policies over ten thousand models: one decision, the facts of one version, everything anew, and a draft."""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import Session

from modelops_platform.artifacts.tables import Blob
from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Base, Database, table_of
from modelops_platform.core.ids import new_id
from modelops_platform.core.settings import load_settings
from modelops_platform.governance import queries, service
from modelops_platform.governance.defaults import default_policy_texts, default_questionnaire
from modelops_platform.governance.domain.decisions import decide
from modelops_platform.governance.domain.facts import digest_of_covered
from modelops_platform.governance.domain.policies import Policy
from modelops_platform.governance.domain.questionnaire import assess
from modelops_platform.governance.tables import (
    ApprovalRequest,
    EvidenceRecord,
    Finding,
    FindingInterval,
    RiskAssessment,
    TestResult,
    TestRun,
    VoteRecord,
    WhatIf,
)
from modelops_platform.identity.tables import Unit, User
from modelops_platform.monitoring.tables import Monitor, MonitorLimits, MonitorStanding
from modelops_platform.registry.tables import Model, ModelSummary, Version, VersionFile

from .figures import Figure
from .server import Home

MODELS = 10_000
REQUIREMENTS = 40
UNITS = 40
_AT_ONCE = 1_000
_ROLES = ("validator", "risk", "executive", "compliance")
_TESTS = ("performance", "stability", "fairness", "calibration", "robustness")


def measure(models: int, fresh: Callable[[], str | None], say: Callable[[str], None] = print) -> Iterator[Figure]:
    """Fill a home with models and what is known of them, and judge them in every way."""
    database_url = fresh()
    with tempfile.TemporaryDirectory(prefix="modelops-bench-") as folder:
        home = Home(Path(folder) / "home", database_url)
        home.run("db", "upgrade")
        database = Database.from_settings(load_settings(home=home.folder, database_url=database_url))
        try:
            say(f"Recording {models:,} models with tests, findings, evidence and monitors")
            fill(database, models)
            say("Judging them")
            yield from judge(database, models)
        finally:
            database.dispose()


def judge(database: Database, models: int) -> Iterator[Figure]:
    """Measure what people and pipelines wait for."""
    group = "Governance"
    with database.read() as db:
        ids = db.scalars(select(Version.id).order_by(Version.id).limit(200)).all()
        target = queries.protected_targets(db, DEFAULT_WORKSPACE)[0]
        cases = [queries.Case(id, target) for id in ids]
        gathered = queries.gather_all(db, cases)
        for case in cases[:20]:
            queries.gather(db, case)
    policy = wide_policy(queries.parse(default_policy_texts()[0]))
    began = time.process_time()
    for facts in gathered:
        decide(policy, facts)
    spent = (time.process_time() - began) / len(gathered) * 1000
    yield Figure(group, f"decide with {REQUIREMENTS} requirements, CPU", spent, "ms", 2.0)
    with database.read() as db, _counted(db) as sent:
        began = time.perf_counter()
        for case in cases:
            queries.gather(db, case)
            db.expunge_all()
        spent = (time.perf_counter() - began) / len(cases) * 1000
    yield Figure(group, "facts of one version", spent, "ms", 25.0, f"{len(sent) // len(cases)} statements, at most 12")
    began = time.perf_counter()
    judged = recompute(database)
    yield Figure(group, f"how {models:,} models stand, worked out anew", time.perf_counter() - began, "s", 60.0, judged)
    began = time.perf_counter()
    with database.write() as db:
        db.execute(
            update(Finding).where(Finding.model_id == db.scalar(select(Model.id).limit(1))).values(severity="high")
        )
    args = {"model_ids": [database_first(database)]}
    with database.read() as db:
        prepared = service.prepare_batch(db, DEFAULT_WORKSPACE, args)
    with database.write() as db:
        service.keep_batch(db, DEFAULT_WORKSPACE, prepared)
    yield Figure(group, "how one model stands after an event", time.perf_counter() - began, "s", 1.0)
    began = time.perf_counter()
    found = what_if(database)
    yield Figure(
        group, f"what a draft would change for {models:,} models", time.perf_counter() - began, "s", 30.0, found
    )


def database_first(database: Database) -> str:
    """Return the id of the first model."""
    with database.read() as db:
        return db.scalars(select(Model.id).order_by(Model.id).limit(1)).one()


def recompute(database: Database) -> str:
    """Work out how every model stands, batch by batch, as the nightly job does."""
    args: dict[str, Any] | None = {"after": ""}
    judged = 0
    while args is not None:
        with database.read() as db:
            prepared = service.prepare_batch(db, DEFAULT_WORKSPACE, args)
        with database.write() as db:
            judged += service.keep_batch(db, DEFAULT_WORKSPACE, prepared | {"follows": None})["judged"]
        args = {"after": prepared["follows"]} if prepared["follows"] else None
    return f"{judged:,} standings"


def what_if(database: Database) -> str:
    """Ask what a stricter policy of each tier would change."""
    drafts = [stricter(text) for text in default_policy_texts()]
    with database.write() as db:
        asker = db.scalars(select(User.id).limit(1)).one()
        asked = WhatIf(workspace_id=DEFAULT_WORKSPACE, title="Stricter", documents=drafts, asked_by=asker, summary={})
        db.add(asked)
    with database.read() as db:
        worked = service.work_out(db, DEFAULT_WORKSPACE, asked.id)
    with database.write() as db:
        found = service.keep_what_if(db, asked.id, DEFAULT_WORKSPACE, worked)
    return f"{found['fail']:,} would newly fail, {found['pass']:,} newly pass"


def stricter(text: str) -> str:
    """Return the next version of a policy, with one requirement more."""
    policy = queries.parse(text)
    head = text.replace(f"version: {policy.version}", f"version: {policy.version + 1}", 1).rstrip()
    more = "id: none-open\n    title: No finding open\n    check: findings\n    none_open: low\n    remedy: Close them."
    return f"{head}\n  - {more}\n"


def wide_policy(policy: Policy) -> Policy:
    """Repeat the requirements of a policy until there are forty."""
    repeated = [replace(one, id=f"{one.id}-{turn}") for turn in range(REQUIREMENTS) for one in policy.requirements]
    return replace(policy, requirements=tuple(islice(repeated, REQUIREMENTS)))


@contextmanager
def _counted(db: Session) -> Iterator[list[str]]:
    """Collect the statements that a session sends."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            sent.append(statement)

    engine = db.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def fill(database: Database, models: int) -> None:
    """Write models and what is known of them, past the services that would ask who may."""
    with database.write() as db:
        root = db.scalars(select(Unit).where(Unit.parent_id.is_(None))).one()
        people = [new_id() for _ in range(200)]
        units = [new_id() for _ in range(UNITS)]
        shared = {"workspace_id": DEFAULT_WORKSPACE}
        _add(
            db,
            User,
            [
                shared
                | {"id": id, "kind": "person", "name": f"Person {n}", "email": f"p{n}@example.org", "unit_id": root.id}
                for n, id in enumerate(people)
            ],
        )
        _add(
            db,
            Unit,
            [
                shared | {"id": id, "name": f"Unit {n}", "parent_id": root.id, "head_id": people[n]}
                for n, id in enumerate(units)
            ],
        )
    chance = random.Random(7)
    for first in range(0, models, _AT_ONCE):
        with database.write() as db:
            _models(db, range(first, min(first + _AT_ONCE, models)), people, units, chance)


def _models(db: Session, numbers: range, people: list[str], units: list[str], chance: random.Random) -> None:
    rows: dict[type[Base], list[dict[str, Any]]] = {}

    def add(table: type[Base], **values: Any) -> str:
        id = values.setdefault("id", new_id()) if "id" in table_of(table).c else ""
        rows.setdefault(table, []).append(values)
        return str(id)

    now, space = clock.now(), {"workspace_id": DEFAULT_WORKSPACE}
    questionnaire = default_questionnaire()
    target = queries.protected_targets(db, DEFAULT_WORKSPACE)[0]
    for number in numbers:
        owner, author = chance.sample(people[4:], 2)
        name, digest = f"model-{number:05}", f"{number:064x}"
        model = add(
            Model,
            **space,
            unit_id=chance.choice(units),
            name=name,
            skeleton=name,
            kind="ml",
            purpose=f"Decides {number}.",
            owner_id=owner,
            developer_id=author,
            created_by=author,
            last_version=1,
        )
        add(ModelSummary, model_id=model)
        version = add(
            Version,
            **space,
            model_id=model,
            number=1,
            manifest_digest=digest,
            recorded_digest_state="verified",
            metrics=[{"name": "auc", "value": 0.8, "n": 900, "standard_error": 0.01}],
            created_by=author,
            parameters={"depth": 3},
            source={"commit": "c0ffee"},
            created_at=now,
        )
        add(Blob, sha256=digest, size=10, block_size=10, format="onnx", verdict="clean", reasons=[], scanned_at=now)
        add(VersionFile, version_id=version, path="model.onnx", sha256=digest, size=10)
        answers = {question.id: chance.randrange(5) for question in questionnaire.questions}
        result = assess(questionnaire, answers, {})
        add(
            RiskAssessment,
            **space,
            model_id=model,
            questionnaire_id=result.questionnaire_id,
            questionnaire_version=result.questionnaire_version,
            answers=answers,
            facts={},
            result=result.to_dict(),
            tier=int(result.tier),
            total=result.total_shown,
            assessed_by=people[0],
            reviewed_by=people[0],
            reviewed_at=now,
            from_at=now,
        )
        run = add(
            TestRun,
            **space,
            model_id=model,
            version_id=version,
            suite_id="tier-2",
            suite_number=1,
            source="platform",
            created_by=author,
            ended_at=now,
            created_at=now,
        )
        for test in _TESTS:
            add(
                TestResult,
                **space,
                run_id=run,
                model_id=model,
                version_id=version,
                suite_id="tier-2",
                suite_number=1,
                test=test,
                title=test,
                check=test,
                outcome=chance.choice(("pass", "pass", "fail")),
                source="platform",
                digest=digest,
                at=now,
            )
        if number % 3 == 0:
            due = (now + timedelta(days=90)).date()
            stands = {"state": "open", "severity": chance.choice(("low", "medium", "high")), "due": due}
            finding = add(
                Finding,
                **space,
                model_id=model,
                title="Leak",
                description="It leaks.",
                source="validation",
                category="data",
                likelihood="low",
                function="validator",
                owner_id=owner,
                raised_by=people[1],
                **stands,
            )
            add(FindingInterval, finding_id=finding, from_at=now, **stands)
        add(
            EvidenceRecord,
            **space,
            model_id=model,
            kind="attestation",
            word="owner attestation",
            title="I own it",
            added_by=owner,
            roles=["owner"],
            source="person",
            at=now,
        )
        record = {
            "kind": "ml",
            "purpose": f"Decides {number}.",
            "eu_class": None,
            "affects_people": False,
            "fields": {},
        }
        said = {"description": "", "signature": {}, "metrics": rows[Version][-1]["metrics"], "parameters": {"depth": 3}}
        covers = digest_of_covered(record | said)
        request = add(
            ApprovalRequest,
            **space,
            model_id=model,
            version_id=version,
            action="deployment:activate",
            environment_id=target.environment_id,
            environment=target.environment,
            digest=digest,
            covers=covers,
            message="Please.",
            asked_by=author,
            state="granted",
            asked_at=now,
        )
        for role, voter in (("owner", owner), *zip(_ROLES, people[:4], strict=True)):
            add(
                VoteRecord,
                **space,
                request_id=request,
                version_id=version,
                voter_id=voter,
                roles=[role],
                unit_id=units[0],
                is_person=True,
                answer="approve",
                sentence="I looked.",
                digest=digest,
                covers=covers,
                policy_id="tier-1",
                policy_version=1,
                at=now,
            )
        for measures in ("drift", "quality"):
            monitor = add(Monitor, **space, model_id=model, name=measures, measures=measures, created_by=author)
            add(MonitorLimits, monitor_id=monitor, bad="above", fail=0.25, set_by=author)
            add(MonitorStanding, monitor_id=monitor, light="pass")
    for table, values in rows.items():
        _add(db, table, values)


_EMPTY: Mapping[type, object] = {str: "", int: 0, bool: False, float: 0.0, bytes: b""}


def _add(db: Session, entity: type[Base], rows: list[dict[str, Any]]) -> None:
    """Insert rows; what a row leaves out and must not be empty gets the column's default, or nothing of its type."""
    db.execute(insert(entity), [_whole(entity, row) for row in rows])


def _whole(entity: type[Base], row: dict[str, Any]) -> dict[str, Any]:
    whole = dict(row)
    for attribute in entity.__mapper__.column_attrs:
        column = attribute.columns[0]
        if getattr(column, "table", None) is not entity.__table__ or attribute.key in whole or column.nullable:
            continue
        if column.default is None and column.server_default is None:
            whole[attribute.key] = _EMPTY.get(column.type.python_type, "")
    return whole
