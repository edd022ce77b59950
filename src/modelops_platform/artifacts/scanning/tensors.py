"""Formats that hold numbers: ONNX, safetensors, NumPy arrays. Read by their structure, never by their libraries."""

import ast
import json
import math
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from .findings import MIB, CannotParse, Findings
from .pickles import scan_pickles
from .values import Part

MAX_FIELDS = 5_000_000
MAX_GRAPH_DEPTH = 16
MAX_HEADER = 100 * MIB
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_STANDARD_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training"}
_SAFETENSOR_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip

Value = int | tuple[int, int]
"""A number, or where the bytes of a field start and end."""


class Message:
    """The fields of one protobuf message in a file, without a schema."""

    def __init__(self, file: BinaryIO, counter: list[int]) -> None:
        self.file, self.counter = file, counter

    def fields(self, span: tuple[int, int]) -> Iterator[tuple[int, Value]]:
        """Yield number and value of each field; raises CannotParse."""
        position, end = span
        while position < end:
            self.counter[0] += 1
            if self.counter[0] > MAX_FIELDS:
                raise CannotParse("it has more fields than a scan follows")
            part = Part(self.file, position, end)
            key = _varint(part)
            number, kind = key >> 3, key & 7
            if number == 0:
                raise CannotParse("a field has the number 0")
            value: Value
            if kind == _VARINT:
                value = _varint(part)
            elif kind == _BYTES:
                length = _varint(part)
                value = (part.position, part.position + length)
                part.skip(length)
            elif kind in (_FIXED64, _FIXED32):
                value = int.from_bytes(part.read(8 if kind == _FIXED64 else 4), "little")
            else:
                raise CannotParse("a field has a type that ONNX does not use")
            position = part.position
            yield number, value

    def text(self, span: Value) -> str:
        """Read a field as text."""
        start, end = _span(span)
        if end - start > MIB:
            raise CannotParse("a name is longer than 1 MiB")
        return Part(self.file, start, end).read(end - start).decode("utf-8", "backslashreplace")


def looks_like_onnx(file: BinaryIO, size: int) -> bool:
    """Say whether the content is a protobuf message with the fields of an ONNX model."""
    seen: dict[int, Value] = {}
    try:
        for number, value in Message(file, [0]).fields((0, size)):
            if number not in {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}:
                return False
            seen[number] = value
    except CannotParse:
        return False
    version = seen.get(1)
    return isinstance(version, int) and 1 <= version <= 30 and isinstance(seen.get(7), tuple)


def scan_onnx(file: BinaryIO, size: int, findings: Findings) -> None:
    """Walk the graphs of an ONNX model: where its weights stand, whose operators it needs."""
    message = Message(file, [0])
    own: set[str] = set()
    domains: set[str] = set()
    try:
        for number, value in message.fields((0, size)):
            if number == 7:
                _graph(message, _span(value), findings, domains, 0)
            elif number == 20:
                for _, inner in message.fields(_span(value)):
                    if isinstance(inner, tuple):
                        _graph(message, inner, findings, domains, 1)
            elif number == 25:
                own.add(_function(message, _span(value), findings, domains))
    except CannotParse as problem:
        findings.unknown(f"The ONNX graph cannot be followed to its end: {problem}.")
    foreign = sorted(domains - own - _STANDARD_DOMAINS)
    if foreign:
        findings.unknown(f"It needs operators outside of the ONNX standard: {', '.join(foreign)[:200]}.")
    findings.details["operator_domains"] = sorted(domains)[:20]


def _graph(message: Message, span: tuple[int, int], findings: Findings, domains: set[str], depth: int) -> None:
    """Walk one graph: nodes (1), tensors (5), sparse tensors (15)."""
    if depth > MAX_GRAPH_DEPTH:
        raise CannotParse("its graphs nest too deeply")
    for number, value in message.fields(span):
        if number == 1:
            _node(message, _span(value), findings, domains, depth)
        elif number == 5:
            _tensor(message, _span(value), findings)
        elif number == 15:
            _sparse(message, _span(value), findings)


def _node(message: Message, span: tuple[int, int], findings: Findings, domains: set[str], depth: int) -> None:
    domain = ""
    for number, value in message.fields(span):
        if number == 7:
            domain = message.text(value)
        elif number == 5:
            _attribute(message, _span(value), findings, domains, depth)
    domains.add(domain)


def _attribute(message: Message, span: tuple[int, int], findings: Findings, domains: set[str], depth: int) -> None:
    """Tensors stand in fields 5 and 10, graphs in 6 and 11, sparse tensors in 22 and 23."""
    for number, value in message.fields(span):
        if number in (6, 11):
            _graph(message, _span(value), findings, domains, depth + 1)
        elif number in (5, 10):
            _tensor(message, _span(value), findings)
        elif number in (22, 23):
            _sparse(message, _span(value), findings)


