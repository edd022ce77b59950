"""Verbs of tracking, by noun."""

from .experiments import (
    create_experiment,
    delete_experiment,
    delete_experiment_tag,
    ensure_default_experiment,
    now_ms,
    rename_experiment,
    restore_experiment,
    set_experiment_tag,
)
from .inputs import UsedData, log_inputs, log_model, log_outputs
from .logging import Point, add_points, delete_tag, forget_document, get_to_log, log_batch
from .runs import create_run, delete_run, restore_run, update_run
from .upkeep import refresh_statistics

__all__ = [
    "Point",
    "UsedData",
    "add_points",
    "create_experiment",
    "create_run",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_run",
    "delete_tag",
    "ensure_default_experiment",
    "forget_document",
    "get_to_log",
    "log_batch",
    "log_inputs",
    "log_model",
    "log_outputs",
    "now_ms",
    "refresh_statistics",
    "rename_experiment",
    "restore_experiment",
    "restore_run",
    "set_experiment_tag",
    "update_run",
]
