"""Verbs of the inventory: permission, rule, gate, write, event."""

from .aliases import remove_alias, set_alias
from .data_sets import archive_data_set, create_data_set, restore_data_set
from .fields import add_field, archive_field, restore_field
from .holds import check_not_held, lift_hold, place_hold
from .models import archive_model, edit_model, register_model, remove_tag, restore_model, set_tag
from .references import unit_named
from .retention import PURGE, purge_versions
from .summaries import rebuild_summaries, rebuild_summary, summarise
from .use_cases import archive_use_case, create_use_case, edit_use_case, restore_use_case
from .versions import add_version

__all__ = [
    "PURGE",
    "add_field",
    "add_version",
    "archive_data_set",
    "archive_field",
    "archive_model",
    "archive_use_case",
    "check_not_held",
    "create_data_set",
    "create_use_case",
    "edit_model",
    "edit_use_case",
    "lift_hold",
    "place_hold",
    "purge_versions",
    "rebuild_summaries",
    "rebuild_summary",
    "register_model",
    "remove_alias",
    "remove_tag",
    "restore_data_set",
    "restore_field",
    "restore_model",
    "restore_use_case",
    "set_alias",
    "set_tag",
    "summarise",
    "unit_named",
]
