"""Signing in and out by browser, with limits on how often it may fail.

Checking a password is slow on purpose and must not hold the database, so it happens between two
transactions: `begin_attempt` counts, the caller hashes, `finish_sign_in` decides.
"""

import hashlib
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, desc, select, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind
from modelops_platform.core.db import DEFAULT_WORKSPACE
from modelops_platform.core.errors import NotAllowed, NotSignedIn, TooMany
from modelops_platform.events import service as events

from .. import queries
from ..domain import OVERALL, PER_ACCOUNT, PER_ADDRESS, PER_PROOF, WINDOW, Limit, network_of
from ..tables import BrowserSession, SignInAttempt, User
from .actors import to_actor
from .rights import lock_workspace

WRONG = "The e-mail address and the password do not belong to an account that may sign in."
DOORS = ("company", "exchange")  # where outside proofs come in
_KEPT_FOR = timedelta(days=30)  # no session lives longer without use


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in under way, counted as failed until it succeeds."""

    email: str
    account: str
    network: str
    user_id: str | None
    kept: str | None  # the hash to check against; None when nothing can be right


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in now, and the secret for their cookie."""

    user: User
    secret: str


def begin_attempt(db: Session, email: str, address: str | None) -> Attempt:
    """Count an attempt before anything is hashed. Raises TooMany, at any account alike."""
    email = email.strip().lower()[:254]
    account, network = hashlib.sha256(email.encode()).hexdigest(), network_of(address)
    lock_workspace(db, DEFAULT_WORKSPACE)  # attempts at the same moment count each other
    db.execute(delete(SignInAttempt).where(SignInAttempt.at < clock.now() - WINDOW))
    _check_limit(db, PER_ACCOUNT, SignInAttempt.account == account, email)
    _check_limit(db, PER_ADDRESS, SignInAttempt.address == network, email)
    _check_limit(db, OVERALL, SignInAttempt.account.not_in(DOORS), email)
    db.add(SignInAttempt(account=account, address=network))
    user = queries.find_user_by_email(db, DEFAULT_WORKSPACE, email)
    if user is None or user.disabled_at is not None or user.kind != ActorKind.PERSON:
        return Attempt(email, account, network, None, None)
    return Attempt(email, account, network, user.id, user.password_hash)


def begin_proof(db: Session, door: str, address: str | None) -> str:
    """Count the use of an outside proof at one of the `DOORS`, and return what `confirm_proof` forgets. Raises TooMany.

    These are counted by address alone, and apart from passwords: neither locks the other out.
    """
    network = f"{door} {network_of(address)}"[:64]
    lock_workspace(db, DEFAULT_WORKSPACE)
    db.execute(delete(SignInAttempt).where(SignInAttempt.at < clock.now() - WINDOW))
    _check_limit(db, PER_PROOF, SignInAttempt.address == network, door)
    attempt = SignInAttempt(account=door, address=network)
    db.add(attempt)
    db.flush()
    return attempt.id


def confirm_proof(db: Session, attempt_id: str) -> None:
    """Forget an attempt, because the proof was good."""
    db.execute(delete(SignInAttempt).where(SignInAttempt.id == attempt_id))


def _check_limit(db: Session, limit: Limit, these: ColumnElement[bool], email: str) -> None:
    """Look at the attempt that would have to be forgotten first, if there are that many."""
    nth = select(SignInAttempt.at).where(these).order_by(desc(SignInAttempt.at)).offset(limit.failures - 1).limit(1)
    at = db.scalar(nth)
    if at is not None:
        wait = max(1, math.ceil((at + WINDOW - clock.now()).total_seconds()))
        raise TooMany(
            f"Too many sign-ins have failed for {limit.of}.",
            remedy=f"Try again in {math.ceil(wait / 60)} minutes, or ask an administrator for a sign-in link.",
            retry_after=wait,
            credential="password",
            account=email,
        )


def confirm_attempt(db: Session, attempt: Attempt, *, is_right: bool) -> User:
    """Return the user whose password was right, forgetting the failures before. Raises NotSignedIn."""
    user = db.get(User, attempt.user_id) if attempt.user_id and is_right else None
    if user is None or user.disabled_at is not None or user.password_hash != attempt.kept:
        raise NotSignedIn(
            WRONG,
            remedy="Check both, or ask an administrator for a sign-in link.",
            credential="password",
            account=attempt.email,
        )
    mine = (SignInAttempt.account == attempt.account, SignInAttempt.address == attempt.network)
    db.execute(delete(SignInAttempt).where(*mine))
    return user


