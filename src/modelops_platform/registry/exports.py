"""Writing models as files for spreadsheets and programs."""

import csv
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

from .tables import Model

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def plain_cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _name(thing: Any) -> str | None:
    return thing.name if thing else None


COLUMNS: dict[str, Callable[[Model], Any]] = {
    "name": lambda model: model.name,
    "kind": lambda model: model.kind,
    "unit": lambda model: model.unit.name,
    "use_case": lambda model: _name(model.use_case),
    "purpose": lambda model: model.purpose,
    "owner": lambda model: model.owner.name,
    "developer": lambda model: _name(model.developer),
    "validator": lambda model: _name(model.validator),
    "tier": lambda model: model.summary.tier,
    "state": lambda model: model.summary.state,
    "light": lambda model: model.summary.light,
    "live_in": lambda model: [environment["name"] for environment in model.summary.live_environments],
    "open_findings": lambda model: model.summary.open_findings,
    "next_review": lambda model: model.summary.next_review and model.summary.next_review.isoformat(),
    "eu_class": lambda model: model.eu_class,
    "affects_people": lambda model: model.affects_people,
    "last_version": lambda model: model.last_version,
    "aliases": lambda model: model.aliases,
    "tags": lambda model: model.tags,
    "fields": lambda model: model.fields,
    "changed": lambda model: model.updated_at.isoformat(timespec="seconds"),
    "id": lambda model: model.id,
}


def as_json(models: Iterable[Model]) -> bytes:
    """Return the models as one JSON document."""
    rows = [{column: read(model) for column, read in COLUMNS.items()} for model in models]
    return json.dumps({"items": rows}, ensure_ascii=False).encode()


def as_csv(models: Iterable[Model]) -> bytes:
    """Return the models as CSV in UTF-8 with a byte order mark, as spreadsheets expect it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([plain_cell(_flat(read(model))) for read in COLUMNS.values()] for model in models)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _flat(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return "; ".join(f"{key}={item}" for key, item in value.items())
    return value
