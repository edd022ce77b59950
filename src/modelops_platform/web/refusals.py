"""What a refused request leaves behind: written in a transaction of its own, after the rollback."""

from starlette.requests import Request

from modelops_platform.core.actor import Actor
from modelops_platform.core.db import Database
from modelops_platform.core.errors import NotAllowed, NotSignedIn, PlatformError
from modelops_platform.events import service as events


def keep(database: Database, request: Request, error: PlatformError) -> None:
    """Write what the error carries, and the refusal itself when rights or sign-in refused."""
    actor: Actor | None = getattr(request.state, "actor", None)
    address = request.client.host if request.client else "unknown"
    tried = {"method": request.method, "path": request.url.path[:500]}
    writers = list(error.to_keep)
    if isinstance(error, NotAllowed):
        writers.append(lambda db: events.record_refusal(db, "access.denied", actor, address, error.message, tried))
    elif isinstance(error, NotSignedIn) and error.details.get("credential"):
        writers.append(lambda db: events.record_refusal(db, "signin.failed", actor, address, error.message, tried))
    if not writers:
        return
    with database.write() as db:
        for write in writers:
            write(db)
