"""Previews of text, Markdown and notebooks."""

import base64
import binascii
import codecs
import io
import json
from typing import Any, BinaryIO

from markdown_it import MarkdownIt

from .content import LONGEST_LINE, MOST_LINES, Content, Unshown, short
from .pictures import as_png

TEXT_BYTES = 128 * 1024
MARKDOWN_BYTES = 256 * 1024
NOTEBOOK_BYTES = 20 * 1024**2
MOST_CELLS, MOST_OUTPUTS, MOST_PICTURES = 100, 10, 20
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_text(file: BinaryIO, most: int) -> tuple[str, bool]:
    """Return the beginning of a text, and whether there is more."""
    data = file.read(most + 1)
    is_cut, data = len(data) > most, data[:most]
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    return decoder.decode(data, final=not is_cut), is_cut


def preview_text(file: BinaryIO) -> Content:
    """Return the first lines."""
    text, is_cut = read_text(file, TEXT_BYTES)
    lines = text.replace("\r\n", "\n").split("\n")
    if is_cut or not lines[-1]:
        lines = lines[:-1] or lines
    is_cut = is_cut or len(lines) > MOST_LINES
    return {"lines": [short(visible(line), LONGEST_LINE) for line in lines[:MOST_LINES]], "is_cut": is_cut}


def visible(line: str) -> str:
    """Show control and direction characters as what they are, so that no text looks like another."""
    return "".join(char if char == "\t" or char.isprintable() else f"\\u{ord(char):04x}" for char in line)


def preview_markdown(file: BinaryIO) -> Content:
    """Return Markdown as HTML of few elements; whoever keeps it cleans it once more."""
    text, is_cut = read_text(file, MARKDOWN_BYTES)
    return {"html": as_html(text), "is_cut": is_cut}


def as_html(text: str) -> str:
    """Return Markdown as HTML: no HTML of its own, no pictures from elsewhere, headings below those of the page."""
    reader = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("table").disable("image")
    tokens = reader.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html: str = reader.renderer.render(tokens, reader.options, {})
    return html


def preview_notebook(file: BinaryIO) -> Content:
    """Return the cells of a notebook with what they printed and drew; scripts and HTML are left out."""
    data = file.read(NOTEBOOK_BYTES + 1)
    if len(data) > NOTEBOOK_BYTES:
        raise Unshown("The notebook is larger than what a preview reads.")
    try:
        notebook = json.loads(data)
        cells = [cell for cell in notebook["cells"] if isinstance(cell, dict)]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise Unshown("It is named like a notebook, but does not read like one of format 4.") from None
    pictures = [MOST_PICTURES]
    shown = [_cell(cell, pictures) for cell in cells[:MOST_CELLS]]
    return {"cells": shown, "is_cut": len(cells) > MOST_CELLS}


def _cell(cell: dict[str, Any], pictures: list[int]) -> Content:
    source = _joined(cell.get("source"))
    if cell.get("cell_type") == "markdown":
        return {"kind": "markdown", "html": as_html(source[:MARKDOWN_BYTES])}
    outputs = cell.get("outputs")
    found = [_output(one, pictures) for one in outputs[:MOST_OUTPUTS]] if isinstance(outputs, list) else []
    return {"kind": "code", "source": short(source, 20_000), "outputs": [one for one in found if one]}


def _output(output: object, pictures: list[int]) -> Content | None:
    if not isinstance(output, dict):
        return None
    if output.get("output_type") == "stream":
        return {"text": short(_joined(output.get("text")), 5_000)}
    if output.get("output_type") == "error":
        return {"text": short(f"{output.get('ename')}: {output.get('evalue')}", 1_000)}
    data = output.get("data")
    if not isinstance(data, dict):
        return None
    if "image/png" in data and pictures[0]:
        pictures[0] -= 1
        drawn = _picture(_joined(data["image/png"]))
        if drawn:
            return {"picture": drawn}
    if "text/plain" in data:
        return {"text": short(_joined(data["text/plain"]), 5_000)}
    return {"left_out": ", ".join(sorted(short(kind, 60) for kind in data)[:5])}


def _picture(encoded: str) -> str | None:
    """Return a picture of a notebook, decoded and drawn anew, or None when it is none."""
    try:
        png, _facts = as_png(io.BytesIO(base64.b64decode(encoded, validate=False)), widest=900, formats=("PNG",))
    except (Unshown, binascii.Error, ValueError):
        return None
    return base64.b64encode(png).decode() if len(png) <= 300_000 else None


def _joined(source: object) -> str:
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""
