"""Naming the validator. Whoever edits a record proposes one; somebody with the right and no part in it names one.

Until then the gate hears any validator, so a friend on the record shuts nobody out.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotAllowed
from modelops_platform.events import service as events

from .. import queries
from ..tables import Model, Version
from .records import facts_of, keep_record
from .references import person_of


def name_validator(db: Session, actor: Actor, name: str, reference: str) -> Model:
    """Name who checks a model independently. Raises NotFound, NotAllowed, InvalidInput.

    Who owns the model or had a part in making it neither names nor is the validator.
    """
    model = queries.get_model(db, actor, name, to_change=True)
    actor.must(Permission.NAME_VALIDATOR, model)
    makers = _makers(db, model)
    if actor.id in makers:
        raise NotAllowed(
            f"{actor.name} owns {model.name!r} or had a part in making it.",
            remedy="Ask risk, compliance or another validator to name who checks it.",
            permission=Permission.NAME_VALIDATOR.value,
        )
    person = person_of(db, actor, reference, "validator")
    assert person is not None, "a reference was given"
    if person.id in makers:
        raise InvalidInput(
            f"{person.name} owns {model.name!r} or had a part in making it.",
            remedy="Name somebody who did not.",
            field="validator",
            value=reference[:80],
        )
    before = facts_of(model)
    model.validator, model.validator_id, model.validator_named_by = person, person.id, actor.id
    if facts_of(model) == before:
        return model
    keep_record(db, model, before)
    events.record(db, actor, "model.validator_named", model, validator=[before["validator_id"], person.id])
    return queries.get_model(db, actor, model.name)


def _makers(db: Session, model: Model) -> set[str | None]:
    """Return who owns the model, or made or changed any of it."""
    makers = {model.owner_id, model.developer_id, model.created_by}
    for made in db.execute(select(Version.created_by, Version.developer_id).where(Version.model_id == model.id)):
        makers.update(made)
    return makers - {None}


def check_apart(facts: Mapping[str, Any]) -> None:
    """Raise InvalidInput when a record would name its owner or its developer as validator."""
    validator = facts["validator_id"]
    for role in ("owner", "developer"):
        if validator is not None and validator == facts[f"{role}_id"]:
            raise InvalidInput(
                f"The validator would be the {role}.",
                remedy=f"Name somebody else: who checks a model independently is not its {role}.",
                field="validator",
                value=validator,
            )
