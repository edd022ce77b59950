"""Pages of identity: signing in and out, the first set-up, one's own profile."""

from datetime import timedelta
from typing import Annotated

from fastapi import Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import DEFAULT_WORKSPACE
from modelops_platform.web.forms import In
from modelops_platform.web.render import redirect, redirect_to, render
from modelops_platform.web.routing import page_router, public
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service, signin
from .domain import LONGEST_PASSWORD, SCOPE_WORDS, SHORTEST_PASSWORD, own_path
from .schemas import PasswordIn, ProfileIn, SetUpIn, SignInIn, TokenForm, UserPatch
from .signin import COOKIE, CurrentActor, needs

router = page_router()
_RULES = {"shortest": SHORTEST_PASSWORD, "longest": LONGEST_PASSWORD}


class SignInQuery(In):
    """How somebody came to the sign-in page."""

    link: str = ""
    next: str = ""


@router.get("/login", openapi_extra=public())
def show_sign_in(request: Request, db: ReadDb, wanted: Annotated[SignInQuery, Query()]) -> Response:
    """Show the sign-in form, or for a one-time link whom it signs in; looking does not use it up."""
    if not queries.has_admin(db, DEFAULT_WORKSPACE):
        return redirect(request, "show_set_up")
    link = queries.find_link(db, wanted.link, "sign_in") if wanted.link else None
    names = queries.names_of(db, {link.user_id}) if link and link.user_id else {}
    return render(
        request,
        "identity/sign_in.html",
        link=wanted.link if link else "",
        link_is_dead=bool(wanted.link) and link is None,
        name=next(iter(names.values()), ""),
        next=own_path(wanted.next) or "",
    )


@router.post("/login", openapi_extra=public())
def sign_in(request: Request, wanted: Annotated[SignInIn, Form()]) -> Response:
    """Open a session for a password or a one-time link."""
    database, address = request.app.state.database, _address(request)
    if wanted.link:
        signed_in = signin.sign_in_by_link(database, wanted.link, address)
    else:
        signed_in = signin.sign_in(database, email=wanted.email, password=wanted.password, address=address)
    return _with_session(request, redirect_to(request, own_path(wanted.next) or "/"), signed_in)


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None


def _with_session(request: Request, response: Response, signed_in: service.SignedIn) -> Response:
    secure = request.app.state.settings.secure_cookies
    response.set_cookie(COOKIE, signed_in.secret, httponly=True, samesite="lax", secure=secure, path="/")
    return response


@router.post("/logout", openapi_extra=public())
def sign_out(request: Request, db: WriteDb) -> Response:
    """End the browser's session."""
    if cookie := request.cookies.get(COOKIE):
        service.end_session(db, cookie)
    response = redirect(request, "show_sign_in")
    response.delete_cookie(COOKIE, path="/")
    return response


class SetUpQuery(In):
    """The link that was printed at the start."""

    link: str = ""


@router.get("/set-up", openapi_extra=public())
def show_set_up(request: Request, db: ReadDb, wanted: Annotated[SetUpQuery, Query()]) -> Response:
    """Show the form for the first administrator to whoever holds the link printed at the start."""
    if queries.has_admin(db, DEFAULT_WORKSPACE):
        return redirect(request, "show_sign_in")
    link = queries.find_link(db, wanted.link, "set_up") if wanted.link else None
    return render(
        request,
        "identity/set_up.html",
        link=wanted.link if link else "",
        link_is_dead=bool(wanted.link) and link is None,
        rules=_RULES,
    )


@router.post("/set-up", openapi_extra=public())
def set_up(request: Request, wanted: Annotated[SetUpIn, Form()]) -> Response:
    """Make the first administrator and sign them in."""
    signed_in = signin.set_up(request.app.state.database, **wanted.model_dump(), address=_address(request))
    return _with_session(request, redirect_to(request, "/"), signed_in)


@router.get("/profile", openapi_extra=needs(Permission.VIEW))
def show_profile(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Show who one is, one's roles, password and tokens."""
    return _profile(request, db, actor)


def _profile(request: Request, db: Session, actor: Actor, *, secret: str | None = None) -> Response:
    grants = queries.list_grants_of(db, actor.id)
    user = queries.get_user(db, actor, actor.id)
    return render(
        request,
        "identity/profile.html",
        status_code=201 if secret else 200,
        user=user,
        unit=queries.get_unit(db, actor, user.unit_id) if user.unit_id else None,
        grants=grants,
        names=queries.names_of_objects(db, grants),
        tokens=queries.list_tokens(db, actor, actor.id),
        is_alive=queries.is_alive,
        now=clock.now(),
        scopes=list(SCOPE_WORDS.items()),
        by_token=actor.token_id is not None,
        secret=secret,
        server=str(request.base_url).rstrip("/"),
        rules=_RULES,
    )


@router.post("/profile", openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT))
def edit_profile(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[ProfileIn, Form()]) -> Response:
    """Take one's new name."""
    service.edit_user(db, actor, actor.id, UserPatch(name=wanted.name))
    return redirect(request, "show_profile", toast="Saved your name.")


@router.post("/profile/password", openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT))
def change_password(request: Request, actor: CurrentActor, wanted: Annotated[PasswordIn, Form()]) -> Response:
    """Set a new password; every other browser is signed out."""
    signin.change_password(
        request.app.state.database,
        actor,
        current=wanted.current_password,
        new=wanted.new_password,
        cookie=request.cookies.get(COOKIE, ""),
    )
    return redirect(request, "show_profile", toast="Changed your password. Other browsers are signed out.")


@router.post("/profile/tokens", openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT))
def create_token(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[TokenForm, Form()]) -> Response:
    """Make a token and show its secret, this once."""
    ends = clock.now() + timedelta(days=wanted.days) if wanted.days else None
    me = queries.get_user(db, actor, actor.id)
    _token, secret = service.create_token(db, actor, me, wanted.name, scope=wanted.scope, expires_at=ends)
    return _profile(request, db, actor, secret=secret)


@router.post("/profile/tokens/{token_id}/revoke", openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT))
def revoke_token(request: Request, db: WriteDb, actor: CurrentActor, token_id: str) -> Response:
    """End one of one's tokens."""
    token = service.revoke_token(db, actor, token_id)
    return redirect(request, "show_profile", toast=f"Revoked the token {token.name}.")