def _function(message: Message, span: tuple[int, int], findings: Findings, domains: set[str]) -> str:
    """Walk a function that the model brings along and return its domain (10)."""
    domain = ""
    for number, value in message.fields(span):
        if number == 7:
            _node(message, _span(value), findings, domains, 1)
        elif number == 11:
            _attribute(message, _span(value), findings, domains, 1)
        elif number == 10:
            domain = message.text(value)
    return domain


def _sparse(message: Message, span: tuple[int, int], findings: Findings) -> None:
    for number, value in message.fields(span):
        if number in (1, 2):
            _tensor(message, _span(value), findings)


def _tensor(message: Message, span: tuple[int, int], findings: Findings) -> None:
    """Look where the data of a tensor stands: entries (13) of key (1) and value (2) name another file."""
    for number, value in message.fields(span):
        if number == 13:
            entry = {n: message.text(v) for n, v in message.fields(_span(value)) if n in (1, 2)}
            if entry.get(1) == "location":
                _external(entry.get(2, ""), findings)
        elif number == 14 and value == 1:
            findings.unknown("Weights stand in another file, which is not part of this scan.")


def _external(location: str, findings: Findings) -> None:
    parts = re.split(r"[/\\]", location)
    if ".." in parts or location.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", location) or "\x00" in location:
        findings.dangerous(f"Its weights point outside of its own folder: {location!r}.")
    else:
        findings.unknown("Weights stand in another file, which is not part of this scan.")


def _span(value: Value) -> tuple[int, int]:
    if isinstance(value, int):
        raise CannotParse("a field has another type than in ONNX")
    return value


def _varint(part: Part) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = part.read(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise CannotParse("a number is longer than protobuf allows")


def looks_like_safetensors(head: bytes, size: int) -> bool:
    """Say whether the content starts like safetensors: the length of a header, then a JSON object."""
    length = int.from_bytes(head[:8], "little")
    return len(head) > 8 and head[8:9] == b"{" and 2 <= length <= min(MAX_HEADER, size - 8)


def scan_safetensors(file: BinaryIO, size: int, findings: Findings) -> None:
    """Check that the tensors of the header cover the data, each once, and nothing else."""
    length = int.from_bytes(file.read(8), "little")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_unique)
        spans = sorted(_tensor_span(name, entry) for name, entry in header.items() if name != "__metadata__")
        position = 0
        for start, end in spans:
            if start != position:
                raise CannotParse("its tensors overlap or leave holes")
            position = end
        if position != size - 8 - length:
            raise CannotParse("its tensors do not cover its data")
        findings.details["tensors"] = len(spans)
    except (ValueError, RecursionError, CannotParse) as problem:
        findings.unknown(f"The safetensors header is not valid: {problem}.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CannotParse("a name stands twice")
    return found


def _tensor_span(name: str, entry: Any) -> tuple[int, int]:
    """Return where the data of a tensor stands; raises CannotParse when shape, type and place do not agree."""
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(end)]} if (
            all(type(n) is int and n >= 0 for n in shape) and dtype in _SAFETENSOR_BITS
        ):
            if 0 <= start <= end and (end - start) * 8 == math.prod(shape) * _SAFETENSOR_BITS[dtype]:
                return start, end
    raise CannotParse(f"the entry {name[:60]!r} does not add up")


def scan_npy(file: BinaryIO, size: int, findings: Findings) -> None:
    """Read the header of a NumPy array; an array of objects is a pickle."""
    part = Part(file, 6, size)
    try:
        major = part.read(2)[0]
        width = 2 if major == 1 else 4
        length = int.from_bytes(part.read(width), "little")
        if length > 65536:
            raise CannotParse("the header is too long")
        header = ast.literal_eval(part.read(length).decode("latin-1").strip())
        shape, kind = header["shape"], str(header["descr"])
        if not all(type(n) is int and n >= 0 for n in shape):
            raise CannotParse("the shape is not plain numbers")
    except (CannotParse, ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as problem:
        findings.unknown(f"The header of the array cannot be read: {problem}.")
        return
    if "O" in kind:
        findings.unknown("It is an array of objects, which only pickle can load.")
        findings.merge(scan_pickles(file, size, start=part.position).findings)
        return
    sizes = re.fullmatch(r"[<>|=]?([biufcmMSUV])(\d+)(\[.*\])?", kind)
    if sizes and math.prod(shape) * int(sizes[2]) * (4 if sizes[1] == "U" else 1) != size - part.position:
        findings.unknown("The array is shorter or longer than its header says.")
