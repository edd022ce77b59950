"""On what a role that somebody asked for is given."""

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.registry import queries as registry


def target_of(db: Session, actor: Actor, *, unit_id: str | None, model: str | None) -> tuple[str, str]:
    """Return kind and id of the model (by name), else of the unit, else of the workspace. Raises NotFound."""
    if model:
        return "model", registry.get_model(db, actor, model).id
    return ("unit", unit_id) if unit_id else ("workspace", actor.workspace_id)
