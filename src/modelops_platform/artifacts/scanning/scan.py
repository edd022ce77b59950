"""Recognising a file by its content and scanning it, its parts and what else it could be read as."""

import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from picklescan.scanner import SafetyLevel, scan_pickle_bytes

from ..domain import Format, ScanReport, Verdict
from .archives import expand, tar_members, zip_members
from .documents import scan_text, scan_xml
from .findings import MIB, Bomb, Budget, CannotParse, Findings
from .pickles import looks_like_pickle, scan_pickles
from .skops import scan_schema
from .tensors import looks_like_onnx, looks_like_safetensors, scan_npy, scan_onnx, scan_safetensors

HEAD_BYTES = 1024
MAX_SECOND_OPINION = 256 * MIB
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x5d\x00\x00", b"\x04\x22\x4d\x18")
_PROGRAMS = (b"\x7fELF", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8")
_OUTSIDE = re.compile(r"xl/(externalLinks/.+|connections\.xml|queryTables/.+|webextensions/.+)", re.IGNORECASE)
_CODE_NAMES = re.compile(r".*\.(py|pyc|pyd|so|dll|dylib|exe|sh|bat|cmd|ps1|jar|class|whl|egg)", re.IGNORECASE)


def scan(file: BinaryIO, size: int, budget: Budget, *, name: str = "") -> ScanReport:
    """Scan one file; `name` is a hint for what cannot be told by content, such as Python source."""
    findings = Findings()
    kind = _scan_part(file, size, budget, findings, name)
    return ScanReport(
        format=kind,
        verdict=findings.verdict,
        reasons=tuple(findings.reasons),
        globals=tuple(findings.globals),
        details=findings.details,
    )


def _scan_part(file: BinaryIO, size: int, budget: Budget, findings: Findings, name: str, depth: int = 0) -> Format:
    """Scan a file or a member and return what it is."""
    if _CODE_NAMES.fullmatch(name):
        findings.unknown("It is program code, which a scan cannot judge.")
    head = file.read(HEAD_BYTES)
    file.seek(0)
    kind = Format.OTHER
    try:
        kind = _by_magic(file, size, head, budget, findings, depth)
        if kind not in (Format.PICKLE, Format.JOBLIB):
            _second_reading(file, size, findings, kind)
        if not head.startswith(_ZIP) and _is_zip(file):
            findings.unknown("It can be read as a zip, too; readers differ in what they take it for.")
            _zip(file, size, budget, findings, depth)
    except Bomb as bomb:
        findings.dangerous(f"It is a decompression bomb: {bomb}.")
    except CannotParse as problem:
        findings.unknown(f"It cannot be followed to its end: {problem}.")
    if kind is Format.OTHER and findings.verdict is Verdict.CLEAN:
        findings.unknown("Its format is not known here.")
    return kind


def _by_magic(file: BinaryIO, size: int, head: bytes, budget: Budget, findings: Findings, depth: int) -> Format:
    """Recognise the content by its first bytes and scan it as that."""
    if head.startswith(b"\x80") and head[1:2] in (b"\x00", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"):
        return _pickle(file, size, findings)
    if head.startswith(_ZIP):
        return _zip(file, size, budget, findings, depth)
    if head[257:262] == b"ustar":
        _members(tar_members(file, budget, findings), budget, findings, depth)
        return Format.TAR
    if head.startswith(_COMPRESSED) or _is_zlib(head):
        return _compressed(file, size, head, budget, findings, depth)
    if head.startswith(b"\x93NUMPY"):
        scan_npy(file, size, findings)
        return Format.NPY
    if looks_like_safetensors(head, size):
        scan_safetensors(file, size, findings)
        return Format.SAFETENSORS
    if head.startswith((b"PAR1", b"ARROW1")):
        return _columns(file, size, head, findings)
    if head.startswith(_PROGRAMS) or (head.startswith(b"MZ") and b"\x00" in head):
        findings.unknown("It is a native program.")
        return Format.PROGRAM
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        findings.unknown("HDF5 models may carry code in their layers; a scan cannot judge them.")
        return Format.HDF5
    if head.startswith(_IMAGES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return Format.IMAGE
    if head.startswith(b"%PDF-"):
        return Format.PDF
    if looks_like_onnx(file, size):
        scan_onnx(file, size, findings)
        return Format.ONNX
    return _by_text(file, size, head, findings)


def _by_text(file: BinaryIO, size: int, head: bytes, findings: Findings) -> Format:
    """Recognise content without magic bytes: XML, a pickle of protocol 0 or 1, text."""
    file.seek(0)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith((b"\xff\xfe<", b"\xfe\xff\x00<")) or start[:1] == b"<":
        return scan_xml(file, findings)
    if size and looks_like_pickle(file, size):
        return _pickle(file, size, findings)
    file.seek(0)
    return scan_text(file, size, findings) or Format.OTHER


def _pickle(file: BinaryIO, size: int, findings: Findings, *, persistent: bool = False) -> Format:
    """Scan a pickle by our own walk, then by picklescan; the worse of the two counts."""
    outcome = scan_pickles(file, size, persistent=persistent)
    findings.merge(outcome.findings)
    findings.details["pickles"] = outcome.pickles
    if size <= MAX_SECOND_OPINION:
        file.seek(0)
        _second_opinion(file, findings)
    return Format.JOBLIB if outcome.is_joblib else Format.PICKLE


def _second_opinion(file: BinaryIO, findings: Findings) -> None:
    logging.disable(logging.CRITICAL)
    try:
        opinion = scan_pickle_bytes(file, "upload")
    except Exception:  # noqa: BLE001 - a foreign parser may fail in any way; our own walk has judged already
        return
    for found in opinion.globals:
        if found.safety is SafetyLevel.Dangerous:
            findings.dangerous(f"picklescan calls {found.module}.{found.name} dangerous.")


def _second_reading(file: BinaryIO, size: int, findings: Findings, kind: Format) -> None:
    """Look whether a file of another format would do harm when it is read as a pickle."""
    if not size:
        return
    if looks_like_pickle(file, size):
        inner = scan_pickles(file, size).findings
        if inner.verdict is not Verdict.CLEAN:
            findings.merge(inner, where=f"Read as a pickle instead of {kind.value}")


def _zip(file: BinaryIO, size: int, budget: Budget, findings: Findings, depth: int) -> Format:
    """Scan a zip and tell by its members what it is."""
    file.seek(0)
    names: set[str] = set()

    def noted() -> Iterator[tuple[str, BinaryIO, int]]:
        for name, part, length in zip_members(file, size, budget, findings):
            names.add(name)
            if name == "schema.json":
                scan_schema(part, length, findings)
                part.seek(0)
            yield name, part, length

    _members(noted(), budget, findings, depth)
    if outside := min((name for name in names if _OUTSIDE.fullmatch(name)), default=None):
        findings.unknown(
            f"The workbook takes values from outside of it ({outside[:120]!r}), so its answers may change."
        )
    if "schema.json" in names:
        return Format.SKOPS
    if any(name.endswith("data.pkl") for name in names):
        return Format.TORCH
    return Format.NPZ if names and all(name.endswith(".npy") for name in names) else Format.ZIP


def _members(members: Iterator[tuple[str, BinaryIO, int]], budget: Budget, findings: Findings, depth: int) -> None:
    """Scan each member of an archive as a file of its own."""
    if depth >= budget.depth:
        raise CannotParse(f"archives nest deeper than {budget.depth}")
    formats: set[str] = set()
    for name, part, length in members:
        inner = Findings()
        if name.endswith("data.pkl"):
            formats.add(_pickle(part, length, inner, persistent=True).value)
        elif re.search(r"/data/\d+", name):
            pass  # the raw numbers of a torch tensor
        else:
            formats.add(_scan_part(part, length, budget, inner, name, depth + 1).value)
        findings.merge(inner, where=f"Member {name[:120]!r}")
    findings.details["member_formats"] = sorted(formats)


def _compressed(file: BinaryIO, size: int, head: bytes, budget: Budget, findings: Findings, depth: int) -> Format:
    """Scan what a compressed file unpacks to; a compressed pickle is a file of joblib."""
    if depth >= budget.depth:
        raise CannotParse(f"compressed files nest deeper than {budget.depth}")
    part, length = expand(file, size, head, budget)
    inside = _scan_part(part, length, budget, findings, "", depth + 1)
    findings.details["inside"] = inside.value
    return Format.JOBLIB if inside in (Format.PICKLE, Format.JOBLIB) else Format.COMPRESSED


def _columns(file: BinaryIO, size: int, head: bytes, findings: Findings) -> Format:
    """Parquet and Arrow files are data, unless an old extension type asks the reader to unpickle."""
    kind, magic = (Format.PARQUET, b"PAR1") if head.startswith(b"PAR1") else (Format.ARROW, b"ARROW1")
    file.seek(max(0, size - 8 * MIB))
    tail = file.read()
    footer = int.from_bytes(tail[-len(magic) - 4 : -len(magic)], "little")
    if not tail.endswith(magic) or not 0 < footer <= size - 2 * len(magic) - 4:
        findings.unknown("The file does not end as its format demands.")
    if b"arrow.py_extension_type" in tail or b"arrow.py_extension_type" in head:
        findings.dangerous("An Arrow extension type in it makes readers unpickle its data.")
    return kind


def _is_zlib(head: bytes) -> bool:
    """Say whether it begins like a zlib stream; so does text that begins with "x ", which then unpacks to nothing."""
    if len(head) < 3 or head[0] != 0x78 or int.from_bytes(head[:2], "big") % 31:
        return False
    try:
        zlib.decompressobj().decompress(head)
    except zlib.error:
        return False
    return True


def _is_zip(file: BinaryIO) -> bool:
    file.seek(0)
    return zipfile.is_zipfile(file)
