"""Signing in with the company's identity: OpenID Connect, code flow with PKCE, between two transactions.

What a sign-in needs to end (state, nonce, verifier, where to go) travels in a cookie of the browser that began it,
authenticated with a key of this installation, and good once within ten minutes. So strangers write nothing here.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus, urlencode

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.deferred import Deferred
from modelops_platform.core.errors import NotFound, PlatformError, Unavailable
from modelops_platform.core.settings import Settings

from . import service
from .claims import has_groups, read_person
from .domain import own_path
from .jwts import BadToken
from .providers import Provider, Providers
from .schemas import CallbackQuery
from .service.company import refused

if TYPE_CHECKING:
    from authlib.oauth2 import rfc7636
else:
    rfc7636 = Deferred("authlib.oauth2.rfc7636")

FLOW_COOKIE: Final = "modelops_sign_in"
FLOW_SECONDS: Final = 600
_LONGEST_NEXT: Final = 1000  # a cookie has room for 4 KB


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in under way, as its browser keeps it."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    next: str
    expires: int


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes to sign in, and what it keeps meanwhile."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Done:
    """A sign-in that came to its end."""

    signed_in: service.SignedIn
    next: str


def begin(database: Database, settings: Settings, providers: Providers, *, redirect_uri: str, next_path: str) -> Begun:
    """Begin a sign-in. Raises NotFound when there is no provider, Unavailable."""
    provider = _provider(settings, providers)
    assert provider.authorization_endpoint is not None
    flow = Flow(
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        redirect_uri=redirect_uri,
        next=(own_path(next_path) or "/") if len(next_path) <= _LONGEST_NEXT else "/",
        expires=int(clock.now().timestamp()) + FLOW_SECONDS,
    )
    asked = {
        "response_type": "code",
        "client_id": settings.oidc_client_id,
        "redirect_uri": redirect_uri,
        "scope": settings.oidc_scopes,
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": rfc7636.create_s256_code_challenge(flow.verifier),
        "code_challenge_method": "S256",
    }
    return Begun(_with_query(provider.authorization_endpoint, asked), _sealed(database, flow))


def finish(
    database: Database,
    settings: Settings,
    providers: Providers,
    *,
    answer: CallbackQuery,
    cookie: str,
    address: str | None,
) -> Done:
    """End a sign-in with what the browser brought back. Raises NotSignedIn, TooMany, Unavailable, NotFound."""
    if not settings.has_provider:
        raise _no_provider()
    flow = _opened(database, cookie)
    if flow is None or not hmac.compare_digest(flow.state.encode(), answer.state.encode()):
        raise refused("the sign-in was not begun in this browser, or took longer than ten minutes")
    with database.write() as db:
        attempt = service.begin_proof(db, "company", address)
        if not service.spend(db, f"state {flow.state}", until=datetime.fromtimestamp(flow.expires, UTC)):
            raise refused("this sign-in was used already")
    claims = _vouched(settings, _provider(settings, providers), providers, flow, answer)
    try:
        person = read_person(claims, groups_claim=settings.oidc_groups_claim)
    except BadToken as error:
        raise refused(f"the identity provider's answer cannot be used: {error}") from None
    ends_at = clock.now() + timedelta(hours=settings.oidc_session_hours)
    with database.write() as db:
        may_link = settings.oidc_link_email
        signed_in = service.sign_in_person(db, person, may_link=may_link, ends_at=ends_at, address=address)
        service.confirm_proof(db, attempt)
    return Done(signed_in, flow.next)


def sign_out_url(settings: Settings, providers: Providers, *, back: str) -> str | None:
    """Return where to end the provider's own session, if it has such a place and answers."""
    if not settings.has_provider:
        return None
    try:
        end = providers.get(settings.oidc_issuer).end_session_endpoint
    except PlatformError:
        return None
    asked = {"client_id": settings.oidc_client_id, "post_logout_redirect_uri": back}
    return _with_query(end, asked) if end and _may_lead_to(providers, end) else None


def _provider(settings: Settings, providers: Providers) -> Provider:
    if not settings.has_provider:
        raise _no_provider()
    provider = providers.get(settings.oidc_issuer)
    where = provider.authorization_endpoint
    if where is None or provider.token_endpoint is None or not _may_lead_to(providers, where):
        raise Unavailable(
            f"The identity provider {provider.issuer} does not say where to sign in over an encrypted connection.",
            remedy="Check MODELOPS_OIDC_ISSUER.",
        )
    return provider


def _no_provider() -> NotFound:
    return NotFound(
        "This platform knows no identity provider.", remedy="Sign in with your password, or ask an administrator."
    )


