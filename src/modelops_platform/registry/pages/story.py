"""Events of a model as a story, for the timeline component."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelops_platform.events.domain import LogEntry, describe, tone, who


@dataclass(frozen=True, slots=True)
class Chapter:
    """One thing that happened, in words."""

    at: datetime
    who: str
    text: str
    tone: str = "neutral"
    detail: str | None = None


def tell(entries: Iterable[LogEntry], names: Mapping[str, str]) -> list[Chapter]:
    """Return the events as sentences that follow the name of who did it."""
    return [
        Chapter(entry.at, who(entry, names), _sentence(entry, names), _tone(entry), _detail(entry)) for entry in entries
    ]


def _sentence(entry: LogEntry, names: Mapping[str, str]) -> str:
    data = entry.data
    match entry.kind:
        case "model.registered":
            return "registered the model"
        case "model.edited":
            return f"changed {_listed(data.get('changes', {}))}"
        case "model.archived":
            return "archived the model"
        case "model.restored":
            return "brought the model back"
        case "model.validator_named":
            return "named who checks it independently"
        case "model.tagged":
            return f"tagged it {data.get('tag')}" + (f" = {data['value']}" if data.get("value") else "")
        case "model.untagged":
            return f"took the tag {data.get('tag')} off"
        case "version.added":
            return f"added v{data.get('number')}"
        case "version.archived":
            return f"archived v{data.get('number')}"
        case "version.restored":
            return f"brought v{data.get('number')} back"
        case "alias.set" if data.get("before"):
            return f"moved {data.get('alias')} from v{data['before']} to v{data.get('number')}"
        case "alias.set":
            return f"made v{data.get('number')} {data.get('alias')}"
        case "alias.removed":
            return f"took {data.get('alias')} off v{data.get('number')}"
    return describe(entry, names)


_WORDS = {
    "unit_id": "the unit",
    "use_case_id": "the use case",
    "owner_id": "the owner",
    "developer_id": "the developer",
    "validator_id": "the validator",
    "eu_class": "the EU AI Act class",
    "affects_people": "whether people are affected",
    "fields": "its fields",
}


def _listed(changes: Mapping[str, Any]) -> str:
    words = [_WORDS.get(key, f"the {key}") for key in changes]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]])) or "nothing"


def _tone(entry: LogEntry) -> str:
    return "pass" if entry.kind == "alias.set" else tone(entry.kind)


def _detail(entry: LogEntry) -> str | None:
    if entry.kind == "version.added" and entry.data.get("files") == 0:
        return "without files: its digest is unverified"
    if entry.kind == "model.edited" and "name" in entry.data.get("changes", {}):
        before, after = entry.data["changes"]["name"]
        return f"from {before} to {after}"
    return None
