"""Verbs on environments. None is deleted: what went live there stays readable under its name."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, TransitionRefused
from modelops_platform.core.revisions import must_match
from modelops_platform.events import service as events
from modelops_platform.registry.domain.names import checked_name

from ..domain import DEFAULT_ENVIRONMENTS
from ..schemas import EnvironmentIn, EnvironmentPatch
from ..tables import Deployment, Environment, Revision
from .locking import hold_environment, hold_models_live_in
from .summaries import refresh_summary


def ensure_environments(db: Session, actor: Actor) -> None:
    """Make the environments that every workspace begins with, where it has none at all."""
    if db.scalar(select(Environment.id).where(Environment.workspace_id == actor.workspace_id).limit(1)):
        return
    for default in DEFAULT_ENVIRONMENTS:
        create_environment(
            db,
            actor,
            EnvironmentIn(
                name=default.name,
                description=default.description,
                is_protected=default.is_protected,
                rank=default.rank,
            ),
        )


def create_environment(db: Session, actor: Actor, wanted: EnvironmentIn) -> Environment:
    """Add an environment. Raises NotAllowed, InvalidInput, AlreadyExists."""
    actor.must(Permission.MANAGE_ENVIRONMENTS)
    environment = Environment(
        workspace_id=actor.workspace_id,
        name=checked_name(wanted.name),
        description=wanted.description,
        is_protected=wanted.is_protected,
        rank=wanted.rank,
        created_by=actor.id,
    )
    taken = AlreadyExists(
        f"There is, or was, an environment named {environment.name!r}.",
        remedy="Choose another name, or restore that one.",
        field="name",
        value=environment.name,
    )
    with conflicts_as(db, taken):
        db.add(environment)
    protected = environment.is_protected
    events.record(db, actor, "environment.created", environment, is_protected=protected, rank=environment.rank)
    return environment


def edit_environment(
    db: Session, actor: Actor, reference: str, wanted: EnvironmentPatch, if_match: str | None = None
) -> Environment:
    """Change what the patch names. Raises NotFound, NotAllowed, Stale, InvalidInput (protection taken off)."""
    environment = hold_environment(db, actor, reference)
    must_match(environment, if_match)
    given = {key: value for key, value in wanted.model_dump(exclude_unset=True).items() if value is not None}
    if environment.is_protected and given.get("is_protected") is False:
        raise InvalidInput(
            f"{environment.name!r} is protected, and stays so: taking that off would be a way around its policies.",
            remedy="Make another environment without protection.",
            field="is_protected",
            value=False,
        )
    changes = {key: [getattr(environment, key), value] for key, value in given.items()}
    changes = {key: pair for key, pair in changes.items() if pair[0] != pair[1]}
    if changes:
        for key, (_before, after) in changes.items():
            setattr(environment, key, after)
        if "is_protected" in changes:
            for model_id in hold_models_live_in(db, environment):
                refresh_summary(db, model_id)
        events.record(db, actor, "environment.edited", environment, changes=changes)
    return environment


def retire_environment(db: Session, actor: Actor, reference: str) -> Environment:
    """Close an environment; what it ran stays readable. Raises TransitionRefused while anything is live there."""
    environment = hold_environment(db, actor, reference)
    live = _count_live(db, environment)
    if live:
        raise TransitionRefused(
            f"{live} deployment{'' if live == 1 else 's'} still live in {environment.name!r}.",
            remedy="Take them out of service first.",
            live=live,
        )
    if environment.retired_at is None:
        environment.retired_at = clock.now()
        events.record(db, actor, "environment.retired", environment)
    return environment


def restore_environment(db: Session, actor: Actor, reference: str) -> Environment:
    """Open a retired environment again. Raises NotFound, NotAllowed."""
    environment = hold_environment(db, actor, reference)
    if environment.retired_at is not None:
        environment.retired_at = None
        events.record(db, actor, "environment.restored", environment)
    return environment


def _count_live(db: Session, environment: Environment) -> int:
    live = (
        select(func.count())
        .select_from(Revision)
        .join(Revision.deployment)
        .where(Deployment.environment_id == environment.id, Revision.to_at.is_(None))
    )
    return db.scalar(live) or 0