def _may_lead_to(providers: Providers, url: str) -> bool:
    """Say whether browsers are led there: by https, or to what the operator allows."""
    return url.startswith("https://") or providers.outgoing.allows_plain(url)


def _with_query(endpoint: str, asked: Mapping[str, str]) -> str:
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


def _vouched(
    settings: Settings, provider: Provider, providers: Providers, flow: Flow, answer: CallbackQuery
) -> dict[str, Any]:
    """Return the claims about the person, after every check of the code flow. Raises NotSignedIn, Unavailable."""
    if (answer.iss or provider.tells_issuer) and answer.iss != provider.issuer:
        raise refused("the answer comes from another identity provider")
    if answer.error or not answer.code:
        why = answer.error if answer.error.isascii() and answer.error.replace("_", "").isalnum() else "no code"
        raise refused(f"the identity provider refused ({why})")
    tokens = _tokens(settings, provider, providers, flow, answer.code)
    try:
        claims = providers.verify(
            tokens["id_token"], issuer=provider.issuer, audiences={settings.oidc_client_id}, now=clock.now()
        )
        _check_client(claims, settings.oidc_client_id, flow.nonce)
    except BadToken as error:
        raise refused(f"the identity provider's token is not accepted: {error}") from None
    return _completed(settings, provider, providers, claims, tokens.get("access_token"))


def _tokens(settings: Settings, provider: Provider, providers: Providers, flow: Flow, code: str) -> dict[str, Any]:
    """Exchange the code, once and with the proof that it is ours. Raises NotSignedIn, Unavailable."""
    assert provider.token_endpoint is not None
    assert settings.oidc_client_secret is not None
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": flow.redirect_uri,
        "client_id": settings.oidc_client_id,
        "code_verifier": flow.verifier,
    }
    secret, headers = settings.oidc_client_secret.get_secret_value(), {}
    if provider.takes_basic:
        pair = f"{quote_plus(settings.oidc_client_id)}:{quote_plus(secret)}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form["client_secret"] = secret
    answer = providers.post(provider.token_endpoint, urlencode(form).encode(), **headers)
    if answer.status >= 500:
        raise Unavailable(f"{answer.origin} answered {answer.status}.", remedy="Try again in a moment.")
    tokens = answer.json() if answer.ok else None
    if not isinstance(tokens, dict) or not isinstance(tokens.get("id_token"), str):
        raise refused("the identity provider did not accept the sign-in")
    return tokens


def _check_client(claims: Mapping[str, Any], client_id: str, nonce: str) -> None:
    """Check what ties a token to this client and this very sign-in. Raises BadToken."""
    audiences, party = claims["aud"], claims.get("azp")
    if (isinstance(audiences, list) and len(audiences) > 1 and party is None) or party not in (None, client_id):
        raise BadToken("it was issued to another client")
    told = claims.get("nonce")
    if not isinstance(told, str) or not hmac.compare_digest(told.encode(), nonce.encode()):
        raise BadToken("it belongs to another sign-in")


def _completed(
    settings: Settings, provider: Provider, providers: Providers, claims: dict[str, Any], access_token: Any
) -> dict[str, Any]:
    """Add what the provider tells only when asked, about the same person; what its token says stands."""
    complete = "email" in claims and has_groups(claims, settings.oidc_groups_claim)
    if complete or provider.userinfo_endpoint is None or not isinstance(access_token, str):
        return claims
    more = providers.fetch(
        provider.userinfo_endpoint, accept="application/json", authorization=f"Bearer {access_token}"
    )
    if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
        raise refused("the identity provider tells about somebody else")
    return {**more, **claims}


def _key(database: Database) -> bytes:
    with database.read() as db:
        events: bytes = db.info["keys"].events
    return hmac.digest(events, b"sign-in flow", "sha256")


def _sealed(database: Database, flow: Flow) -> str:
    content = base64.urlsafe_b64encode(json.dumps(asdict(flow), separators=(",", ":")).encode())
    return f"{content.decode()}.{hmac.new(_key(database), content, hashlib.sha256).hexdigest()}"


def _opened(database: Database, cookie: str) -> Flow | None:
    """Return the flow of a cookie that this installation sealed and that is not too old."""
    content, _, seal = cookie.partition(".")
    expected = hmac.new(_key(database), content.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(seal.encode(), expected.encode()):
        return None
    flow = Flow(**json.loads(base64.urlsafe_b64decode(content)))
    return flow if clock.now().timestamp() < flow.expires else None
