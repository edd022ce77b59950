"""Verbs of release control: permission, rule, gate, write, event."""

from .environments import (
    create_environment,
    edit_environment,
    ensure_environments,
    restore_environment,
    retire_environment,
)
from .records import archive_deployment, create_deployment, edit_deployment
from .revisions import activate, end_revision, report_digest
from .summaries import live_environments, refresh_summary

__all__ = [
    "activate",
    "archive_deployment",
    "create_deployment",
    "create_environment",
    "edit_deployment",
    "edit_environment",
    "end_revision",
    "ensure_environments",
    "live_environments",
    "refresh_summary",
    "report_digest",
    "restore_environment",
    "retire_environment",
]
