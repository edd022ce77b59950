"""MLflow's scoring protocol: tables as JSON in four forms, or as CSV; predictions back."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from modelops_platform.core.errors import InvalidInput

from ..domain import Cell, ScoreResult, Table
from .columns import Signature, arrange

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_TEXT = ("string", "text")
_PLACE = re.compile(r"^(rows|records|columns)")


def read_json(body: Any, signature: Signature) -> Table:
    """Read the body of an invocation. Raises InvalidInput naming the field."""
    if not isinstance(body, dict):
        raise _refused("The body is no JSON object.", f"Send an object with one of {', '.join(FORMS)}.", "body")
    for name in body:
        if name not in (*FORMS, "params"):
            raise _refused(f"The field {name[:80]!r} is not known here.", f"Known are {', '.join(FORMS)}.", name[:80])
    if body.get("params"):
        raise _refused("The models here take no parameters.", "Leave `params` out.", "params")
    given = [name for name in FORMS if name in body]
    if len(given) != 1:
        raise _refused(
            f"The body has {len(given)} of the fields that hold a table.", f"Give one of {', '.join(FORMS)}.", "body"
        )
    form = given[0]
    table = _split(body[form]) if form == "dataframe_split" else _rows(body[form], form, signature)
    if not table.rows:
        raise _refused("The table has no rows.", "Send at least one.", form)
    return arrange(table, signature.inputs, field=form)


def read_csv(text: str, signature: Signature) -> Table:
    """Read a table with a header. A column is text when the signature says so, else numbers where all cells are."""
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except csv.Error as error:
        raise _refused(
            f"The body is not CSV: {error}.", "Send a header and rows, quoted by RFC 4180.", "body"
        ) from None
    if len(lines) < 2:
        raise _refused("The table has no rows.", "Send a header and at least one row.", "body")
    header, *rows = lines
    for place, row in enumerate(rows):
        if len(row) != len(header):
            words = f"Row {place} has {len(row)} cells, the header {len(header)}."
            raise _refused(words, "Give every row a cell for each column; empty is missing.", f"rows.{place}")
    texts = {column.name for column in signature.inputs if column.type.lower() in _TEXT}
    columns = [
        [cell or None for cell in cells] if name in texts else _numbers(cells)
        for name, cells in zip(header, zip(*rows, strict=True), strict=True)
    ]
    with _named("body"):
        table = Table(tuple(header), tuple(zip(*columns, strict=True)))
    return arrange(table, signature.inputs, field="body")


def write_predictions(result: ScoreResult) -> dict[str, Any]:
    """Write the response."""
    return {"predictions": [list(one) if isinstance(one, tuple) else one for one in result.predictions]}


def _split(given: Any) -> Table:
    if not isinstance(given, dict) or not set(given) <= {"columns", "data", "index"}:
        words = "dataframe_split is no object of columns, data and maybe index."
        raise _refused(words, 'Send {"columns": [...], "data": [[...]]}.', "dataframe_split")
    columns, data = given.get("columns"), given.get("data")
    if not isinstance(columns, list) or not columns or not all(isinstance(name, str) for name in columns):
        raise _refused("The columns are no list of names.", "Name every column.", "dataframe_split.columns")
    if not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        raise _refused("The data is no list of rows.", "Send a list for each row.", "dataframe_split.data")
    with _named("dataframe_split.data"):
        return Table(tuple(columns), tuple(map(tuple, data)))


def _rows(given: Any, form: str, signature: Signature) -> Table:
    """Read rows: records by name, lists and single values by place; `inputs` also as one list for each column."""
    if form == "inputs" and isinstance(given, dict):
        given = _from_columns(given)
    if not isinstance(given, list) or not given:
        raise _refused(f"{form} is no list of rows.", "Send at least one row.", form)
    if all(isinstance(row, dict) for row in given):
        with _named(form):
            return Table.from_records(given)
    if form == "dataframe_records":
        raise _refused("dataframe_records is no list of objects.", 'Send [{"column": value}].', form)
    rows = [row if isinstance(row, list) else [row] for row in given]
    width = len(rows[0])
    if signature.inputs and width != len(signature.inputs):
        words = f"A row has {width} values, the model takes {len(signature.inputs)}."
        raise _refused(words, "Send a value for each column of the signature, in its order.", f"{form}.0", width)
    columns = tuple(c.name for c in signature.inputs) or tuple(f"{place}" for place in range(width))
    with _named(form):
        return Table(columns, tuple(map(tuple, rows)))


def _from_columns(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn a list for each column into a record for each row."""
    lengths = {len(values) if isinstance(values, list) else -1 for values in given.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise _refused("The columns of inputs are no lists of one length.", "Send equal lists.", "inputs")
    flat = {name: [_only(value) for value in values] for name, values in given.items()}
    return [dict(zip(flat, row, strict=True)) for row in zip(*flat.values(), strict=True)]


def _only(value: Any) -> Any:
    """Return the one value of a column's cell that came as a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


@contextmanager
def _named(form: str) -> Iterator[None]:
    """Have refusals of a table name the field as it stood in the body."""
    try:
        yield
    except InvalidInput as error:
        field = _PLACE.sub(form, str(error.details["field"]), count=1)
        error.details["field"] = field.replace("[", ".").replace("]", "")
        raise


def _numbers(cells: Sequence[str]) -> list[Cell]:
    try:
        return [None if not cell.strip() else _number(cell) for cell in cells]
    except ValueError:
        return [cell or None for cell in cells]


def _number(cell: str) -> float | None:
    value = float(cell)
    return value if math.isfinite(value) else None


def _refused(words: str, remedy: str, field: str, value: object = None) -> InvalidInput:
    details = {"field": field} if value is None else {"field": field, "value": value}
    return InvalidInput(words, remedy=remedy, to_keep=(), **details)
