"""The files of a version: the tree, what each one shows, and how those of two versions differ."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from modelops_platform.artifacts import queries as artifacts
from modelops_platform.artifacts import showing
from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import NotFound
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import needs
from modelops_platform.web.forms import In
from modelops_platform.web.render import render
from modelops_platform.web.routing import page_router

from .. import queries
from ..domain.trees import as_tree
from .versions import Number

router = page_router()


class Wanted(In):
    """One of the files, or all."""

    path: str = Field(default="", max_length=500)


@router.get("/models/{name}/versions/{number}/files", openapi_extra=needs(Permission.VIEW))
async def show_files(request: Request, name: str, number: Number, wanted: Annotated[Wanted, Query()]) -> Response:
    """Show the files as a tree, or what one of them holds, which may take a child process a moment."""
    return await run_in_threadpool(_show, request, name, number, wanted.path)


def _show(request: Request, name: str, number: int, path: str) -> Response:
    database, actor = request.app.state.database, request.state.actor
    with database.read() as db:
        header = queries.get_version_header(db, actor, name, number)
        rows = artifacts.file_rows(db, header.version.files)
        holds = queries.holds_on(db, header.model.id, header.version.id)
        names = identity.names_of(db, {hold.placed_by for hold in holds})
    may_open = actor.may(Permission.OPEN_QUARANTINED, header.model)
    if not path:
        tree = as_tree(rows)
        may_hold = actor.may(Permission.PLACE_HOLD, header.model)
        shown = {"tree": tree, "holds": holds, "names": names, "may_hold": may_hold}
        return render(request, "registry/files.html", header=header, **shown)
    found = next((row for row in rows if row.path == path), None)
    if found is None:
        raise NotFound(
            f"{header.version.name} has no file {path[:80]!r}.",
            remedy="Choose one from its Files tab.",
            field="path",
            value=path[:80],
        )
    view = showing.show_file(database, actor, found.sha256, path) if found.blob else None
    return render(request, "registry/file.html", header=header, row=found, view=view, may_open=may_open)
