"""Formats that are text: XML and PMML, MLmodel, JSON, CSV, the rest."""

import codecs
import json
import re
from typing import BinaryIO
from xml.parsers import expat

from ..domain import Format
from .findings import MIB, CannotParse, Findings

MAX_XML_DEPTH = 200
MAX_JSON_BYTES = 32 * MIB
_CHUNK = 64 * 1024
_SAFE_LOADERS = re.compile(r"mlflow\.(sklearn|onnx|xgboost|lightgbm|catboost|statsmodels|prophet|pmdarima)")


class _Doctype(Exception):
    """A document type declaration was met."""


def scan_xml(file: BinaryIO, findings: Findings) -> Format:
    """Read XML without ever expanding an entity: a document type declaration alone is dangerous."""
    roots: list[str] = []
    depth = 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_XML_DEPTH:
            raise CannotParse(f"its elements nest deeper than {MAX_XML_DEPTH}")
        if not roots:
            roots.append(name.rpartition(":")[2])

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise _Doctype

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        while data := file.read(_CHUNK):
            parser.Parse(data, False)
        parser.Parse(b"", True)
    except _Doctype:
        findings.dangerous("It declares a document type, through which entities expand or reach other files.")
    except (expat.ExpatError, CannotParse, ValueError, LookupError) as problem:
        findings.unknown(f"The XML cannot be read to its end: {problem}.")
    return Format.PMML if roots == ["PMML"] else Format.XML


def scan_text(file: BinaryIO, size: int, findings: Findings) -> Format | None:
    """Recognise text and its kind; None when the content is not text."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    start, tagged = "", False
    try:
        while data := file.read(_CHUNK):
            text = decoder.decode(data)
            if "\x00" in text:
                return None
            tagged = tagged or "!!python/" in text
            start = start or text
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    if tagged:
        findings.dangerous("Its YAML asks the reader to build Python objects (!!python/).")
    if start.lstrip()[:1] in ("{", "["):
        file.seek(0)
        return _json(file, size, findings)
    if re.search(r"^flavors:", start, re.MULTILINE) and re.search(r"^  \w+:", start, re.MULTILINE):
        _check_mlmodel(start, findings)
        return Format.MLMODEL
    if start.startswith("#!"):
        findings.unknown("It is a script.")
    return Format.CSV if _is_csv(start) else Format.TEXT


def _json(file: BinaryIO, size: int, findings: Findings) -> Format:
    if size > MAX_JSON_BYTES:
        findings.unknown("It is larger than the JSON that a scan reads.")
        return Format.JSON
    try:
        json.loads(file.read())
    except RecursionError:
        findings.unknown("Its JSON nests too deeply.")
        return Format.JSON
    except ValueError:
        return Format.TEXT
    return Format.JSON


def _check_mlmodel(text: str, findings: Findings) -> None:
    """Say what an MLmodel file would make the mlflow client load beside the model's own files."""
    loaders = re.findall(r"^\s+loader_module:\s*['\"]?([^\s'\"#]+)", text, re.MULTILINE)
    for loader in loaders:
        if not _SAFE_LOADERS.fullmatch(loader):
            findings.unknown(f"It is loaded by {loader}, which runs code that comes with the model.")
    if re.search(r"^\s+code(_path)?:\s*(?!null\b|None\b)\S", text, re.MULTILINE):
        findings.unknown("It brings a folder of code that is run when it is loaded.")


def _is_csv(start: str) -> bool:
    """Say whether the first lines have the same, positive number of one separator."""
    lines = [line for line in start.splitlines()[:6] if line]
    if len(start) >= _CHUNK - 4:
        lines = lines[:-1] or lines
    return bool(lines) and any(
        lines[0].count(separator) and len({line.count(separator) for line in lines}) == 1 for separator in ",;\t|"
    )
