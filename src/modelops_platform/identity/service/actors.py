"""Turning the rows of a sign-in into an actor."""

import functools
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
    user = rows[0]
    return Actor(
        id=user.id,
        kind=ActorKind(user.kind),
        name=user.name,
        workspace_id=user.workspace_id,
        unit_id=user.unit_id,
        grants=_held(tuple((row.role, row.object_kind, row.object_id, row.reached_id) for row in rows), scope),
        token_id=token_id,
        address=address,
        request_id=request_id,
        preferences=_preferences(user),
    )


@functools.lru_cache(256)
def _held(found: tuple[tuple[str | None, ...], ...], scope: Scope | None) -> tuple[Held, ...]:
    """Return what rows that were just read grant: each request reads them, but most say the same as those before."""
    reached: dict[tuple[Any, ...], set[str]] = {}
    for *grant, unit_id in found:
        if grant[0] is not None:
            units = reached.setdefault(tuple(grant), set())
            if unit_id is not None:
                units.add(unit_id)
    return tuple(
        Held(role, kind, object_id, allowed(Role(role), scope), frozenset(units))
        for (role, kind, object_id), units in reached.items()
    )


def _preferences(user: Row[Any]) -> Preferences:
    """Return what the row tells of the person's choices: those of a browser's session do, others do not."""
    if getattr(user, "theme", None) is None:
        return AS_WE_COME
    return Preferences(user.theme, user.density, user.time_zone, user.has_shortcuts, user.set_up_skipped_at is not None)
