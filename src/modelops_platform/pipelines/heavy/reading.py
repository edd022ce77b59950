"""Reads a data set's file into clean columns, or says which column and row is wrong."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from modelops_platform.core.errors import InvalidInput

from ..domain.estimators import Task
from ..domain.recipes import Recipe, SplitKind, lag_name

Cells: TypeAlias = "pd.Series[Any]"

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "none")
FEWEST_ROWS = 20
MOST_CATEGORIES = 255
MOST_CLASSES = 100
NEARLY_ALL = 0.9
"""A column with this share of numbers was meant as numbers: the rest are mistakes."""


@dataclass(frozen=True)
class Column:
    """A column a model asks for: its name, MLflow's word for its type, whether it had gaps."""

    name: str
    type: str
    has_gaps: bool = False

    @property
    def is_text(self) -> bool:
        """Tell whether the values are categories."""
        return self.type == "string"


@dataclass(frozen=True)
class Rows:
    """What a recipe learns from: inputs (float64 or text) and the target, row by row."""

    inputs: pd.DataFrame
    columns: tuple[Column, ...]
    target: npt.NDArray[np.generic]
    groups: npt.NDArray[np.object_] | None
    notes: tuple[str, ...]


def read_rows(recipe: Recipe, path: Path) -> Rows:
    """Read what `recipe` needs from a CSV or Parquet file; raises InvalidInput with column and row."""
    by = () if recipe.split.by is None else (recipe.split.by,)
    table = _read_table(path, tuple(dict.fromkeys((*recipe.features, recipe.target, *by))))
    if len(table) < FEWEST_ROWS:
        raise InvalidInput(
            f"The data set has {len(table)} rows; at least {FEWEST_ROWS} are needed to learn and to measure.",
            field="data_set_id",
            value=len(table),
            remedy="Take a data set with more rows.",
        )
    if recipe.split.kind is SplitKind.ORDERED and recipe.split.by is not None:
        table = table.iloc[_order(table[recipe.split.by], recipe.split.by)]
    target = _read_target(recipe, table[recipe.target])
    read = [_read_feature(name, table[name]) for name in recipe.features]
    inputs = pd.DataFrame({column.name: values for column, values in read}, index=range(len(table)))
    columns = [column for column, _ in read]
    notes = [*_notes(read)]
    for lag in recipe.lags:
        name = lag_name(recipe.target, lag)
        inputs[name] = pd.Series(target.astype(np.float32).astype(np.float64)).shift(lag)
        columns.append(Column(name, "double"))
    skip = max(recipe.lags, default=0)
    if len(table) - skip < FEWEST_ROWS:
        raise InvalidInput(
            f"After the longest lag of {skip} rows only {max(len(table) - skip, 0)} of {len(table)} rows are left; "
            f"at least {FEWEST_ROWS} are needed.",
            field="lags",
            value=skip,
            remedy="Use shorter lags or a longer data set.",
        )
    if skip:
        notes.append(f"The first {skip} rows only serve as earlier values.")
    groups = None
    if recipe.split.kind is SplitKind.GROUP and recipe.split.by is not None:
        _must_be_whole(table[recipe.split.by], recipe.split.by)
        groups = table[recipe.split.by].to_numpy(dtype=object)
    return Rows(inputs.iloc[skip:].reset_index(drop=True), tuple(columns), target[skip:], groups, tuple(notes))


