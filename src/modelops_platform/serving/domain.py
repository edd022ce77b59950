"""What goes into a model worker and what comes out: a model file by digest, tables, answers, typed failures."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from modelops_platform.artifacts.domain import Format
from modelops_platform.core.errors import InvalidInput

Cell = str | int | float | bool | None
Answer = Cell | tuple[Cell, ...]
"""One prediction: a value, or several for a model with several outputs."""

LOADABLE = (Format.ONNX, Format.SKOPS, Format.PICKLE, Format.JOBLIB)
PICKLED = (Format.PICKLE, Format.JOBLIB)


class FailureCode(StrEnum):
    """Why a worker gave no answer."""

    DIGEST_MISMATCH = "digest_mismatch"
    NOT_LOADABLE = "not_loadable"
    BAD_INPUT = "bad_input"
    OUT_OF_TIME = "out_of_time"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer, in a code for programs and words for people."""

    code: FailureCode
    message: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows for a model, with the names of their columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        if not self.columns:
            raise InvalidInput("The table has no columns.", remedy="Name at least one column.", field="columns")
        if len(set(self.columns)) != len(self.columns):
            raise InvalidInput(
                "A column stands twice in the table.",
                remedy="Name each column once.",
                field="columns",
                value=list(self.columns),
            )
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise InvalidInput(
                    f"Row {number} has {len(row)} values for {len(self.columns)} columns.",
                    remedy="Give each row one value for each column; null where it is missing.",
                    field=f"rows[{number}]",
                    value=len(row),
                )
            for column, cell in zip(self.columns, row, strict=True):
                if cell is not None and not isinstance(cell, str | int | float):
                    raise InvalidInput(
                        f"Row {number} has a {type(cell).__name__} in column {column!r}.",
                        remedy="Give a number, a text, true, false or null.",
                        field=f"rows[{number}].{column}",
                        value=type(cell).__name__,
                    )

    @classmethod
    def from_records(cls, records: Sequence[Mapping[str, Cell]]) -> "Table":
        """Make a table of records that all have the same keys. Raises InvalidInput."""
        if not records:
            raise InvalidInput("The table has no rows.", remedy="Give at least one record.", field="records")
        columns = tuple(records[0])
        for number, record in enumerate(records):
            if set(record) != set(columns):
                odd = sorted(set(record) ^ set(columns))
                raise InvalidInput(
                    f"Record {number} differs from the first in {', '.join(odd)}.",
                    remedy="Give every record the same keys; null where a value is missing.",
                    field=f"records[{number}]",
                    value=odd,
                )
        return cls(columns, tuple(tuple(record[column] for column in columns) for record in records))


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model as the worker may load it: these bytes, in this format, with this much trust.

    Pickle and joblib run code of their maker when they are loaded; `allow_pickle` is somebody's decision to let
    them. `trusted_types` are the types that somebody decided to trust beyond those skops trusts by itself.
    """

    path: Path
    sha256: str
    format: Format
    allow_pickle: bool = False
    trusted_types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise InvalidInput(
                f"{self.sha256!r} is not a SHA-256.",
                remedy="Give 64 digits and letters a to f.",
                field="sha256",
                value=self.sha256,
            )
        if self.format not in LOADABLE:
            raise InvalidInput(
                f"No worker loads models of format {self.format.value}.",
                remedy=f"Give a model as {', '.join(kind.value for kind in LOADABLE)}; ONNX needs no trust.",
                field="format",
                value=self.format.value,
            )


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """The answers to one table, or why there are none.

    A number that is not finite comes back as None. `classes` name the columns of `probabilities`, where the model
    tells them.
    """

    predictions: tuple[Answer, ...] = ()
    probabilities: tuple[tuple[float | None, ...], ...] | None = None
    classes: tuple[Cell, ...] | None = None
    failure: Failure | None = field(default=None)

    @classmethod
    def failed(cls, code: FailureCode, message: str) -> "ScoreResult":
        """Return a result without answers."""
        return cls(failure=Failure(code, message))

    @classmethod
    def from_json(cls, data: Any) -> "ScoreResult":
        """Rebuild what a worker printed; raises ValueError, KeyError or TypeError when it is no result."""
        if failure := data.get("failure"):
            return cls.failed(FailureCode(failure["code"]), str(failure["message"]))
        probabilities, classes = data["probabilities"], data["classes"]
        return cls(
            predictions=tuple(tuple(p) if isinstance(p, list) else p for p in data["predictions"]),
            probabilities=None if probabilities is None else tuple(tuple(row) for row in probabilities),
            classes=None if classes is None else tuple(classes),
        )
