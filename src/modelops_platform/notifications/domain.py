"""What people are told about, in words."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Topic(StrEnum):
    """Why somebody is told of an event; each can be switched off by everybody for themselves."""

    APPROVAL_WANTED = "approval_wanted"
    APPROVAL_DECIDED = "approval_decided"
    ALERT = "alert"
    DANGER = "danger"
    RESPONSIBILITY = "responsibility"
    DEPLOYMENT = "deployment"
    TRAINING = "training"
    ACCESS_WANTED = "access_wanted"
    ACCESS_DECIDED = "access_decided"


TOPIC_WORDS: Mapping[Topic, tuple[str, str]] = MappingProxyType(
    {
        Topic.APPROVAL_WANTED: ("Vote wanted", "Somebody asks for an approval that you may give."),
        Topic.APPROVAL_DECIDED: ("Request decided", "An approval that you asked for was given, refused or voided."),
        Topic.ALERT: ("Alert", "A light of a model that you answer for got worse."),
        Topic.DANGER: ("Dangerous file", "A scan found danger in a file of a model that you answer for."),
        Topic.RESPONSIBILITY: ("Named", "You were named owner, developer or validator of a model."),
        Topic.DEPLOYMENT: ("Live", "A model that you answer for went live, or runs other bytes than approved."),
        Topic.TRAINING: ("Training", "A run of your recipe ended."),
        Topic.ACCESS_WANTED: ("Access wanted", "Somebody asks for a role that you may give."),
        Topic.ACCESS_DECIDED: ("Access", "A role that you asked for was given or declined."),
    }
)
"""For each topic a short label, and the sentence of the settings page."""
