"""What the page of the storage shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.artifacts import queries as artifacts
from modelops_platform.artifacts.service import COLLECT, DIGITS
from modelops_platform.artifacts.tables import Blob, RetentionRule
from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.identity import queries as identity
from modelops_platform.jobs.domain.states import JobState
from modelops_platform.jobs.tables import Job
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import LegalHold

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Storage:
    """The storage as a whole: how much, what goes next, by which rules, and what is held."""

    figures: artifacts.Figures
    due: Sequence[Blob]
    rules: Sequence[RetentionRule]
    holds: Sequence[LegalHold]
    more_holds: bool
    collections: Sequence[Job]
    units: dict[str, str]
    names: dict[str, str]


def get_storage(db: Session, actor: Actor) -> Storage:
    """Return the state of the storage."""
    now = clock.now()
    rules = artifacts.list_rules(db, actor.workspace_id)
    holds = registry.list_holds(db, actor, limit=100)
    steps = select(Job).where(Job.kind == COLLECT, Job.workspace_id == actor.workspace_id)
    jobs = db.scalars(steps.order_by(Job.id.desc()).limit(len(DIGITS) * SHOWN)).all()
    over = [job for job in jobs if (job.result or {}).get("is_over") or job.state != JobState.SUCCEEDED]
    return Storage(
        figures=artifacts.figures(db, now),
        due=artifacts.list_due(db, now),
        rules=rules,
        holds=holds.items,
        more_holds=holds.next is not None,
        collections=over[:SHOWN],
        units={unit.id: unit.name for unit in identity.list_units(db, actor)},
        names=dict(identity.names_of(db, {hold.placed_by for hold in holds.items})),
    )