def _read_table(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    """Return the wanted columns; CSV cells as text, Parquet cells as they are, missing as None."""
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    return _read_parquet(path, wanted) if is_parquet else _read_csv(path, wanted)


def _read_csv(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = next(lines, [])
            places = _places(header, wanted)
            cells: list[list[str]] = []
            for number, line in enumerate(lines, start=1):
                if not line:
                    continue
                if len(line) != len(header):
                    raise InvalidInput(
                        f"Row {number} has {len(line)} values, the header names {len(header)} columns.",
                        field="data_set_id",
                        value=len(line),
                        row=number,
                        remedy="Put values that hold a comma in quotes, and fill the row up.",
                    )
                cells.append([line[place] for place in places])
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"The file is neither Parquet nor UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}.",
            field="data_set_id",
            value=error.start,
            remedy="Save it as CSV in UTF-8, or as Parquet.",
        ) from None
    except csv.Error as error:
        raise InvalidInput(
            f"The file is not readable as CSV: {error}.",
            field="data_set_id",
            value=str(error),
            remedy="Save it as CSV with commas and double quotes, or as Parquet.",
        ) from None
    table = pd.DataFrame(cells, columns=pd.Index(wanted), dtype=object)
    return table.mask(table.isin(MISSING), None)


def _read_parquet(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    try:
        file = pq.ParquetFile(path)
        places = _places(file.schema_arrow.names, wanted)
        kinds = [file.schema_arrow.field(place).type for place in places]
        for name, kind in zip(wanted, kinds, strict=True):
            if pa.types.is_nested(kind) or pa.types.is_binary(kind):
                raise InvalidInput(
                    f"Column {name!r} holds {kind}, which is neither number nor text.",
                    field=name,
                    value=str(kind),
                    remedy="Derive a number or a category from it.",
                )
        read = file.read(columns=list(wanted))
    except pa.ArrowInvalid as error:
        raise InvalidInput(
            f"The file is not readable as Parquet: {error}.",
            field="data_set_id",
            value=str(error),
            remedy="Write the data set again and upload it.",
        ) from None
    table = pd.DataFrame({name: _parquet_cells(read.column(name)) for name in wanted}, dtype=object)
    return table.mask(table.isin(MISSING), None)


def _parquet_cells(column: pa.ChunkedArray) -> Cells:
    """Return plain values: times as ISO text, decimals as floats."""
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.string())
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return pd.Series(column.to_pylist(), dtype=object)


def _places(header: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return where each wanted column stands; raises InvalidInput for a missing or doubled one."""
    doubled = [name for name, count in Counter(header).items() if count > 1]
    if doubled:
        raise InvalidInput(
            f"Column {doubled[0]!r} stands {Counter(header)[doubled[0]]} times in the data set.",
            field=doubled[0],
            value=doubled[0],
            remedy="Give each column a name of its own.",
        )
    for name in wanted:
        if name not in header:
            raise InvalidInput(
                f"The data set has no column {name!r}.",
                field=name,
                value=name,
                remedy=f"It has {', '.join(header[:20]) or 'no columns at all'}{', ...' if len(header) > 20 else ''}.",
            )
    return [header.index(name) for name in wanted]


def _read_feature(name: str, cells: Cells) -> tuple[Column, npt.NDArray[np.generic]]:
    """Return a feature's column and values: float64 rounded to single precision, or text."""
    gaps = bool(cells.isna().any())
    if cells.isna().all():
        raise InvalidInput(
            f"Column {name!r} is empty in all {len(cells)} rows.",
            field=name,
            value=None,
            remedy="Leave this feature out of the recipe.",
        )
    flags = _as_flags(cells)
    if flags is not None:
        return Column(name, "boolean", gaps), flags
    numbers = _as_numbers(name, cells)
    if numbers is not None:
        whole = not gaps and bool(np.all(numbers == np.floor(numbers)))
        # ONNX reads single precision; learning from the same values lets both give the same answer.
        return Column(name, "long" if whole else "double", gaps), _single(name, numbers)
    texts = np.array(["" if cell is None else str(cell) for cell in cells], dtype=object)
    kinds = len(set(texts))
    if kinds > MOST_CATEGORIES:
        raise InvalidInput(
            f"Column {name!r} has {kinds} different texts; at most {MOST_CATEGORIES} can be told apart.",
            field=name,
            value=kinds,
            remedy="It looks like an identifier: leave it out, or group its values.",
        )
    return Column(name, "string", gaps), texts


def _read_target(recipe: Recipe, cells: Cells) -> npt.NDArray[np.generic]:
    _must_be_whole(cells, recipe.target)
    if recipe.task is Task.CLASSIFICATION:
        return _read_classes(recipe.target, cells)
    numbers = _as_numbers(recipe.target, cells, must=True)
    assert numbers is not None
    if recipe.wants_counts and np.any(numbers < 0):
        row = int(np.flatnonzero(numbers < 0)[0]) + 1
        raise _bad_cell(
            recipe.target,
            _row(cells, row - 1),
            float(numbers[row - 1]),
            "is below zero, and a Poisson loss needs counts or rates",
            "Choose another estimator or loss, or correct the value.",
        )
    return numbers


def _read_classes(name: str, cells: Cells) -> npt.NDArray[np.generic]:
    flags = _as_flags(cells)
    numbers = flags if flags is not None else _as_numbers(name, cells)
    if numbers is not None and np.any(numbers != np.floor(numbers)):
        place = int(np.flatnonzero(numbers != np.floor(numbers))[0])
        raise _bad_cell(
            name,
            _row(cells, place),
            float(numbers[place]),
            "is a fraction, so the target is an amount and not a class",
            "Use task regression.",
        )
    classes: npt.NDArray[np.generic] = (
        numbers.astype(np.int64) if numbers is not None else np.array([str(cell) for cell in cells], dtype=object)
    )
    found = Counter(classes.tolist())
    if len(found) < 2:
        only = next(iter(found))
        raise InvalidInput(
            f"Target {name!r} has the single class {only!r} in all {len(cells)} rows.",
            field=name,
            value=only,
            remedy="A classifier needs rows of two classes or more.",
        )
    if len(found) > MOST_CLASSES:
        raise InvalidInput(
            f"Target {name!r} has {len(found)} classes; at most {MOST_CLASSES} are possible.",
            field=name,
            value=len(found),
            remedy="Use task regression, or group the classes.",
        )
    return classes


def _as_flags(cells: Cells) -> npt.NDArray[np.float64] | None:
    """Return 0, 1 and NaN when the cells are true and false, else None."""
    known: dict[object, float] = {"true": 1.0, "false": 0.0}
    words = [None if cell is None else str(cell).lower() for cell in cells]
    if not all(word is None or word in known for word in words):
        return None
    return np.array([np.nan if word is None else known[word] for word in words], dtype=np.float64)


def _as_numbers(name: str, cells: Cells, *, must: bool = False) -> npt.NDArray[np.float64] | None:
    """Return the cells as float64 (missing as NaN), or None when they are texts.

    Raises InvalidInput for an infinite value, and for a text among numbers.
    """
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    given = cells.notna().to_numpy()
    infinite = np.flatnonzero(np.isinf(numbers))
    if infinite.size:
        place = int(infinite[0])
        raise _bad_cell(
            name, _row(cells, place), str(cells.iloc[place]), "is not a finite number", "Correct it, or leave it empty."
        )
    bad = np.flatnonzero(given & np.isnan(numbers))
    if bad.size == 0:
        return numbers
    if must or bad.size <= (1 - NEARLY_ALL) * given.sum():
        place = int(bad[0])
        raise _bad_cell(
            name,
            _row(cells, place),
            str(cells.iloc[place]),
            f"is not a number ({bad.size} such {'row' if bad.size == 1 else 'rows'})",
            "Correct it, or leave it empty." if not must else "Correct it, or use task classification.",
        )
    return None


def _single(name: str, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore"):
        rounded = numbers.astype(np.float32).astype(np.float64)
    if np.any(np.isinf(rounded)):
        place = int(np.flatnonzero(np.isinf(rounded))[0])
        raise _bad_cell(
            name, place + 1, float(numbers[place]), "is beyond single precision (3.4e38)", "Use a larger unit."
        )
    return rounded


def _order(cells: Cells, name: str) -> npt.NDArray[np.int64]:
    """Return the stable order of the rows by number, else by text (ISO dates sort as text)."""
    _must_be_whole(cells, name)
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    keys = numbers if not np.any(np.isnan(numbers)) else np.array([str(cell) for cell in cells])
    return np.argsort(keys, kind="stable")


def _must_be_whole(cells: Cells, name: str) -> None:
    empty = np.flatnonzero(cells.isna().to_numpy())
    if empty.size:
        row = _row(cells, int(empty[0]))
        raise InvalidInput(
            f"Column {name!r} is empty in {empty.size} of {len(cells)} rows, first in row {row}.",
            field=name,
            value=None,
            row=row,
            remedy="Fill these rows, or leave them out of the data set.",
        )


def _notes(read: Sequence[tuple[Column, npt.NDArray[np.generic]]]) -> Iterable[str]:
    gaps = [column.name for column, _ in read if column.has_gaps]
    constant = [column.name for column, values in read if len(pd.unique(values)) == 1]
    if gaps:
        yield f"Gaps are filled while learning and answering: {', '.join(gaps)}."
    if constant:
        yield f"One value in all rows, so there is nothing to learn from it: {', '.join(constant)}."


def _row(cells: Cells, place: int) -> int:
    """Return the number of a row in the file (the first after the header is 1), also after sorting."""
    return int(cells.index[place]) + 1


def _bad_cell(name: str, row: int, value: object, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(
        f"Column {name!r}, row {row}: {value!r} {what}.", field=name, value=value, row=row, remedy=remedy
    )
