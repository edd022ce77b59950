"""Publishing policies, and choosing whether the gate enforces them."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.events import service as events
from modelops_platform.identity import service as identity
from modelops_platform.identity.tables import Workspace

from .. import queries
from ..schemas import EnforcementIn, PolicyIn
from ..tables import EnforcementChange, PolicyVersion
from .documents import add_published, must_be_next, text_of


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
    made = queries.policy_row(actor.workspace_id, text_of(wanted))
    last = db.scalars(
        select(func.max(PolicyVersion.number)).where(
            PolicyVersion.workspace_id == actor.workspace_id, PolicyVersion.policy_id == made.policy_id
        )
    ).one()
    must_be_next(made, made.policy_id, last or 0)
    add_published(db, actor, made, wanted.reason)
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
