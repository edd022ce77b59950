"""Who a request comes from: the one place that turns a credential into an `Actor`, and passwords into sessions."""

import base64
import binascii
import threading
import unicodedata
from datetime import datetime, timedelta
from typing import Annotated, Any

from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from starlette.requests import Request

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import Database
from modelops_platform.core.errors import NotSignedIn
from modelops_platform.core.logging import get_logger
from modelops_platform.web.requests import header_of
from modelops_platform.web.routing import PERMISSION
from modelops_platform.web.session import Provided

from . import passwords, queries, service
from .domain import Scope, checked_password
from .tables import BrowserSession, Token

COOKIE = "modelops_session"
WRITE_EVERY_SECONDS = 30

CurrentActor = Annotated[Actor, Provided(lambda request, _db: request.state.actor)]


def needs(permission: Permission) -> dict[str, Any]:
    """Declare what a route's caller must hold on something; the service checks it on the thing itself."""
    return {PERMISSION: permission.value}


def authorise(request: Request, db: Session) -> Actor:
    """Return who sends the request, by token or by session cookie. Raises NotSignedIn."""
    client, request_id = request.scope.get("client"), request.scope.get("request_id")
    address = client[0] if client else None
    header = header_of(request.scope, b"authorization")
    if header is not None:
        return _by_token(db, _secret_of(header), address, request_id)
    cookie = request.cookies.get(COOKIE)
    if cookie:
        return _by_session(db, cookie, request.app.state.settings.session_hours, address, request_id)
    raise NotSignedIn("Nobody is signed in.", remedy="Sign in, or send `Authorization: Bearer TOKEN`.")


def _secret_of(header: str) -> str:
    """Return the token of a Bearer header, or the password of a Basic one."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise _refused("The Basic credentials cannot be read.") from None
    raise _refused(f"The authorization scheme {scheme[:20]!r} is not known.")


def _refused(message: str) -> NotSignedIn:
    return NotSignedIn(message, remedy="Send `Authorization: Bearer TOKEN` with a living token.", credential="token")


def _by_token(db: Session, secret: str, address: str | None, request_id: str | None) -> Actor:
    rows = queries.find_by_token(db, secret)
    if not rows:
        raise _refused("The token is not known.")
    token = rows[0]
    if not queries.is_alive(clock.now(), ends=token.expires_at, revoked=token.revoked_at) or token.disabled_at:
        raise _refused("The token has expired or was revoked.")
    last_used.note(Token, token.token_id, token.last_used_at)
    return service.to_actor(rows, Scope(token.scope), token_id=token.token_id, address=address, request_id=request_id)


def _by_session(db: Session, cookie: str, hours: int, address: str | None, request_id: str | None) -> Actor:
    rows = queries.find_by_session(db, cookie)
    if not rows:
        raise NotSignedIn("The session is not known.", remedy="Sign in again.")
    session = rows[0]
    ends = session.last_used_at + timedelta(hours=hours)
    ends = min(ends, session.ends_at or ends)
    if not queries.is_alive(clock.now(), ends=ends, revoked=session.ended_at) or session.disabled_at:
        raise NotSignedIn("The session has ended.", remedy="Sign in again.")
    last_used.note(BrowserSession, session.session_id, session.last_used_at)
    return service.to_actor(rows, address=address, request_id=request_id)


def sign_in(database: Database, *, email: str, password: str, address: str | None) -> service.SignedIn:
    """Open a session for an e-mail address and its password.

    The hash is computed between two transactions, so that nobody waits for it, and always, so that
    an account that is unknown, disabled or without a password takes as long as any other.
    Raises NotSignedIn, TooMany.
    """
    with database.write() as db:
        attempt = service.begin_attempt(db, email, address)
    is_right, renewed = passwords.verify(unicodedata.normalize("NFC", password), attempt.kept)
    with database.write() as db:
        return service.finish_sign_in(db, attempt, is_right=is_right, renewed=renewed, address=address)


def sign_in_by_link(database: Database, secret: str, address: str | None) -> service.SignedIn:
    """Open a session for a one-time link. Raises NotSignedIn."""
    with database.write() as db:
        return service.sign_in_by_link(db, secret, address)


def change_password(database: Database, actor: Actor, *, current: str, new: str, cookie: str) -> None:
    """Set one's own password. Raises InvalidInput, NotSignedIn (the present one is wrong), TooMany, NotAllowed."""
    checked = checked_password(new, "new_password")
    with database.read() as db:
        user = queries.get_user(db, actor, actor.id)
    attempt, is_right = None, False
    if user.password_hash is not None:
        with database.write() as db:
            attempt = service.begin_attempt(db, user.email, actor.address)
        is_right, _ = passwords.verify(unicodedata.normalize("NFC", current), attempt.kept)
    new_hash = passwords.hash_password(checked)
    with database.write() as db:
        service.change_password(db, actor, attempt, is_right=is_right, new_hash=new_hash, cookie=cookie)


def prove_again(database: Database, actor: Actor, *, password: str, cookie: str) -> None:
    """Note that whoever has this session has just typed their password. Raises NotSignedIn (it is wrong), TooMany."""
    with database.write() as db:
        attempt = service.begin_attempt(db, queries.get_user(db, actor, actor.id).email, actor.address)
    is_right, _ = passwords.verify(unicodedata.normalize("NFC", password), attempt.kept)
    with database.write() as db:
        service.prove_again(db, attempt, is_right=is_right, cookie=cookie)


def no_passwords(account: str) -> NotSignedIn:
    """Return the refusal of a password where an operator switched them off."""
    return NotSignedIn(
        "Passwords are switched off here.",
        remedy="Sign in with your company account, or ask an administrator for a sign-in link.",
        credential="password",
        account=account,
    )


def set_up(
    database: Database, *, link: str, email: str, name: str, password: str | None, address: str | None
) -> service.SignedIn:
    """Make the first administrator, without a password where there are none, and sign them in.

    Raises InvalidInput, NotSignedIn (the link).
    """
    checked = checked_password(password) if password is not None else None
    with database.read() as db:
        service.check_set_up_link(db, link)  # strangers do not get to hash
    password_hash = passwords.hash_password(checked) if checked is not None else None
    with database.write() as db:
        return service.set_up(db, link, email=email, name=name, password_hash=password_hash, address=address)


class LastUsed:
    """Remembers which credentials were used, to the minute, and writes them in batches.

    What is lost when the process is killed is at most one batch of times, never a right.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: dict[tuple[type[Token] | type[BrowserSession], str], datetime] = {}

    def note(self, table: type[Token] | type[BrowserSession], row_id: str, before: datetime | None) -> None:
        """Remember a use, unless the row already carries this minute."""
        minute = clock.now().replace(second=0, microsecond=0)
        if before is None or before < minute:
            with self._lock:
                self._noted[table, row_id] = minute

    def write(self, database: Database) -> int:
        """Write what was noted since the last batch, and return how many rows."""
        with self._lock:
            noted, self._noted = self._noted, {}
        if noted:
            with database.write() as db:
                for (table, row_id), minute in sorted(noted.items(), key=lambda use: use[0][1]):
                    db.execute(update(table).where(table.id == row_id).values(last_used_at=minute))
        return len(noted)

    def keep_writing(self, database: Database, stop: threading.Event) -> None:
        """Write a batch every half minute until told to stop; a database that is away costs one batch."""
        while not stop.wait(WRITE_EVERY_SECONDS):
            try:
                self.write(database)
            except (DBAPIError, PoolTimeout) as error:
                get_logger().warning("last_used.lost", error=type(error).__name__)


last_used = LastUsed()
