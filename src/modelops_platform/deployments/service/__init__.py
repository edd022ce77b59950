"""Verbs of release control: permission, rule, gate, write, event."""

from .environments import (
    create_environment,
    edit_environment,
    ensure_environments,
    restore_environment,
    retire_environment,
)
from .inference import Answering, ask, find_answering
from .keeping import register_gates
from .records import archive_deployment, create_deployment, edit_deployment
from .revisions import activate, end_revision, report_digest
from .summaries import live_environments, refresh_summary

__all__ = [
    "Answering",
    "activate",
    "archive_deployment",
    "ask",
    "create_deployment",
    "create_environment",
    "edit_deployment",
    "edit_environment",
    "end_revision",
    "ensure_environments",
    "find_answering",
    "live_environments",
    "refresh_summary",
    "register_gates",
    "report_digest",
    "restore_environment",
    "retire_environment",
]
