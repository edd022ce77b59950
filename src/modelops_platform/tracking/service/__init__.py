"""Verbs of tracking, by noun."""

from .artifacts import begin_freezing, check_may_put, delete_artifacts, freeze_folder, put_artifact, rename_frozen
from .assessments import create_assessment, delete_assessment, update_assessment
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
from .logged_models import (
    ModelPoint,
    create_logged_model,
    delete_logged_model,
    delete_logged_model_tag,
    finish_logged_model,
    log_logged_model_params,
    set_logged_model_tags,
)
from .logging import Point, add_points, delete_tag, forget_document, get_to_log, log_batch
from .runs import create_run, delete_run, restore_run, update_run
from .traces import (
    begin_trace,
    delete_trace_tag,
    delete_traces,
    end_trace,
    link_prompts,
    link_to_run,
    log_spans,
    put_trace,
    set_trace_tag,
)
from .upkeep import refresh_statistics

__all__ = [
    "ModelPoint",
    "Point",
    "UsedData",
    "add_points",
    "begin_freezing",
    "begin_trace",
    "check_may_put",
    "create_assessment",
    "create_experiment",
    "create_logged_model",
    "create_run",
    "delete_artifacts",
    "delete_assessment",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_logged_model",
    "delete_logged_model_tag",
    "delete_run",
    "delete_tag",
    "delete_trace_tag",
    "delete_traces",
    "end_trace",
    "ensure_default_experiment",
    "finish_logged_model",
    "forget_document",
    "freeze_folder",
    "get_to_log",
    "link_prompts",
    "link_to_run",
    "log_batch",
    "log_inputs",
    "log_logged_model_params",
    "log_model",
    "log_outputs",
    "log_spans",
    "now_ms",
    "put_artifact",
    "put_trace",
    "refresh_statistics",
    "rename_experiment",
    "rename_frozen",
    "restore_experiment",
    "restore_run",
    "set_experiment_tag",
    "set_logged_model_tags",
    "set_trace_tag",
    "update_assessment",
    "update_run",
]
