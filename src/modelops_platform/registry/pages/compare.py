"""The page that compares two versions, of one model or of two."""

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import In
from modelops_platform.web.render import render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb

from .. import queries
from ..domain.comparison import compare

router = page_router()
_SPEC = Field(max_length=300, description="A version as `model/number`; names hold no slash.")


class Sides(In):
    """The two versions to compare."""

    before: str = _SPEC
    after: str = _SPEC


@router.get("/compare", openapi_extra=needs(Permission.VIEW))
def compare_versions(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[Sides, Query()]) -> Response:
    before = queries.get_version(db, actor, *_read(wanted.before, "before"))
    after = queries.get_version(db, actor, *_read(wanted.after, "after"))
    return render(
        request,
        "registry/compare.html",
        before=before,
        after=after,
        comparison=compare(_content(before), _content(after)),
    )


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
