"""Verbs of the inventory: permission, rule, gate, write, event."""

from .aliases import remove_alias, set_alias
from .data_sets import archive_data_set, create_data_set, restore_data_set
from .fields import add_field, archive_field, restore_field
from .holds import check_not_held, lift_hold, place_hold
from .models import add_model, archive_model, edit_model, register_model, remove_tag, restore_model, set_tag
from .protocol import (
    add_logged_version,
    delete_model,
    describe_model,
    describe_version,
    drop_alias,
    drop_tag,
    drop_version_tag,
    put_alias,
    put_tag,
    put_version_tag,
    register_named,
    rename_model,
    set_stage,
)
from .references import unit_named
from .retention import ARCHIVE, PURGE, find_purgeable, purge_versions
from .summaries import rebuild_summaries, rebuild_summary, summarise
from .use_cases import archive_use_case, create_use_case, edit_use_case, restore_use_case
from .validators import name_validator
from .versions import add_version, archive_version, restore_version

__all__ = [
    "ARCHIVE",
    "PURGE",
    "add_field",
    "add_logged_version",
    "add_model",
    "add_version",
    "archive_data_set",
    "archive_field",
    "archive_model",
    "archive_use_case",
    "archive_version",
    "check_not_held",
    "create_data_set",
    "create_use_case",
    "delete_model",
    "describe_model",
    "describe_version",
    "drop_alias",
    "drop_tag",
    "drop_version_tag",
    "edit_model",
    "edit_use_case",
    "find_purgeable",
    "lift_hold",
    "name_validator",
    "place_hold",
    "purge_versions",
    "put_alias",
    "put_tag",
    "put_version_tag",
    "rebuild_summaries",
    "rebuild_summary",
    "register_model",
    "register_named",
    "remove_alias",
    "remove_tag",
    "rename_model",
    "restore_data_set",
    "restore_field",
    "restore_model",
    "restore_use_case",
    "restore_version",
    "set_alias",
    "set_stage",
    "set_tag",
    "summarise",
    "unit_named",
]
