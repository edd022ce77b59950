"""Functions that make things with sensible defaults, through the same services as everybody."""

import itertools
import json

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind, system_actor
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events.tables import Event
from modelops_platform.identity import queries as identity_queries
from modelops_platform.identity import service as identity
from modelops_platform.identity.domain import Role, Scope
from modelops_platform.identity.tables import User

_numbers = itertools.count(1)
SYSTEM = system_actor(DEFAULT_WORKSPACE)


class Cast:
    """The people of a test."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def unit(self, name: str) -> str:
        """Return the id of the unit with this name, made if missing."""
        with self.database.write() as db:
            found = identity_queries.find_unit_by_name(db, DEFAULT_WORKSPACE, name)
            return (found or identity.create_unit(db, SYSTEM, name)).id

    def person(self, role: str | None = "contributor", *, unit: str | None = None, name: str | None = None) -> User:
        """Make a person at home in the unit, who holds the role there (without a unit: everywhere)."""
        number = next(_numbers)
        unit_id = self.unit(unit or identity.ROOT_UNIT)
        kind = ActorKind.SERVICE if role == "service" else ActorKind.PERSON
        with self.database.write() as db:
            user = identity.create_user(
                db,
                SYSTEM,
                email=f"person{number}@example.org",
                name=name or f"{(role or 'no role').title()} {number}",
                kind=kind,
                unit_id=unit_id,
            )
            if role is not None:
                target = ("unit", unit_id) if unit else ("workspace", DEFAULT_WORKSPACE)
                identity.grant_role(db, SYSTEM, user, Role(role), *target)
        return user

    def grant(self, user: User, role: str, object_kind: str, object_id: str) -> None:
        """Give a person one more role."""
        with self.database.write() as db:
            identity.grant_role(db, SYSTEM, user, Role(role), object_kind, object_id)

    def token(self, user: User, scope: str = "all") -> str:
        """Make an API token of the person and return its secret."""
        with self.database.write() as db:
            return identity.create_token(db, SYSTEM, user, "test", scope=Scope(scope))[1]

    def actor(self, user: User) -> Actor:
        """Return the person as services see them."""
        with self.database.read() as db:
            return identity.to_actor(identity_queries.list_grants(db, user.id))


def count_events(db: Session, kind: str) -> int:
    """Count the events of a kind."""
    db.rollback()  # see what others have committed meanwhile
    return db.scalar(select(func.count()).select_from(Event).where(Event.kind == kind)) or 0


def last_event(db: Session, kind: str) -> dict[str, object]:
    """Return the content of the newest event of a kind."""
    db.rollback()
    content = db.scalars(select(Event.content).where(Event.kind == kind).order_by(Event.id.desc()).limit(1)).one()
    found: dict[str, object] = json.loads(content)
    return found
