"""Pages of versions."""

from typing import Annotated

from fastapi import Form, Query, Request
from fastapi import Path as PathParameter
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from modelops_platform.artifacts import queries as artifacts
from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import In, OptionalText, filled
from modelops_platform.web.render import redirect, render, undo
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.lines import read_metrics, read_parameters
from ..schemas import VersionIn, VersionPage
from .choices import choices

router = page_router()
Number = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]


@router.get("/models/{name}/versions", openapi_extra=needs(Permission.VIEW))
def list_versions(
    request: Request, db: ReadDb, actor: CurrentActor, name: str, wanted: Annotated[VersionPage, Query()]
) -> Response:
    header = queries.get_header(db, actor, name)
    if wanted.archived:
        return _show_archived(request, db, header, wanted)
    page = queries.list_versions(db, header.model, cursor=wanted.cursor, limit=wanted.limit)
    history = queries.alias_history(db, header.model.id)
    named = {version.created_by for version in page.items} | {alias.set_by for alias in history}
    return render(
        request,
        "registry/versions.html",
        header=header,
        page=page,
        history=history,
        names=identity.names_of(db, named),
        archived=queries.count_archived_versions(db, header.model),
    )


def _show_archived(request: Request, db: Session, header: queries.Header, wanted: VersionPage) -> Response:
    page = queries.list_versions(db, header.model, archived=True, cursor=wanted.cursor, limit=wanted.limit)
    names = identity.names_of(db, {version.created_by for version in page.items})
    return render(request, "registry/archived_versions.html", header=header, page=page, names=names)


@router.get("/models/{name}/versions/{number}", openapi_extra=needs(Permission.VIEW))
def show_version(request: Request, db: ReadDb, actor: CurrentActor, name: str, number: Number) -> Response:
    header = queries.get_version_header(db, actor, name, number, archived=True)
    version = header.version
    return render(
        request,
        "registry/version.html",
        header=header,
        files=artifacts.file_rows(db, version.files),
        names=identity.names_of(db, {version.created_by}),
        server=str(request.base_url).rstrip("/"),
        may_open=actor.may(Permission.OPEN_QUARANTINED, header.model),
    )


@router.get("/models/{name}/versions/{number}/archive", openapi_extra=needs(Permission.ARCHIVE_MODEL))
def show_archive_version(request: Request, db: ReadDb, actor: CurrentActor, name: str, number: Number) -> Response:
    header = queries.get_version_header(db, actor, name, number)
    holds = queries.holds_on(db, header.model.id, header.version.id)
    return render(request, "registry/archive_version.html", header=header, is_held=bool(holds))


@router.post("/models/{name}/versions/{number}/archive", openapi_extra=needs(Permission.ARCHIVE_MODEL))
def archive_version(request: Request, db: WriteDb, actor: CurrentActor, name: str, number: Number) -> Response:
    version = service.archive_version(db, actor, name, number)
    back = undo(request, "restore_version", name=name, number=number)
    return redirect(request, "list_versions", name=name, toast=f"Archived {version.name}.", undo=back)


@router.post("/models/{name}/versions/{number}/restore", openapi_extra=needs(Permission.ARCHIVE_MODEL))
def restore_version(request: Request, db: WriteDb, actor: CurrentActor, name: str, number: Number) -> Response:
    version = service.restore_version(db, actor, name, number)
    return redirect(request, "show_version", name=name, number=number, toast=f"Restored {version.name}.")


class VersionForm(In):
    """The form of a new version: files sent before are ticked, figures and parameters stand one a line."""

    description: str = Field(default="", max_length=4000)
    files: list[str] = Field(default_factory=list, max_length=200)
    metrics: str = Field(default="", max_length=50_000)
    parameters: str = Field(default="", max_length=50_000)
    data_set: OptionalText = None
    commit: OptionalText = None
    repository: OptionalText = None
    location: OptionalText = None
    python: OptionalText = None

    def to_version(self) -> VersionIn:
        """Return what the form says. Raises InvalidInput for a line that cannot be read."""
        ticked = (file.partition(":") for file in self.files)
        return filled(
            VersionIn,
            description=self.description,
            files=[{"sha256": sha256, "path": path} for sha256, _, path in ticked],
            metrics=read_metrics(self.metrics),
            parameters=read_parameters(self.parameters),
            data_set=self.data_set,
            source={"commit": self.commit, "repository": self.repository, "location": self.location},
            environment={"python": self.python},
        )


@router.get("/models/{name}/add-version", openapi_extra=needs(Permission.ADD_VERSION))
def show_add_version(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    return render(
        request,
        "registry/add_version.html",
        header=queries.get_header(db, actor, name),
        uploads=artifacts.list_uploads(db, actor, unused=True, limit=200).items,
        waiting=artifacts.list_unfinished(db, actor).items,
        data_sets=choices(queries.list_data_sets(db, actor, limit=200).items),
        server=str(request.base_url).rstrip("/"),
    )


@router.post("/models/{name}/add-version", openapi_extra=needs(Permission.ADD_VERSION))
def add_version(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[VersionForm, Form()]
) -> Response:
    version = service.add_version(db, actor, queries.get_model(db, actor, name), wanted.to_version())
    return redirect(request, "show_version", name=name, number=version.number, toast=f"Added {version.name}.")
