"""Reads about the storage as a whole: how much there is, what nothing uses, and how long what is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from modelops_platform.core.errors import NotFound
from modelops_platform.identity.tables import UnitAncestor

from ..domain import Kept
from ..tables import Blob, BlobHold, PartialUpload, RetentionRule
from .blobs import UPLOAD

SHOWN = 100


@dataclass(frozen=True, slots=True)
class Figures:
    """How much is stored."""

    files: int
    size: int
    unused_files: int
    unused_size: int
    due_files: int
    due_size: int
    removing: int
    unfinished: int
    unfinished_size: int
    formats: Sequence[tuple[str, int, int]]


def figures(db: Session, now: datetime) -> Figures:
    """Return how much is stored, how much of it nothing uses, and how much of that goes at the next collection."""
    is_unused, due = is_unreferenced(), is_orphan(db, now)
    here = Blob.removing_at.is_(None)
    row = db.execute(
        select(
            func.count(),
            func.coalesce(func.sum(Blob.size), 0),
            func.count(case((is_unused, 1))),
            func.coalesce(func.sum(case((is_unused, Blob.size), else_=0)), 0),
            func.count(case((due, 1))),
            func.coalesce(func.sum(case((due, Blob.size), else_=0)), 0),
        ).where(here)
    ).one()
    removing = db.scalar(select(func.count()).where(Blob.removing_at.is_not(None))) or 0
    waiting = db.execute(
        select(func.count(), func.coalesce(func.sum(PartialUpload.received), 0)).where(PartialUpload.sha256.is_(None))
    ).one()
    kinds = db.execute(
        select(func.coalesce(Blob.format, "not scanned yet"), func.count(), func.sum(Blob.size))
        .where(here)
        .group_by(Blob.format)
        .order_by(func.sum(Blob.size).desc())
    )
    formats = [(str(kind), int(count), int(size)) for kind, count, size in kinds]
    return Figures(
        files=int(row[0]),
        size=int(row[1]),
        unused_files=int(row[2]),
        unused_size=int(row[3]),
        due_files=int(row[4]),
        due_size=int(row[5]),
        removing=removing,
        unfinished=int(waiting[0]),
        unfinished_size=int(waiting[1]),
        formats=formats,
    )


def list_due(db: Session, now: datetime, limit: int = SHOWN) -> Sequence[Blob]:
    """Return files that the next collection removes, the largest first."""
    due = select(Blob).where(is_orphan(db, now)).order_by(Blob.size.desc(), Blob.sha256)
    return db.scalars(due.limit(limit)).all()


def is_unreferenced() -> ColumnElement[bool]:
    """Return the condition for files that no version, data set or other thing keeps."""
    return ~exists().where(BlobHold.sha256 == Blob.sha256, BlobHold.holder_kind != UPLOAD)


def is_orphan(db: Session, now: datetime, *, shortest: timedelta = timedelta(hours=24)) -> ColumnElement[bool]:
    """Return the condition for files that nothing keeps and nobody sent for as long as the rules say.

    Args:
        shortest: How long they are kept without a rule; no file goes that is younger than this.
    """
    days = kept_days(db, Kept.UNUSED_UPLOAD)
    general = max(shortest, timedelta(days=days.pop(None, 0)))
    own = [
        and_(BlobHold.unit_id == unit_id, BlobHold.created_at >= now - max(shortest, timedelta(days=number)))
        for unit_id, number in days.items()
        if unit_id is not None
    ]
    others = or_(BlobHold.unit_id.is_(None), BlobHold.unit_id.not_in([unit for unit in days if unit is not None]))
    recent = or_(and_(others, BlobHold.created_at >= now - general), *own)
    kept = exists().where(BlobHold.sha256 == Blob.sha256, or_(BlobHold.holder_kind != UPLOAD, recent))
    return and_(Blob.removing_at.is_(None), Blob.created_at < now - shortest, ~kept)


def list_rules(db: Session, workspace_id: str) -> Sequence[RetentionRule]:
    """Return the rules in force."""
    living = select(RetentionRule).where(RetentionRule.workspace_id == workspace_id, RetentionRule.ended_at.is_(None))
    return db.scalars(living.order_by(RetentionRule.what, RetentionRule.unit_id, RetentionRule.id)).all()


def get_rule(db: Session, workspace_id: str, rule_id: str) -> RetentionRule:
    """Return a rule in force. Raises NotFound."""
    found = next((rule for rule in list_rules(db, workspace_id) if rule.id == rule_id), None)
    if found is None:
        raise NotFound(
            f"No retention rule {rule_id[:80]!r} is in force.",
            remedy="List the rules.",
            field="rule_id",
            value=rule_id[:80],
        )
    return found


def kept_days(db: Session, what: Kept) -> dict[str | None, int]:
    """Return the days of the rules about something, by unit; None is the rule for all others.

    A unit without a rule of its own has that of the next unit above it that has one.
    """
    rules = select(RetentionRule).where(RetentionRule.what == what.value, RetentionRule.ended_at.is_(None))
    days = {rule.unit_id: rule.days for rule in db.scalars(rules.order_by(RetentionRule.id))}
    if any(unit_id is not None for unit_id in days):
        above = aliased(UnitAncestor)
        depth = select(func.count()).where(above.unit_id == RetentionRule.unit_id).scalar_subquery()
        reach = (
            select(UnitAncestor.unit_id, RetentionRule.unit_id)
            .join(RetentionRule, RetentionRule.unit_id == UnitAncestor.ancestor_id)
            .where(RetentionRule.what == what.value, RetentionRule.ended_at.is_(None))
            .order_by(depth)  # the nearest comes last
        )
        days |= {unit_id: days[ruled_id] for unit_id, ruled_id in db.execute(reach)}
    return days


def without_row(db: Session, found: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return which of these stored bytes, size by digest, no row names."""
    digests = sorted(found)
    known: set[str] = set()
    for start in range(0, len(digests), 500):
        some = digests[start : start + 500]
        known.update(db.scalars(select(Blob.sha256).where(Blob.sha256.in_(some))))
    return [(sha256, found[sha256]) for sha256 in digests if sha256 not in known]
