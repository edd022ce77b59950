"""Trust in programs elsewhere: rules for whose tokens are exchanged, and the exchange itself."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission, system_actor
from modelops_platform.core.addresses import parse_target
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotSignedIn
from modelops_platform.events import service as events

from .. import queries
from ..claims import checked_patterns
from ..domain import Scope, checked_label
from ..schemas import TrustRuleIn
from ..tables import Token, TrustRule, User
from .proofs import spend
from .rights import must_outrank
from .tokens import create_token

EXCHANGES_PER_PROOF = 5  # a pipeline may exchange its token in several steps
_KEPT_AFTER_END = timedelta(days=1)


def add_trust_rule(db: Session, actor: Actor, wanted: TrustRuleIn) -> TrustRule:
    """Let tokens of an issuer that fit be exchanged for one of a service account's.

    Raises NotFound (account), NotAllowed, InvalidInput, AlreadyExists.
    """
    user = queries.get_visible_user(db, actor, wanted.user_id)
    actor.must(Permission.MANAGE_USERS, user)
    must_outrank(db, actor, user)
    if user.kind != ActorKind.SERVICE:
        raise InvalidInput(
            f"{user.name} is a person; programs act as a service account.",
            remedy="Name a service account.",
            field="user_id",
            value=user.id,
        )
    parse_target(wanted.issuer)
    rule = TrustRule(
        workspace_id=actor.workspace_id,
        name=checked_label(wanted.name),
        issuer=wanted.issuer,
        audience=wanted.audience,
        claims=checked_patterns(wanted.claims),
        user_id=user.id,
        scope=wanted.scope,
        lifetime_minutes=wanted.lifetime_minutes,
        created_by=actor.id,
    )
    taken = AlreadyExists(
        f"There is already a trust rule named {rule.name!r}.",
        remedy="Choose another name, or remove that rule first.",
        field="name",
        value=rule.name,
    )
    with conflicts_as(db, taken):
        db.add(rule)
    events.record(db, actor, "trust_rule.added", rule, **_told(rule))
    return rule


def _told(rule: TrustRule) -> dict[str, Any]:
    told = ("issuer", "audience", "claims", "scope", "lifetime_minutes")
    return {"account": rule.user_id} | {key: getattr(rule, key) for key in told}


def remove_trust_rule(db: Session, actor: Actor, rule_id: str) -> None:
    """End a rule, and with it every token that was exchanged by it. Raises NotFound, NotAllowed."""
    rule = queries.get_trust_rule(db, actor, rule_id)
    actor.must(Permission.MANAGE_USERS, queries.get_user(db, actor, rule.user_id))
    db.execute(delete(Token).where(Token.rule_id == rule.id))
    db.delete(rule)
    events.record(db, actor, "trust_rule.removed", rule, **_told(rule))


def exchange(db: Session, rule: TrustRule, claims: dict[str, Any], proof: str) -> tuple[Token, str]:
    """Make a token by a rule for a proof that was checked and fits. Raises NotSignedIn."""
    user = db.get(User, rule.user_id)
    if user is None or user.disabled_at is not None:
        raise refused(f"the service account of the rule {rule.name!r} is disabled")
    until = datetime.fromtimestamp(min(claims["exp"], 2**33), UTC) + timedelta(minutes=5)
    once = f"{rule.issuer} {claims['jti']}" if isinstance(claims.get("jti"), str) else proof
    if not spend(db, f"exchange {once}", until=until, times=EXCHANGES_PER_PROOF):
        raise refused(f"it was exchanged {EXCHANGES_PER_PROOF} times already")
    now = clock.now()
    db.execute(delete(Token).where(Token.rule_id == rule.id, Token.expires_at < now - _KEPT_AFTER_END))
    system = system_actor(rule.workspace_id, "the token exchange")
    ends = now + timedelta(minutes=rule.lifetime_minutes)
    token, secret = create_token(db, system, user, rule.name, scope=Scope(rule.scope), expires_at=ends)
    token.rule_id, rule.last_used_at = rule.id, now
    fitted = {name: claims.get(name) for name in rule.claims if isinstance(claims.get(name), str | int | bool)}
    events.record(
        db,
        system,
        "token.exchanged",
        token,
        rule={"id": rule.id, "name": rule.name},
        proof=hashlib.sha256(proof.encode()).hexdigest(),
        personal={"subject": claims["sub"], **fitted},
    )
    return token, secret


def refused(why: str) -> NotSignedIn:
    """Return the refusal of an exchange; it says what an honest caller needs, and leaves an event."""
    return NotSignedIn(
        f"The subject token is not exchanged: {why}.",
        remedy="Compare the token's issuer, audience and claims with the trust rules.",
        credential="exchange",
        error="invalid_grant",
    )