def finish_sign_in(
    db: Session, attempt: Attempt, *, is_right: bool, renewed: str | None, address: str | None
) -> SignedIn:
    """Open a session when the password was right. Raises NotSignedIn, in the same words for every reason."""
    user = confirm_attempt(db, attempt, is_right=is_right)
    if renewed is not None:
        user.password_hash = renewed
    return open_session(db, user, by="password", address=address)


def sign_in_by_link(db: Session, secret: str, address: str | None) -> SignedIn:
    """Open a session for the user of a one-time link, which works once. Raises NotSignedIn."""
    link = queries.find_link(db, secret, "sign_in")
    user = db.get(User, link.user_id) if link and link.user_id else None
    if link is None or user is None or user.disabled_at is not None or not queries.take_link(db, link):
        raise NotSignedIn(
            "The sign-in link was used already, or has expired.",
            remedy="Ask for a new one, or sign in with your password.",
            credential="link",
        )
    return open_session(db, user, by="link", address=address)


def open_session(db: Session, user: User, *, by: str, address: str | None, ends_at: datetime | None = None) -> SignedIn:
    """Start a browser session, until a fixed time if one is given; old ones of the user that ended are forgotten."""
    now = clock.now()
    old = BrowserSession.ended_at.is_not(None) | (BrowserSession.last_used_at < now - _KEPT_FOR)
    db.execute(delete(BrowserSession).where(BrowserSession.user_id == user.id, old))
    secret = secrets.token_urlsafe(32)
    digest = queries.digest_of(secret)
    opened = BrowserSession(workspace_id=user.workspace_id, user_id=user.id, digest=digest, ends_at=ends_at)
    opened.proved_at = now if by == "password" else None
    db.add(opened)
    actor = to_actor(queries.list_grants(db, user.id))
    events.record(db, actor, "signin.succeeded", user, by=by, personal={"address": address or "unknown"})
    return SignedIn(user, secret)


def prove_again(db: Session, attempt: Attempt, *, is_right: bool, cookie: str) -> None:
    """Note that the person of a session has just typed their password again. Raises NotSignedIn when it was wrong."""
    user = confirm_attempt(db, attempt, is_right=is_right)
    mine = (BrowserSession.user_id == user.id, BrowserSession.digest == queries.digest_of(cookie))
    db.execute(update(BrowserSession).where(*mine).values(proved_at=clock.now()))


def end_session(db: Session, secret: str) -> bool:
    """End the session of a cookie, if it is one, and say whether the identity provider had opened it."""
    rows = queries.find_by_session(db, secret)
    if rows and rows[0].ended_at is None:
        ended = update(BrowserSession).where(BrowserSession.id == rows[0].session_id)
        db.execute(ended.values(ended_at=clock.now()))
        events.record(db, to_actor(rows), "signin.ended", db.get_one(User, rows[0].id))
    return bool(rows) and rows[0].ends_at is not None


def change_password(
    db: Session, actor: Actor, attempt: Attempt | None, *, is_right: bool, new_hash: str, cookie: str
) -> None:
    """Set one's own password and end one's other sessions. Raises NotAllowed (by token), NotSignedIn.

    Args:
        attempt: The check of the present password; None when there is none yet.
        cookie: The session that goes on.
    """
    if actor.token_id is not None:
        raise NotAllowed("A token may not change a password.", remedy="Sign in with a browser.")
    user = queries.get_user(db, actor, actor.id)
    if attempt is not None:
        confirm_attempt(db, attempt, is_right=is_right)
    elif user.password_hash is not None:
        raise NotSignedIn(WRONG, remedy="Type your present password.", credential="password", account=user.email)
    user.password_hash = new_hash
    others = (
        BrowserSession.user_id == user.id,
        BrowserSession.digest != queries.digest_of(cookie),
        BrowserSession.ended_at.is_(None),
    )
    db.execute(update(BrowserSession).where(*others).values(ended_at=clock.now()))
    events.record(db, actor, "password.changed", user)
