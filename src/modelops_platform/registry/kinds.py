"""What each kind of model is asked for, read from `data/kinds.yaml` once."""

from functools import cache
from pathlib import Path

import yaml

from .domain.fields import Definition, FieldType
from .domain.kinds import ModelKind


@cache
def kind_fields() -> dict[ModelKind, tuple[Definition, ...]]:
    """Return the fields of every kind, in the order of the form."""
    text = (Path(__file__).parent / "data" / "kinds.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    return {kind: tuple(_definition(key, entry) for key, entry in document[kind].items()) for kind in ModelKind}


def _definition(key: str, entry: dict[str, object]) -> Definition:
    return Definition(
        key=key,
        label=str(entry["label"]),
        type=FieldType(str(entry.get("type", "text"))),
        choices=tuple(map(str, entry.get("choices", ()))),  # type: ignore[call-overload]
        hint=str(entry.get("hint", "")),
    )
