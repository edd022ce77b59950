"""Reads of the inventory; all start from what the actor may see."""

from .aliases import alias_history, find_alias, list_aliases
from .data_sets import (
    data_sets_visible_to,
    find_data_set,
    get_archived_data_set,
    get_data_set,
    get_data_set_by_id,
    list_data_sets,
    list_versions_of,
)
from .fields import (
    DescribedFields,
    definitions_by_kind,
    definitions_for,
    describe_fields,
    get_custom_field,
    list_custom_fields,
)
from .headers import Header, VersionHeader, get_header, get_version_header, why_not
from .holds import get_held, get_hold, holds_on, list_holds, list_purgeable
from .models import (
    get_archived_model,
    get_model,
    get_model_by_id,
    list_archived_models,
    note_similar_names,
    visible_to,
)
from .search import count_facets, count_models, export_models, list_models
from .use_cases import (
    count_models_by_use_case,
    find_use_case,
    get_archived_use_case,
    get_use_case,
    get_use_case_by_id,
    list_models_of,
    list_use_cases,
    use_cases_visible_to,
)
from .versions import get_version, get_version_by_id, list_versions, visible_versions

__all__ = [
    "DescribedFields",
    "Header",
    "VersionHeader",
    "alias_history",
    "count_facets",
    "count_models",
    "count_models_by_use_case",
    "data_sets_visible_to",
    "definitions_by_kind",
    "definitions_for",
    "describe_fields",
    "export_models",
    "find_alias",
    "find_data_set",
    "find_use_case",
    "get_archived_data_set",
    "get_archived_model",
    "get_archived_use_case",
    "get_custom_field",
    "get_data_set",
    "get_data_set_by_id",
    "get_header",
    "get_held",
    "get_hold",
    "get_model",
    "get_model_by_id",
    "get_use_case",
    "get_use_case_by_id",
    "get_version",
    "get_version_by_id",
    "get_version_header",
    "holds_on",
    "list_aliases",
    "list_archived_models",
    "list_custom_fields",
    "list_data_sets",
    "list_holds",
    "list_models",
    "list_models_of",
    "list_purgeable",
    "list_use_cases",
    "list_versions",
    "list_versions_of",
    "note_similar_names",
    "use_cases_visible_to",
    "visible_to",
    "visible_versions",
    "why_not",
]
