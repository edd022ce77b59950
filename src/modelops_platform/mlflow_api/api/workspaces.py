"""Workspaces: there is one, and what would change that is not offered."""

from typing import Any, NoReturn

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import NotFound

from ..envelope import NotOffered
from ..routes import WORKSPACE, Family
from ..wire import Message

family = Family()


class Workspace(Message, kw_only=True):
    """Names a workspace, and what to do with it."""

    workspace_name: str = ""
    name: str = ""
    description: Any = None
    default_artifact_root: Any = None


@family.get("workspaces", version="3.0", permission=Permission.VIEW)
@family.get("workspaces/{workspace_name}", version="3.0", permission=Permission.VIEW)
def tell_of_workspaces(_db: Session, _actor: Actor, wanted: Workspace) -> NoReturn:
    """Say that workspaces are not offered, and that any other than ours is not there."""
    named = wanted.workspace_name
    if named and named != WORKSPACE:
        raise NotFound(f"There is no workspace {named[:80]!r}.", field="workspace_name", value=named[:80])
    raise _not_offered()


@family.post("workspaces", version="3.0", permission=Permission.SET_ENFORCEMENT, writes=True)
@family.on("PATCH", "workspaces/{workspace_name}", version="3.0", permission=Permission.SET_ENFORCEMENT, writes=True)
@family.on("DELETE", "workspaces/{workspace_name}", version="3.0", permission=Permission.SET_ENFORCEMENT, writes=True)
def change_workspaces(_db: Session, _actor: Actor, _wanted: Workspace) -> NoReturn:
    """Say that workspaces are not offered."""
    raise _not_offered()


def _not_offered() -> NotOffered:
    return NotOffered(
        "Workspaces are not enabled on this server: there is one, 'default'.",
        remedy="Leave the header X-MLFLOW-WORKSPACE out; units and roles part what people see.",
    )
