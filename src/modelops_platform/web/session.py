"""What a route may ask for inside its call: a session, the caller, a header.

FastAPI would resolve these as dependencies, each a thread hop of its own, and would commit after
the answer has started. Here `Route` fills them within the one hop that runs the endpoint.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy.orm import Session
from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Provided:
    """Marks a parameter that is filled inside the call, once the session is open."""

    provide: Callable[[Request, Session], Any]
    writes: bool = False


def _session(_request: Request, db: Session) -> Session:
    return db


ReadDb = Annotated[Session, Provided(_session)]
WriteDb = Annotated[Session, Provided(_session, writes=True)]
IfMatch = Annotated[str | None, Provided(lambda request, _db: request.headers.get("if-match"))]
