"""Verbs of training, by noun."""

from .recipes import (
    START,
    archive_recipe,
    create_recipe,
    edit_recipe,
    schedule_recipe,
    take_over_recipe,
    unschedule_recipe,
)
from .runs import TRAIN, actor_of, cancel_run, fail_run, finish_run, get_started, start_run, start_scheduled_run

__all__ = [
    "START",
    "TRAIN",
    "actor_of",
    "archive_recipe",
    "cancel_run",
    "create_recipe",
    "edit_recipe",
    "fail_run",
    "finish_run",
    "get_started",
    "schedule_recipe",
    "start_run",
    "start_scheduled_run",
    "take_over_recipe",
    "unschedule_recipe",
]
