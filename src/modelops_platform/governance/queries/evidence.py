"""Reads of evidence that people added: as facts of a moment, as lists, and the keys whose signatures count."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, desc, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted
from modelops_platform.registry.tables import Model, Version

from ..domain.known import EvidenceFact, EvidenceKind, Source
from ..tables import EvidenceRecord, TrustedKey
from .findings import OfModel


def load_evidence(db: Session, versions: Mapping[str, OfModel], at: datetime) -> Mapping[str, tuple[EvidenceFact, ...]]:
    """Return the evidence about each version, and about its whole model, that stood at a moment: one statement.

    A signature stands as long as the key is trusted that made it.
    """
    models = {version.model_id for version in versions.values()}
    row = EvidenceRecord
    is_trusted = or_(row.trusted_key_id.is_(None), TrustedKey.to_at.is_(None), TrustedKey.to_at > at)
    found = db.execute(
        select(row.id, row.model_id, row.version_id, row.kind, row.word, row.added_by, row.roles, row.source)
        .add_columns(row.digest, row.covers, row.at, row.expires_at)
        .outerjoin(TrustedKey, TrustedKey.id == row.trusted_key_id)
        .where(
            row.model_id.in_(models),
            row.at <= at,
            or_(row.withdrawn_at.is_(None), row.withdrawn_at > at),
            is_trusted,
        )
        .order_by(row.id)
    ).all()
    by_model: dict[str, list[tuple[str | None, EvidenceFact]]] = {}
    for id, model_id, version_id, kind, word, added_by, roles, source, digest, covers, made, expires in found:
        fact = EvidenceFact(
            id, EvidenceKind(kind), word, added_by, frozenset(roles), Source(source), digest, covers, made, expires
        )
        by_model.setdefault(model_id, []).append((version_id, fact))
    return {
        version_id: tuple(
            fact for about, fact in by_model.get(version.model_id, ()) if about is None or about == version_id
        )
        for version_id, version in versions.items()
    }


def visible_evidence(actor: Actor) -> Select[EvidenceRecord]:
    """Return the evidence about models this actor may see, with model and version, to narrow further."""
    return (
        select(EvidenceRecord)
        .join(EvidenceRecord.model)
        .where(EvidenceRecord.workspace_id == actor.workspace_id, granted(Model, actor))
        .options(contains_eager(EvidenceRecord.model), joinedload(EvidenceRecord.version))
    )


def get_evidence(db: Session, actor: Actor, evidence_id: str, *, lock: bool = False) -> EvidenceRecord:
    """Return one piece of evidence. Raises NotFound."""
    statement = visible_evidence(actor).where(EvidenceRecord.id == evidence_id)
    statement = statement.options(
        contains_eager(EvidenceRecord.model).options(joinedload(Model.unit), joinedload(Model.owner))
    )
    found = db.scalars(statement.with_for_update(of=EvidenceRecord) if lock else statement).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no evidence {evidence_id[:80]!r}.",
            remedy="Look at the model's governance page.",
            field="evidence",
            value=evidence_id[:80],
        )
    return found


def page_evidence(
    db: Session,
    actor: Actor,
    model: Model,
    *,
    version: Version | None = None,
    kind: EvidenceKind | None = None,
    withdrawn: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[EvidenceRecord]:
    """Return a page of a model's evidence, the newest first; with a version, what is about it or the whole model."""
    statement = visible_evidence(actor).where(EvidenceRecord.model_id == model.id)
    if version is not None:
        about = or_(EvidenceRecord.version_id.is_(None), EvidenceRecord.version_id == version.id)
        statement = statement.where(about)
    if kind is not None:
        statement = statement.where(EvidenceRecord.kind == kind.value)
    if not withdrawn:
        statement = statement.where(EvidenceRecord.withdrawn_at.is_(None))
    return paginate(db, statement, desc(EvidenceRecord.id), cursor=cursor, limit=limit)


def list_expiring(db: Session, actor: Actor, before: datetime, *, limit: int = 200) -> Sequence[EvidenceRecord]:
    """Return the attestations about the actor's own models that end before a moment, or ended, and were not renewed."""
    later: Any = EvidenceRecord.__table__.alias("later")
    newer = (
        select(later.c.id)
        .where(
            later.c.model_id == EvidenceRecord.model_id,
            later.c.kind == EvidenceRecord.kind,
            later.c.word == EvidenceRecord.word,
            later.c.id > EvidenceRecord.id,
            later.c.withdrawn_at.is_(None),
        )
        .exists()
    )
    statement = visible_evidence(actor).where(
        EvidenceRecord.kind == EvidenceKind.ATTESTATION.value,
        or_(EvidenceRecord.added_by == actor.id, Model.owner_id == actor.id),
        Model.archived_at.is_(None),
        and_(EvidenceRecord.expires_at.is_not(None), EvidenceRecord.expires_at < before),
        EvidenceRecord.withdrawn_at.is_(None),
        ~newer,
    )
    return db.scalars(statement.order_by(EvidenceRecord.expires_at).limit(limit)).all()


def find_review_due(db: Session, model_id: str) -> date | None:
    """Return the day on which the next review is due, as the last review says; None where there was none."""
    return db.scalars(
        select(EvidenceRecord.next_due)
        .where(
            EvidenceRecord.model_id == model_id,
            EvidenceRecord.kind == EvidenceKind.REVIEW.value,
            EvidenceRecord.withdrawn_at.is_(None),
        )
        .order_by(desc(EvidenceRecord.id))
        .limit(1)
    ).first()


def list_trusted_keys(db: Session, actor: Actor) -> Sequence[TrustedKey]:
    """Return the keys whose signatures count or counted, those in use first."""
    statement = select(TrustedKey).where(TrustedKey.workspace_id == actor.workspace_id)
    keys = db.scalars(statement.order_by(TrustedKey.id).limit(1000)).all()
    return sorted(keys, key=lambda key: key.to_at is not None)


def find_trusted_key(db: Session, actor: Actor, key_id: str) -> TrustedKey | None:
    """Return the key of this name that is in use."""
    return db.scalars(
        select(TrustedKey).where(
            TrustedKey.workspace_id == actor.workspace_id, TrustedKey.key_id == key_id, TrustedKey.to_at.is_(None)
        )
    ).one_or_none()


def get_trusted_key(db: Session, actor: Actor, id: str) -> TrustedKey:
    """Return a key. Raises NotFound."""
    found = db.scalars(
        select(TrustedKey).where(TrustedKey.workspace_id == actor.workspace_id, TrustedKey.id == id)
    ).one_or_none()
    if found is None:
        raise NotFound(f"There is no key {id[:80]!r}.", remedy="Look at the list of keys.", field="key", value=id[:80])
    return found
