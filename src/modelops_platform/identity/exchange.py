"""Exchanging the token of a pipeline elsewhere for a short-lived one of a service account (RFC 8693)."""

from collections.abc import Sequence
from typing import Any

from modelops_platform.core import clock
from modelops_platform.core.db import Database

from . import jwts, queries, service
from .claims import matches
from .jwts import BadToken
from .providers import Providers
from .schemas import ExchangedOut, ExchangeIn
from .service.trust import refused
from .tables import TrustRule


def exchange(database: Database, providers: Providers, wanted: ExchangeIn, *, address: str | None) -> ExchangedOut:
    """Return a token for a proof that a trust rule fits. Raises NotSignedIn, TooMany, Unavailable.

    Nobody is called for an issuer that no rule names.
    """
    with database.write() as db:
        attempt = service.begin_proof(db, "exchange", address)
    try:
        issuer = str(jwts.peek(wanted.subject_token)[1].get("iss"))
        with database.read() as db:
            rules = queries.list_rules_of(db, issuer)
        claims = _proven(providers, wanted.subject_token, issuer, rules)
    except BadToken as error:
        raise refused(str(error)) from None
    rule = _fitting(rules, claims, wanted.scope)
    with database.write() as db:
        living = db.get(TrustRule, rule.id)
        if living is None:
            raise refused("no trust rule fits its claims")
        token, secret = service.exchange(db, living, claims, wanted.subject_token)
        service.confirm_proof(db, attempt)
    assert token.expires_at is not None
    seconds = int((token.expires_at - clock.now()).total_seconds())
    return ExchangedOut(access_token=secret, expires_in=seconds, scope=token.scope)


def _proven(providers: Providers, token: str, issuer: str, rules: Sequence[TrustRule]) -> dict[str, Any]:
    if not rules:
        raise BadToken("no trust rule names its issuer")
    return providers.verify(token, issuer=issuer, audiences={rule.audience for rule in rules}, now=clock.now())


def _fitting(rules: Sequence[TrustRule], claims: dict[str, Any], scope: str) -> TrustRule:
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    for rule in rules:
        if rule.audience in audiences and scope in ("", rule.scope) and matches(rule.claims, claims):
            return rule
    raise refused("no trust rule fits its claims")
