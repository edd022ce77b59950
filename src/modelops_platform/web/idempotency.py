"""`Idempotency-Key`: the same create, sent again, gives the same answer and happens once."""

import hashlib
from datetime import timedelta

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.core.db import try_add
from modelops_platform.core.errors import InvalidInput

from .tables import IdempotencyKey

KEPT_FOR = timedelta(hours=24)
_KEPT_HEADERS = ("content-type", "etag", "location")


def claim(db: Session, request: Request, actor: Actor, key: str, body: bytes) -> IdempotencyKey | Response:
    """Return a new row to fill, or the answer that the key got before.

    Raises InvalidInput when the key was used for another request.
    """
    if not 1 <= len(key) <= 200 or not key.isprintable():
        raise InvalidInput(
            f"The Idempotency-Key {key[:40]!r} is not 1 to 200 printable characters.",
            remedy="Send a UUID.",
            field="Idempotency-Key",
        )
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body
    digest = hashlib.sha256(asked).hexdigest()
    db.execute(
        delete(IdempotencyKey).where(IdempotencyKey.actor_id == actor.id, IdempotencyKey.at < clock.now() - KEPT_FOR)
    )
    row = IdempotencyKey(
        workspace_id=actor.workspace_id,
        actor_id=actor.id,
        key=key,
        request_digest=digest,
        status=0,
        answer=b"",
        headers={},
    )
    return row if try_add(db, row) else _answer_again(db, actor, key, digest)


def _answer_again(db: Session, actor: Actor, key: str, digest: str) -> Response:
    found = db.scalars(
        select(IdempotencyKey).where(IdempotencyKey.actor_id == actor.id, IdempotencyKey.key == key)
    ).one()
    if found.request_digest != digest:
        raise InvalidInput(
            f"The Idempotency-Key {key!r} was used for another request.",
            remedy="Use a new key for each new request.",
            field="Idempotency-Key",
            value=key,
        )
    return Response(found.answer, found.status, {**found.headers, "idempotent-replayed": "true"})


def keep(row: IdempotencyKey, response: Response, *, without: str | None = None) -> None:
    """Store the answer with the work it answers, in the same transaction; a secret in it is told once only."""
    row.status = response.status_code
    row.answer = bytes(response.body)
    if without is not None:
        row.answer = msgspec.json.encode({**msgspec.json.decode(row.answer), without: None})
    row.headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
