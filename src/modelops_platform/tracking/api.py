"""JSON routes of experiments and runs, for whoever does not speak the MLflow protocol."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb

from . import queries
from .domain.looks import ShownModel, ShownRun, read_logged_model, read_run
from .domain.words import View
from .queries import evaluation as sets
from .schemas import (
    EvaluationPage,
    EvaluationRecordOut,
    EvaluationSetOut,
    ExperimentOut,
    ExperimentPage,
    LoggedModelOut,
    LoggedModelPage,
    RunOut,
    RunPage,
    ScorerOut,
)
from .tables import EvaluationRecord, EvaluationSet, Experiment, ScorerVersion

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


@router.get(
    "/experiments/{experiment_id}/logged-models",
    name="api_list_logged_models",
    response_model=PageOut[LoggedModelOut],
    openapi_extra=READ,
)
def list_logged_models(
    db: ReadDb, actor: CurrentActor, experiment_id: str, wanted: Annotated[LoggedModelPage, Query()]
) -> Page[ShownModel]:
    """List the logged models of an experiment that match; `q` speaks MLflow's search language."""
    experiment = queries.get_experiment(db, actor, experiment_id)
    found, token = queries.search_logged_models(
        db, actor, experiment_ids=[experiment.id], text=wanted.q, limit=wanted.limit, token=wanted.cursor
    )
    return Page([read_logged_model(one) for one in found], token)


@router.get("/logged-models/{model_id}", name="api_get_logged_model", response_model=LoggedModelOut, openapi_extra=READ)
def get_logged_model(db: ReadDb, actor: CurrentActor, model_id: str) -> ShownModel:
    """Return one logged model."""
    return read_logged_model(queries.get_logged_model_document(db, actor, model_id))


@router.get(
    "/experiments/{experiment_id}/scorers",
    name="api_list_scorers",
    response_model=list[ScorerOut],
    openapi_extra=READ,
)
def list_scorers(db: ReadDb, actor: CurrentActor, experiment_id: str) -> Sequence[ScorerVersion]:
    """List the newest version of each scorer of an experiment."""
    return sets.list_scorers(db, actor, [queries.get_experiment(db, actor, experiment_id).id])


@router.get(
    "/evaluation-sets",
    name="api_list_evaluation_sets",
    response_model=PageOut[EvaluationSetOut],
    openapi_extra=READ,
)
def list_evaluation_sets(
    db: ReadDb, actor: CurrentActor, wanted: Annotated[EvaluationPage, Query()]
) -> Page[EvaluationSet]:
    """List the evaluation sets that match; `q` speaks MLflow's search language."""
    found, token = sets.search_evaluation_sets(
        db, actor, experiment_ids=[], text=wanted.q, order_by=[], limit=wanted.limit, token=wanted.cursor
    )
    return Page(found, token)


@router.get(
    "/evaluation-sets/{set_id}/records",
    name="api_list_evaluation_records",
    response_model=PageOut[EvaluationRecordOut],
    openapi_extra=READ,
)
def list_evaluation_records(
    db: ReadDb, actor: CurrentActor, set_id: str, wanted: Annotated[PageIn, Query()]
) -> Page[EvaluationRecord]:
    """List the records of an evaluation set, the oldest first."""
    found, token = sets.page_records(db, actor, set_id, limit=wanted.limit, token=wanted.cursor)
    return Page(found, token)
