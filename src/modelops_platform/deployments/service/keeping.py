"""What was ever deployed stays, with its files: an auditor may ask for them as long as there is a record."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import gates
from modelops_platform.core.errors import Conflict
from modelops_platform.registry.service import ARCHIVE, PURGE

from ..tables import Deployment, Revision


def register_gates() -> None:
    """Let what was deployed refuse to be archived or to lose its files; every entry point calls it."""
    for action in (ARCHIVE, PURGE):
        gates.register(action, keep_deployed)


def keep_deployed(db: Session, transition: gates.Transition) -> None:
    """Raise Conflict when the version was ever deployed; it names where."""
    names = select(Deployment.name).join(Revision, Revision.deployment_id == Deployment.id)
    where = db.scalars(names.where(Revision.version_id == transition.thing.id).distinct().limit(5)).all()
    if where:
        raise Conflict(
            f"{transition.thing.name} was deployed in {', '.join(where)}.",
            remedy="What was ever deployed stays in the inventory and keeps its files.",
            deployments=list(where),
        )
