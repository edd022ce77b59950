"""Reads the data set that a version is tested on into typed columns; what does not fit its type is counted."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from modelops_platform.core.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
TextArray = npt.NDArray[np.object_]
Places = npt.NDArray[np.int64]

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "none")
MOST_ROWS = 50_000
MOST_CELLS = 5_000_000
MOST_COLUMNS = 2_000
NEARLY_ALL = 0.9
"""A column of texts with this share of numbers was meant as numbers: the rest are errors."""
_NUMBERS = frozenset({"double", "float", "long", "integer", "int", "decimal", "number"})
_FLAGS = frozenset({"boolean", "bool"})
_TEXTS = frozenset({"string", "str", "category", "text"})


@dataclass(frozen=True)
class Column:
    """A column: numbers (NaN where missing or wrong) or texts (None where missing), and how many cells are wrong."""

    name: str
    values: FloatArray | TextArray
    errors: int = 0

    @property
    def is_text(self) -> bool:
        """Tell whether the values are texts."""
        return self.values.dtype == object

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Which cells say nothing; those of a wrong type are among them."""
        if self.is_text:
            return np.array([value is None for value in self.values], dtype=np.bool_)
        return np.isnan(self.values.astype(np.float64))

    @property
    def numbers(self) -> FloatArray:
        """The values as numbers. Raises InvalidInput for texts."""
        if self.is_text:
            raise InvalidInput(
                f"The column {self.name!r} holds texts, and numbers are needed.",
                field=self.name,
                value=self.name,
                remedy="Name another column.",
            )
        return self.values.astype(np.float64)

    def words(self) -> TextArray:
        """Return the values as texts that name a group; whole numbers without a fraction."""
        return np.array([as_word(value) for value in self.values.tolist()], dtype=object)


@dataclass(frozen=True)
class Data:
    """Rows to test on, column by column; a sample of them where the file has more than a test may ask for."""

    columns: Mapping[str, Column]
    rows: int
    rows_in_file: int

    def column(self, name: str) -> Column:
        """Return a column. Raises InvalidInput when there is none of this name."""
        if name not in self.columns:
            known = ", ".join(list(self.columns)[:20])
            raise InvalidInput(
                f"The data set has no column {name[:80]!r}.",
                field="columns",
                value=name[:80],
                remedy=f"It has {known}.",
            )
        return self.columns[name]


def as_word(value: Any) -> str | None:
    """Return a cell as the name of a class or group: 1, 1.0 and true are the same."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        if isinstance(value, float) and math.isnan(value):
            return None
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def read_data(path: Path, types: Mapping[str, str], *, seed: int, wanted: Iterable[str] | None = None) -> Data:
    """Read a CSV or Parquet file.

    Args:
        types: What the version's signature says about its columns, by name; others are what they look like.
        seed: Chooses the rows where the file has more than can be asked.
        wanted: The columns to read; by default all of them.
    Raises: InvalidInput when the file is neither, names a column twice, or is too wide or empty.
    """
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    table = _read_parquet(path) if is_parquet else _read_csv(path)
    if wanted is not None:
        table = table.select([name for name in dict.fromkeys(wanted) if name in table.column_names])
    if table.num_rows == 0 or table.num_columns == 0:
        raise InvalidInput(
            "The data set has no rows.", field="data_set", value=0, remedy="Choose a data set with rows to test on."
        )
    most = min(MOST_ROWS, MOST_CELLS // table.num_columns)
    in_file = table.num_rows
    if in_file > most:
        chosen = np.sort(np.random.default_rng(seed).choice(in_file, size=most, replace=False))
        table = table.take(pa.array(chosen))
    columns = {name: _column(name, table.column(name), types.get(name, "")) for name in table.column_names}
    return Data(columns, table.num_rows, in_file)


def _read_csv(path: Path) -> pa.Table:
    try:
        head = pa_csv.open_csv(path, parse_options=_PARSE).schema.names
        _check_names(head)
        convert = pa_csv.ConvertOptions(
            column_types=dict.fromkeys(head, pa.string()), strings_can_be_null=True, null_values=list(MISSING)
        )
        return pa_csv.read_csv(path, parse_options=_PARSE, convert_options=convert)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"The file is readable neither as Parquet nor as CSV in UTF-8: {' '.join(str(error).split())[:300]}.",
            field="data_set",
            value=path.name,
            remedy="Save it as CSV with commas and a line of names, or as Parquet.",
        ) from None


_PARSE = pa_csv.ParseOptions(newlines_in_values=True)


def _read_parquet(path: Path) -> pa.Table:
    try:
        file = pq.ParquetFile(path)
        _check_names(file.schema_arrow.names)
        plain = [
            field.name
            for field in file.schema_arrow
            if not (pa.types.is_nested(field.type) or pa.types.is_binary(field.type))
        ]
        return file.read(columns=plain)
    except pa.ArrowInvalid as error:
        raise InvalidInput(
            f"The file is not readable as Parquet: {' '.join(str(error).split())[:300]}.",
            field="data_set",
            value=path.name,
            remedy="Write it again and upload it.",
        ) from None


def _check_names(names: Sequence[str]) -> None:
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled or len(names) > MOST_COLUMNS:
        what = f"names the column {doubled[0][:80]!r} twice" if doubled else f"has {len(names)} columns"
        raise InvalidInput(
            f"The data set {what}.",
            field="data_set",
            value=doubled[0][:80] if doubled else len(names),
            remedy=f"Give each column a name of its own, and at most {MOST_COLUMNS}.",
        )


def _column(name: str, cells: pa.ChunkedArray, kind: str) -> Column:
    kind = kind.casefold()
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_boolean(cells.type):
        cells = cells.cast(pa.int8())
    if pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type) or pa.types.is_decimal(cells.type):
        numbers = np.array(cells.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        numbers[np.isinf(numbers)] = np.nan
        return Column(name, _as_texts(numbers) if kind in _TEXTS else numbers)
    texts = cells.cast(pa.string())
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        texts = pc.utf8_trim_whitespace(texts)
        texts = pc.if_else(pc.is_in(texts, value_set=pa.array(MISSING)), pa.scalar(None, pa.string()), texts)
    values = np.array(texts.to_pylist(), dtype=object)
    return Column(name, values) if kind in _TEXTS else _typed(name, values, kind)


def _typed(name: str, texts: TextArray, kind: str) -> Column:
    """Return texts as numbers where they are, or were meant so."""
    given = np.array([text is not None for text in texts], dtype=np.bool_)
    flags = {"true": 1.0, "false": 0.0}
    words = [None if text is None else str(text).lower() for text in texts]
    if kind in _FLAGS or (given.any() and all(word is None or word in flags for word in words)):
        known = flags | {"1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
        numbers = np.array([np.nan if word is None else known.get(word, np.nan) for word in words])
    else:
        numbers = np.array([_number(text) for text in texts], dtype=np.float64)
    wrong = int((given & np.isnan(numbers)).sum())
    if kind in _NUMBERS | _FLAGS or (given.any() and wrong <= (1 - NEARLY_ALL) * given.sum()):
        return Column(name, numbers, wrong)
    return Column(name, texts)


def _number(text: str | None) -> float:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _as_texts(numbers: FloatArray) -> TextArray:
    return np.array([as_word(number) for number in numbers.tolist()], dtype=object)
