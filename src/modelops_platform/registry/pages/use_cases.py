"""Pages of use cases."""

from typing import Annotated

from fastapi import Form, Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.core.revisions import etag
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn
from modelops_platform.web.render import redirect, render, undo
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import UseCaseIn, UseCasePatch
from .choices import choices

router = page_router()


class UseCaseForm(UseCasePatch):
    """The edit form of a use case: everything it shows is sent back."""

    revision: str


@router.get("/use-cases", openapi_extra=needs(Permission.VIEW))
def list_use_cases(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]) -> Response:
    page = queries.list_use_cases(db, actor, cursor=wanted.cursor, limit=wanted.limit)
    return render(
        request,
        "registry/use_cases.html",
        page=page,
        counts=queries.count_models_by_use_case(db, actor, page.items),
        may_create=actor.may_somewhere(Permission.MANAGE_USE_CASES),
    )


@router.get("/add-use-case", openapi_extra=needs(Permission.MANAGE_USE_CASES))
def show_add_use_case(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    return render(
        request,
        "registry/use_case_form.html",
        use_case=None,
        units=choices(identity.list_units(db, actor)),
        people=choices(identity.list_people(db, actor)),
        home_unit=actor.unit_id,
        revision=None,
    )


@router.post("/add-use-case", openapi_extra=needs(Permission.MANAGE_USE_CASES))
def create_use_case(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[UseCaseIn, Form()]
) -> Response:
    use_case = service.create_use_case(db, actor, wanted)
    return redirect(request, "show_use_case", name=use_case.name, toast=f"Added {use_case.name}.")


@router.get("/use-cases/{name}", openapi_extra=needs(Permission.VIEW))
def show_use_case(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    use_case = queries.get_use_case(db, actor, name)
    models = queries.list_models_of(db, actor, use_case)
    may_edit = actor.may(Permission.MANAGE_USE_CASES, use_case)
    return render(request, "registry/use_case.html", use_case=use_case, models=models, may_edit=may_edit)


@router.get("/use-cases/{name}/edit", openapi_extra=needs(Permission.MANAGE_USE_CASES))
def show_edit_use_case(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    use_case = queries.get_use_case(db, actor, name)
    people = choices(identity.list_people(db, actor))
    return render(
        request, "registry/use_case_form.html", use_case=use_case, units=[], people=people, revision=etag(use_case)
    )


@router.post("/use-cases/{name}/edit", openapi_extra=needs(Permission.MANAGE_USE_CASES))
def edit_use_case(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[UseCaseForm, Form()]
) -> Response:
    patch = UseCasePatch(**wanted.model_dump(exclude={"revision"}, exclude_unset=True))
    use_case = service.edit_use_case(db, actor, name, patch, wanted.revision)
    return redirect(request, "show_use_case", name=use_case.name, toast="Saved.")


@router.post("/use-cases/{name}/archive", openapi_extra=needs(Permission.MANAGE_USE_CASES))
def archive_use_case(request: Request, db: WriteDb, actor: CurrentActor, name: str) -> Response:
    archived = service.archive_use_case(db, actor, name)
    back = undo(request, "restore_use_case", use_case_id=archived.id)
    return redirect(request, "list_use_cases", toast=f"Archived {name}.", undo=back)


@router.post("/archived-use-cases/{use_case_id}/restore", openapi_extra=needs(Permission.MANAGE_USE_CASES))
def restore_use_case(request: Request, db: WriteDb, actor: CurrentActor, use_case_id: str) -> Response:
    use_case = service.restore_use_case(db, actor, use_case_id)
    return redirect(request, "show_use_case", name=use_case.name, toast=f"Restored {use_case.name}.")
