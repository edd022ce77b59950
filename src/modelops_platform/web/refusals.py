"""What a refused request leaves behind: written in a transaction of its own, after the rollback."""

from typing import Any

from starlette.requests import Request

from modelops_platform.core.actor import Actor
from modelops_platform.core.db import Database
from modelops_platform.core.errors import NotAllowed, PlatformError
from modelops_platform.events import service as events


def keep(database: Database, request: Request, error: PlatformError) -> None:
    """Write what the error carries, and the refusal itself when rights or sign-in refused.

    An error about a credential says which sort it was (`credential`) and, when one was named,
    which account (`account`); neither is shown to the caller.
    """
    actor: Actor | None = getattr(request.state, "actor", None)
    facts: dict[str, Any] = {
        "address": request.client.host if request.client else "unknown",
        "message": error.message,
        "tried": {"method": request.method, "path": request.url.path[:500]},
    }
    writers = list(error.to_keep)
    if isinstance(error, NotAllowed):
        writers.append(lambda db: events.record_refusal(db, actor, "access.denied", **facts))
    elif error.details.get("credential"):
        account = error.details.get("account")
        facts["personal"] = {"account": account} if account else None
        writers.append(lambda db: events.record_refusal(db, actor, "signin.failed", **facts))
    if not writers:
        return
    with database.write() as db:
        for write in writers:
            write(db)
