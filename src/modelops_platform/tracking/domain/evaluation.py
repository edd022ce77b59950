"""What evaluation sets and their records may hold."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from modelops_platform.core.errors import InvalidInput

from .filters import NUMERIC, TEXT, Attribute, Entity, Grammar, Op
from .limits import LONGEST_TAG, checked_key
from .traces import checked_json, checked_length

MOST_RECORDS, LONGEST_NAME, MOST_TAGS = 10_000, 500, 200
PARTS = ("inputs", "outputs", "expectations", "tags", "source")
USER_TAG = "mlflow.user"

_SET = Entity(
    "attribute",
    {
        "name": Attribute("name", TEXT | {Op.IN}, sorts=True),
        "created_by": Attribute("created_by", TEXT),
        "last_updated_by": Attribute("last_updated_by", TEXT),
        "created_time": Attribute("created_time", NUMERIC, is_number=True, sorts=True),
        "last_update_time": Attribute("last_update_time", NUMERIC, is_number=True, sorts=True),
    },
)
EVALUATION_SETS = Grammar(
    {
        **dict.fromkeys(("attribute", "attributes", "dataset"), _SET),
        **dict.fromkeys(("tag", "tags"), Entity("tag", any=Attribute("", TEXT))),
    },
    _SET,
)


def read_json(text: str, what: str) -> Any:
    """Return the JSON value that travels as text. Raises InvalidInput."""
    try:
        return checked_json(json.loads(text), what)
    except (ValueError, RecursionError):
        raise InvalidInput(f"'{what}' is no JSON.", remedy="Send JSON as text.", field=what) from None


def holds_code(scorer: Any) -> bool:
    """Say whether a scorer, or one inside it, is source text, which clients run to read it."""
    if isinstance(scorer, dict):
        return scorer.get("call_source") is not None or any(holds_code(part) for part in scorer.values())
    return isinstance(scorer, list) and any(holds_code(part) for part in scorer)


def read_tags(text: str | None) -> dict[str, str | None]:
    """Return tags that travel as JSON text; None takes one off. Raises InvalidInput."""
    told = read_json(text, "tags") if text else {}
    if not isinstance(told, dict) or len(told) > MOST_TAGS:
        raise InvalidInput(f"'tags' is an object with at most {MOST_TAGS} tags.", field="tags")
    return {
        checked_key(key, "Tag key", "tags"): None if value is None else _text(value)[:LONGEST_TAG]
        for key, value in told.items()
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_records(text: str) -> list[dict[str, Any]]:
    """Return records that travel as JSON text. Raises InvalidInput."""
    told = read_json(text, "records")
    if not isinstance(told, list) or len(told) > MOST_RECORDS:
        raise InvalidInput(f"'records' is a list of at most {MOST_RECORDS:,} records.", field="records")
    return [_checked_record(one, f"records[{position}]") for position, one in enumerate(told)]


def _checked_record(told: Any, place: str) -> dict[str, Any]:
    if not isinstance(told, dict) or not isinstance(told.get("inputs", {}), dict):
        raise InvalidInput("A record is an object, and so are its inputs.", field=place)
    for part in ("expectations", "tags", "source"):
        if not isinstance(told.get(part) or {}, dict):
            raise InvalidInput(f"The {part} of a record are an object.", field=f"{place}.{part}")
    return {"inputs": {}, **{part: told[part] for part in PARTS if told.get(part) is not None}}


def digest_of_inputs(inputs: Mapping[str, Any]) -> str:
    """Return what tells a record from others."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def merged(kept: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record after the same inputs were told again: outputs replaced, expectations and tags added."""
    found = dict(kept)
    if "outputs" in told:
        found["outputs"] = told["outputs"]
    for part in ("expectations", "tags"):
        if told.get(part):
            found[part] = {**(kept.get(part) or {}), **told[part]}
    return found


def schema_with(kept: Mapping[str, Any] | None, records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the names and types of what the records hold, those known before first."""
    found: dict[str, Any] = {part: dict((kept or {}).get(part) or {}) for part in ("inputs", "outputs", "expectations")}
    for record in records:
        for part, known in found.items():
            value = record.get(part)
            if isinstance(value, dict):
                for key in value:
                    known.setdefault(key, _type_of(value[key]))
    return {**found, "version": "1.0"}


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {int: "integer", float: "float", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def checked_names(name: str, user: str | None) -> str:
    """Return the name of a set. Raises InvalidInput."""
    checked_length(user or "", LONGEST_NAME, "created_by")
    return checked_length(name, LONGEST_NAME, "name")


def source_of(content: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return what sort of source a record has, and which."""
    source: Any = content.get("source") or {}
    kind = source.get("source_type")
    data = source.get("source_data")
    about = data if isinstance(data, dict) else {}
    named = about.get("trace_id" if kind == "TRACE" else "source_id")
    return kind if isinstance(kind, str) else "UNSPECIFIED", named if isinstance(named, str) else None


def user_of(tags: Mapping[str, Any], fallback: str) -> str:
    """Return whom the client says it runs for."""
    told = tags.get(USER_TAG)
    return told if isinstance(told, str) and told else fallback
