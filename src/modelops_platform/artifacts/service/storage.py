"""Verbs on the storage: rules of retention, and finding bytes that no row names."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import count_changed, try_add
from modelops_platform.core.errors import AlreadyExists, Conflict, InvalidInput
from modelops_platform.events import service as events
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.tables import Job

from .. import queries
from ..domain import LONGEST_KEPT_DAYS, SHORTEST_ARCHIVED_DAYS, Kept
from ..queries import UPLOAD
from ..tables import Blob, BlobHold, RetentionRule

COLLECT = "artifacts.collect"
DIGITS = "0123456789abcdef"


def set_rule(db: Session, actor: Actor, *, what: Kept, days: int, unit_id: str | None) -> RetentionRule:
    """Say how long something is kept, for a unit or for all others. Raises NotAllowed, InvalidInput, AlreadyExists."""
    actor.must(Permission.MANAGE_STORAGE)
    least = SHORTEST_ARCHIVED_DAYS if what is Kept.ARCHIVED_VERSION else 1
    if not least <= days <= LONGEST_KEPT_DAYS:
        raise InvalidInput(
            f"{days:,} days are not from {least} to {LONGEST_KEPT_DAYS:,}.",
            remedy="Choose a number of days between them.",
            field="days",
            value=days,
        )
    for rule in queries.list_rules(db, actor.workspace_id):
        if (rule.what, rule.unit_id) == (what.value, unit_id):
            raise AlreadyExists(
                f"There is a rule already: {rule.name}.", remedy="End that one first.", field="unit", value=unit_id
            )
    rule = RetentionRule(
        workspace_id=actor.workspace_id, what=what.value, unit_id=unit_id, days=days, created_by=actor.id
    )
    db.add(rule)
    events.record(db, actor, "retention_rule.set", rule, what=what.value, days=days, unit=unit_id)
    return rule


def end_rule(db: Session, actor: Actor, rule_id: str) -> RetentionRule:
    """Take a rule out of force. Raises NotAllowed, NotFound."""
    actor.must(Permission.MANAGE_STORAGE)
    rule = queries.get_rule(db, actor.workspace_id, rule_id)
    rule.ended_at = clock.now()
    events.record(db, actor, "retention_rule.ended", rule, what=rule.what, days=rule.days, unit=rule.unit_id)
    return rule


def begin_collection(db: Session, actor: Actor, *, is_dry: bool) -> Job:
    """Have the storage looked through, digest by digest, for what nothing uses; dry, nothing is removed."""
    actor.must(Permission.MANAGE_STORAGE)
    title = "Look for stored bytes that nothing uses" if is_dry else "Remove stored bytes that nothing uses"
    args = {"digit": DIGITS[0], "is_dry": is_dry, "count": 0, "size": 0}
    job = jobs.enqueue(db, actor, COLLECT, args, title=title, key=f"{COLLECT}.{'dry' if is_dry else 'real'}")
    if not is_dry:
        events.record(db, actor, "storage.collected", job)
    return job


def claim_unnamed(db: Session, found: list[tuple[str, int]]) -> int:
    """Give stored bytes that no row names a row that says they are being removed, and return how many.

    From then on equal bytes are not taken until the removal is over; an upload that was quicker keeps them.
    """
    claimed = 0
    for sha256, size in found:
        row = Blob(
            sha256=sha256,
            size=size,
            block_size=1,
            block_digests=b"",
            created_by="system",
            removing_at=clock.now(),
        )
        claimed += try_add(db, row)
    return claimed


def forget_upload(db: Session, actor: Actor, sha256: str) -> None:
    """Let go of what one has uploaded; it is removed unless somebody else keeps it. Raises NotFound, Conflict."""
    blob = queries.get_blob(db, actor, sha256)
    keeping = [hold for hold in queries.list_holds(db, actor, sha256) if hold.holder_kind != UPLOAD]
    if keeping:
        words = ", ".join(
            f"{hold.holder_kind.replace('_', ' ')} {hold.holder_id} as {hold.name!r}" for hold in keeping[:5]
        )
        raise Conflict(
            f"The file is held by {words}{' and others' if len(keeping) > 5 else ''}.",
            remedy="Nothing that a version or a data set holds can be deleted; archive those, or ask who manages them.",
            field="sha256",
            value=sha256,
            holders=[
                {"kind": hold.holder_kind, "id": hold.holder_id, "name": hold.name, "model_id": hold.model_id}
                for hold in keeping[:50]
            ],
        )
    mine = BlobHold.sha256 == sha256, BlobHold.holder_kind == UPLOAD, BlobHold.holder_id == actor.id
    if not count_changed(db, delete(BlobHold).where(*mine)):
        raise queries.no_file(sha256)
    events.record(db, actor, "artifact.forgotten", blob, sha256=sha256)
