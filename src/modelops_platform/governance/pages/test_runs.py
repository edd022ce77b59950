"""Pages of testing: what a version has shown, a run while it goes on and afterwards, and the suites."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Form, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import NotFound
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.jobs.tables import Job
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import EmptyIsNone, In
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.facts import Kind
from ..domain.parameters import CHECK_WORDS
from ..domain.suites import Suite, Task
from ..schemas import ConfirmationIn, DocumentIn, DraftForm, TestRunForm
from ..tables import SuiteVersion, TestRun
from .editors import EditorKind, EditorQuery, VersionQuery, open_draft, show_editor, why_not_publish
from .shown import version_options

router = page_router()
SEE = needs(Permission.VIEW)
RUN = needs(Permission.RUN_TESTS)
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


class TestsQuery(In):
    """Which version's tests to show."""

    __test__ = False
    version: Annotated[Annotated[int, Field(ge=1, le=2**31 - 1)] | None, EmptyIsNone] = None
    cursor: Annotated[str, Field(max_length=4_000)] | None = None


@router.get("/models/{name}/tests", openapi_extra=SEE)
def show_model_tests(
    request: Request, db: ReadDb, actor: CurrentActor, name: str, wanted: Annotated[TestsQuery, Query()]
) -> Response:
    header = registry.get_header(db, actor, name)
    number = wanted.version or header.model.last_version
    version = registry.get_version(db, actor, name, number) if number else None
    runs = queries.page_test_runs(db, actor, header.model.id, cursor=wanted.cursor)
    kind, tier = Kind(header.model.kind), queries.tier_of(db, header.model)
    in_force = queries.suites_in_force(db, actor.workspace_id)
    suites = [suite for suite in in_force if suite.kinds is None or kind in suite.kinds]
    before = next((run for run in runs.items if run.source == "platform"), None)
    return render(
        request,
        "governance/tests.html",
        header=header,
        version=version,
        version_options=version_options(header.model),
        standings=queries.last_results(db, version) if version is not None else [],
        why_not_loaded=queries.model_file(db, version).why_not if version is not None else None,
        live=queries.find_live(db, version) if version is not None else None,
        runs=runs,
        suite_options=[(suite.id, f"{suite.title} ({suite.name})") for suite in suites],
        asked=_proposed([suite for suite in suites if suite.covers(kind, tier)]),
        before=before,
        data_set_options=[
            (one.name, one.name) for one in registry.list_data_sets(db, actor, limit=200).items if one.file_name
        ],
        task_options=[(task.value, task.value) for task in Task],
        names=identity.names_of(db, {run.created_by for run in runs.items}),
        check_words=_check_words(),
        refusal=registry.why_not(actor, Permission.RUN_TESTS, header.model),
    )


def _proposed(suites: Sequence[Suite]) -> str | None:
    """Return the suite that is asked first: one that is made for the tier, before those for every tier."""
    return next((suite.id for suite in sorted(suites, key=lambda suite: suite.tiers is None)), None)


def _check_words() -> dict[str, str]:
    return {check.value: words for check, words in CHECK_WORDS.items()}


@router.post("/models/{name}/tests", openapi_extra=RUN)
def start_model_tests(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[TestRunForm, Form()]
) -> Response:
    run = service.start_tests(db, actor, name, wanted.version, wanted.read())
    return redirect(request, "show_test_run", run_id=run.id)


@router.get("/test-runs/{run_id}", openapi_extra=SEE)
def show_test_run(request: Request, db: ReadDb, actor: CurrentActor, run_id: str) -> Response:
    run = queries.get_test_run(db, actor, run_id)
    return render(
        request,
        "governance/test_run.html",
        run=run,
        suite=_suite_of(db, actor, run),
        tests=_by_test(run),
        names=identity.names_of(db, {run.created_by}),
        check_words=_check_words(),
        may_watch=run.job is not None and _may_watch(actor, run.job),
    )


def _may_watch(actor: Actor, job: Job) -> bool:
    return job.created_by == actor.id or actor.may(Permission.VIEW_JOBS, job)


