"""What ends or comes due about all models, by day."""

from collections import Counter
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import EmptyIsNone, In
from modelops_platform.web.render import render, url_for
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb

from .. import queries
from ..domain.coming import COMING_WORDS, Coming, ComingKind
from .shown import requirement_titles

router = page_router()
PERIODS = ((31, "A month"), (92, "Three months"), (366, "A year"))


class ComingQuery(In):
    """How far ahead is looked, and at what."""

    days: Annotated[Annotated[int, Field(ge=1, le=3_660)] | None, EmptyIsNone] = None
    kind: Annotated[ComingKind | None, EmptyIsNone] = None


@router.get("/coming-up", openapi_extra=needs(Permission.VIEW))
def show_coming(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[ComingQuery, Query()]) -> Response:
    now, days = clock.now(), wanted.days or PERIODS[0][0]
    until = now.date() + timedelta(days=days)
    found = queries.list_coming(db, actor, now=now, until=until)
    shown = [one for one in found if wanted.kind in (None, one.kind)]
    return render(
        request,
        "governance/coming.html",
        lines=[(one, url_for(request.app, one.route, **one.parameters)) for one in shown],
        overdue=sum(one.on < now.date() for one in found),
        total=len(found),
        is_cut=max(Counter(one.kind for one in found).values(), default=0) >= queries.MOST_COMING,
        facets=_facets(found, wanted, days),
        words=COMING_WORDS,
        titles=requirement_titles(queries.policies_in_force(db, actor.workspace_id)),
        today=now.date(),
        until=until,
    )


def _facets(found: list[Coming], wanted: ComingQuery, days: int) -> list[dict[str, Any]]:
    counts = Counter(one.kind for one in found)
    kinds = [
        {"value": kind.value, "label": COMING_WORDS[kind][0], "count": counts[kind], "active": wanted.kind is kind}
        for kind in ComingKind
        if counts[kind]
    ]
    periods = [{"value": ahead, "label": label, "count": None, "active": days == ahead} for ahead, label in PERIODS]
    return [
        {"label": "Within", "name": "days", "options": periods},
        {"label": "What", "name": "kind", "options": kinds},
    ]
