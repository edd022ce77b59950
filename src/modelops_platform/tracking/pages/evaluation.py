"""Plain pages of what applications are evaluated with: evaluation sets with their records, and scorers."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn
from modelops_platform.web.render import render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb

from .. import queries
from ..domain.looks import in_one_line, moment
from ..queries import evaluation as sets
from ..schemas import EvaluationPage

router = page_router()


@router.get("/evaluation-sets", openapi_extra=needs(Permission.VIEW))
def list_evaluation_sets(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[EvaluationPage, Query()]
) -> Response:
    found, token = sets.search_evaluation_sets(
        db, actor, experiment_ids=[], text=wanted.q, order_by=[], limit=wanted.limit, token=wanted.cursor
    )
    return render(
        request,
        "tracking/evaluation_sets.html",
        sets=found,
        next=token,
        wanted=wanted,
        moment=moment,
        address=str(request.base_url).rstrip("/"),
    )


@router.get("/evaluation-sets/{set_id}", openapi_extra=needs(Permission.VIEW))
def show_evaluation_set(
    request: Request, db: ReadDb, actor: CurrentActor, set_id: str, wanted: Annotated[PageIn, Query()]
) -> Response:
    found = sets.get_evaluation_set(db, actor, set_id)
    records, token = sets.page_records(db, actor, set_id, limit=wanted.limit, token=wanted.cursor)
    return render(
        request,
        "tracking/evaluation_set.html",
        set=found,
        experiments=queries.name_experiments(db, sets.list_experiments_of(db, actor, set_id)),
        records=records,
        next=token,
        moment=moment,
        in_one_line=in_one_line,
    )


@router.get("/experiments/{experiment_id}/scorers", openapi_extra=needs(Permission.VIEW))
def list_scorers(request: Request, db: ReadDb, actor: CurrentActor, experiment_id: str) -> Response:
    experiment = queries.get_shown_experiment(db, actor, experiment_id)
    return render(
        request,
        "tracking/scorers.html",
        experiment=experiment,
        scorers=sets.list_scorers(db, actor, [experiment.id]),
        moment=moment,
    )
