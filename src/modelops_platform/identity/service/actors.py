"""Turning the rows of a sign-in into an actor."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from modelops_platform.core.actor import Actor, ActorKind
from modelops_platform.core.actor import Grant as Held
from modelops_platform.core.preferences import AS_WE_COME, Preferences

from ..domain import Role, Scope, allowed


def to_actor(
    rows: Sequence[Row[Any]],
    scope: Scope | None = None,
    *,
    token_id: str | None = None,
    address: str | None = None,
    request_id: str | None = None,
) -> Actor:
    """Make the actor of sign-in rows: a user with every grant, units expanded to all below them."""
    reached: dict[tuple[str, str, str], set[str]] = {}
    for row in rows:
        if row.role is not None:
            units = reached.setdefault((row.role, row.object_kind, row.object_id), set())
            if row.reached_id is not None:
                units.add(row.reached_id)
    user = rows[0]
    return Actor(
        id=user.id,
        kind=ActorKind(user.kind),
        name=user.name,
        workspace_id=user.workspace_id,
        unit_id=user.unit_id,
        grants=tuple(
            Held(role, kind, object_id, allowed(Role(role), scope), frozenset(units))
            for (role, kind, object_id), units in reached.items()
        ),
        token_id=token_id,
        address=address,
        request_id=request_id,
        preferences=_preferences(user),
    )


def _preferences(user: Row[Any]) -> Preferences:
    """Return what the row tells of the person's choices: those of a browser's session do, others do not."""
    if getattr(user, "theme", None) is None:
        return AS_WE_COME
    return Preferences(user.theme, user.density, user.time_zone, user.has_shortcuts, user.set_up_skipped_at is not None)
