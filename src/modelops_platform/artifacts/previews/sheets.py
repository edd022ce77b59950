"""Previews of workbooks."""

import zipfile
from typing import BinaryIO

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from .content import MOST_COLUMNS, MOST_ROWS, Content, Unshown, short
from .tables import as_table, type_of


def preview_sheet(file: BinaryIO) -> Content:
    """Return the first rows of a workbook's first sheet: values as they were last computed, never a formula's work."""
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        rows = [list(row) for row in sheet.iter_rows(max_row=MOST_ROWS + 1, max_col=MOST_COLUMNS, values_only=True)]
    except (InvalidFileException, zipfile.BadZipFile, KeyError, IndexError, ValueError, TypeError, OSError) as problem:
        raise Unshown(f"The workbook cannot be read: {short(problem)}.") from None
    width = max((n + 1 for row in rows for n, cell in enumerate(row) if cell is not None), default=0)
    if not width:
        raise Unshown("The first sheet is empty.")
    rows = [row[:width] for row in rows]
    header = ["" if name is None else name for name in rows[0]]
    types = [type_of([str(row[n]) for row in rows[1:] if row[n] is not None]) for n in range(len(header))]
    content = as_table(header, types, rows[1:], total=None)
    return content | {"sheet": short(sheet.title), "sheets": len(book.worksheets)}
