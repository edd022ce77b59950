"""Pages that show models: the list, the overview, the activity, and what one does from there."""

from typing import Annotated

from fastapi import Form, Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.events import domain as event_words
from modelops_platform.events import queries as events
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import In
from modelops_platform.web.render import redirect, render, undo
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.kinds import EU_WORDS, KIND_WORDS
from ..schemas import ModelPage, Name
from .story import tell

router = page_router()


@router.get("/models", openapi_extra=needs(Permission.VIEW))
def list_models(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[ModelPage, Query()]) -> Response:
    page = queries.list_models(db, actor, wanted, sort=wanted.sort, cursor=wanted.cursor, limit=wanted.limit)
    total, facets = queries.count_facets(db, actor, wanted)
    return render(
        request,
        "registry/models.html",
        page=page,
        total=total,
        facets=facets,
        wanted=wanted,
        is_filtered=bool(wanted.q or wanted.facets()),
        kind_words=KIND_WORDS,
        may_register=actor.may_somewhere(Permission.REGISTER_MODEL),
    )


@router.get("/models/{name}", openapi_extra=needs(Permission.VIEW))
def show_model(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    header = queries.get_header(db, actor, name)
    model = header.model
    entries = events.activity_of(db, "model", model.id, limit=8)
    fields = queries.describe_fields(db, model)
    names = identity.names_of(db, event_words.people_in(entries) | fields.people)
    return render(
        request,
        "registry/overview.html",
        header=header,
        story=tell(entries, names),
        fields=fields.shown(names),
        aliases=queries.list_aliases(db, model.id),
        kind_words=KIND_WORDS,
        eu_words=EU_WORDS,
    )


@router.get("/models/{name}/activity", openapi_extra=needs(Permission.VIEW))
def show_activity(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    header = queries.get_header(db, actor, name)
    entries = events.activity_of(db, "model", header.model.id, limit=200)
    names = identity.names_of(db, event_words.people_in(entries))
    return render(request, "registry/activity.html", header=header, story=tell(entries, names))


class AliasForm(In):
    """Which version an alias names from now on."""

    alias: Name
    version: int


class TagForm(In):
    """A tag to put on."""

    key: Name
    value: str = ""


class KeyForm(In):
    """A tag or alias to take away."""

    key: Name


@router.post("/models/{name}/aliases", openapi_extra=needs(Permission.SET_ALIAS))
def set_alias(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[AliasForm, Form()]
) -> Response:
    model = queries.get_model(db, actor, name)
    alias = service.set_alias(db, actor, model, wanted.alias, wanted.version)
    return redirect(request, "list_versions", name=name, toast=f"{alias.name} names v{alias.version_number} now.")


@router.post("/models/{name}/aliases/remove", openapi_extra=needs(Permission.SET_ALIAS))
def remove_alias(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[KeyForm, Form()]
) -> Response:
    service.remove_alias(db, actor, queries.get_model(db, actor, name), wanted.key)
    return redirect(request, "list_versions", name=name, toast=f"{wanted.key} names nothing any more.")


@router.post("/models/{name}/tags", openapi_extra=needs(Permission.EDIT_MODEL))
def set_tag(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[TagForm, Form()]
) -> Response:
    before = queries.get_model(db, actor, name).tags
    model = service.set_tag(db, actor, name, wanted.key, wanted.value)
    if wanted.key in before:
        back = undo(request, "set_tag", {"key": wanted.key, "value": before[wanted.key]}, name=model.name)
    else:
        back = undo(request, "remove_tag", {"key": wanted.key}, name=model.name)
    return redirect(request, "show_model", name=name, toast=f"Tagged {wanted.key}.", undo=back)


@router.post("/models/{name}/tags/remove", openapi_extra=needs(Permission.EDIT_MODEL))
def remove_tag(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[KeyForm, Form()]
) -> Response:
    before = queries.get_model(db, actor, name).tags
    service.remove_tag(db, actor, name, wanted.key)
    back = undo(request, "set_tag", {"key": wanted.key, "value": before.get(wanted.key, "")}, name=name)
    return redirect(request, "show_model", name=name, toast=f"Took the tag {wanted.key} off.", undo=back)


@router.get("/models/{name}/archive", openapi_extra=needs(Permission.ARCHIVE_MODEL))
def show_archive_model(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    return render(request, "registry/archive_model.html", header=queries.get_header(db, actor, name))


@router.post("/models/{name}/archive", openapi_extra=needs(Permission.ARCHIVE_MODEL))
def archive_model(request: Request, db: WriteDb, actor: CurrentActor, name: str) -> Response:
    model = service.archive_model(db, actor, name)
    back = undo(request, "restore_model", model_id=model.id)
    return redirect(request, "list_archived_models", toast=f"Archived {name}.", undo=back)
