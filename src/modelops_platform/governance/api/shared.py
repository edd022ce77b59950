"""What several routes of governance need."""

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.registry import queries as registry


def model_id(db: Session, actor: Actor, name: str | None) -> str | None:
    """Return the id of the model named, or None when none is named. Raises NotFound."""
    return registry.get_model(db, actor, name).id if name else None
