"""The states of a model and its versions, derived from what is recorded about them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.deployments.tables import Deployment, Environment, Revision
from modelops_platform.registry.tables import Model, Version

from ..domain.states import (
    ModelRecord,
    ModelState,
    RequestState,
    VersionRecord,
    VersionState,
    model_state,
    version_state,
)
from ..tables import ApprovalRequest
from .approvals import state_of
from .assessments import find_assessment, is_in_force


@dataclass(frozen=True, slots=True)
class States:
    """How far a model and each of its versions have come, and how many requests are open."""

    model: ModelState
    versions: Mapping[str, VersionState]
    open_requests: int


def find_states(db: Session, model: Model, *, going_live: str | None = None) -> States:
    """Derive the states of a model and its versions; only what runs in a protected environment is in production.

    Args:
        going_live: A version whose activation was allowed and is written in this very transaction.
    """
    versions = db.execute(select(Version.id, Version.archived_at).where(Version.model_id == model.id)).all()
    requests = db.scalars(
        select(ApprovalRequest)
        .where(ApprovalRequest.model_id == model.id)
        .options(joinedload(ApprovalRequest.model), joinedload(ApprovalRequest.version))
        .order_by(ApprovalRequest.id)
    ).all()
    latest = {request.version_id: state_of(request) for request in requests}
    ran = db.execute(
        select(Revision.version_id, Revision.to_at)
        .join(Revision.deployment)
        .join(Deployment.environment)
        .where(Deployment.model_id == model.id, Environment.is_protected)
    ).all()
    live = {version_id for version_id, to_at in ran if to_at is None} | ({going_live} if going_live else set())
    ever = {version_id for version_id, _to_at in ran}
    records = {
        version_id: VersionRecord(
            latest.get(version_id), version_id in live, version_id in ever, archived_at is not None
        )
        for version_id, archived_at in versions
    }
    is_assessed = is_in_force(model, find_assessment(db, model.id))
    return States(
        model=model_state(ModelRecord(tuple(records.values()), is_assessed, model.archived_at is not None)),
        versions={version_id: version_state(record) for version_id, record in records.items()},
        open_requests=sum(state_of(request) is RequestState.OPEN for request in requests),
    )
