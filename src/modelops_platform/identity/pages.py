"""Pages of identity: signing in and out, the first set-up, one's own profile."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import Form, Query, Request
from pydantic import AfterValidator, Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import DEFAULT_WORKSPACE
from modelops_platform.core.preferences import AS_WE_COME
from modelops_platform.web.forms import In
from modelops_platform.web.render import redirect, redirect_to, render, url_for
from modelops_platform.web.routing import page_router, public
from modelops_platform.web.session import ReadDb, WriteDb

from . import company, queries, service, signin
from .domain import LONGEST_PASSWORD, SCOPE_WORDS, SHORTEST_PASSWORD, checked_zone, own_path, time_zones
from .schemas import CallbackQuery, PasswordIn, PreferencesIn, ProfileIn, SetUpIn, SignInIn, TokenForm, UserPatch
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
        **_doors(request),
    )


def _doors(request: Request) -> dict[str, Any]:
    """Return the ways in that the sign-in page shows."""
    settings = request.app.state.settings
    return {"company": settings.oidc_label if settings.has_provider else None, "passwords": settings.local_passwords}


@router.get("/login/company", openapi_extra=public())
def begin_company_sign_in(request: Request, wanted: Annotated[SignInQuery, Query()]) -> Response:
    """Lead to the company's identity provider."""
    state = request.app.state
    if not state.settings.has_provider:
        return redirect(request, "show_sign_in")
    begun = company.begin(
        state.database,
        state.settings,
        state.providers,
        redirect_uri=_own_address(request, "finish_company_sign_in"),
        next_path=wanted.next,
    )
    response = redirect_to(request, begun.url)
    response.set_cookie(
        company.FLOW_COOKIE,
        begun.cookie,
        max_age=company.FLOW_SECONDS,
        httponly=True,
        samesite="lax",
        secure=state.settings.secure_cookies,
        path="/login",
    )
    return response


def _own_address(request: Request, route: str) -> str:
    """Return the full address of a route: exactly what the provider knows, or what this browser used."""
    base = request.app.state.settings.public_url or str(request.base_url).rstrip("/")
    return f"{base}{url_for(request.app, route)}"


@router.get("/login/callback", openapi_extra=public())
def finish_company_sign_in(request: Request, wanted: Annotated[CallbackQuery, Query()]) -> Response:
    """Open a session for whom the identity provider vouches."""
    state = request.app.state
    if not state.settings.has_provider:
        return redirect(request, "show_sign_in")
    cookie = request.cookies.get(company.FLOW_COOKIE, "")
    done = company.finish(
        state.database, state.settings, state.providers, answer=wanted, cookie=cookie, address=_address(request)
    )
    response = _with_session(request, redirect_to(request, done.next), done.signed_in)
    response.delete_cookie(company.FLOW_COOKIE, path="/login")
    return response


@router.post("/login", openapi_extra=public())
def sign_in(request: Request, wanted: Annotated[SignInIn, Form()]) -> Response:
    """Open a session for a password or a one-time link."""
    database, address = request.app.state.database, _address(request)
    if wanted.link:
        signed_in = signin.sign_in_by_link(database, wanted.link, address)
    elif not request.app.state.settings.local_passwords:
        raise signin.no_passwords(wanted.email)
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
    cookie = request.cookies.get(COOKIE)
    by_company = service.end_session(db, cookie) if cookie else False
    response = redirect(request, "end_company_session" if by_company else "show_sign_in")
    response.delete_cookie(COOKIE, path="/")
    return response


class ThemeForm(In):
    """A theme."""

    theme: Literal["system", "light", "dark"]


class PreferencesForm(In):
    """The preferences as the profile asks for them: a box that is not ticked is not sent."""

    theme: Literal["system", "light", "dark"] = "system"
    density: Literal["comfortable", "compact"] = "comfortable"
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(checked_zone)] = "UTC"
    has_shortcuts: bool = False

    def to_preferences(self) -> PreferencesIn:
        """Return all of them as chosen."""
        return PreferencesIn(**self.model_dump())


@router.get("/logout/company", openapi_extra=public())
def end_company_session(request: Request) -> Response:
    """Lead on to where the identity provider ends its own session; a form may not lead away from this site."""
    state = request.app.state
    back = _own_address(request, "show_sign_in")
    url = company.sign_out_url(state.settings, state.providers, back=back)
    if url is None:
        return redirect(request, "show_sign_in")
    return render(request, "identity/signed_out.html", url=url, company=state.settings.oidc_label)


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
        **_doors(request),
    )


@router.post("/set-up", openapi_extra=public())
def set_up(request: Request, wanted: Annotated[SetUpIn, Form()]) -> Response:
    """Make the first administrator and sign them in."""
    asked = wanted.model_dump()
    if not request.app.state.settings.local_passwords:
        asked["password"] = None
    signed_in = signin.set_up(request.app.state.database, **asked, address=_address(request))
    return _with_session(request, redirect(request, "show_welcome"), signed_in)


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
        passwords=request.app.state.settings.local_passwords,
        server=str(request.base_url).rstrip("/"),
        rules=_RULES,
        preferences=queries.find_preferences(db, actor.id) or AS_WE_COME,
        zones=[(zone, zone.replace("_", " ")) for zone in time_zones()],
    )


@router.post("/profile", openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT))
def edit_profile(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[ProfileIn, Form()]) -> Response:
    """Take one's new name."""
    service.edit_user(db, actor, actor.id, UserPatch(name=wanted.name))
    return redirect(request, "show_profile", toast="Saved your name.")


@router.post("/profile/preferences", openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT))
def edit_preferences(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[PreferencesForm, Form()]
) -> Response:
    """Take how one wants pages to be."""
    service.choose(db, actor, wanted.to_preferences())
    return redirect(request, "show_profile", toast="Saved your preferences.")


@router.post("/profile/theme", openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT))
def choose_theme(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[ThemeForm, Form()]) -> Response:
    """Take the theme chosen in the menu or the palette, and stay on the page."""
    service.choose(db, actor, PreferencesIn(theme=wanted.theme))
    return redirect_to(request, _came_from(request))


def _came_from(request: Request) -> str:
    """Return the path of this site that the form stood on; the profile where the browser does not say."""
    try:
        return own_path(urlsplit(request.headers.get("referer", "")).path) or "/profile"
    except ValueError:
        return "/profile"


@router.post("/profile/password", openapi_extra=needs(Permission.MANAGE_OWN_ACCOUNT))
def change_password(request: Request, actor: CurrentActor, wanted: Annotated[PasswordIn, Form()]) -> Response:
    """Set a new password; every other browser is signed out."""
    if not request.app.state.settings.local_passwords:
        raise signin.no_passwords(actor.name)
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
