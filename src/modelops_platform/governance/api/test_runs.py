"""Tests of versions as JSON: suites, runs, and results that pipelines push."""

from typing import Annotated

from fastapi import Path, Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import (
    ConfirmationIn,
    DocumentIn,
    SuiteOut,
    SuitesOut,
    TestResultsIn,
    TestRunIn,
    TestRunOut,
    TestRunPage,
    TestRunWithResults,
)
from ..tables import SuiteVersion, TestRun

of_model = api_router("/models/{name}", "governance")
runs = api_router("/test-runs", "governance")
suites = api_router("/test-suites", "governance")

ROUTERS = [of_model, runs, suites]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@of_model.post(
    "/versions/{number}/test-runs",
    name="api_start_tests",
    status_code=201,
    response_model=TestRunOut,
    openapi_extra=needs(Permission.RUN_TESTS),
)
def start_tests(db: WriteDb, actor: CurrentActor, name: str, number: Number, wanted: TestRunIn) -> TestRun:
    """Have a suite run on a version, as a job; its results are those that the gate reads."""
    return service.start_tests(db, actor, name, number, wanted)


@of_model.post(
    "/versions/{number}/test-results",
    name="api_push_test_results",
    status_code=201,
    response_model=TestRunWithResults,
    openapi_extra=needs(Permission.RUN_TESTS),
)
def push_results(db: WriteDb, actor: CurrentActor, name: str, number: Number, wanted: TestResultsIn) -> TestRun:
    """Send what a pipeline found; it is kept, marked as pushed, and never taken for computed by the platform."""
    return service.push_results(db, actor, name, number, wanted)


@of_model.get(
    "/test-runs",
    name="api_list_test_runs",
    response_model=PageOut[TestRunOut],
    openapi_extra=needs(Permission.VIEW),
)
def list_runs(db: ReadDb, actor: CurrentActor, name: str, wanted: Annotated[TestRunPage, Query()]) -> Page[TestRun]:
    """List the runs of a model, the newest first."""
    model = registry.get_model(db, actor, name)
    version = registry.get_version(db, actor, name, wanted.version) if wanted.version is not None else None
    return queries.page_test_runs(
        db,
        actor,
        model.id,
        version_id=version.id if version is not None else None,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )


@runs.get("/{run_id}", name="api_get_test_run", response_model=TestRunWithResults, openapi_extra=needs(Permission.VIEW))
def get_run(db: ReadDb, actor: CurrentActor, run_id: str) -> TestRun:
    """Return a run with what each test found."""
    return queries.get_test_run(db, actor, run_id)


@suites.get("", name="api_list_suites", response_model=SuitesOut, openapi_extra=needs(Permission.VIEW))
def list_suites(db: ReadDb, actor: CurrentActor) -> dict[str, list[SuiteVersion]]:
    """List every version of every test suite, the newest of each first."""
    return {"items": queries.list_documents(db, SuiteVersion, actor.workspace_id)}


@suites.post(
    "",
    name="api_publish_suite",
    status_code=201,
    response_model=SuiteOut,
    openapi_extra=needs(Permission.MANAGE_POLICIES),
)
def publish_suite(db: WriteDb, actor: CurrentActor, wanted: DocumentIn) -> SuiteVersion:
    """Publish a version of a test suite; it is never changed afterwards.

    One that a policy looks at comes into force when somebody else confirms it.
    """
    return service.publish_suite(db, actor, wanted)


@suites.get("/{suite_id}", name="api_get_suite", response_model=SuiteOut, openapi_extra=needs(Permission.VIEW))
def get_suite(db: ReadDb, actor: CurrentActor, suite_id: str) -> SuiteVersion:
    """Return the version of a suite that is in force or, where none is, the latest."""
    return queries.get_document(db, SuiteVersion, actor.workspace_id, suite_id)


@suites.post(
    "/{suite_id}/versions/{number}/confirm",
    name="api_confirm_suite",
    response_model=SuiteOut,
    openapi_extra=needs(Permission.MANAGE_POLICIES),
)
def confirm_suite(
    db: WriteDb, actor: CurrentActor, suite_id: str, number: Number, wanted: ConfirmationIn
) -> SuiteVersion:
    """Bring a version of a suite into force, as somebody else than who published it."""
    return service.confirm_suite(db, actor, suite_id, number, wanted)
