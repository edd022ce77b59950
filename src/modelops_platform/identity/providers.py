"""Identity providers elsewhere: what they say about themselves, and their keys, asked for once and kept for an hour."""

import math
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from modelops_platform.core.addresses import OutgoingRefused, parse_target
from modelops_platform.core.errors import Unavailable
from modelops_platform.core.outgoing import Answer, Limits, Outgoing

from . import jwts

if TYPE_CHECKING:
    from joserfc.jwk import Key

KEPT_SECONDS: Final = 3600.0
TROUBLE_KEPT_SECONDS: Final = 10.0  # one that does not answer is not asked by every request
ASKED_AGAIN_SECONDS: Final = 30.0  # for a key that is not known
_AT_ONCE: Final = 6  # of the threads that answer requests; the others go on while a provider is slow
_PATIENCE_SECONDS: Final = 2.0
_LIMITS = Limits(seconds=6, connect_seconds=3, answer_bytes=1_000_000)
_REMEDY = "Try again in a moment. If it lasts, ask who runs the identity provider."


@dataclass(frozen=True, slots=True)
class Provider:
    """What an issuer says about itself."""

    issuer: str
    authorization_endpoint: str | None
    token_endpoint: str | None
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    jwks_uri: str
    tells_issuer: bool  # whether its answers always carry `iss`
    takes_basic: bool  # whether a client may prove itself with a header


@dataclass(slots=True)
class _Kept:
    """What is known of one issuer."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    provider: Provider | None = None
    keys: "list[Key]" = field(default_factory=list)
    provider_at: float = -math.inf
    keys_at: float = -math.inf
    trouble: tuple[float, Unavailable] | None = None


class Providers:
    """Asks issuers, each at most as often as needed, and never more at once than the platform can bear."""

    def __init__(self, outgoing: Outgoing, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.outgoing = outgoing
        self._monotonic = monotonic
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._calls = threading.BoundedSemaphore(_AT_ONCE)

    def get(self, issuer: str) -> Provider:
        """Return what an issuer says about itself. Raises Unavailable."""
        kept = self._of(issuer)
        with self._asking(kept):
            return self._provider(kept, issuer)

    def verify(self, token: str, *, issuer: str, audiences: Collection[str], now: datetime) -> dict[str, Any]:
        """Return the claims of a token that this issuer signed for one of these audiences.

        A key that is not known is looked for once more, since issuers change their keys.
        Raises BadToken, Unavailable.
        """
        header, _claims = jwts.peek(token)
        kept = self._of(issuer)
        with self._asking(kept):
            provider = self._provider(kept, issuer)
            fitting = jwts.fitting_keys(kept.keys, header)
            if self._monotonic() - kept.keys_at > (KEPT_SECONDS if fitting else ASKED_AGAIN_SECONDS):
                self._fetch_keys(kept, provider)
                fitting = jwts.fitting_keys(kept.keys, header)
        return jwts.verify(token, fitting, issuer=issuer, audiences=audiences, now=now)

    def ask(self, send: Callable[[Outgoing], Answer]) -> Answer:
        """Send something to a provider, as one of few at a time. Raises Unavailable."""
        if not self._calls.acquire(timeout=_PATIENCE_SECONDS):
            raise Unavailable("Too many sign-ins wait for the identity provider.", remedy=_REMEDY)
        try:
            return send(self.outgoing)
        except OutgoingRefused as error:  # who signs in cannot mend what an operator or administrator wrote
            raise Unavailable(f"The identity provider cannot be asked: {error.message}", remedy=error.remedy) from None
        finally:
            self._calls.release()

    def fetch(self, url: str, **headers: str) -> Any:
        """Return a JSON document of a provider. Raises Unavailable."""
        answer = self.ask(lambda outgoing: outgoing.get(url, headers=headers, limits=_LIMITS))
        if not answer.ok:
            raise Unavailable(f"{answer.origin} answered {answer.status}.", remedy=_REMEDY)
        return answer.json()

    def post(self, url: str, body: bytes, **headers: str) -> Answer:
        """Send a form to a provider. Raises Unavailable."""
        sent = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json", **headers}
        return self.ask(lambda outgoing: outgoing.post(url, body, headers=sent, limits=_LIMITS))

    def _of(self, issuer: str) -> _Kept:
        with self._lock:
            return self._kept.setdefault(issuer, _Kept())

    @contextmanager
    def _asking(self, kept: _Kept) -> Iterator[None]:
        """One at a time asks an issuer; what it could not say is said again for a while without asking."""
        if not kept.lock.acquire(timeout=_PATIENCE_SECONDS):
            raise Unavailable("The identity provider does not answer.", remedy=_REMEDY)
        try:
            if kept.trouble is not None and self._monotonic() - kept.trouble[0] < TROUBLE_KEPT_SECONDS:
                trouble = kept.trouble[1]
                raise Unavailable(trouble.message, remedy=trouble.remedy)
            try:
                yield
            except Unavailable as error:
                kept.trouble = (self._monotonic(), error)
                raise
        finally:
            kept.lock.release()

    def _provider(self, kept: _Kept, issuer: str) -> Provider:
        if kept.provider is None or self._monotonic() - kept.provider_at > KEPT_SECONDS:
            document = self.fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration", accept="application/json")
            kept.provider, kept.provider_at = read_provider(document, issuer), self._monotonic()
        return kept.provider

    def _fetch_keys(self, kept: _Kept, provider: Provider) -> None:
        kept.keys_at = self._monotonic()  # also when it fails: nobody makes us ask more often
        kept.keys = jwts.read_keys(self.fetch(provider.jwks_uri, accept="application/json"))


def read_provider(document: Any, issuer: str) -> Provider:
    """Read what an issuer says about itself, which must be about itself. Raises Unavailable."""
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise Unavailable(
            f"What {parse_target(issuer).origin} says about itself is not about the issuer {issuer!r}.",
            remedy="Write the issuer exactly as the provider does, with or without a slash at its end.",
        )
    keys = _address(document, "jwks_uri")
    if keys is None:
        raise Unavailable(f"{parse_target(issuer).origin} does not say where its keys are.", remedy=_REMEDY)
    methods = document.get("token_endpoint_auth_methods_supported")
    return Provider(
        issuer=issuer,
        authorization_endpoint=_address(document, "authorization_endpoint"),
        token_endpoint=_address(document, "token_endpoint"),
        userinfo_endpoint=_address(document, "userinfo_endpoint"),
        end_session_endpoint=_address(document, "end_session_endpoint"),
        jwks_uri=keys,
        tells_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        takes_basic=not isinstance(methods, list) or "client_secret_basic" in methods,
    )


def _address(document: dict[str, Any], key: str) -> str | None:
    """Return an address of the document if it is one: browsers are led to some of them."""
    value = document.get(key)
    if not isinstance(value, str):
        return None
    try:
        parse_target(value)
    except OutgoingRefused:
        return None
    return value
