"""Pages of data set records."""

from typing import Annotated

from fastapi import Form, Query, Request
from pydantic import Field
from starlette.responses import Response

from modelops_platform.artifacts import queries as artifacts
from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import In, OptionalText, PageIn, filled
from modelops_platform.web.render import redirect, render, undo
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.lines import read_columns
from ..schemas import DataSetIn, Name
from .choices import choices

router = page_router()


@router.get("/data-sets", openapi_extra=needs(Permission.VIEW))
def list_data_sets(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]) -> Response:
    return render(
        request,
        "registry/data_sets.html",
        page=queries.list_data_sets(db, actor, cursor=wanted.cursor, limit=wanted.limit),
        may_record=actor.may_somewhere(Permission.MANAGE_DATA_SETS),
    )


@router.get("/data-sets/{name}", openapi_extra=needs(Permission.VIEW))
def show_data_set(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    data_set = queries.get_data_set(db, actor, name)
    return render(
        request,
        "registry/data_set.html",
        data_set=data_set,
        versions=queries.list_versions_of(db, actor, data_set),
        names=identity.names_of(db, {data_set.created_by}),
        may_archive=actor.may(Permission.MANAGE_DATA_SETS, data_set),
    )


class DataSetForm(In):
    """The form of a data set record: of a file sent before, or of one that stays where it is."""

    name: Name
    file: OptionalText = None
    digest: OptionalText = None
    description: str = Field(default="", max_length=4000)
    licence: str = Field(default="", max_length=200)
    source: str = Field(default="", max_length=4000)
    rows: OptionalText = None
    columns: str = Field(default="", max_length=100_000)
    unit: OptionalText = None

    def to_data_set(self) -> DataSetIn:
        """Return what the form says. Raises InvalidInput when it names no file, or rows that are no number."""
        sha256, _, file_name = (self.file or "").partition(":")
        if not sha256 and not self.digest:
            raise InvalidInput(
                "It names no file.", remedy="Choose a file, or give the SHA-256 of one kept elsewhere.", field="digest"
            )
        if self.rows and not (self.rows.isdecimal() and len(self.rows) < 10):
            raise InvalidInput(
                f"{self.rows[:40]!r} is no number of rows.",
                remedy="Write digits only.",
                field="rows",
                value=self.rows[:40],
            )
        return filled(
            DataSetIn,
            name=self.name,
            digest=sha256 or (self.digest or "").lower(),
            file_name=file_name or None,
            description=self.description,
            licence=self.licence,
            source=self.source,
            rows=int(self.rows) if self.rows else None,
            columns=read_columns(self.columns),
            unit=self.unit,
        )


@router.get("/record-data-set", openapi_extra=needs(Permission.MANAGE_DATA_SETS))
def show_record_data_set(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    return render(
        request,
        "registry/data_set_form.html",
        uploads=artifacts.list_uploads(db, actor, unused=True).items,
        units=choices(identity.list_units(db, actor)),
        home_unit=actor.unit_id,
    )


@router.post("/record-data-set", openapi_extra=needs(Permission.MANAGE_DATA_SETS))
def create_data_set(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[DataSetForm, Form()]
) -> Response:
    data_set = service.create_data_set(db, actor, wanted.to_data_set())
    return redirect(request, "show_data_set", name=data_set.name, toast=f"Recorded {data_set.name}.")


@router.post("/data-sets/{name}/archive", openapi_extra=needs(Permission.MANAGE_DATA_SETS))
def archive_data_set(request: Request, db: WriteDb, actor: CurrentActor, name: str) -> Response:
    archived = service.archive_data_set(db, actor, name)
    back = undo(request, "restore_data_set", data_set_id=archived.id)
    return redirect(request, "list_data_sets", toast=f"Archived {name}.", undo=back)


@router.post("/archived-data-sets/{data_set_id}/restore", openapi_extra=needs(Permission.MANAGE_DATA_SETS))
def restore_data_set(request: Request, db: WriteDb, actor: CurrentActor, data_set_id: str) -> Response:
    data_set = service.restore_data_set(db, actor, data_set_id)
    return redirect(request, "show_data_set", name=data_set.name, toast=f"Restored {data_set.name}.")
