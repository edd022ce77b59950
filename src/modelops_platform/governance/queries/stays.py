"""Where versions stand and stood: in environments, and behind aliases; and which one stands where another wants to."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, false, literal, or_, select, true, union_all
from sqlalchemy.orm import Session

from modelops_platform.deployments.tables import Deployment, Environment, Revision
from modelops_platform.registry.tables import Alias, Version

from ..domain.facts import Verb
from ..domain.known import Champion, MetricFact, StayFact
from ..domain.targets import Target


def metrics_of(metrics: Collection[Mapping[str, Any]]) -> tuple[MetricFact, ...]:
    """Return the figures that a version was registered with."""
    return tuple(
        MetricFact(
            name=str(metric["name"]),
            value=metric.get("value"),
            standard_error=metric.get("standard_error"),
            rows=metric.get("n"),
            data_set=metric.get("data_set"),
            segment=metric.get("segment"),
        )
        for metric in metrics
    )


@dataclass(frozen=True, slots=True)
class Stays:
    """Stays by version, and by model who stands in each environment (by id) and behind each alias (by name)."""

    stays: Mapping[str, tuple[StayFact, ...]]
    holders: Mapping[tuple[str, str], Champion]

    def champion(self, model_id: str, target: Target) -> Champion | None:
        """Return the version that stands at the target."""
        if target.action.verb is Verb.DEPLOYMENT:
            return self.holders.get((model_id, target.environment_id))
        return self.holders.get((model_id, target.action.target))


def load_stays(db: Session, model_ids: Collection[str], at: datetime) -> Stays:
    """Return where the versions of these models stood until a moment, in one statement."""
    stays = (
        select(
            Deployment.model_id.label("model_id"),
            Environment.id.label("place"),
            Environment.name.label("environment"),
            Environment.is_protected.label("is_protected"),
            Environment.rank.label("rank"),
            Revision.id.label("id"),
            Revision.version_id.label("version_id"),
            Revision.from_at.label("from_at"),
            Revision.to_at.label("to_at"),
            true().label("is_stay"),
        )
        .join(Deployment, Deployment.id == Revision.deployment_id)
        .join(Environment, Environment.id == Deployment.environment_id)
        .where(Deployment.model_id.in_(model_ids), Revision.from_at <= at)
    )
    aliases = select(
        Alias.model_id,
        Alias.name,
        literal(""),
        false(),
        literal(0),
        Alias.id,
        Alias.version_id,
        Alias.from_at,
        Alias.to_at,
        false(),
    ).where(Alias.model_id.in_(model_ids), Alias.from_at <= at, or_(Alias.to_at.is_(None), Alias.to_at > at))
    found = union_all(stays, aliases).subquery()
    stands = or_(found.c.to_at.is_(None), found.c.to_at > at)
    rows = db.execute(
        select(found, Version.number, Version.manifest_digest, case((stands, Version.metrics), else_=None))
        .join(Version, Version.id == found.c.version_id)
        .order_by(found.c.from_at, found.c.id)
    )
    stayed: dict[str, list[StayFact]] = defaultdict(list)
    holders: dict[tuple[str, str], Champion] = {}
    for row in rows:
        model_id, place, environment, is_protected, rank, id, version_id, since, until, is_stay, *version = row
        number, digest, metrics = version
        until = until if until is not None and until <= at else None
        if is_stay:
            stay = StayFact(id, place, environment, bool(is_protected), rank, digest, since, until)
            stayed[version_id].append(stay)
        if until is None:
            name = f"v{number}"
            key = (model_id, place if is_stay else place.casefold())
            holders[key] = Champion(version_id, name, digest, metrics_of(metrics or ()))
    return Stays({version_id: tuple(stays) for version_id, stays in stayed.items()}, holders)
