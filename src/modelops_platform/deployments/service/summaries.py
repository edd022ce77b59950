"""What the inventory shows about where a model is live."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.registry import service as registry

from .. import queries


def live_environments(db: Session, model_id: str) -> list[dict[str, Any]]:
    """Return where the model is live now, as its summary says it."""
    return [
        {
            "name": revision.deployment.environment.name,
            "version": revision.version.number,
            "digest": revision.approved_digest,
            "proof": revision.proof.value,
            "deployment": revision.deployment.name,
            "since": revision.from_at.isoformat(),
            "is_protected": revision.deployment.environment.is_protected,
        }
        for revision in queries.live_of_model(db, model_id)
    ]


def refresh_summary(db: Session, model_id: str) -> None:
    """Write into the model's summary where it is live, in the transaction of the change."""
    db.flush()
    registry.summarise(db, model_id, live_environments=live_environments(db, model_id))
