"""The workspace and its lock."""

from sqlalchemy import select
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


def hold_workspace(db: Session, workspace_id: str, *, alone: bool = False) -> None:
    """Keep what holds for the whole workspace, such as its policies, as it is until this transaction ends.

    Any number may hold it at once; whoever wants to change it asks to hold it alone, and waits for the others.
    """
    if alone:
        lock_workspace(db, workspace_id)
    else:
        db.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(read=True))


def set_enforcement(db: Session, actor: Actor, mode: str) -> str:
    """Write how the gate of the actor's workspace works, and return how it worked before. Raises NotAllowed.

    Governance, which stands above, calls it and tells of it.
    """
    actor.must(Permission.SET_ENFORCEMENT)
    lock_workspace(db, actor.workspace_id)
    workspace = db.get_one(Workspace, actor.workspace_id, populate_existing=True)
    before, workspace.enforcement = workspace.enforcement, mode
    return before
