"""Writing events."""

import hashlib
import hmac
import json
import secrets
from typing import Any, Protocol, cast

from sqlalchemy import CursorResult, Update, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.core.db import DEFAULT_WORKSPACE, table_of
from modelops_platform.core.ids import new_id
from modelops_platform.core.statements import Addition

from ..proof.checking import personal_digest
from ..tables import Event, EventPersonal, Refusal, UnplacedEvent

# Every change writes these, so they are made once and pass the ORM by.
_ADD_EVENT, _ADD_UNPLACED, _ADD_PERSONAL = (
    Addition(table_of(table)) for table in (Event, UnplacedEvent, EventPersonal)
)
_print = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str
).encode


class Recorded(Protocol):
    """A thing that events are about; `unit_id`, `model_id` and `name` are taken when it has them."""

    @property
    def object_kind(self) -> Any: ...
    @property
    def id(self) -> str: ...


def record(
    db: Session,
    actor: Actor,
    kind: str,
    thing: Recorded,
    *,
    personal: dict[str, Any] | None = None,
    **data: Any,
) -> str:
    """Write an event in the transaction of the change it tells of, and return its id.

    Args:
        kind: Past tense, `thing.happened`.
        personal: Names, addresses and the like: kept outside the hash so that they can be erased.
        data: Facts of the change, JSON values; never secrets.
    """
    db.flush()  # what the event tells of is written before it, and has its id
    model_id = thing.id if thing.object_kind == "model" else getattr(thing, "model_id", None)
    target = {"kind": thing.object_kind, "id": thing.id}
    if not getattr(thing, "name_is_personal", False):
        target["name"] = getattr(thing, "name", None)
    return _write(
        db,
        workspace_id=actor.workspace_id,
        actor={"id": actor.id, "kind": actor.kind.value, "token": actor.token_id, "request": actor.request_id},
        kind=kind,
        target=target,
        unit_id=getattr(thing, "unit_id", None),
        model_id=model_id,
        data=data,
        personal=personal,
    )


def record_refusal(
    db: Session,
    actor: Actor | None,
    kind: str,
    *,
    address: str,
    message: str,
    tried: dict[str, str],
    personal: dict[str, Any] | None = None,
) -> None:
    """Write that somebody was refused; repeats within a minute from one address are only counted.

    Args:
        tried: What was asked for, method and path; never a secret.
        personal: What else must be erasable, such as the account that a sign-in named.
    """
    minute = clock.now().strftime("%Y-%m-%dT%H:%M")
    who = actor.id if actor else "nobody"
    address = address[:64]
    repeat = (Refusal.kind == kind, Refusal.actor_id == who, Refusal.address == address, Refusal.minute == minute)
    again = update(Refusal).where(*repeat).values(count=Refusal.count + 1)
    if _count_rows(db, again):
        return
    try:
        with db.begin_nested():
            event_id = _write(
                db,
                workspace_id=actor.workspace_id if actor else DEFAULT_WORKSPACE,
                actor={"id": who, "kind": actor.kind.value if actor else "nobody"},
                kind=kind,
                target={
                    "kind": "request",
                    "id": who,
                    "name": f"{tried.get('method', '')} {tried.get('path', '')}".strip(),
                },
                unit_id=None,
                model_id=None,
                data={"tried": tried},
                personal={"address": address, "message": message, **(personal or {})},  # words may name people
            )
            db.add(Refusal(kind=kind, actor_id=who, address=address, minute=minute, event_id=event_id, count=1))
    except IntegrityError:  # the same refusal at the same moment, elsewhere
        _count_rows(db, again)


def _count_rows(db: Session, statement: Update) -> int:
    return cast("CursorResult[Any]", db.execute(statement)).rowcount


def _write(
    db: Session,
    *,
    workspace_id: str,
    actor: dict[str, Any],
    kind: str,
    target: dict[str, Any],
    unit_id: str | None,
    model_id: str | None,
    data: dict[str, Any],
    personal: dict[str, Any] | None,
) -> str:
    event_id, at = new_id(), clock.now()
    content: dict[str, Any] = {
        "id": event_id,
        "workspace": workspace_id,
        "kind": kind,
        "at": at.isoformat(),
        "actor": actor,
        "object": target,
        "unit": unit_id,
        "model": model_id,
        "data": data,
    }
    salt = ""
    if personal:
        salt = secrets.token_hex(16)
        content["personal"] = personal_digest(salt, personal)
    text = _print(content)
    digest = hashlib.sha256(text.encode())
    connection = db.connection()
    _ADD_EVENT.do(
        connection,
        id=event_id,
        workspace_id=workspace_id,
        kind=kind,
        at=at,
        actor_id=actor["id"],
        actor_kind=actor["kind"],
        object_kind=target["kind"],
        object_id=target["id"],
        unit_id=unit_id,
        model_id=model_id,
        content=text,
        sha256=digest.hexdigest(),
        hmac=hmac.digest(db.info["keys"].events, digest.digest(), "sha256").hex(),
    )
    _ADD_UNPLACED.do(connection, event_id=event_id)
    if personal:
        _ADD_PERSONAL.do(connection, event_id=event_id, salt=salt, data=personal)
    return event_id
