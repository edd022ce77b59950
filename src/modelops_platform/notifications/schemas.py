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
