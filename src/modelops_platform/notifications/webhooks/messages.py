"""What a webhook may be told of, and the signed message that tells it."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core.errors import InvalidInput
from modelops_platform.events.domain import LogEntry


class Entity(StrEnum):
    """What sort of thing it is about, in the order of the protocol's numbers."""

    REGISTERED_MODEL = "REGISTERED_MODEL"
    MODEL_VERSION = "MODEL_VERSION"
    MODEL_VERSION_TAG = "MODEL_VERSION_TAG"
    MODEL_VERSION_ALIAS = "MODEL_VERSION_ALIAS"
    PROMPT = "PROMPT"
    PROMPT_VERSION = "PROMPT_VERSION"
    PROMPT_TAG = "PROMPT_TAG"
    PROMPT_VERSION_TAG = "PROMPT_VERSION_TAG"
    PROMPT_ALIAS = "PROMPT_ALIAS"
    BUDGET_POLICY = "BUDGET_POLICY"


class Action(StrEnum):
    """What happened to it, in the order of the protocol's numbers."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    SET = "SET"
    EXCEEDED = "EXCEEDED"


class WebhookStatus(StrEnum):
    """Whether it is told of anything now."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


class DeliveryState(StrEnum):
    """How far a message to a webhook is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


_NAMED = {"name": "example_model"}
_VERSION = {**_NAMED, "version": "1"}
_TAG = {"key": "example_key", "value": "example_value"}
_DESCRIBED = {"tags": {"example_key": "example_value"}, "description": "An example"}
EXAMPLES: Mapping[tuple[Entity, Action], Mapping[str, Any]] = MappingProxyType(
    {
        (Entity.REGISTERED_MODEL, Action.CREATED): {**_NAMED, **_DESCRIBED},
        (Entity.MODEL_VERSION, Action.CREATED): {**_VERSION, "source": "models:/m-0", "run_id": None, **_DESCRIBED},
        (Entity.MODEL_VERSION_TAG, Action.SET): {**_VERSION, **_TAG},
        (Entity.MODEL_VERSION_TAG, Action.DELETED): {**_VERSION, "key": "example_key"},
        (Entity.MODEL_VERSION_ALIAS, Action.CREATED): {**_VERSION, "alias": "champion"},
        (Entity.MODEL_VERSION_ALIAS, Action.DELETED): {**_NAMED, "alias": "champion"},
        (Entity.PROMPT, Action.CREATED): {**_NAMED, **_DESCRIBED},
        (Entity.PROMPT_VERSION, Action.CREATED): {**_VERSION, "template": "Hello {{name}}!", **_DESCRIBED},
        (Entity.PROMPT_TAG, Action.SET): {**_NAMED, **_TAG},
        (Entity.PROMPT_TAG, Action.DELETED): {**_NAMED, "key": "example_key"},
        (Entity.PROMPT_VERSION_TAG, Action.SET): {**_VERSION, **_TAG},
        (Entity.PROMPT_VERSION_TAG, Action.DELETED): {**_VERSION, "key": "example_key"},
        (Entity.PROMPT_ALIAS, Action.CREATED): {**_VERSION, "alias": "champion"},
        (Entity.PROMPT_ALIAS, Action.DELETED): {**_NAMED, "alias": "champion"},
        (Entity.BUDGET_POLICY, Action.EXCEEDED): {"budget_policy_id": "example", "budget_amount": 100.0},
    }
)
"""What a webhook can be told of, with an example of each; budgets belong to a gateway, which is not here."""

LONGEST_DESCRIPTION, LONGEST_SECRET, MOST_EVENTS = 1_000, 1_000, 50
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Told:
    """What one event of the log means to webhooks."""

    entity: Entity
    action: Action
    data: Mapping[str, Any]


Telling = Callable[[Session, LogEntry], Iterable[Told]]
"""Says what an event means; registered by the room that writes the event."""


def checked_name(name: str) -> str:
    """Return a webhook's name. Raises InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"Invalid value {name[:80]!r} for parameter 'name' supplied: a webhook's name has 1 to 63 letters, digits "
            "and the signs . _ -, and begins and ends with a letter or digit.",
            field="name",
        )
    return name


def checked_events(events: Sequence[tuple[Entity, Action]]) -> list[list[str]]:
    """Return what a webhook wants to be told of, as it is kept. Raises InvalidInput."""
    if not events:
        raise InvalidInput("Missing value for required parameter 'events'.", field="events")
    if len(events) > MOST_EVENTS:
        raise InvalidInput(f"At most {MOST_EVENTS} events are named.", field="events")
    for pair in events:
        if pair not in EXAMPLES:
            known = ", ".join(f"{entity}.{action}" for entity, action in EXAMPLES)
            raise InvalidInput(f"Invalid action '{pair[1]}' for entity '{pair[0]}'; valid are {known}.", field="events")
    return [[entity.value, action.value] for entity, action in dict.fromkeys(events)]


def message_of(entity: str, action: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    """Return the body that tells of something."""
    told = {
        "entity": entity.lower(),
        "action": action.lower(),
        "timestamp": at.astimezone(UTC).isoformat(),
        "data": dict(data),
    }
    return json.dumps(told, ensure_ascii=False).encode()


def headers_of(body: bytes, delivery_id: str, at: datetime, secret: str | None) -> dict[str, str]:
    """Return the headers of a message: who tells it what and when, and with a secret the proof of it."""
    seconds = str(int(at.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": delivery_id,
        "X-MLflow-Timestamp": seconds,
    }
    if secret:
        signed = b".".join((delivery_id.encode(), seconds.encode(), body))
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
        headers["X-MLflow-Signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers
