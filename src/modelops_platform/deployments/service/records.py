"""Verbs on the records of deployments."""

from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotFound, TransitionRefused
from modelops_platform.core.revisions import must_match
from modelops_platform.events import service as events
from modelops_platform.registry import queries as registry
from modelops_platform.registry.domain.names import checked_name

from .. import queries
from ..schemas import DeploymentIn, DeploymentPatch
from ..tables import Deployment, Environment
from .locking import hold_deployment
from .summaries import refresh_summary


def create_deployment(db: Session, actor: Actor, wanted: DeploymentIn) -> Deployment:
    """Record that a model answers somewhere; nothing is live yet.

    Raises InvalidInput (also for an unknown model or environment), NotAllowed, AlreadyExists.
    """
    try:
        model = registry.get_model(db, actor, wanted.model)
    except NotFound as error:
        raise InvalidInput(error.message, remedy=error.remedy, field="model", value=wanted.model[:80]) from None
    actor.must(Permission.DEPLOY, model)
    deployment = Deployment(
        workspace_id=actor.workspace_id,
        name=checked_name(wanted.name),
        environment=_open_environment(db, actor, wanted.environment),
        model=model,
        served=wanted.served.value,
        consumer=wanted.consumer,
        endpoint=wanted.endpoint,
        owner=wanted.owner,
        description=wanted.description,
        created_by=actor.id,
    )
    _flush(db, deployment)
    set_committed_value(deployment, "live", None)
    events.record(
        db,
        actor,
        "deployment.created",
        deployment,
        environment=deployment.environment.name,
        served=deployment.served,
        consumer=deployment.consumer,
        endpoint=deployment.endpoint,
    )
    return deployment


def _open_environment(db: Session, actor: Actor, reference: str) -> Environment:
    try:
        environment = queries.get_environment(db, actor, reference)
    except NotFound as error:
        raise InvalidInput(error.message, remedy=error.remedy, field="environment", value=reference[:80]) from None
    if environment.retired_at is not None:
        raise InvalidInput(
            f"The environment {environment.name!r} is retired.",
            remedy="Choose another one.",
            field="environment",
            value=environment.name,
        )
    return environment


def edit_deployment(
    db: Session, actor: Actor, reference: str, wanted: DeploymentPatch, if_match: str | None = None
) -> Deployment:
    """Change what the patch names. Raises NotFound, NotAllowed, InvalidInput, AlreadyExists, Stale."""
    deployment = hold_deployment(db, actor, reference)
    must_match(deployment, if_match)
    _must_be_living(deployment)
    given: dict[str, Any] = {k: v for k, v in wanted.model_dump(exclude_unset=True).items() if v is not None}
    if "name" in given:
        given["name"] = checked_name(given["name"])
    changes = {key: [getattr(deployment, key), value] for key, value in given.items()}
    changes = {key: pair for key, pair in changes.items() if pair[0] != pair[1]}
    if not changes:
        return deployment
    for key, (_before, after) in changes.items():
        setattr(deployment, key, after)
    deployment.updated_at = clock.now()
    _flush(db, deployment)
    changed = sorted(changes)
    if "name" in changes and deployment.live is not None:
        refresh_summary(db, deployment.model_id)
    changes.pop("owner", None)  # may name a person; the log says that it changed, not to whom
    events.record(db, actor, "deployment.edited", deployment, changed=changed, changes=changes)
    return deployment


def _must_be_living(deployment: Deployment) -> None:
    if deployment.archived_at is not None:
        raise InvalidInput(
            f"The deployment {deployment.name!r} is archived.",
            remedy="Make a new one; its history stays with this one.",
            field="deployment",
            value=deployment.name,
        )


def archive_deployment(db: Session, actor: Actor, reference: str) -> Deployment:
    """Put a deployment out of the lists; its history stays, its name is free.

    Raises NotFound, NotAllowed, and TransitionRefused while it is live.
    """
    deployment = hold_deployment(db, actor, reference)
    if deployment.live is not None:
        raise TransitionRefused(
            f"{deployment.name!r} runs v{deployment.live.version.number}.",
            remedy="Take it out of service first.",
            version=deployment.live.version.number,
        )
    if deployment.archived_at is None:
        deployment.archived_at = deployment.updated_at = clock.now()
        events.record(db, actor, "deployment.archived", deployment)
    return deployment


def _flush(db: Session, deployment: Deployment) -> None:
    name = deployment.name
    taken = AlreadyExists(
        f"There is already a deployment named {name!r}.", remedy="Choose another name.", field="name", value=name
    )
    with conflicts_as(db, taken):
        db.add(deployment)
