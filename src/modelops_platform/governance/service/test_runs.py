"""Verbs of testing: ask for a run, end it one way or another, and take what a pipeline found."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.core.db import try_add
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, NotFound
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity_queries
from modelops_platform.identity import service as identity
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.tables import Job
from modelops_platform.monitoring.domain.lights import Light, is_worse, worst
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import DataSet, Version

from .. import queries
from ..domain.facts import Kind
from ..domain.known import Source
from ..domain.suites import Found, Suite, SuiteTest, outcomes
from ..schemas import PushedResult, TestResultsIn, TestRunIn
from ..tables import SuiteVersion, TestResult, TestRun
from .documents import keep_document

RUN_TESTS = "governance.run_tests"
TRIES = 2


def start_tests(db: Session, actor: Actor, name: str, number: int, wanted: TestRunIn) -> TestRun:
    """Ask for a suite to be run on a version.

    Raises NotFound, NotAllowed, InvalidInput (the suite, data set or a column), AlreadyExists (it waits or runs).
    """
    version = registry.get_version(db, actor, name, number)
    actor.must(Permission.RUN_TESTS, version.model)
    suite = _suite(db, actor, wanted.suite, Kind(version.model.kind))
    data_set = _data_set(db, actor, wanted)
    against = _against(db, actor, version, wanted.against)
    run_id = new_id()
    job = _enqueue(db, actor, version, suite, run_id)
    roles = wanted.model_dump(mode="json", include={"target", "positive", "task", "time", "segments", "groups"})
    run = TestRun(
        id=run_id,
        workspace_id=version.workspace_id,
        model_id=version.model_id,
        version_id=version.id,
        suite_id=suite.id,
        suite_number=suite.version,
        source=Source.PLATFORM.value,
        digest=version.manifest_digest,
        artifact_digest=queries.model_file(db, version).sha256,
        data_set_id=data_set.id,
        data_digest=data_set.digest,
        champion_id=against.id if against is not None else None,
        roles=roles,
        seed=suite.seed,
        job_id=job.id,
        created_by=actor.id,
    )
    db.add(run)
    db.flush()
    run = queries.get_test_run(db, actor, run_id)
    events.record(
        db,
        actor,
        "tests.started",
        run,
        suite=suite.name,
        version=version.number,
        digest=version.manifest_digest,
        data_set=data_set.id,
        data_digest=data_set.digest,
    )
    return run


def _enqueue(db: Session, actor: Actor, version: Version, suite: Suite, run_id: str) -> Job:
    """Have a job run the suite. Raises AlreadyExists when one waits or runs already."""
    job = jobs.enqueue(
        db,
        actor,
        RUN_TESTS,
        {"run_id": run_id},
        title=f"Test {version.model.name} {version.name} by {suite.name}",
        key=f"{RUN_TESTS}.{version.id}.{suite.id}",
        max_attempts=TRIES,
        unit_id=version.model.unit_id,
        model_id=version.model_id,
    )
    if job.args["run_id"] != run_id:
        raise AlreadyExists(
            f"{suite.name} is {job.state} on {version.name} already; one at a time is enough.",
            remedy="Wait for it, or cancel its job.",
            field="suite",
            value=suite.id,
            run=job.args["run_id"],
        )
    return job


def _suite(db: Session, actor: Actor, id: str, kind: Kind) -> Suite:
    """Return the latest version of a suite, kept in the workspace from now on. Raises InvalidInput."""
    try:
        row = queries.get_document(db, SuiteVersion, actor.workspace_id, id)
    except NotFound as error:
        raise InvalidInput(
            error.message, remedy="Choose a suite from the list of test suites.", field="suite", value=id
        ) from None
    _must_be_in_force(row)
    keep_document(db, row)
    suite = queries.parse_suite(row.document)
    if suite.kinds is not None and kind not in suite.kinds:
        raise InvalidInput(
            f"{suite.name} is for models of kind {', '.join(sorted(suite.kinds))}, this one is {kind.value}.",
            remedy="Choose another suite.",
            field="suite",
            value=id,
        )
    return suite


def _data_set(db: Session, actor: Actor, wanted: TestRunIn) -> DataSet:
    """Return the data set, whose file is here and has the columns that are named. Raises InvalidInput."""
    found = registry.find_data_set(db, actor, wanted.data_set)
    if found is None or found.file_name is None:
        what = "The file of the data set is not kept here" if found is not None else "There is no such data set"
        raise InvalidInput(
            f"{what}: {wanted.data_set[:80]!r}.",
            remedy="Upload the file and record the data set with it, or choose another.",
            field="data_set",
            value=wanted.data_set[:80],
        )
    known = [column["name"] for column in found.columns]
    asked: dict[str, list[str | None]] = {
        "target": [wanted.target],
        "time": [wanted.time],
        "segments": [*wanted.segments],
        "groups": [*wanted.groups],
    }
    for field, names in asked.items():
        for name in names if known else ():
            if name is not None and name not in known:
                raise InvalidInput(
                    f"The data set {found.name!r} has no column {name[:80]!r}.",
                    remedy=f"It has {', '.join(known[:20])}{', ...' if len(known) > 20 else ''}.",
                    field=field,
                    value=name[:80],
                )
    return found


def _against(db: Session, actor: Actor, version: Version, number: int | None) -> Version | None:
    if number is None:
        return queries.find_live(db, version)
    found = registry.get_version(db, actor, version.model.name, number)
    return None if found.id == version.id else found


def get_started_tests(db: Session, run_id: str) -> tuple[Actor, TestRun, Version]:
    """Return a run with whoever asked for it, whose rights are checked again. Raises NotAllowed, NotFound."""
    run = queries.get_any_test_run(db, run_id)
    rows = identity_queries.list_grants(db, run.created_by)
    if not rows or rows[0].disabled_at is not None:
        raise NotAllowed(
            "The account that started the tests is not in use any more.",
            remedy="Start them yourself.",
            user=run.created_by,
        )
    actor = identity.to_actor(rows)
    actor.must(Permission.RUN_TESTS, run.model)
    return actor, run, registry.get_version_by_id(db, actor, run.version_id)


def finish_tests(db: Session, run_id: str, worked: Mapping[str, Any]) -> TestRun:
    """Keep what the tests found; it is never changed afterwards. Raises NotFound."""
    run = queries.get_any_test_run(db, run_id)
    row = queries.get_document(db, SuiteVersion, run.workspace_id, run.suite_id, run.suite_number)
    suite = queries.parse_suite(row.document)
    found = [Found.from_dict(one) for one in worked["found"]]
    tests = {test.id: test for test in suite.tests}
    now = clock.now()
    for one in found:
        db.add(_result(run, tests[one.test], one, now, suite.max_age_days))
    run.report = {key: worked[key] for key in ("skipped", "notes", "task", "rows", "rows_asked")}
    _end(db, run, [one.outcome for one in found], now, counted=outcomes(found))
    return run


def _result(run: TestRun, test: SuiteTest, found: Found, now: datetime, max_age_days: int) -> TestResult:
    return TestResult(
        **_of_run(run),
        test=found.test,
        title=test.title,
        check=test.check.value,
        segment=found.segment,
        outcome=found.outcome.value,
        value=found.value,
        low=found.low,
        high=found.high,
        noise=found.noise,
        limit=test.limit_words,
        rows=found.rows,
        method=found.method,
        detail=found.detail,
        figures=list(found.figures),
        at=now,
        stale_at=now + timedelta(days=max_age_days),
    )


def _of_run(run: TestRun) -> dict[str, Any]:
    names = "workspace_id model_id version_id suite_id suite_number source digest artifact_digest data_digest seed"
    return {"run_id": run.id, **{name: getattr(run, name) for name in names.split()}}


def _end(db: Session, run: TestRun, found: Iterable[Light], now: datetime, *, counted: Mapping[str, int]) -> None:
    run.light, run.ended_at = worst(found).value, now
    events.record(
        db,
        system_actor(run.workspace_id),
        "tests.finished",
        run,
        suite=f"{run.suite_id} v{run.suite_number}",
        version=run.version.number,
        source=run.source,
        light=run.light,
        outcomes=dict(counted),
        digest=run.digest,
        data_digest=run.data_digest,
    )


def fail_tests(db: Session, run_id: str, words: str) -> None:
    """Keep why a run found nothing; what earlier runs found stands. Raises NotFound."""
    run = queries.get_any_test_run(db, run_id)
    run.failure, run.ended_at = words[:2_000], clock.now()
    events.record(
        db,
        system_actor(run.workspace_id),
        "tests.failed",
        run,
        suite=f"{run.suite_id} v{run.suite_number}",
        version=run.version.number,
        why=words[:300],
    )


def push_results(db: Session, actor: Actor, name: str, number: int, wanted: TestResultsIn) -> TestRun:
    """Take the results of a pipeline, marked as such; the same key and results again change nothing.

    Where the suite is known here, the limits of the version in force judge the figures too, and the worse outcome
    stands. Raises NotFound, NotAllowed, InvalidInput (the digest, a test twice, a version of the suite that is not in
    force), AlreadyExists (the key, other results).
    """
    version = registry.get_version(db, actor, name, number)
    actor.must(Permission.RUN_TESTS, version.model)
    _check_digest(version, wanted.digest)
    _check_once(wanted.results)
    content = hashlib.sha256(wanted.model_dump_json(exclude={"link"}).encode()).hexdigest()
    if wanted.key is not None and (before := queries.find_pushed(db, version.id, wanted.key)) is not None:
        return _again(before, content, wanted.key)
    suite = _known_suite(db, actor, wanted)
    run = TestRun(
        workspace_id=version.workspace_id,
        model_id=version.model_id,
        version_id=version.id,
        suite_id=wanted.suite,
        suite_number=suite.version if suite is not None else wanted.suite_version or 1,
        source=Source.PIPELINE.value,
        key=wanted.key,
        digest=version.manifest_digest,
        data_digest=wanted.data_digest,
        link=wanted.link,
        report={"content": content, "skipped": [], "notes": []},
        created_by=actor.id,
    )
    if not try_add(db, run):
        assert wanted.key is not None
        before = queries.find_pushed(db, version.id, wanted.key)
        assert before is not None, "the key is taken"
        return _again(before, content, wanted.key)
    run = queries.get_test_run(db, actor, run.id)
    now = clock.now()
    age = min(wanted.max_age_days, suite.max_age_days) if suite is not None else wanted.max_age_days
    rows = [_pushed(run, one, suite.test(one.test) if suite else None, now, age) for one in wanted.results]
    db.add_all(rows)
    counted: dict[str, int] = {}
    for row in rows:
        counted[row.outcome] = counted.get(row.outcome, 0) + 1
    run.light, run.ended_at = worst(Light(row.outcome) for row in rows).value, now
    events.record(
        db,
        actor,
        "tests.pushed",
        run,
        suite=f"{run.suite_id} v{run.suite_number}",
        version=version.number,
        light=run.light,
        outcomes=counted,
        digest=run.digest,
        key=wanted.key,
    )
    db.flush()
    db.expire(run, ["results"])
    return queries.get_test_run(db, actor, run.id)


def _check_digest(version: Version, digest: str | None) -> None:
    if digest != version.manifest_digest:
        shown = version.manifest_digest or "none, as its files are not kept here"
        raise InvalidInput(
            f"The results are about the digest {digest or 'none'}, {version.name} has {shown}.",
            remedy="Test the very files that were registered, and send the manifest digest of the version.",
            field="digest",
            value=digest,
        )


def _check_once(results: Iterable[PushedResult]) -> None:
    seen: set[tuple[str, str]] = set()
    for one in results:
        if (one.test, one.segment) in seen:
            raise InvalidInput(
                f"The test {one.test!r} stands twice for the same segment.",
                remedy="Send one result for each test and segment.",
                field="results",
                value=one.test,
            )
        seen.add((one.test, one.segment))


def _again(before: TestRun, content: str, key: str) -> TestRun:
    if before.report.get("content") != content:
        raise AlreadyExists(
            f"The key {key[:80]!r} came with other results before.",
            remedy="Use a new key for new results.",
            field="key",
            value=key[:80],
            run=before.id,
        )
    return before


def _must_be_in_force(row: SuiteVersion) -> None:
    if not row.is_in_force:
        raise InvalidInput(
            f"{row.name} waits for a second person to confirm it.",
            remedy="Ask somebody else who manages policies than who published it.",
            field="suite",
            value=row.document_id,
        )


def _known_suite(db: Session, actor: Actor, wanted: TestResultsIn) -> Suite | None:
    """Return the version in force of a suite that is kept here: naming another would choose one's own limits."""
    try:
        row = queries.get_document(db, SuiteVersion, actor.workspace_id, wanted.suite)
    except NotFound:
        return None
    _must_be_in_force(row)
    if wanted.suite_version not in (None, row.number):
        raise InvalidInput(
            f"Version {wanted.suite_version} of the suite {wanted.suite!r} is not in force; {row.number} is.",
            remedy=f"Run version {row.number}, and name it or leave the version out.",
            field="suite_version",
            value=wanted.suite_version,
        )
    return queries.parse_suite(row.document)


