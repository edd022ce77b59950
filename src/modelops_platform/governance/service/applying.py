"""Doing what was granted: in the name of who asked, with the rights of that moment, through the gate, once."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, system_actor
from modelops_platform.core.errors import InvalidInput, NotAllowed, PlatformError
from modelops_platform.deployments import queries as deployments
from modelops_platform.deployments import service as deployments_service
from modelops_platform.deployments.schemas import ActivationIn
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity
from modelops_platform.identity import service as identity_service
from modelops_platform.jobs import service as jobs
from modelops_platform.registry import queries as registry
from modelops_platform.registry import service as registry_service
from modelops_platform.registry.domain.protocol import Stage
from modelops_platform.registry.tables import Alias, Model, Version

from .. import queries
from ..domain.exceptions import EmergencyState
from ..domain.facts import Action, Verb
from ..domain.states import RequestState
from ..domain.targets import Target
from ..schemas import MoveIn
from ..tables import ApprovalRequest, AskedChange, EmergencyChange
from .moves import move_version

APPLY = "governance.apply"


@dataclass(frozen=True, slots=True)
class Applied:
    """Whether it was done, and in words what was, or why not."""

    is_done: bool
    words: str


def enqueue_apply(db: Session, actor: Actor, thing: ApprovalRequest | EmergencyChange) -> None:
    """Have a job do what was granted, once this transaction is committed."""
    jobs.enqueue(
        db,
        system_actor(actor.workspace_id, actor.name),
        APPLY,
        {"kind": thing.object_kind, "id": thing.id},
        title=f"Take {thing.model.name} {thing.version.name} to {thing.environment or thing.action}",
        key=f"{APPLY}.{thing.id}",
        unit_id=thing.model.unit_id,
        model_id=thing.model_id,
    )


def apply_granted(db: Session, workspace_id: str, kind: str, id: str) -> str:
    """Do what was granted, if nobody has, and say what became of it. Raises NotFound."""
    anybody = system_actor(workspace_id)
    if kind == ApprovalRequest.object_kind:
        request = queries.get_request(db, anybody, id, lock=True)
        if request.applied_at is not None or queries.state_of(request) is not RequestState.GRANTED:
            return request.applied or "It is not granted any more."
        return _note(db, request, _apply(db, request, f"Approved: {request.message}"))
    emergency = queries.get_emergency(db, anybody, id, lock=True)
    if emergency.applied_at is not None or emergency.state != EmergencyState.ACTIVE:
        return emergency.applied or "It is not in force any more."
    return _note(db, emergency, _apply(db, emergency, f"In an emergency: {emergency.reason}"))


def find_deployment(db: Session, actor: Actor, model: Model, target: Target, name: str | None) -> str | None:
    """Return which deployment is meant where the target is an environment; None for an alias or a stage.

    Raises InvalidInput when there is none, or when several are there and none is named.
    """
    if target.action.verb is not Verb.DEPLOYMENT:
        return None
    here = [
        one.name
        for one in deployments.list_deployments_of(db, actor, model.id)
        if one.environment_id == target.environment_id and one.archived_at is None
    ]
    if name in here:
        return name
    if name is None and len(here) == 1:
        return here[0]
    raise InvalidInput(
        f"{model.name!r} has {len(here) or 'no'} deployment{'' if len(here) == 1 else 's'} in {target.environment}.",
        remedy=f"Name one of: {', '.join(here[:10])}." if here else "Add a deployment there first.",
        field="deployment",
        value=name,
    )


def _apply(db: Session, thing: AskedChange, reason: str) -> Applied:
    """Do it in a savepoint, so that a refusal leaves nothing but its reason and what the gate keeps."""
    try:
        with db.begin_nested():
            actor = _asker(db, thing.asked_by)
            version = registry.get_version(db, actor, thing.model.name, thing.version.number)
            return Applied(True, _do(db, actor, thing, version, reason))
    except PlatformError as error:
        for keep in error.to_keep:
            keep(db)
        return Applied(False, f"{error.message} {error.remedy or ''}".strip())


def _asker(db: Session, user_id: str) -> Actor:
    rows = identity.list_grants(db, user_id)
    if not rows or rows[0].disabled_at is not None:
        raise NotAllowed(
            "The account of who asked is not in use any more.", remedy="Somebody else who may takes it there."
        )
    return identity_service.to_actor(rows)


def _do(db: Session, actor: Actor, thing: AskedChange, version: Version, reason: str) -> str:
    action = Action.read(thing.action)
    match action.verb:
        case Verb.ALIAS:
            alias = _spelled(db, thing.model, action.target)
            registry_service.set_alias(
                db, actor, registry.get_model(db, actor, thing.model.name), alias, version.number
            )
            return f"{version.name} is {alias}."
        case Verb.STAGE:
            stage = _stage(action.target)
            registry_service.set_stage(db, actor, thing.model.name, version.number, stage)
            return f"{version.name} moved to stage {stage.value}."
        case Verb.DEPLOYMENT:
            target = Target(action, thing.environment_id, thing.environment)
            name = find_deployment(db, actor, thing.model, target, thing.deployment)
            assert name is not None, "an environment has deployments"
            wanted = ActivationIn.model_construct(version=version.number, reason=reason[:500])
            deployments_service.activate(db, actor, name, wanted)
            return f"{version.name} runs in {name}."
        case Verb.MOVE:
            move_version(db, actor, thing.model.name, version.number, MoveIn(to=action.target, reason=reason[:2000]))
            return f"{version.name} moved to {action.target}."


def _stage(name: str) -> Stage:
    for stage in Stage:
        if stage.value.casefold() == name:
            return stage
    raise InvalidInput(
        f"There is no stage {name!r}.", remedy=f"Use one of: {', '.join(Stage)}.", field="to", value=name
    )


def _aliases_of(db: Session, model_id: str) -> list[str]:
    """Return the aliases that a model has or had, those of now first."""
    rows = select(Alias.name).where(Alias.model_id == model_id).order_by(Alias.to_at.is_not(None), Alias.name)
    return list(db.scalars(rows))


def _spelled(db: Session, model: Model, alias: str) -> str:
    """Return the alias as it is spelled on this model: requests compare without regard to case."""
    return next((name for name in _aliases_of(db, model.id) if name.casefold() == alias), alias)


def _note(db: Session, thing: ApprovalRequest | EmergencyChange, applied: Applied) -> str:
    thing.applied_at, thing.applied = clock.now(), applied.words
    platform, done, words = system_actor(thing.workspace_id), applied.is_done, applied.words
    asker = thing.asked_by
    if isinstance(thing, ApprovalRequest):
        events.record(
            db, platform, "approval.applied" if done else "approval.not_applied", thing, outcome=words, asked_by=asker
        )
    else:
        events.record(
            db, platform, "emergency.applied" if done else "emergency.not_applied", thing, outcome=words, asked_by=asker
        )
    return words
