"""Previews of columnar files: Parquet and Arrow."""

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from .content import LONGEST_CELL, MOST_COLUMNS, MOST_ROWS, Content, Unshown, short
from .tables import as_table


def preview_parquet(file: BinaryIO) -> Content:
    """Return the first rows of a Parquet file, with its own types."""
    pa.set_cpu_count(1)
    try:
        table = pq.ParquetFile(file, pre_buffer=False)
        names = table.schema_arrow.names
        batches = table.iter_batches(MOST_ROWS, columns=names[:MOST_COLUMNS], use_threads=False)
        first = next(iter(batches), None)
        return _arrow(table.schema_arrow, first, table.metadata.num_rows)
    except (pa.ArrowException, OSError, ValueError) as problem:
        raise Unshown(f"The Parquet file cannot be read: {short(problem)}.") from None


def preview_arrow(file: BinaryIO) -> Content:
    """Return the first rows of an Arrow file."""
    try:
        reader = pa.ipc.open_file(file)
        first = reader.get_batch(0) if reader.num_record_batches else None
        return _arrow(reader.schema, first, None)
    except (pa.ArrowException, OSError, ValueError) as problem:
        raise Unshown(f"The Arrow file cannot be read: {short(problem)}.") from None


def _arrow(schema: Any, batch: Any, total: int | None) -> Content:
    rows: list[list[object]] = []
    if batch is not None:
        columns = [column.slice(0, MOST_ROWS).to_pylist() for column in batch.columns[:MOST_COLUMNS]]
        rows = [[_cell(column[n]) for column in columns] for n in range(min(MOST_ROWS, batch.num_rows))]
    return as_table(schema.names, [short(kind, 60) for kind in schema.types], rows, total=total)


def _cell(value: object) -> object:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return repr(value)[: LONGEST_CELL + 1] if isinstance(value, list | dict) else value
