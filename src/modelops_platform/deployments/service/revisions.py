"""Verbs on revisions: intervals of which at most one is open for each deployment."""

from datetime import datetime

from sqlalchemy.orm import Session

from modelops_platform.core import clock, gates
from modelops_platform.core.actor import Actor
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotFound
from modelops_platform.events import service as events
from modelops_platform.registry import queries as registry
from modelops_platform.registry.domain.kinds import DigestState
from modelops_platform.registry.tables import Version

from .. import queries
from ..domain import DigestProof, Served, all_traffic_to, next_moment
from ..schemas import ActivationIn
from ..tables import Deployment, Revision
from .locking import hold_deployment
from .summaries import refresh_summary


def activate(db: Session, actor: Actor, reference: str, wanted: ActivationIn) -> Revision:
    """Make a version live, if the gate agrees; what ran before ends at the same moment.

    Raises NotFound, NotAllowed, InvalidInput, AlreadyExists (it is live already), TransitionRefused.
    """
    deployment = hold_deployment(db, actor, reference)
    version = _version_to_run(db, actor, deployment, wanted.version)
    before = deployment.live
    if before is not None and before.version_id == version.id:
        raise AlreadyExists(
            f"{deployment.name!r} runs v{version.number} already.",
            remedy="Nothing needs to be done.",
            field="version",
            value=version.number,
        )
    decision_id = gates.check(db, gates.Transition("deployment.activate", version, actor, _asked(deployment)))
    at = next_moment(clock.now(), queries.last_mark(db, deployment.id))
    if before is not None:
        _end(before, actor, at, f"Replaced by v{version.number}.")
        db.flush()  # one may be open at a time, so the old one ends before the new one begins
    deployment.last_number += 1
    deployment.updated_at = at
    revision = Revision(
        deployment=deployment,
        number=deployment.last_number,
        version=version,
        approved_digest=version.manifest_digest if version.digest_state == DigestState.VERIFIED else None,
        traffic=all_traffic_to(version.number),
        reason=wanted.reason,
        activated_by=actor.id,
        decision_id=decision_id,
        from_at=at,
    )
    if deployment.served == Served.HERE:  # the model workers load by this digest, and refuse other bytes
        revision.reported_digest, revision.reported_at = revision.approved_digest, at
    db.add(revision)
    _changed(db, actor, deployment, revision, before)
    return _with_names(db, revision)


def _version_to_run(db: Session, actor: Actor, deployment: Deployment, number: int) -> Version:
    """Return the version, after making sure that it may run here at all. Raises InvalidInput."""
    for problem, field in (
        (deployment.archived_at and f"The deployment {deployment.name!r} is archived.", "deployment"),
        (deployment.model.archived_at and f"The model {deployment.model.name!r} is archived.", "model"),
        (
            deployment.environment.retired_at and f"The environment {deployment.environment.name!r} is retired.",
            "environment",
        ),
    ):
        if problem:
            raise InvalidInput(problem, remedy="Nothing can go live there any more.", field=field)
    try:
        version = registry.get_version(db, actor, deployment.model.name, number)
    except NotFound as error:
        raise InvalidInput(error.message, remedy=error.remedy, field="version", value=number) from None
    if version.archived_at is not None:
        raise InvalidInput(
            f"v{number} is archived.", remedy="Choose a version that is in use.", field="version", value=number
        )
    return version


def _asked(deployment: Deployment) -> dict[str, object]:
    """Return what the gate is told beside the version."""
    environment = deployment.environment
    return {
        "environment": environment.name,
        "environment_id": environment.id,
        "is_protected": environment.is_protected,
        "deployment_id": deployment.id,
    }


def _changed(db: Session, actor: Actor, deployment: Deployment, revision: Revision, before: Revision | None) -> None:
    refresh_summary(db, deployment.model_id)
    events.record(
        db,
        actor,
        "deployment.activated",
        deployment,
        revision=revision.number,
        version=revision.version.number,
        digest=revision.approved_digest,
        environment=deployment.environment.name,
        before=before.version.number if before else None,
        reason=revision.reason,
        decision=revision.decision_id,
    )


def end_revision(db: Session, actor: Actor, reference: str, reason: str) -> Revision:
    """Take a deployment out of service; nothing runs there then. Raises NotFound, also when nothing is live."""
    deployment = hold_deployment(db, actor, reference)
    revision = _live(deployment)
    at = next_moment(clock.now(), revision.from_at)
    _end(revision, actor, at, reason)
    deployment.updated_at = at
    db.flush()
    refresh_summary(db, deployment.model_id)
    events.record(
        db,
        actor,
        "deployment.ended",
        deployment,
        revision=revision.number,
        version=revision.version.number,
        environment=deployment.environment.name,
        reason=reason,
    )
    return _with_names(db, revision)


def _end(revision: Revision, actor: Actor, at: datetime, reason: str) -> None:
    revision.to_at, revision.ended_by, revision.end_reason = at, actor.id, reason


def report_digest(db: Session, actor: Actor, reference: str, digest: str) -> Revision:
    """Note what the serving side says it runs. Raises NotFound, also when nothing is live.

    The same report again moves only its time: that is a sign of life, not a change.
    """
    deployment = hold_deployment(db, actor, reference)
    revision = _live(deployment)
    is_new = revision.reported_digest != digest
    revision.reported_digest, revision.reported_at = digest, next_moment(clock.now(), revision.reported_at)
    if is_new:
        db.flush()
        refresh_summary(db, deployment.model_id)
        has_drifted = revision.proof is DigestProof.DIFFERS
        events.record(
            db,
            actor,
            "deployment.digest_drifted" if has_drifted else "deployment.digest_reported",
            deployment,
            revision=revision.number,
            version=revision.version.number,
            approved=revision.approved_digest,
            reported=digest,
            proof=revision.proof.value,
        )
    return _with_names(db, revision)


def _live(deployment: Deployment) -> Revision:
    if deployment.live is None:
        raise NotFound(
            f"Nothing is live in {deployment.name!r}.",
            remedy="Activate a version first.",
            field="deployment",
            value=deployment.name,
        )
    return deployment.live


def _with_names(db: Session, revision: Revision) -> Revision:
    """Return the revision as it is read, with the people that it names."""
    db.flush()
    return queries.get_revision(db, revision.id)
