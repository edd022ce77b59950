"""Verbs of setting an installation up."""

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import TransitionRefused
from modelops_platform.identity import queries as identity
from modelops_platform.identity import service as identity_service
from modelops_platform.identity.schemas import UnitPatch
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.tables import Job

from .queries.welcome import count_models
from .schemas.welcome import OrganisationIn

ADD_SAMPLES, REMOVE_SAMPLES = "samples.add", "samples.remove"
_KEY = "samples"  # one at a time, whichever


def name_organisation(db: Session, actor: Actor, wanted: OrganisationIn) -> None:
    """Give the root unit the organisation's name, and make units below it; those that exist stay.

    Raises NotAllowed, InvalidInput, AlreadyExists (another unit has the organisation's name).
    """
    actor.must(Permission.MANAGE_USERS)
    root = identity.find_root_unit(db, actor.workspace_id)
    if root is None:
        root = identity_service.create_unit(db, actor, wanted.name)
    identity_service.edit_unit(db, actor, root.id, UnitPatch(name=wanted.name))
    for name in wanted.unit_names:
        identity_service.ensure_unit(db, actor, name)


def add_samples(db: Session, actor: Actor) -> Job:
    """Have sample data brought in. Raises NotAllowed, TransitionRefused unless the inventory is empty."""
    actor.must(Permission.MANAGE_USERS)
    if count_models(db, actor, sample=None):
        raise TransitionRefused(
            "The inventory holds models already.", remedy="Sample data is for an installation that is empty."
        )
    return jobs.enqueue(db, actor, ADD_SAMPLES, {}, title="Bring in the sample data", key=_KEY, max_attempts=2)


def remove_samples(db: Session, actor: Actor) -> Job:
    """Have the sample data taken out again. Raises NotAllowed."""
    actor.must(Permission.MANAGE_USERS)
    return jobs.enqueue(db, actor, REMOVE_SAMPLES, {}, title="Take the sample data out", key=_KEY, max_attempts=2)
