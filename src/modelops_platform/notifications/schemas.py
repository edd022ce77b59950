"""Shapes of the notification centre."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from modelops_platform.web.forms import EmptyIsNone, In, Out, PageIn

from .domain import Topic


class NotificationFilter(PageIn):
    """Which notifications."""

    state: Annotated[Literal["unread", "read"] | None, EmptyIsNone] = None
    topic: Annotated[Topic | None, EmptyIsNone] = None


class NotificationOut(Out):
    """Something that happened and concerns you."""

    id: str
    topic: Topic
    words: str
    object_kind: str
    object_id: str
    model_id: str | None
    created_at: datetime
    read_at: datetime | None


class TopicsOut(Out):
    """The topics that one hears of."""

    topics: list[Topic]


class TopicsIn(In):
    """The topics to hear of; the others are silent from now on."""

    topics: list[Topic] = Field(default_factory=list, max_length=len(Topic))


class WebhookOut(Out):
    """An address of another system that is told of what happens."""

    id: str
    name: str
    description: str | None
    url: str
    events: list[list[str]] = Field(description="Pairs of what and what happened to it, as in the MLflow protocol.")
    status: str = Field(description="`ACTIVE` or `DISABLED`.")
    owner_id: str
    created_at: datetime
    updated_at: datetime


class DeliveryOut(Out):
    """A message to a webhook, and how sending it went."""

    id: str = Field(description="What the header `X-MLflow-Delivery-Id` says, the same at each try.")
    event_id: str
    entity: str
    action: str
    state: str = Field(description="`waiting`, `delivered` or `failed`.")
    attempts: int
    response_status: int | None
    error: str | None
    created_at: datetime
    tried_at: datetime | None
