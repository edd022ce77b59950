"""Finding what an input names: units, people, use cases, data sets, by id or by name."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind
from modelops_platform.core.errors import InvalidInput, NotFound
from modelops_platform.identity import queries as identity
from modelops_platform.identity.tables import Unit, User

from .. import queries
from ..tables import DataSet, UseCase


@dataclass(frozen=True, slots=True)
class Home:
    """The actor's home unit, known without asking the database."""

    unit_id: str


def home_of(actor: Actor) -> Home:
    """Return where a thing lands when no unit is named. Raises InvalidInput for an actor without a home."""
    if actor.unit_id is None:
        raise InvalidInput("It belongs to no unit.", remedy="Name a unit.", field="unit", value=None)
    return Home(actor.unit_id)


def unit_of(db: Session, actor: Actor, reference: str | None) -> Unit:
    """Return the unit with this name or id, by default the actor's home. Raises InvalidInput."""
    wanted = reference or home_of(actor).unit_id
    found = identity.find_unit_by_name(db, actor.workspace_id, wanted) if reference else None
    try:
        return found or identity.get_unit(db, actor, wanted)
    except NotFound as error:
        raise _unknown(error, "unit", wanted) from None


def unit_named(db: Session, actor: Actor, reference: str | None) -> str | None:
    """Return the id of the unit with this name or id, None when none is named. Raises InvalidInput."""
    return unit_of(db, actor, reference).id if reference else None


def person_of(db: Session, actor: Actor, reference: str | None, field: str) -> User | None:
    """Return the person with this e-mail address or id. Raises InvalidInput, also for a service account."""
    if not reference:
        return None
    find = identity.get_user_by_email if "@" in reference else identity.get_user
    try:
        user = find(db, actor, reference)
    except NotFound as error:
        raise _unknown(error, field, reference) from None
    if user.kind != ActorKind.PERSON:
        raise InvalidInput(
            f"{user.name} is a {user.kind} account, not a person.",
            remedy="Name a person.",
            field=field,
            value=reference,
        )
    return user


def use_case_of(db: Session, actor: Actor, reference: str | None) -> UseCase | None:
    """Return the use case with this name or id. Raises InvalidInput."""
    if not reference:
        return None
    found = queries.find_use_case(db, actor, reference)
    if found is None:
        raise InvalidInput(
            f"There is no use case {reference[:80]!r}.", remedy="Make it first.", field="use_case", value=reference[:80]
        )
    return found


def data_set_of(db: Session, actor: Actor, reference: str | None) -> DataSet | None:
    """Return the data set record with this name or id. Raises InvalidInput."""
    if not reference:
        return None
    found = queries.find_data_set(db, actor, reference)
    if found is None:
        raise InvalidInput(
            f"There is no data set {reference[:80]!r}.",
            remedy="Record it first.",
            field="data_set",
            value=reference[:80],
        )
    return found


def _unknown(error: NotFound, field: str, value: str) -> InvalidInput:
    return InvalidInput(error.message, remedy=error.remedy, field=field, value=value[:80])
