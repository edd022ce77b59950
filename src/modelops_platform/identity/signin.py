"""Who a request comes from: the one place that turns a credential into an `Actor`."""

import base64
import binascii
import threading
from datetime import datetime, timedelta
from typing import Annotated, Any

from sqlalchemy import update
from sqlalchemy.orm import Session
from starlette.requests import Request

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import Database
from modelops_platform.core.errors import NotSignedIn
from modelops_platform.web.routing import PERMISSION
from modelops_platform.web.session import Provided

from . import queries, service
from .domain import Scope
from .tables import BrowserSession, Token

COOKIE = "modelops_session"

CurrentActor = Annotated[Actor, Provided(lambda request, _db: request.state.actor)]


def needs(permission: Permission) -> dict[str, Any]:
    """Declare what a route's caller must hold on something; the service checks it on the thing itself."""
    return {PERMISSION: permission.value}


def authorise(request: Request, db: Session) -> Actor:
    """Return who sends the request, by token or by session cookie. Raises NotSignedIn."""
    address = request.client.host if request.client else None
    request_id = request.scope.get("request_id")
    header = request.headers.get("authorization")
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
    return NotSignedIn(message, remedy="Send `Authorization: Bearer TOKEN` with a living token.", credential=True)


def _by_token(db: Session, secret: str, address: str | None, request_id: str | None) -> Actor:
    rows = queries.find_by_token(db, secret)
    if not rows:
        raise _refused("The token is not known.")
    token: Token = rows[0][-1]
    if not queries.is_alive(clock.now(), ends=token.expires_at, revoked=token.revoked_at) or rows[0][0].disabled_at:
        raise _refused("The token has expired or was revoked.")
    last_used.note(Token, token.id, token.last_used_at)
    return service.to_actor(rows, Scope(token.scope), token_id=token.id, address=address, request_id=request_id)


def _by_session(db: Session, cookie: str, hours: int, address: str | None, request_id: str | None) -> Actor:
    rows = queries.find_by_session(db, cookie)
    if not rows:
        raise NotSignedIn("The session is not known.", remedy="Sign in again.")
    session: BrowserSession = rows[0][-1]
    ends = session.last_used_at + timedelta(hours=hours)
    if not queries.is_alive(clock.now(), ends=ends, revoked=session.ended_at) or rows[0][0].disabled_at:
        raise NotSignedIn("The session has ended.", remedy="Sign in again.")
    last_used.note(BrowserSession, session.id, session.last_used_at)
    return service.to_actor(rows, address=address, request_id=request_id)


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
                for (table, row_id), minute in noted.items():
                    db.execute(update(table).where(table.id == row_id).values(last_used_at=minute))
        return len(noted)


last_used = LastUsed()
