"""The leader's numbers as JSON."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb

from . import queries
from .schemas import CellOut, PortfolioFilter, PortfolioOut, TrendOut

router = api_router("/portfolio", "reporting")


@router.get("", name="api_get_portfolio", response_model=PortfolioOut, openapi_extra=needs(Permission.VIEW))
def get_portfolio(db: ReadDb, actor: CurrentActor, wanted: Annotated[PortfolioFilter, Query()]) -> PortfolioOut:
    """Return the inventory in numbers, now or as of an earlier moment, as far as you may see it."""
    found = queries.get_portfolio(db, actor, wanted)
    numbers = found.tally
    return PortfolioOut(
        at=found.at,
        sentence=found.sentence,
        total=numbers.total,
        live=numbers.live,
        needing_attention=numbers.needing_attention,
        by_tier={str(tier or "none"): count for tier, count in numbers.by_tier.items()},
        by_light=numbers.by_light,
        by_state=numbers.by_state,
        by_attention={reason.value: count for reason, count in numbers.by_attention.items()},
        by_unit=numbers.by_unit,
        heat_map=[CellOut(impact=i, likelihood=j, count=count) for (i, j), count in sorted(numbers.by_cell.items())],
        trend=[TrendOut.model_validate(point) for point in found.trend],
    )
