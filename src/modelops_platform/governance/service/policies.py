"""Publishing policies, and choosing whether the gate enforces them."""

import hashlib
import json

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.core.errors import AlreadyExists, InvalidInput
from modelops_platform.events import service as events
from modelops_platform.identity import service as identity
from modelops_platform.identity.tables import Workspace

from .. import queries
from ..schemas import EnforcementIn, PolicyIn
from ..tables import EnforcementChange, PolicyVersion


def ensure_default_policies(db: Session, workspace_id: str) -> None:
    """Publish the shipped policies that a workspace lacks, or has in an older shipped version.

    A policy that somebody here has published a version of is theirs from then on. Safe to call at each start.
    """
    latest: dict[str, PolicyVersion] = {}
    known: set[str] = set()  # what is stored already is not read again at each start
    rows = select(PolicyVersion).where(PolicyVersion.workspace_id == workspace_id).order_by(PolicyVersion.number)
    for row in db.scalars(rows):
        latest[row.policy_id] = row
        known.add(row.sha256)
    for shipped in queries.shipped_policies(workspace_id, known):
        kept = latest.get(shipped.policy_id)
        if kept is None or (kept.published_by is None and kept.number < shipped.number):
            db.add(shipped)
            _tell(db, system_actor(workspace_id), shipped)


def publish_policy(db: Session, actor: Actor, wanted: PolicyIn) -> PolicyVersion:
    """Publish a new version of a policy, or a new policy; it is never changed afterwards.

    Who publishes it cannot approve under it for 24 hours. Raises NotAllowed, InvalidInput, AlreadyExists.
    """
    actor.must(Permission.MANAGE_POLICIES)
    identity.hold_workspace(db, actor.workspace_id, alone=True)
    ensure_default_policies(db, actor.workspace_id)
    given = wanted.document  # JSON is YAML, except that YAML does not join escaped halves of a character
    document = given if isinstance(given, str) else json.dumps(given, indent=2, ensure_ascii=False)
    policy = queries.parse(document)
    last = db.scalars(
        select(PolicyVersion.number)
        .where(PolicyVersion.workspace_id == actor.workspace_id, PolicyVersion.policy_id == policy.id)
        .order_by(PolicyVersion.number.desc())
        .limit(1)
    ).first()
    if policy.version != (last or 0) + 1:
        raise InvalidInput(
            f"The document says version {policy.version}; the next version of {policy.id!r} is {(last or 0) + 1}.",
            remedy="Correct the version in the document.",
            field="version",
            value=policy.version,
        )
    made = PolicyVersion(
        workspace_id=actor.workspace_id,
        policy_id=policy.id,
        number=policy.version,
        title=policy.title,
        document=document,
        sha256=hashlib.sha256(document.encode()).hexdigest(),
        reason=wanted.reason,
        published_by=actor.id,
    )
    try:
        with db.begin_nested():
            db.add(made)
    except IntegrityError:
        raise AlreadyExists(
            f"Somebody else has just published {made.name}.",
            remedy="Look at it, then publish the next version.",
            field="version",
            value=policy.version,
        ) from None
    _tell(db, actor, made)
    return made


def _tell(db: Session, actor: Actor, made: PolicyVersion) -> None:
    events.record(
        db,
        actor,
        "policy.published",
        made,
        policy=made.policy_id,
        version=made.number,
        sha256=made.sha256,
        reason=made.reason,
    )


def set_enforcement(db: Session, actor: Actor, wanted: EnforcementIn) -> str:
    """Let the gate of the workspace enforce, or only observe, from now on. Raises NotAllowed.

    Choosing what is chosen changes nothing.
    """
    actor.must(Permission.SET_ENFORCEMENT)
    workspace = db.get_one(Workspace, actor.workspace_id)
    before = identity.set_enforcement(db, actor, wanted.mode.value)
    if before == wanted.mode:
        return before
    now = clock.now()
    last = db.scalars(
        select(EnforcementChange).where(
            EnforcementChange.workspace_id == workspace.id, EnforcementChange.to_at.is_(None)
        )
    ).one_or_none()
    if last is None:
        db.add(
            EnforcementChange(
                workspace_id=workspace.id,
                mode=before,
                reason="Set when the workspace was made.",
                changed_by="system",
                from_at=workspace.created_at,
                to_at=now,
            )
        )
    else:
        last.to_at = now
    db.flush()
    db.add(
        EnforcementChange(
            workspace_id=workspace.id, mode=wanted.mode.value, reason=wanted.reason, changed_by=actor.id, from_at=now
        )
    )
    change = {"from": before, "to": wanted.mode.value}
    events.record(db, actor, "enforcement.changed", workspace, mode=change, reason=wanted.reason)
    return wanted.mode.value
