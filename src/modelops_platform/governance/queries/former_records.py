"""What the records of models and versions said at a moment; now they say what they say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.registry.tables import RECORDED, Model, ModelRecord, Version, VersionText


class Recorded(Protocol):
    """What the record of a model says that governance judges by."""

    @property
    def unit_id(self) -> str: ...
    @property
    def use_case_id(self) -> str | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def owner_id(self) -> str: ...
    @property
    def developer_id(self) -> str | None: ...
    @property
    def validator_id(self) -> str | None: ...
    @property
    def validator_named_by(self) -> str | None: ...
    @property
    def eu_class(self) -> str | None: ...
    @property
    def affects_people(self) -> bool: ...
    @property
    def fields(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Said:
    """Former records by model and former texts by version; who is not among them had been said what is said now."""

    records: Mapping[str, ModelRecord] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def record(self, model: Model) -> Recorded:
        """Return what the model's record said."""
        return self.records.get(model.id, model)

    def units(self) -> set[str]:
        """Return where models stood in the organisation."""
        return {record.unit_id for record in self.records.values()}

    def description(self, version: Version) -> str:
        """Return what was said of the version."""
        return self.texts.get(version.id, version.description)

    def then(self, version: Version) -> Version:
        """Return the version as it read then, for whoever looks at more of it; the row itself is not touched."""
        if version.model_id not in self.records and version.id not in self.texts:
            return version
        model: Any = version.model
        if version.model_id in self.records:
            record = self.records[version.model_id]
            model = _Then(model, {name: getattr(record, name) for name in RECORDED})
        return cast("Version", _Then(version, {"model": model, "description": self.description(version)}))


class _Then:
    """A row with some of its values as they were."""

    __slots__ = ("_row", "_values")

    def __init__(self, row: object, values: Mapping[str, Any]) -> None:
        self._row = row
        self._values = values

    def __getattr__(self, name: str) -> Any:
        return self._values[name] if name in self._values else getattr(self._row, name)


def find_said(db: Session, models: Sequence[Model], versions: Iterable[Version], at: datetime | None) -> Said:
    """Return what was said at a past moment, in two statements; of now nothing needs to be read."""
    if at is None:
        return Said()
    records = db.scalars(
        select(ModelRecord).where(
            ModelRecord.model_id.in_([model.id for model in models]), ModelRecord.from_at <= at, ModelRecord.to_at > at
        )
    )
    texts = db.execute(
        select(VersionText.version_id, VersionText.description).where(
            VersionText.version_id.in_([version.id for version in versions]),
            VersionText.from_at <= at,
            VersionText.to_at > at,
        )
    )
    return Said({record.model_id: record for record in records}, {row.version_id: row.description for row in texts})
