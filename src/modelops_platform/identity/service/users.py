"""People and service accounts."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput
from modelops_platform.core.revisions import must_match
from modelops_platform.events import service as events

from .. import queries
from ..domain import Role, checked_email, checked_label
from ..schemas import UserPatch
from ..tables import BrowserSession, Token, User
from .grants import grant_role
from .rights import must_leave_an_admin, must_outrank, must_own_account
from .units import ensure_unit


def create_user(
    db: Session,
    actor: Actor,
    *,
    email: str,
    name: str,
    kind: ActorKind = ActorKind.PERSON,
    unit_id: str | None = None,
    password_hash: str | None = None,
) -> User:
    """Add a person or a service account, at home in the root unit unless another is named.

    Raises NotAllowed, NotFound (unit), InvalidInput, AlreadyExists.
    """
    root = queries.find_root_unit(db, actor.workspace_id) if unit_id is None else None
    unit = queries.get_unit(db, actor, unit_id) if unit_id else root
    actor.must(Permission.MANAGE_USERS, unit)
    user = User(
        workspace_id=actor.workspace_id,
        email=checked_email(email),
        name=checked_label(name),
        kind=kind.value,
        unit_id=unit.id if unit else None,
        password_hash=password_hash,
    )
    _write(db, user)
    events.record(
        db, actor, "user.created", user, kind_of_user=kind.value, personal={"email": user.email, "name": user.name}
    )
    return user


def enrol(
    db: Session,
    actor: Actor,
    *,
    email: str,
    role: Role,
    name: str | None = None,
    unit: str | None = None,
    password_hash: str | None = None,
) -> User:
    """Add somebody with a role: on the unit, made if missing and then their home, else on the workspace."""
    home = ensure_unit(db, actor, unit) if unit is not None else None
    user = create_user(
        db,
        actor,
        email=email,
        name=name or email.partition("@")[0],
        kind=ActorKind.SERVICE if role is Role.SERVICE else ActorKind.PERSON,
        unit_id=home.id if home else None,
        password_hash=password_hash,
    )
    target = ("unit", home.id) if home else ("workspace", actor.workspace_id)
    grant_role(db, actor, user, role, *target)
    return user


def _write(db: Session, user: User) -> None:
    email = user.email
    taken = AlreadyExists(
        f"There is already an account with the address {email!r}.",
        remedy="Give a role to that account, or take another address.",
        field="email",
        value=email,
    )
    with conflicts_as(db, taken):
        db.add(user)


def edit_user(db: Session, actor: Actor, user_id: str, wanted: UserPatch, *, if_match: str | None = None) -> User:
    """Change name, address or home unit; one's own name needs no right. Raises as `create_user`, and Stale."""
    user = queries.get_user(db, actor, user_id)
    own_name_only = user.id == actor.id and wanted.model_fields_set == {"name"}
    if own_name_only:
        must_own_account(actor)
    else:
        user = queries.get_visible_user(db, actor, user_id)
        actor.must(Permission.MANAGE_USERS, user)
        must_outrank(db, actor, user)
    must_match(user, if_match)
    _must_not_be_erased(user)
    before = {"name": user.name, "email": user.email, "unit": user.unit_id}
    if wanted.name is not None:
        user.name = checked_label(wanted.name)
    if wanted.email is not None:
        user.email = checked_email(wanted.email)
    if wanted.unit_id is not None and wanted.unit_id != user.unit_id:
        home = queries.get_unit(db, actor, wanted.unit_id)
        actor.must(Permission.MANAGE_USERS, home)
        user.unit_id = home.id
    after = {"name": user.name, "email": user.email, "unit": user.unit_id}
    changed = [key for key in before if before[key] != after[key]]
    if not changed:
        return user
    _write(db, user)
    personal: dict[str, Any] = {
        key: {"from": before[key], "to": after[key]} for key in ("name", "email") if key in changed
    }
    data = {"unit": {"from": before["unit"], "to": after["unit"]}} if "unit" in changed else {}
    events.record(db, actor, "user.edited", user, personal=personal or None, changed=changed, **data)
    return user


def disable_user(db: Session, actor: Actor, user_id: str) -> User:
    """Take an account out of use at once: its sessions end, its tokens are revoked.

    Raises NotFound, NotAllowed, InvalidInput (oneself), TransitionRefused (the last administrator).
    """
    user = managed_user(db, actor, user_id)
    if user.id == actor.id:
        raise InvalidInput("You cannot disable yourself.", remedy="Ask another administrator.", field="user")
    if user.disabled_at is not None:
        return user
    if user.kind == ActorKind.PERSON:
        must_leave_an_admin(db, actor, user)
    now = clock.now()
    user.disabled_at = now
    db.execute(update(Token).where(Token.user_id == user.id, Token.revoked_at.is_(None)).values(revoked_at=now))
    open_sessions = (BrowserSession.user_id == user.id, BrowserSession.ended_at.is_(None))
    db.execute(update(BrowserSession).where(*open_sessions).values(ended_at=now))
    events.record(db, actor, "user.disabled", user)
    return user


def enable_user(db: Session, actor: Actor, user_id: str) -> User:
    """Let an account be used again, with its roles and password, without its old tokens and sessions.

    Raises NotFound, NotAllowed, InvalidInput (an erased person).
    """
    user = managed_user(db, actor, user_id)
    _must_not_be_erased(user)
    if user.disabled_at is not None:
        user.disabled_at = None
        events.record(db, actor, "user.enabled", user)
    return user


def _must_not_be_erased(user: User) -> None:
    if user.erased_at is not None:
        raise InvalidInput(
            "The account belongs to a person who was erased.",
            remedy="Make a new account if they come back.",
            field="user",
            value=user.id,
        )


def managed_user(db: Session, actor: Actor, user_id: str) -> User:
    """Return an account that the actor may act on as its administrator. Raises NotFound, NotAllowed."""
    user = queries.get_visible_user(db, actor, user_id)
    actor.must(Permission.MANAGE_USERS, user)
    must_outrank(db, actor, user)
    return user
