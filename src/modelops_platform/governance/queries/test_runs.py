"""Reads of test runs and their results: as facts of a moment, as lists, one with everything."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Select, desc, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from modelops_platform.artifacts import queries as artifacts
from modelops_platform.artifacts.domain import Format, Verdict
from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted
from modelops_platform.monitoring.domain.lights import Light, at_moment, worst
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Alias, Model, Version

from ..domain.known import Source, TestFact
from ..domain.suites import Suite
from ..tables import SuiteVersion, TestResult, TestRun
from .documents import get_document, list_documents, parse_suite

TESTABLE = (Format.ONNX, Format.SKOPS)  # pickles run code of whoever made them, and nobody may allow that here
_LIVE_ALIASES = ("champion", "production")


class Tested(Protocol):
    """A version, as far as results are looked up by it."""

    @property
    def manifest_digest(self) -> str | None: ...


def load_tests(db: Session, versions: Mapping[str, Tested], at: datetime) -> Mapping[str, tuple[TestFact, ...]]:
    """Return the last result of each test and segment of each version as of a moment, in one statement.

    Results of other bytes than the version's are left out; a result that is older than its suite allows is stale.
    """
    found: dict[str, list[TestFact]] = {id: [] for id in versions}
    for version_id, digest, stale_at, id, suite, test, check, outcome, *told, _newest in db.execute(
        _last_of_each(versions, at)
    ):
        if digest != versions[version_id].manifest_digest:
            continue
        value, limit, rows, segment, source, moment = told
        light = at_moment(Light(outcome), stale_at, at)
        found[version_id].append(
            TestFact(id, suite, test, check, light, value, limit, rows, segment or None, Source(source), digest, moment)
        )
    return {id: tuple(facts) for id, facts in found.items()}


def _last_of_each(version_ids: Iterable[str], at: datetime) -> Select[Any]:
    """Return the statement for the last result of each test and segment, of each source."""
    result = TestResult
    columns = (
        *(result.version_id, result.digest, result.stale_at, result.id, result.suite_id, result.test, result.check),
        *(result.outcome, result.value, result.limit, result.rows, result.segment, result.source, result.at),
    )
    # A run of the platform answers for all of its suite: what an earlier one knew of segments that are gone is no
    # longer meant. A pipeline may push a suite piece by piece, and never in the place of what the platform found.
    runs = (
        select(TestRun.id, TestRun.version_id, TestRun.suite_id, TestRun.source)
        .add_columns(
            func.row_number()
            .over(
                partition_by=(TestRun.version_id, TestRun.suite_id, TestRun.source),
                order_by=[TestRun.ended_at.desc(), TestRun.id.desc()],
            )
            .label("place")
        )
        .where(TestRun.version_id.in_(version_ids), TestRun.ended_at <= at, TestRun.failure == "")
        .subquery()
    )
    newest = (
        func.row_number()
        .over(
            partition_by=(
                TestResult.version_id,
                TestResult.suite_id,
                TestResult.source,
                TestResult.test,
                TestResult.segment,
            ),
            order_by=[TestResult.at.desc(), TestResult.id.desc()],
        )
        .label("newest")
    )
    last = (
        select(*columns, newest)
        .join(runs, (runs.c.id == TestResult.run_id) & or_(runs.c.place == 1, runs.c.source == Source.PIPELINE.value))
        .where(TestResult.at <= at)
        .subquery()
    )
    return select(last).where(last.c.newest == 1).order_by(last.c.id)


def visible_runs(actor: Actor) -> Select[TestRun]:
    """Return the runs about models this actor may see, with model and version, to narrow further."""
    return (
        select(TestRun)
        .join(TestRun.model)
        .where(TestRun.workspace_id == actor.workspace_id, granted(Model, actor))
        .options(
            contains_eager(TestRun.model).joinedload(Model.unit),
            joinedload(TestRun.version),
            joinedload(TestRun.job),
            joinedload(TestRun.data_set),
        )
    )


def get_test_run(db: Session, actor: Actor, run_id: str) -> TestRun:
    """Return a run with its results. Raises NotFound."""
    statement = visible_runs(actor).where(TestRun.id == run_id).options(selectinload(TestRun.results))
    run = db.scalars(statement).one_or_none()
    if run is None:
        raise NotFound(
            f"There is no test run {run_id[:80]!r}.",
            remedy="Look at the tests of the model.",
            field="run",
            value=run_id[:80],
        )
    return run


def get_any_test_run(db: Session, run_id: str) -> TestRun:
    """Return a run for whoever works on it. Raises NotFound."""
    statement = select(TestRun).where(TestRun.id == run_id)
    run = db.scalars(statement.options(joinedload(TestRun.model), joinedload(TestRun.version))).one_or_none()
    if run is None:
        raise NotFound(f"There is no test run {run_id[:80]!r}.", remedy="Start it again.", field="run")
    return run


def find_pushed(db: Session, version_id: str, key: str) -> TestRun | None:
    """Return the run that was pushed under this key, if there is one."""
    statement = select(TestRun).where(TestRun.version_id == version_id, TestRun.key == key)
    loading = (joinedload(TestRun.model), joinedload(TestRun.version), joinedload(TestRun.job))
    return db.scalars(statement.options(*loading, selectinload(TestRun.results))).one_or_none()


def page_test_runs(
    db: Session,
    actor: Actor,
    model_id: str,
    *,
    version_id: str | None = None,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[TestRun]:
    """Return a page of the runs of a model, the newest first."""
    statement = visible_runs(actor).where(TestRun.model_id == model_id)
    if version_id is not None:
        statement = statement.where(TestRun.version_id == version_id)
    return paginate(db, statement, desc(TestRun.id), cursor=cursor, limit=limit)


@dataclass(frozen=True, slots=True)
class Standing:
    """The last results of one suite on a version."""

    suite: str
    number: int
    results: Sequence[TestResult]
    lights: Mapping[str, Light]

    @property
    def light(self) -> Light:
        """The worst of the results as time has changed them."""
        return worst(self.lights.values())

    @property
    def failing(self) -> int:
        """How many results do not pass."""
        return sum(light is not Light.PASS for light in self.lights.values())


def last_results(db: Session, version: Version) -> list[Standing]:
    """Return the last results of each suite on a version, as the gate sees them now."""
    now = clock.now()
    facts = load_tests(db, {version.id: version}, now)[version.id]
    rows = {
        row.id: row
        for row in db.scalars(
            select(TestResult).where(TestResult.id.in_([fact.id for fact in facts])).order_by(TestResult.id)
        )
    }
    standings = []
    for suite in dict.fromkeys(fact.suite for fact in facts):
        lights = {fact.id: fact.outcome for fact in facts if fact.suite == suite}
        results = [row for id, row in rows.items() if id in lights]
        standings.append(Standing(suite, max(row.suite_number for row in results), results, lights))
    return standings


def suites_in_force(db: Session, workspace_id: str) -> list[Suite]:
    """Return the version in force of each suite, in the order of their ids."""
    latest: dict[str, SuiteVersion] = {}
    for row in list_documents(db, SuiteVersion, workspace_id):
        if row.is_in_force:
            latest.setdefault(row.document_id, row)
    return [parse_suite(row.document) for row in latest.values()]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The file of a version that a worker loads, or why there is none."""

    sha256: str | None = None
    format: str | None = None
    why_not: str | None = None


