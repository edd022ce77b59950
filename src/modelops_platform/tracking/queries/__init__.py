"""Reads of tracking, by noun."""

from .experiments import (
    count_runs,
    find_experiment_by_name,
    get_experiment,
    get_shown_experiment,
    list_experiment_tags,
    page_experiments,
    search_experiments,
)
from .history import get_histories, get_history
from .rights import OfExperiment, RunHead, is_visible, may, must, visible_to
from .runs import get_head, get_info, get_parts, get_run, get_run_document, keep_documents, make_documents
from .searching import FoundRuns, list_runs, search_data_sets, search_runs

__all__ = [
    "FoundRuns",
    "OfExperiment",
    "RunHead",
    "count_runs",
    "find_experiment_by_name",
    "get_experiment",
    "get_head",
    "get_histories",
    "get_history",
    "get_info",
    "get_parts",
    "get_run",
    "get_run_document",
    "get_shown_experiment",
    "is_visible",
    "keep_documents",
    "list_experiment_tags",
    "list_runs",
    "make_documents",
    "may",
    "must",
    "page_experiments",
    "search_data_sets",
    "search_experiments",
    "search_runs",
    "visible_to",
]
