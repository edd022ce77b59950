"""Plain pages of experiments and runs, so that nothing that is logged is invisible."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.documents import number_of
from ..domain.looks import columns_of, moment, read_run
from ..domain.trace_looks import show_steps, show_trace
from ..domain.words import View
from ..schemas import ExperimentPage, FolderOf, MetricOf, RunPage, TracePage

router = page_router()
POINTS_SHOWN = 300
FILES_SHOWN = 500
STEPS_SHOWN = 500


@router.get("/experiments", openapi_extra=needs(Permission.VIEW))
def list_experiments(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[ExperimentPage, Query()]
) -> Response:
    page = queries.page_experiments(
        db, actor, q=wanted.q, deleted=wanted.deleted, cursor=wanted.cursor, limit=wanted.limit
    )
    return render(
        request,
        "tracking/experiments.html",
        page=page,
        counts=queries.count_runs(db, [one.id for one in page.items]),
        wanted=wanted,
        moment=moment,
        address=str(request.base_url).rstrip("/"),
    )


@router.get("/experiments/{experiment_id}", openapi_extra=needs(Permission.VIEW))
def show_experiment(
    request: Request, db: ReadDb, actor: CurrentActor, experiment_id: str, wanted: Annotated[RunPage, Query()]
) -> Response:
    experiment = queries.get_shown_experiment(db, actor, experiment_id)
    page = queries.list_runs(
        db,
        actor,
        experiment.id,
        text=wanted.q,
        sort=wanted.sort,
        view=View.DELETED_ONLY if wanted.deleted else View.ACTIVE_ONLY,
        limit=wanted.limit,
        token=wanted.cursor,
    )
    metrics, params = columns_of(page.items)
    return render(
        request,
        "tracking/experiment.html",
        experiment=experiment,
        tags=queries.list_experiment_tags(db, [experiment.id]).get(experiment.id, []),
        page=page,
        metrics=metrics,
        params=params,
        wanted=wanted,
        moment=moment,
        may_manage=queries.may(actor, Permission.MANAGE_EXPERIMENTS, experiment),
        address=str(request.base_url).rstrip("/"),
    )


@router.post("/experiments/{experiment_id}/delete", openapi_extra=needs(Permission.MANAGE_EXPERIMENTS))
def delete_experiment(request: Request, db: WriteDb, actor: CurrentActor, experiment_id: str) -> Response:
    service.delete_experiment(db, actor, experiment_id)
    return redirect(request, "list_experiments", toast="Deleted the experiment. It can be restored.")


@router.post("/experiments/{experiment_id}/restore", openapi_extra=needs(Permission.MANAGE_EXPERIMENTS))
def restore_experiment(request: Request, db: WriteDb, actor: CurrentActor, experiment_id: str) -> Response:
    service.restore_experiment(db, actor, experiment_id)
    return redirect(request, "show_experiment", experiment_id=experiment_id, toast="The experiment is back.")


@router.get("/runs/{run_id}", openapi_extra=needs(Permission.VIEW))
def show_run(
    request: Request, db: ReadDb, actor: CurrentActor, run_id: str, wanted: Annotated[FolderOf, Query()]
) -> Response:
    run = queries.get_run(db, actor, run_id)
    _uri, files = queries.list_run_artifacts(db, actor, run.id, wanted.folder)
    shown = read_run(queries.get_run_document(db, actor, run_id))
    names = identity.names_of(db, {run.created_by})
    return render(
        request,
        "tracking/run.html",
        run=shown,
        experiment=run.experiment,
        maker=names.get(run.created_by),
        may_log=queries.may(actor, Permission.LOG_RUNS, run.experiment),
        files=files[:FILES_SHOWN],
        more_files=max(0, len(files) - FILES_SHOWN),
        folder=wanted.folder,
    )


@router.get("/runs/{run_id}/metric", openapi_extra=needs(Permission.VIEW))
def show_metric(
    request: Request, db: ReadDb, actor: CurrentActor, run_id: str, wanted: Annotated[MetricOf, Query()]
) -> Response:
    run = queries.get_run(db, actor, run_id)
    points = queries.get_histories(db, actor, [run.id], wanted.key, steps=None, limit=POINTS_SHOWN)
    values = [number_of(value) for _run, value, _at, _step in points]
    chart = {
        "kind": "line",
        "unit": "",
        "digits": 4,
        "x": [str(step) for _run, _value, _at, step in points],
        "x_label": "Step",
        "time": False,
        "series": [{"name": wanted.key, "values": [value if abs(value) < float("inf") else None for value in values]}],
    }
    return render(
        request, "tracking/metric.html", run=run, experiment=run.experiment, key=wanted.key, chart=chart, points=points
    )


@router.post("/runs/{run_id}/delete", openapi_extra=needs(Permission.LOG_RUNS))
def delete_run(request: Request, db: WriteDb, actor: CurrentActor, run_id: str) -> Response:
    service.delete_run(db, actor, run_id)
    return redirect(request, "show_run", run_id=run_id, toast="Deleted the run. It can be restored.")


@router.post("/runs/{run_id}/restore", openapi_extra=needs(Permission.LOG_RUNS))
def restore_run(request: Request, db: WriteDb, actor: CurrentActor, run_id: str) -> Response:
    service.restore_run(db, actor, run_id)
    return redirect(request, "show_run", run_id=run_id, toast="The run is back.")


@router.get("/traces", openapi_extra=needs(Permission.VIEW))
def list_traces(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[TracePage, Query()]) -> Response:
    page = queries.page_traces(db, actor, text=wanted.q, limit=wanted.limit, token=wanted.cursor)
    return render(
        request,
        "tracking/traces.html",
        page=page,
        experiment=None,
        names=queries.name_experiments(db, [trace.experiment_id for trace in page.items]),
        wanted=wanted,
        address=str(request.base_url).rstrip("/"),
    )


@router.get("/experiments/{experiment_id}/traces", openapi_extra=needs(Permission.VIEW))
def list_traces_of_experiment(
    request: Request, db: ReadDb, actor: CurrentActor, experiment_id: str, wanted: Annotated[TracePage, Query()]
) -> Response:
    experiment = queries.get_experiment(db, actor, experiment_id)
    page = queries.page_traces(
        db, actor, experiment_id=experiment.id, text=wanted.q, limit=wanted.limit, token=wanted.cursor
    )
    return render(
        request,
        "tracking/traces.html",
        page=page,
        experiment=experiment,
        names={experiment.id: experiment.name},
        wanted=wanted,
        address=str(request.base_url).rstrip("/"),
    )


@router.get("/traces/{trace_id}", openapi_extra=needs(Permission.VIEW))
def show_one_trace(request: Request, db: ReadDb, actor: CurrentActor, trace_id: str) -> Response:
    record = queries.get_record(db, actor, trace_id)
    names = identity.names_of(db, {record.created_by, *(one.created_by for one in record.assessments)})
    return render(
        request,
        "tracking/trace.html",
        trace=show_trace(record),
        record=record,
        experiment=queries.get_experiment(db, actor, record.experiment_id),
        steps=show_steps(queries.list_steps(db, record.id, limit=STEPS_SHOWN)),
        runs=queries.list_runs_of_trace(db, record.id),
        names=names,
        moment=moment,
    )
