"""Logged models: their states, names, what a search of them knows, and how clients read one."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from modelops_platform.core.errors import InvalidInput

from .documents import printable
from .filters import LISTED, NUMERIC, TEXT, Attribute, Entity, Grammar
from .searches import METRIC

LONGEST_NAME = 500
MOST_PARAMS, MOST_POINTS = 1_000, 1_000


class LoggedModelStatus(StrEnum):
    """How far a logged model is, in the order of the protocol's numbers."""

    LOGGED_MODEL_PENDING = "LOGGED_MODEL_PENDING"
    LOGGED_MODEL_READY = "LOGGED_MODEL_READY"
    LOGGED_MODEL_UPLOAD_FAILED = "LOGGED_MODEL_UPLOAD_FAILED"


def checked_model_name(name: str) -> str:
    """Return the name of a logged model. Raises InvalidInput."""
    if len(name) > LONGEST_NAME:
        raise InvalidInput(f"A model's name has at most {LONGEST_NAME} characters.", field="name")
    if found := next((one for one in name if one in "/:.%\"'"), None):
        raise InvalidInput(
            f"Invalid model name ({name[:200]}) provided. Model name must be a non-empty string and cannot contain the "
            f"following characters: ('/', ':', '.', '%', '\"', \"'\"); here it is {found!r}.",
            field="name",
            value=name[:80],
        )
    return name


def status_named(value: str) -> str:
    """Return a status as it is kept: clients name it in full, without its beginning, or by number."""
    names = list(LoggedModelStatus)
    if value in ("1", "2", "3"):
        return names[int(value) - 1].value
    full = f"LOGGED_MODEL_{value.upper().removeprefix('LOGGED_MODEL_')}"
    return full if full in names else value


def _text(name: str, *, takes_number: bool = False) -> Attribute:
    return Attribute(name, TEXT | LISTED, sorts=True, takes_number=takes_number)


def _number(name: str) -> Attribute:
    return Attribute(name, NUMERIC, is_number=True, sorts=True)


_CREATED, _UPDATED = _number("creation_timestamp"), _number("last_updated_timestamp")
_MODEL = Entity(
    "attribute",
    {
        "name": _text("name"),
        "model_id": _text("model_id"),
        "model_type": _text("model_type"),
        "status": _text("status", takes_number=True),
        "source_run_id": _text("source_run_id"),
        "experiment_id": _text("experiment_id", takes_number=True),
        "artifact_location": _text("artifact_location"),
        **dict.fromkeys(("creation_timestamp", "creation_time", "creation_timestamp_ms", "creation_time_ms"), _CREATED),
        **dict.fromkeys(("last_updated_timestamp", "last_updated_timestamp_ms"), _UPDATED),
    },
)
LOGGED_MODELS = Grammar(
    {
        "attributes": _MODEL,
        "metrics": METRIC,
        "params": Entity("param", any=Attribute("", TEXT | LISTED)),
        "tags": Entity("tag", any=Attribute("", TEXT | LISTED)),
    },
    _MODEL,
)


class ModelInfo(msgspec.Struct, omit_defaults=True):
    """The head of a logged model."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str | None = None
    source_run_id: str | None = None
    status_message: str | None = None
    tags: list[dict[str, str]] = []


class ModelParts:
    """A logged model taken together from its rows."""

    __slots__ = ("info", "metrics", "params")

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self.params: list[dict[str, str]] = []
        self.metrics: list[dict[str, Any]] = []

    def add_point(self, key: str, value: float | None, timestamp: int, step: int, *source: str | None) -> None:
        """Add a point: what follows are the run, and the data set's name and digest."""
        point: dict[str, Any] = {"key": key, "value": printable(value), "timestamp": timestamp, "step": step}
        names = ("run_id", "dataset_name", "dataset_digest")
        point |= {name: text for name, text in zip(names, source, strict=True) if text is not None}
        self.metrics.append({**point, "model_id": self.info.model_id})

    def document(self) -> dict[str, Any]:
        """Return it as clients read it."""
        data: dict[str, Sequence[Any]] = {}
        if self.params:
            data["params"] = self.params
        if self.metrics:
            data["metrics"] = self.metrics
        return {"info": self.info, "data": data}
