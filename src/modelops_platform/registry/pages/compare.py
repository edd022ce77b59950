"""The page that compares two versions, of one model or of two."""

from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from modelops_platform.artifacts import queries as artifacts
from modelops_platform.artifacts import showing
from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import InvalidInput, NotFound
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import In
from modelops_platform.web.render import render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb

from .. import queries
from ..domain.comparison import compare
from ..tables import Version

router = page_router()
_SPEC = Field(max_length=300, description="A version as `model/number`; names hold no slash.")


class Sides(In):
    """The two versions to compare."""

    before: str = _SPEC
    after: str = _SPEC


@router.get("/compare", openapi_extra=needs(Permission.VIEW))
def compare_versions(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[Sides, Query()]) -> Response:
    before = queries.get_version(db, actor, *_read(wanted.before, "before"), archived=True)
    after = queries.get_version(db, actor, *_read(wanted.after, "after"), archived=True)
    return render(
        request,
        "registry/compare.html",
        before=before,
        after=after,
        comparison=compare(_content(before), _content(after)),
    )


class FileSides(Sides):
    """One path in the two versions."""

    path: str = Field(max_length=500)
    form: Literal["side", "unified"] = "side"


@router.get("/compare/file", openapi_extra=needs(Permission.VIEW))
async def compare_file(request: Request, wanted: Annotated[FileSides, Query()]) -> Response:
    """Show how one file differs between two versions; comparing texts takes a child process a moment."""
    return await run_in_threadpool(_compare_file, request, wanted)


def _compare_file(request: Request, wanted: FileSides) -> Response:
    database, actor = request.app.state.database, request.state.actor
    with database.read() as db:
        before = queries.get_version(db, actor, *_read(wanted.before, "before"), archived=True)
        after = queries.get_version(db, actor, *_read(wanted.after, "after"), archived=True)
        rows = [_file_of(db, version, wanted.path) for version in (before, after)]
    if all(row.blob for row in rows):
        difference = showing.compare_files(database, actor, rows[0].sha256, rows[1].sha256)
    else:
        difference = {"unshown": "The bytes of one of them are not kept here any more."}
    return render(
        request,
        "registry/compare_file.html",
        before=before,
        after=after,
        path=wanted.path,
        rows=rows,
        difference=difference,
        form=wanted.form,
    )


def _file_of(db: Session, version: Version, path: str) -> artifacts.FileRow:
    found = [file for file in version.files if file.path == path]
    if not found:
        raise NotFound(
            f"{version.name} has no file {path[:80]!r}.",
            remedy="Choose one that both versions have.",
            field="path",
            value=path[:80],
        )
    return artifacts.file_rows(db, found)[0]


def _read(spec: str, field: str) -> tuple[str, int]:
    name, _, number = spec.rpartition("/")
    if not name or not number.isdecimal() or len(number) > 9:
        raise InvalidInput(
            f"{spec[:80]!r} is no version.", remedy="Write it as model/number.", field=field, value=spec[:80]
        )
    return name, int(number)


def _content(version: Any) -> dict[str, Any]:
    return {
        "description": version.description,
        "metrics": version.metrics,
        "parameters": version.parameters,
        "files": {file.path: file.sha256 for file in version.files},
        "signature": version.signature,
        "environment": version.environment,
        "source": version.source,
        "data_set": version.data_set.name if version.data_set else None,
    }
