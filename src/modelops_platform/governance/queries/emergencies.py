"""Reads of emergency changes: as lists, one with what was said. As facts of a moment: `queries.exceptions`."""

from collections.abc import Sequence

from sqlalchemy import Select, desc, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted
from modelops_platform.registry.tables import Model

from ..domain.exceptions import EMERGENCY_ROLES, EmergencyState, WaiverCase
from ..tables import EmergencyChange
from .people import find_people


def visible_emergencies(actor: Actor) -> Select[EmergencyChange]:
    """Return the emergency changes of models this actor may see, to narrow further."""
    return (
        select(EmergencyChange)
        .join(EmergencyChange.model)
        .where(EmergencyChange.workspace_id == actor.workspace_id, granted(Model, actor))
        .options(
            contains_eager(EmergencyChange.model),
            joinedload(EmergencyChange.version),
            selectinload(EmergencyChange.answers),
        )
    )


def get_emergency(db: Session, actor: Actor, emergency_id: str, *, lock: bool = False) -> EmergencyChange:
    """Return an emergency change; locked, others who decide about it wait. Raises NotFound."""
    statement = visible_emergencies(actor).where(EmergencyChange.id == emergency_id)
    statement = statement.options(
        contains_eager(EmergencyChange.model).options(joinedload(Model.unit), joinedload(Model.owner))
    )
    if lock:
        statement = statement.with_for_update(of=EmergencyChange).execution_options(populate_existing=True)
    found = db.scalars(statement).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no emergency change {emergency_id[:80]!r}.",
            remedy="Look at the list of emergency changes.",
            field="emergency",
            value=emergency_id[:80],
        )
    return found


def page_emergencies(
    db: Session, actor: Actor, *, model_id: str | None = None, cursor: str | None = None, limit: int = 50
) -> Page[EmergencyChange]:
    """Return a page of emergency changes, the newest first."""
    statement = visible_emergencies(actor)
    if model_id is not None:
        statement = statement.where(EmergencyChange.model_id == model_id)
    return paginate(db, statement, desc(EmergencyChange.id), cursor=cursor, limit=limit)


def list_emergencies(
    db: Session, actor: Actor, state: EmergencyState, *, limit: int = 200
) -> Sequence[EmergencyChange]:
    """Return the emergency changes in a state, the oldest first."""
    statement = visible_emergencies(actor).where(EmergencyChange.state == state.value)
    return db.scalars(statement.order_by(EmergencyChange.id).limit(limit)).all()


def emergency_case(emergency: EmergencyChange) -> WaiverCase:
    """Return what the rules need to know about an emergency change."""
    version, model = emergency.version, emergency.model
    makers = {version.created_by, version.developer_id, model.developer_id}
    return WaiverCase(emergency.asked_by, frozenset(id for id in makers if id), model.owner_id)


def find_supporters(db: Session, emergency: EmergencyChange) -> list[str]:
    """Return the ids of those who could agree to an emergency change."""
    case, model = emergency_case(emergency), emergency.model
    people = find_people(db, model.workspace_id, [model], (model.owner_id,), with_holders=True)
    found = [account.id for account, _roles in people.with_role(model, EMERGENCY_ROLES)]
    owner = people.person(model.owner_id)
    found += [owner.id] if owner is not None and owner.is_enabled else []
    return [id for id in dict.fromkeys(found) if id != case.asked_by and id not in case.makers]
