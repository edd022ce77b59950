"""Administration: people, service accounts and the organisation."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity import service
from modelops_platform.identity.domain import ROLE_WORDS, SCOPE_WORDS, Role
from modelops_platform.identity.schemas import (
    GrantForm,
    TokenForm,
    UnitIn,
    UnitPatch,
    UserFilter,
    UserForm,
    UserPatch,
)
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.identity.tables import Unit
from modelops_platform.web.render import redirect, render, undo
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

router = page_router("/administration")
_READ = needs(Permission.VIEW_AUDIT)  # who may do what is part of what auditors audit
_WRITE = needs(Permission.MANAGE_USERS)


@router.get("", openapi_extra=_READ)
def show_administration(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Lead to the people."""
    return redirect(request, "list_users", kind="person")


@router.get("/users", openapi_extra=_READ)
def list_users(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[UserFilter, Query()]) -> Response:
    """Show the accounts that one may look into."""
    return render(
        request,
        "operations/admin_users.html",
        page=identity.list_users(db, actor, **wanted.model_dump()),
        wanted=wanted,
        counts=identity.count_users(db, actor),
        units=_unit_names(db, actor),
        roles=identity.roles_of(db, actor),
    )


def _unit_names(db: Session, actor: Actor) -> dict[str, str]:
    return {unit.id: unit.name for unit in identity.list_units(db, actor)}


