"""Verbs on use cases."""

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists
from modelops_platform.core.revisions import must_match
from modelops_platform.events import service as events

from .. import queries
from ..domain.names import checked_name
from ..schemas import UseCaseIn, UseCasePatch
from ..tables import UseCase
from .references import person_of, unit_of


def create_use_case(db: Session, actor: Actor, wanted: UseCaseIn) -> UseCase:
    """Add a use case. Raises InvalidInput, NotAllowed, AlreadyExists."""
    unit = unit_of(db, actor, wanted.unit)
    actor.must(Permission.MANAGE_USE_CASES, unit)
    owner = person_of(db, actor, wanted.owner, "owner")
    use_case = UseCase(
        workspace_id=actor.workspace_id,
        unit=unit,
        name=checked_name(wanted.name),
        purpose=wanted.purpose,
        value=wanted.value,
        owner_id=owner.id if owner else actor.id,
    )
    with conflicts_as(db, _taken(use_case.name)):
        db.add(use_case)
    events.record(db, actor, "use_case.created", use_case, purpose=use_case.purpose)
    return queries.get_use_case_by_id(db, actor, use_case.id)


def edit_use_case(db: Session, actor: Actor, name: str, wanted: UseCasePatch, if_match: str | None = None) -> UseCase:
    """Change what the patch names. Raises NotFound, NotAllowed, InvalidInput, AlreadyExists, Stale."""
    use_case = queries.get_use_case(db, actor, name)
    actor.must(Permission.MANAGE_USE_CASES, use_case)
    must_match(use_case, if_match)
    given = wanted.model_dump(exclude_unset=True, exclude_none=True)
    if "name" in given:
        given["name"] = checked_name(given["name"])
    owner = person_of(db, actor, given.pop("owner", None), "owner")
    if owner is not None:
        use_case.owner = owner
        given["owner_id"] = owner.id
    changes = {key: [getattr(use_case, key), value] for key, value in given.items() if getattr(use_case, key) != value}
    if changes:
        with conflicts_as(db, _taken(given.get("name", name))):
            for key in changes:
                setattr(use_case, key, given[key])
        events.record(db, actor, "use_case.edited", use_case, changes=changes)
    return use_case


def archive_use_case(db: Session, actor: Actor, name: str) -> UseCase:
    """Take a use case out of the lists; its models stay. Raises NotFound, NotAllowed."""
    use_case = queries.get_use_case(db, actor, name)
    actor.must(Permission.MANAGE_USE_CASES, use_case)
    use_case.archived_at = clock.now()
    events.record(db, actor, "use_case.archived", use_case)
    return use_case


def restore_use_case(db: Session, actor: Actor, use_case_id: str) -> UseCase:
    """Bring an archived use case back. Raises NotFound, NotAllowed; AlreadyExists when its name is taken."""
    use_case = queries.get_archived_use_case(db, actor, use_case_id)
    actor.must(Permission.MANAGE_USE_CASES, use_case)
    with conflicts_as(db, _taken(use_case.name)):
        use_case.archived_at = None
    events.record(db, actor, "use_case.restored", use_case)
    return use_case


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"There is already a use case named {name!r}.", remedy="Choose another name.", field="name", value=name
    )