def _suite_of(db: ReadDb, actor: CurrentActor, run: TestRun) -> Any:
    try:
        row = queries.get_document(db, SuiteVersion, actor.workspace_id, run.suite_id, run.suite_number)
    except NotFound:  # a pipeline may push results of a suite that only it knows
        return None
    return queries.parse_suite(row.document)


def _by_test(run: TestRun) -> dict[str, list[Any]]:
    """Group the results by their test, in the order of the suite."""
    grouped: dict[str, list[Any]] = {}
    for result in run.results:
        grouped.setdefault(result.test, []).append(result)
    return grouped


@router.get("/test-suites", openapi_extra=SEE)
def list_suites(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    return render(
        request,
        "governance/suites.html",
        suites=queries.suites_in_force(db, actor.workspace_id),
        check_words=_check_words(),
        refusal=why_not_publish(actor, "test suites"),
    )


@router.get("/test-suites/{suite_id}", openapi_extra=SEE)
def show_suite(
    request: Request, db: ReadDb, actor: CurrentActor, suite_id: str, wanted: Annotated[VersionQuery, Query()]
) -> Response:
    rows = queries.list_versions_of_document(db, SuiteVersion, actor.workspace_id, suite_id)
    row = queries.get_document(db, SuiteVersion, actor.workspace_id, suite_id, wanted.version)
    return render(
        request,
        "governance/suite.html",
        row=row,
        rows=rows,
        suite=queries.parse_suite(row.document),
        names=identity.names_of(db, {id for one in rows for id in (one.published_by, one.confirmed_by) if id}),
        check_words=_check_words(),
        refusal=why_not_publish(actor, "test suites"),
        confirm_refusal=service.why_not_confirm_suite(actor, row),
    )


@router.post("/test-suites/{suite_id}/versions/{number}/confirm", openapi_extra=needs(Permission.MANAGE_POLICIES))
def confirm_suite(
    request: Request,
    db: WriteDb,
    actor: CurrentActor,
    suite_id: str,
    number: Number,
    wanted: Annotated[ConfirmationIn, Form()],
) -> Response:
    row = service.confirm_suite(db, actor, suite_id, number, wanted)
    return redirect(request, "show_suite", suite_id=suite_id, toast=f"{row.name} is in force.")


NEW_SUITE = """suite: my-suite
version: 1
title: What it is called
max_age_days: 90
seed: 20260101
tests:
  - id: discrimination
    title: Parts good from bad
    check: metric
    parameters: {metric: roc_auc}
    limits: {warn_below: 0.7, fail_below: 0.6}
    least_rows: 200
    tasks: [binary]
"""
EDITOR = EditorKind(
    thing="test suite",
    things="test suites",
    lead="It tests what runs after it is published. Every result names the version that it was found by.",
    template="governance/suite_editor.html",
    home="list_suites",
    preview="preview_suite",
    publish="publish_suite",
    new=NEW_SUITE,
)


@router.get("/suite-editor", openapi_extra=SEE)
def edit_suite(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[EditorQuery, Query()]) -> Response:
    row = queries.get_document(db, SuiteVersion, actor.workspace_id, wanted.id) if wanted.id else None
    return _show_editor(request, db, actor, open_draft(EDITOR, row))


@router.post("/suite-editor", openapi_extra=SEE)
def preview_suite(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[DraftForm, Form()]) -> Response:
    return _show_editor(request, db, actor, wanted)


def _show_editor(request: Request, db: ReadDb, actor: CurrentActor, wanted: DraftForm) -> Response:
    draft = queries.read_draft(db, actor, SuiteVersion, queries.parse_suite, wanted.document)
    return show_editor(
        request,
        actor,
        EDITOR,
        wanted,
        row=draft.row,
        problem=draft.problem,
        suite=draft.document,
        check_words=_check_words(),
    )


@router.post("/test-suites", openapi_extra=needs(Permission.MANAGE_POLICIES))
def publish_suite(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[DocumentIn, Form()]
) -> Response:
    made = service.publish_suite(db, actor, wanted)
    return redirect(request, "show_suite", suite_id=made.document_id, toast=f"Published {made.name}.")