@router.get("/new-user", openapi_extra=_WRITE)
def show_new_user(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Show the form for a new account."""
    options = list(_unit_names(db, actor).items())
    return render(
        request, "operations/admin_new_user.html", unit_options=options, role_words=ROLE_WORDS, home=actor.unit_id
    )


@router.post("/new-user", openapi_extra=_WRITE)
def create_user(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[UserForm, Form()]) -> Response:
    """Add an account and give it its first role, in its home unit."""
    kind = ActorKind(wanted.kind)
    user = service.create_user(db, actor, email=wanted.email, name=wanted.name, kind=kind, unit_id=wanted.unit_id)
    role = Role.SERVICE if kind is ActorKind.SERVICE else wanted.role
    if role is not None and user.unit_id is not None:
        service.grant_role(db, actor, user, role, "unit", user.unit_id)
    return redirect(request, "show_user", user_id=user.id, toast=f"Added {user.name}.")


@router.get("/users/{user_id}", openapi_extra=_READ)
def show_user(request: Request, db: ReadDb, actor: CurrentActor, user_id: str) -> Response:
    """Show one account with its roles and tokens."""
    return _show_user(request, db, actor, user_id)


def _show_user(request: Request, db: Session, actor: Actor, user_id: str, **made: Any) -> Response:
    user = identity.get_visible_user(db, actor, user_id)
    grants = identity.page_grants(db, actor, user_id=user.id, limit=200).items
    return render(
        request,
        "operations/admin_user.html",
        status_code=201 if made else 200,
        user=user,
        units=_unit_names(db, actor),
        grants=grants,
        names=identity.names_of_objects(db, grants),
        givers=identity.names_of(db, {grant.granted_by for grant in grants}),
        tokens=identity.list_tokens(db, actor, user.id),
        identities=identity.list_identities(db, actor, user.id),
        is_alive=identity.is_alive,
        now=clock.now(),
        last_seen=identity.last_seen(db, user.id),
        may_manage=actor.may(Permission.MANAGE_USERS, user),
        may_give=actor.may_somewhere(Permission.MANAGE_USERS),
        role_options=[
            (role.value, f"{role.value.capitalize()}: {words}")
            for role, words in ROLE_WORDS.items()
            if (role is Role.SERVICE) == (user.kind == ActorKind.SERVICE)
        ],
        scopes=list(SCOPE_WORDS.items()),
        server=str(request.base_url).rstrip("/"),
        link=made.get("link"),
        secret=made.get("secret"),
    )


@router.post("/users/{user_id}", openapi_extra=_WRITE)
def edit_user(
    request: Request, db: WriteDb, actor: CurrentActor, user_id: str, wanted: Annotated[UserPatch, Form()]
) -> Response:
    """Take a new name, address or home unit."""
    user = service.edit_user(db, actor, user_id, wanted)
    return redirect(request, "show_user", user_id=user.id, toast="Saved.")


@router.post("/users/{user_id}/disable", openapi_extra=_WRITE)
def disable_user(request: Request, db: WriteDb, actor: CurrentActor, user_id: str) -> Response:
    """Take the account out of use."""
    user = service.disable_user(db, actor, user_id)
    back = undo(request, "enable_user", user_id=user.id)
    return redirect(request, "show_user", user_id=user.id, toast=f"{user.name} can no longer sign in.", undo=back)


@router.post("/users/{user_id}/enable", openapi_extra=_WRITE)
def enable_user(request: Request, db: WriteDb, actor: CurrentActor, user_id: str) -> Response:
    """Let the account be used again."""
    user = service.enable_user(db, actor, user_id)
    return redirect(request, "show_user", user_id=user.id, toast=f"{user.name} can sign in again.")


@router.post("/users/{user_id}/erase", openapi_extra=_WRITE)
def erase_user(request: Request, db: WriteDb, actor: CurrentActor, user_id: str) -> Response:
    """Erase the person behind the account."""
    user = service.erase_user(db, actor, user_id)
    return redirect(request, "show_user", user_id=user.id, toast="Erased. What they did stays, without their name.")


@router.post("/users/{user_id}/sign-in-link", openapi_extra=_WRITE)
def create_sign_in_link(request: Request, db: WriteDb, actor: CurrentActor, user_id: str) -> Response:
    """Make a one-time link and show it, this once."""
    secret = service.create_sign_in_link(db, actor, identity.get_visible_user(db, actor, user_id))
    return _show_user(request, db, actor, user_id, link=f"{request.base_url}login?link={secret}")


@router.post("/users/{user_id}/tokens", openapi_extra=_WRITE)
def create_service_token(
    request: Request, db: WriteDb, actor: CurrentActor, user_id: str, wanted: Annotated[TokenForm, Form()]
) -> Response:
    """Make a token for a service account and show its secret, this once."""
    user = identity.get_visible_user(db, actor, user_id)
    ends = clock.now() + timedelta(days=wanted.days) if wanted.days else None
    _token, secret = service.create_token(db, actor, user, wanted.name, scope=wanted.scope, expires_at=ends)
    return _show_user(request, db, actor, user_id, secret=secret)


@router.post("/users/{user_id}/tokens/{token_id}/revoke", openapi_extra=_WRITE)
def revoke_user_token(request: Request, db: WriteDb, actor: CurrentActor, user_id: str, token_id: str) -> Response:
    """End a token of the account."""
    service.revoke_token(db, actor, token_id)
    return redirect(request, "show_user", user_id=user_id, toast="Revoked the token.")


@router.post("/users/{user_id}/identities/{identity_id}/remove", openapi_extra=_WRITE)
def remove_identity(request: Request, db: WriteDb, actor: CurrentActor, user_id: str, identity_id: str) -> Response:
    """Part the account from who it is to the identity provider."""
    service.remove_identity(db, actor, identity_id)
    return redirect(request, "show_user", user_id=user_id, toast="The account is linked to that identity no longer.")


@router.post("/users/{user_id}/grants", openapi_extra=_WRITE)
def grant_role(
    request: Request, db: WriteDb, actor: CurrentActor, user_id: str, wanted: Annotated[GrantForm, Form()]
) -> Response:
    """Give the account a role on a unit, or on the whole workspace."""
    user = identity.get_visible_user(db, actor, user_id)
    target = ("unit", wanted.unit_id) if wanted.unit_id else ("workspace", actor.workspace_id)
    service.grant_role(db, actor, user, wanted.role, *target)
    return redirect(request, "show_user", user_id=user_id, toast=f"{user.name} now is {wanted.role.value}.")


@router.post("/users/{user_id}/grants/{grant_id}/revoke", openapi_extra=_WRITE)
def revoke_grant(request: Request, db: WriteDb, actor: CurrentActor, user_id: str, grant_id: str) -> Response:
    """Take a role away."""
    service.revoke_grant(db, actor, grant_id)
    return redirect(request, "show_user", user_id=user_id, toast="Took the role away. It acts at once.")


@router.get("/units", openapi_extra=_READ)
def list_units(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Show the organisation's tree."""
    units = identity.list_units(db, actor)
    return render(
        request,
        "operations/admin_units.html",
        tree=_as_tree(list(units)),
        options=[(unit.id, unit.name) for unit in units],
        members=identity.count_members(db, actor),
        heads=identity.names_of(db, {unit.head_id for unit in units if unit.head_id}),
        may_manage=actor.may_somewhere(Permission.MANAGE_USERS),
    )


def _as_tree(units: list[Unit]) -> list[tuple[int, Unit]]:
    """Return units with their depth, each below its parent, by name."""
    children: dict[str | None, list[Unit]] = {}
    for unit in units:
        children.setdefault(unit.parent_id, []).append(unit)
    tree: list[tuple[int, Unit]] = []
    waiting = [(0, unit) for unit in reversed(children.get(None, []))]
    while waiting:
        depth, unit = waiting.pop()
        tree.append((depth, unit))
        waiting += [(depth + 1, child) for child in reversed(children.get(unit.id, []))]
    return tree


@router.post("/units", openapi_extra=_WRITE)
def create_unit(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[UnitIn, Form()]) -> Response:
    """Add a unit."""
    unit = service.create_unit(db, actor, wanted.name, wanted.parent_id)
    return redirect(request, "list_units", toast=f"Added {unit.name}.")


@router.get("/units/{unit_id}", openapi_extra=_READ)
def show_unit(request: Request, db: ReadDb, actor: CurrentActor, unit_id: str) -> Response:
    """Show one unit: its place, its head, and who holds roles on it."""
    unit = identity.get_unit(db, actor, unit_id)
    grants = identity.page_grants(db, actor, object_kind="unit", object_id=unit.id, limit=200).items
    return render(
        request,
        "operations/admin_unit.html",
        unit=unit,
        head=identity.names_of(db, {unit.head_id}).get(unit.head_id) if unit.head_id else None,
        parents=[(other.id, other.name) for other in identity.list_units(db, actor) if other.id != unit.id],
        people=[(person.id, f"{person.name}, {person.email}") for person in identity.list_people(db, actor)],
        grants=grants,
        names=identity.names_of(db, {grant.user_id for grant in grants}),
        may_manage=actor.may(Permission.MANAGE_USERS, unit),
    )


@router.post("/units/{unit_id}", openapi_extra=_WRITE)
def edit_unit(
    request: Request, db: WriteDb, actor: CurrentActor, unit_id: str, wanted: Annotated[UnitPatch, Form()]
) -> Response:
    """Rename, move, or name a head."""
    unit = service.edit_unit(db, actor, unit_id, wanted)
    return redirect(request, "show_unit", unit_id=unit.id, toast="Saved.")
