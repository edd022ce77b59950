"""JSON routes of experiments and runs, for whoever does not speak the MLflow protocol."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb

from . import queries
from .domain.looks import ShownRun, read_run
from .domain.words import View
from .schemas import ExperimentOut, ExperimentPage, RunOut, RunPage
from .tables import Experiment

router = api_router("", "experiments")
READ = needs(Permission.VIEW)


@router.get("/experiments", name="api_list_experiments", response_model=PageOut[ExperimentOut], openapi_extra=READ)
def list_experiments(db: ReadDb, actor: CurrentActor, wanted: Annotated[ExperimentPage, Query()]) -> Page[Experiment]:
    """List the experiments you may see, the last changed first."""
    return queries.page_experiments(
        db, actor, q=wanted.q, deleted=wanted.deleted, cursor=wanted.cursor, limit=wanted.limit
    )


@router.get(
    "/experiments/{experiment_id}/runs", name="api_list_runs", response_model=PageOut[RunOut], openapi_extra=READ
)
def list_runs(
    db: ReadDb, actor: CurrentActor, experiment_id: str, wanted: Annotated[RunPage, Query()]
) -> Page[ShownRun]:
    """List the runs of an experiment that match; `q` and `sort` speak MLflow's search language."""
    experiment = queries.get_experiment(db, actor, experiment_id)
    return queries.list_runs(
        db,
        actor,
        experiment.id,
        text=wanted.q,
        sort=wanted.sort,
        view=View.DELETED_ONLY if wanted.deleted else View.ACTIVE_ONLY,
        limit=wanted.limit,
        token=wanted.cursor,
    )


@router.get("/runs/{run_id}", name="api_get_run", response_model=RunOut, openapi_extra=READ)
def get_run(db: ReadDb, actor: CurrentActor, run_id: str) -> ShownRun:
    """Return one run with what it logged; of each metric the latest value."""
    return read_run(queries.get_run_document(db, actor, run_id))