def model_file(db: Session, version: Version) -> ModelFile:
    """Return what a worker would load of a version: one clean file of a format that runs no code of its maker."""
    rows = artifacts.file_rows(db, version.files)
    kinds = {row.sha256: Format(row.blob.format) for row in rows if row.blob is not None and row.blob.format}
    for wanted in TESTABLE:
        found = [row for row in rows if kinds.get(row.sha256) is wanted]
        if len(found) == 1:
            blob = found[0].blob
            if blob is None or blob.verdict != Verdict.CLEAN:
                return ModelFile(why_not=f"The scan has not found {found[0].path[:200]!r} clean.")
            return ModelFile(found[0].sha256, wanted.value)
        if found:
            return ModelFile(why_not=f"{version.name} has {len(found)} files of format {wanted.value}; one is asked.")
    known = " or ".join(kind.value for kind in TESTABLE)
    return ModelFile(why_not=f"{version.name} has no stored file that a model worker loads ({known}).")


def find_live(db: Session, version: Version) -> Version | None:
    """Return the version that is live, by alias, and is not this one."""
    rows = db.execute(
        select(Alias.name, Alias.version_id).where(
            Alias.model_id == version.model_id, Alias.to_at.is_(None), Alias.name.in_(_LIVE_ALIASES)
        )
    )
    named = {row.name: row.version_id for row in rows}
    live = next((named[name] for name in _LIVE_ALIASES if name in named), None)
    if live is None or live == version.id:
        return None
    statement = select(Version).where(Version.id == live)
    return db.scalars(statement.options(selectinload(Version.files), joinedload(Version.model))).one_or_none()


def case_of(db: Session, actor: Actor, run: TestRun, version: Version) -> dict[str, Any]:
    """Return what the tests need to know, as JSON values but for the stored files, which are yet to be fetched."""
    suite = get_document(db, SuiteVersion, run.workspace_id, run.suite_id, run.suite_number)
    files = [
        {
            "path": row.path,
            "verdict": row.blob.verdict if row.blob is not None else "unknown",
            "reason": "; ".join(map(str, row.blob.reasons[:3])) if row.blob is not None else "not stored here",
        }
        for row in artifacts.file_rows(db, version.files)
    ]
    trained_on = version.data_set
    is_recorded = trained_on is not None and trained_on.digest == run.data_digest
    reference = trained_on.digest if trained_on is not None and trained_on.file_name and not is_recorded else None
    against = registry.get_version_by_id(db, actor, run.champion_id) if run.champion_id is not None else None
    assert run.data_digest is not None, "a run of the platform names its data"
    return {
        "suite": suite.document,
        "kind": version.model.kind,
        "roles": run.roles,
        "signature": [dict(column) for column in version.signature.get("inputs") or ()],
        "recorded": version.metrics,
        "is_recorded_data": is_recorded,
        "files": files,
        "data": artifacts.get_stored(db, run.data_digest),
        "reference": artifacts.get_stored(db, reference) if reference else None,
        "model": _loaded(db, version),
        "champion": _loaded(db, against) if against is not None else None,
    }


def _loaded(db: Session, version: Version) -> dict[str, Any]:
    file = model_file(db, version)
    if file.sha256 is None:
        return {"name": version.name, "why_not": file.why_not}
    stored = artifacts.get_stored(db, file.sha256)
    return {"name": version.name, "stored": stored, "sha256": file.sha256, "format": file.format}
