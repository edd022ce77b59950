"""Previews of models and archives: what stands in them, read by their structure."""

import json
import tarfile
import zipfile
from collections import Counter
from typing import Any, BinaryIO

import yaml

from ..scanning.findings import CannotParse
from ..scanning.tensors import Message, Value
from .content import MOST_ENTRIES, MOST_FACTS, Content, Unshown, short

MLMODEL_BYTES = 256 * 1024
SAFETENSORS_HEADER = 20 * 1024**2
_ELEMENTS = {
    1: "float", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "text", 9: "bool",
    10: "float16", 11: "double", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip


def preview_onnx(file: BinaryIO, size: int) -> Content:
    """Return what an ONNX model takes and gives, its operators and where it comes from."""
    message = Message(file, [0])
    facts: dict[str, str] = {}
    opsets: list[str] = []
    metadata: list[list[str]] = []
    graph: Content = {}
    try:
        for number, value in message.fields((0, size)):
            if number == 1:
                facts["IR version"] = str(value)
            elif number in (2, 3, 4, 6):
                words = short(message.text(value), 500)
                if words:
                    facts[{2: "Producer", 3: "Producer's version", 4: "Domain", 6: "Description"}[number]] = words
            elif number == 5:
                facts["Model version"] = str(value)
            elif number == 7:
                graph = _graph(message, value)
            elif number == 8:
                opsets.append(_opset(message, value))
            elif number == 14 and len(metadata) < MOST_FACTS:
                metadata.append(_pair(message, value))
    except CannotParse as problem:
        raise Unshown(f"The ONNX model cannot be followed to its end: {problem}.") from None
    facts["Operator sets"] = ", ".join(opsets) or "none named"
    facts["Nodes"] = graph.pop("nodes", "0")
    return {"facts": [[name, text] for name, text in facts.items()], "metadata": metadata, **graph}


def _graph(message: Message, span: Value) -> Content:
    operators: Counter[str] = Counter()
    inputs: list[list[str]] = []
    outputs: list[list[str]] = []
    weights: set[str] = set()
    for number, value in message.fields(_span(span)):
        if number == 1:
            operators[next((message.text(v) for n, v in message.fields(_span(value)) if n == 4), "")] += 1
        elif number == 5:
            weights.add(next((message.text(v) for n, v in message.fields(_span(value)) if n == 8), ""))
        elif number in (11, 12):
            into = inputs if number == 11 else outputs
            if len(into) < MOST_FACTS:
                into.append(_value(message, value))
    told = ", ".join(f"{short(name, 60)} {count:,}" for name, count in operators.most_common(8))
    nodes = f"{operators.total():,}" + (f": {told}" if told else "")
    return {
        "nodes": nodes + (" and others" if len(operators) > 8 else ""),
        "inputs": [row for row in inputs if row[0] not in weights],  # old models list their weights as inputs
        "outputs": outputs,
    }


def _value(message: Message, span: Value) -> list[str]:
    name, kind = "", "any"
    for number, value in message.fields(_span(span)):
        if number == 1:
            name = short(message.text(value))
        elif number == 2:
            kind = _type(message, value)
    return [name, kind]


def _type(message: Message, span: Value) -> str:
    for number, value in message.fields(_span(span)):
        if number == 1:
            return _tensor(message, value)
        if number in (4, 5, 8, 9):
            return {4: "sequence", 5: "map", 8: "sparse tensor", 9: "optional"}[number]
    return "any"


def _tensor(message: Message, span: Value) -> str:
    element, dimensions = "", []
    for number, value in message.fields(_span(span)):
        if number == 1 and isinstance(value, int):
            element = _ELEMENTS.get(value, f"type {value}")
        elif number == 2:
            for _, dimension in message.fields(_span(value)):
                dimensions.append(_dimension(message, dimension))
                if len(dimensions) > 20:
                    raise CannotParse("a tensor has more than 20 dimensions")
    return f"{element} [{', '.join(dimensions)}]"


def _dimension(message: Message, span: Value) -> str:
    for number, value in message.fields(_span(span)):
        if number == 1:
            return str(value)
        if number == 2:
            return short(message.text(value), 40)
    return "any"


def _opset(message: Message, span: Value) -> str:
    domain, version = "", "?"
    for number, value in message.fields(_span(span)):
        if number == 1:
            domain = short(message.text(value), 60)
        elif number == 2:
            version = str(value)
    return f"{domain or 'ai.onnx'} {version}"


def _pair(message: Message, span: Value) -> list[str]:
    pair = {1: "", 2: ""}
    for number, value in message.fields(_span(span)):
        if number in pair:
            pair[number] = short(message.text(value), 500)
    return [pair[1], pair[2]]


def _span(value: Value) -> tuple[int, int]:
    if isinstance(value, int):
        raise CannotParse("a field has another type than in ONNX")
    return value


def preview_mlmodel(file: BinaryIO) -> Content:
    """Return the flavours and the signature that an MLmodel file names."""
    data = file.read(MLMODEL_BYTES + 1)
    if len(data) > MLMODEL_BYTES:
        raise Unshown("The MLmodel file is larger than what a preview reads.")
    try:
        found = yaml.safe_load(data)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise Unshown("The MLmodel file is no valid YAML.") from None
    if not isinstance(found, dict):
        raise Unshown("The MLmodel file is no mapping.")
    signature = found.get("signature")
    signature = signature if isinstance(signature, dict) else {}
    flavors = found.get("flavors")
    plain = [[short(key), short(found[key])] for key in found if isinstance(found[key], str | int | float)]
    return {
        "facts": plain[:MOST_FACTS],
        "flavors": [_flavor(name, settings) for name, settings in list(flavors.items())[:20]]
        if isinstance(flavors, dict)
        else [],
        "inputs": _columns(signature.get("inputs")),
        "outputs": _columns(signature.get("outputs")),
    }


def _flavor(name: object, settings: object) -> list[Any]:
    pairs = settings.items() if isinstance(settings, dict) else []
    return [short(name), [[short(k), short(v)] for k, v in pairs if isinstance(v, str | int | float | bool)][:30]]


def _columns(text: object) -> list[list[str]]:
    try:
        columns = json.loads(text) if isinstance(text, str) else []
    except (ValueError, RecursionError):
        return []
    rows = [column for column in columns if isinstance(column, dict)] if isinstance(columns, list) else []
    return [_column(column) for column in rows[:MOST_FACTS]]


def _column(column: dict[str, Any]) -> list[str]:
    kind = column.get("type", "")
    spec = column.get("tensor-spec")
    if kind == "tensor" and isinstance(spec, dict):
        kind = f"{short(spec.get('dtype'), 40)} {short(spec.get('shape'), 80)}"
    return [short(column.get("name") or "unnamed"), short(kind)]


def preview_zip(file: BinaryIO) -> Content:
    """Return what a zip says that it holds; nothing is unpacked."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as problem:
        raise Unshown(f"The archive cannot be read: {short(problem)}.") from None
    return _listing([[short(entry.filename, 300), entry.file_size] for entry in entries[:MOST_ENTRIES]], len(entries))


def preview_tar(file: BinaryIO) -> Content:
    """Return what a tar, compressed or not, holds; nothing is unpacked."""
    entries: list[list[Any]] = []
    try:
        with tarfile.open(fileobj=file, mode="r:*") as archive:
            for member in archive:
                if len(entries) == MOST_ENTRIES:
                    return _listing(entries, None)
                entries.append([short(member.name, 300), member.size])
    except (tarfile.TarError, OSError, EOFError, ValueError):
        if not entries:
            raise Unshown("It is compressed, and what is inside is no archive that could be listed.") from None
        return _listing(entries, None)
    return _listing(entries, len(entries))


def _listing(entries: list[list[Any]], total: int | None) -> Content:
    return {"entries": entries, "total": total}


def preview_safetensors(file: BinaryIO) -> Content:
    """Return the tensors that a safetensors file holds."""
    length = int.from_bytes(file.read(8), "little")
    if length > SAFETENSORS_HEADER:
        raise Unshown("The header is larger than what a preview reads.")
    try:
        header = json.loads(file.read(length))
        tensors = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
        rows = [[short(name, 300), short(entry["dtype"], 20), short(entry["shape"], 80)] for name, entry in tensors]
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        raise Unshown("The header of the tensors cannot be read.") from None
    metadata = header.get("__metadata__")
    pairs = list(metadata.items())[:MOST_FACTS] if isinstance(metadata, dict) else []
    return {
        "tensors": rows[:MOST_ENTRIES],
        "total": len(rows),
        "metadata": [[short(key), short(value)] for key, value in pairs],
    }
