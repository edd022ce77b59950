"""The people and models of the demonstration, read from `demo/data`: what a file says wrongly stops here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from .material import Entry, Person

_DATA = Path(__file__).parent / "data"
_QUESTIONS = [f"{block}{number}" for block, count in (("I", 6), ("C", 5), ("R", 4)) for number in range(1, count + 1)]


def _read(name: str) -> Any:
    return yaml.safe_load((_DATA / name).read_text(encoding="utf-8"))


def _answered(model: dict[str, Any]) -> dict[str, Any]:
    """Spell out the answers, written as digits in the questionnaire's order such as `334323 11211 4330`."""
    digits = map(int, model["answers"].replace(" ", ""))
    return model | {"answers": dict(zip(_QUESTIONS, digits, strict=True))}


_people = _read("people.yaml")
UNITS = TypeAdapter(tuple[str, ...]).validate_python(_people["units"])
PEOPLE = TypeAdapter(tuple[Person, ...]).validate_python(_people["people"])
ENTRIES = TypeAdapter(tuple[Entry, ...]).validate_python([_answered(model) for model in _read("models.yaml")])
GOVERNANCE: Mapping[str, Any] = _read("governance.yaml")
SUITES: Sequence[dict[str, Any]] = _read("suites.yaml")
SHORT_LIFE_CYCLE: Mapping[str, Any] = _read("spreadsheet-life-cycle.yaml")
