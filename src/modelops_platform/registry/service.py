"""Verbs of the inventory."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import AlreadyExists, InvalidInput
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity

from .domain import checked_name, skeleton
from .schemas import ModelIn
from .tables import Model, ModelSummary


def register_model(db: Session, actor: Actor, wanted: ModelIn) -> Model:
    """Add a model to the inventory, owned by its maker. Raises InvalidInput, NotAllowed, AlreadyExists."""
    unit_id = wanted.unit_id or actor.unit_id
    if unit_id is None:
        raise InvalidInput("The model belongs to no unit.", remedy="Name a unit.", field="unit_id", value=None)
    unit = identity.get_unit(db, actor, unit_id)
    actor.must(Permission.REGISTER_MODEL, unit)
    name = checked_name(wanted.name)
    model = Model(
        workspace_id=actor.workspace_id,
        unit_id=unit.id,
        name=name,
        skeleton=skeleton(name),
        kind=wanted.kind.value,
        purpose=wanted.purpose,
        owner_id=actor.id,
        created_by=actor.id,
    )
    model.summary = ModelSummary()
    try:
        with db.begin_nested():
            db.add(model)
    except IntegrityError:
        raise AlreadyExists(f"There is already a model named {name!r}.", remedy="Choose another name.", field="name", value=name) from None
    events.record(db, actor, "model.registered", model, kind_of_model=model.kind, purpose=model.purpose)
    return model
