"""Plain pages of logged models: what `log_model` makes before anything is registered."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.render import render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb

from .. import queries
from ..domain.looks import read_logged_model
from ..schemas import FolderOf, LoggedModelPage

router = page_router()
FILES_SHOWN = 500


@router.get("/experiments/{experiment_id}/logged-models", openapi_extra=needs(Permission.VIEW))
def list_logged_models(
    request: Request, db: ReadDb, actor: CurrentActor, experiment_id: str, wanted: Annotated[LoggedModelPage, Query()]
) -> Response:
    experiment = queries.get_shown_experiment(db, actor, experiment_id)
    found, token = queries.search_logged_models(
        db, actor, experiment_ids=[experiment.id], text=wanted.q, limit=wanted.limit, token=wanted.cursor
    )
    return render(
        request,
        "tracking/logged_models.html",
        experiment=experiment,
        models=[read_logged_model(one) for one in found],
        next=token,
        wanted=wanted,
    )


@router.get("/logged-models/{model_id}", openapi_extra=needs(Permission.VIEW))
def show_logged_model(
    request: Request, db: ReadDb, actor: CurrentActor, model_id: str, wanted: Annotated[FolderOf, Query()]
) -> Response:
    head = queries.get_logged_model(db, actor, model_id)
    files = queries.list_below(db, actor, head.artifact_uri, wanted.folder)
    return render(
        request,
        "tracking/logged_model.html",
        model=read_logged_model(queries.get_logged_model_document(db, actor, head.id)),
        experiment=queries.get_experiment(db, actor, head.experiment_id),
        maker=identity.names_of(db, {head.created_by}).get(head.created_by),
        files=files[:FILES_SHOWN],
        more_files=max(0, len(files) - FILES_SHOWN),
        folder=wanted.folder,
    )