def _pushed(run: TestRun, one: PushedResult, test: SuiteTest | None, now: datetime, age: int) -> TestResult:
    outcome, limit, detail = one.outcome, one.limit, one.detail
    if test is not None:
        judged, limit = _judged(test, one), test.limit_words
        if is_worse(judged, outcome):
            outcome = judged
            detail = f"{detail} The pipeline said {one.outcome.value}; by the suite it is {judged.value}.".strip()
    return TestResult(
        **_of_run(run),
        test=one.test,
        title=test.title if test is not None else (one.title or one.test),
        check=(test.check if test is not None else one.check).value,
        segment=one.segment,
        outcome=outcome.value,
        value=one.value,
        low=one.low,
        high=one.high,
        limit=limit,
        rows=one.rows,
        method=one.method,
        detail=detail,
        at=now,
        stale_at=now + timedelta(days=age),
    )


def _judged(test: SuiteTest, one: PushedResult) -> Light:
    """Judge a pushed figure by the suite; without a figure the pipeline's word is all there is, if it is no pass."""
    if one.value is None:
        return Light.NO_DATA if one.outcome in (Light.PASS, Light.WARN) else one.outcome
    if one.rows is None or one.rows < test.least_rows:
        return Light.TOO_FEW_ROWS
    return test.outcome(one.value, one.low, one.high)
