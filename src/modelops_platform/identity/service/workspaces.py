"""The workspace and its lock."""

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.core.db import DEFAULT_WORKSPACE
from modelops_platform.events import service as events

from ..tables import Workspace
from .rights import lock_workspace
from .units import create_unit

ROOT_UNIT = "Organisation"


def ensure_workspace(db: Session, enforcement: str) -> Workspace:
    """Return the workspace, made with its root unit when the database is new."""
    workspace = db.get(Workspace, DEFAULT_WORKSPACE)
    if workspace is None:
        workspace = Workspace(id=DEFAULT_WORKSPACE, name="default", enforcement=enforcement)
        db.add(workspace)
        db.flush()
        system = system_actor(workspace.id)
        events.record(db, system, "workspace.created", workspace, enforcement=enforcement)
        create_unit(db, system, ROOT_UNIT)
    return workspace


def set_enforcement(db: Session, actor: Actor, mode: str) -> str:
    """Write how the gate of the actor's workspace works, and return how it worked before. Raises NotAllowed.

    Governance, which stands above, calls it and tells of it.
    """
    actor.must(Permission.SET_ENFORCEMENT)
    lock_workspace(db, actor.workspace_id)
    workspace = db.get_one(Workspace, actor.workspace_id, populate_existing=True)
    before, workspace.enforcement = workspace.enforcement, mode
    return before
