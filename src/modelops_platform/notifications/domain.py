"""What people are told about, in words."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Topic(StrEnum):
    """Why somebody is told of an event; each can be switched off by everybody for themselves."""

    APPROVAL_WANTED = "approval_wanted"
    APPROVAL_DECIDED = "approval_decided"
    FINDING = "finding"
    EXCEPTION = "exception"
    REVIEW = "review"
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
        Topic.FINDING: ("Finding", "A finding that you work on, or that your function judges, moved or is late."),
        Topic.EXCEPTION: ("Exception", "A waiver or an emergency change wants your word, was decided, or ends."),
        Topic.REVIEW: (
            "Review",
            "A review or an assessment is due, a tier changes, or evidence about a model that you own has expired.",
        ),
        Topic.ALERT: ("Alert", "A light of a model that you answer for got worse."),
        Topic.DANGER: ("Dangerous file", "A scan found danger in a file of a model that you answer for."),
        Topic.RESPONSIBILITY: ("Named", "You were named owner, developer or validator of a model."),
        Topic.DEPLOYMENT: (
            "Live",
            "A model that you answer for went live, was stopped, or runs other bytes than approved.",
        ),
        Topic.TRAINING: ("Training", "A run of your recipe ended."),
        Topic.ACCESS_WANTED: ("Access wanted", "Somebody asks for a role that you may give."),
        Topic.ACCESS_DECIDED: ("Access", "A role that you asked for was given or declined."),
    }
)
"""For each topic a short label, and the sentence of the settings page."""
