"""JSON route of finding anything."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb

from ..queries.search import Hit, find_things
from ..schemas.search import HitOut, SearchIn

router = api_router("/search", "search")


@router.get("", name="api_search", response_model=PageOut[HitOut], openapi_extra=needs(Permission.VIEW))
def search(db: ReadDb, actor: CurrentActor, wanted: Annotated[SearchIn, Query()]) -> Page[Hit]:
    """Find models, versions, use cases, data sets, deployments, recipes and people by words: a few of each."""
    found: Sequence[Hit] = find_things(db, actor, wanted.q)
    return Page(found)
