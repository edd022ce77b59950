"""What a file is, how far it may be trusted, and how a client may name it."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from modelops_platform.core.errors import InvalidInput

MAX_PATH_BYTES = 1024
MAX_SEGMENT_BYTES = 255
MAX_REASONS = 50
MAX_GLOBALS = 500
MOST_PARTS = 10_000  # of one upload


class Verdict(StrEnum):
    """What a scan says about a file; `unknown` is never a pass."""

    CLEAN = "clean"
    UNKNOWN = "unknown"
    DANGEROUS = "dangerous"

    @property
    def rank(self) -> int:
        """Order from best to worst."""
        return list(Verdict).index(self)


class Format(StrEnum):
    """What a file's content is, whatever its name says."""

    ONNX = "onnx"
    SKOPS = "skops"
    PICKLE = "pickle"
    JOBLIB = "joblib"
    SAFETENSORS = "safetensors"
    PMML = "pmml"
    TORCH = "torch"
    HDF5 = "hdf5"
    MLMODEL = "mlmodel"
    NPY = "npy"
    NPZ = "npz"
    ZIP = "zip"
    TAR = "tar"
    COMPRESSED = "compressed"
    PARQUET = "parquet"
    ARROW = "arrow"
    CSV = "csv"
    JSON = "json"
    XML = "xml"
    TEXT = "text"
    IMAGE = "image"
    PDF = "pdf"
    PROGRAM = "program"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ScanReport:
    """The outcome of looking at one file without running any of it."""

    format: Format
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    globals: tuple[str, ...] = ()
    """What a pickle or skops file would import, as `module.name`."""
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "format": self.format.value,
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "globals": list(self.globals),
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, data: object) -> "ScanReport":
        """Rebuild a report from plain data; raises ValueError when it is not one."""
        if not isinstance(data, dict):
            raise ValueError("a scan report is an object")
        details = data.get("details", {})
        if not isinstance(details, dict):
            raise ValueError("the details of a scan report are an object")
        return cls(
            format=Format(str(data.get("format"))),
            verdict=Verdict(str(data.get("verdict"))),
            reasons=_texts(data.get("reasons"), MAX_REASONS),
            globals=_texts(data.get("globals"), MAX_GLOBALS),
            details=details,
        )


def worst(*verdicts: Verdict) -> Verdict:
    """Return the worst of the verdicts; over nothing it is unknown."""
    return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.UNKNOWN)


def unscannable(reason: str) -> ScanReport:
    """Report a file that nobody could look into."""
    return ScanReport(format=Format.OTHER, verdict=Verdict.UNKNOWN, reasons=(reason,))


def clean_path(path: str, *, field: str = "path") -> str:
    """Return a client's path as the label we keep: NFC, relative, slashes only.

    A label is shown and compared, it never reaches the file system.
    Raises InvalidInput when the path is empty, absolute, climbs, is too long or holds what people cannot see,
    directly or behind percent signs.
    """
    label = unicodedata.normalize("NFC", path)
    for form in _decoded_forms(label):
        problem = _problem(form)
        if problem is not None:
            said, remedy = problem
            raise InvalidInput(
                f"The path {_shown(path)} {said}.", remedy=remedy, field=field, value=_shown(path, quoted=False)
            )
    return label


def _decoded_forms(label: str) -> list[str]:
    """Return the label and what it becomes when somebody decodes its percent signs, once or several times."""
    forms = [label]
    for _ in range(4):
        decoded = unquote(forms[-1], errors="surrogateescape")
        if decoded == forms[-1]:
            break
        forms.append(decoded)
    return forms


def _problem(path: str) -> tuple[str, str] | None:
    """Say what is wrong with a path and what to do, or None."""
    segments = path.split("/")
    if not path:
        return "is empty", "Give a relative path such as model/model.onnx."
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "is absolute", "Give a path relative to the folder of the upload."
    if "\\" in path:
        return "holds a backslash", "Separate folders with /."
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in path):
        return "holds a control, invisible or undecodable character", "Rename the file with visible characters only."
    if any(segment in {".", ".."} for segment in segments):
        return "has a segment . or ..", "Give the path itself, without steps to other folders."
    if any(not segment for segment in segments):
        return "has an empty segment", "Remove the doubled or trailing slash."
    if any(segment != segment.strip() for segment in segments):
        return "has a segment that begins or ends with a space", "Remove the space."
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES} bytes", "Shorten it."
    if any(len(segment.encode()) > MAX_SEGMENT_BYTES for segment in segments):
        return f"has a segment longer than {MAX_SEGMENT_BYTES} bytes", "Shorten the names of its folders or file."
    return None


def _shown(path: str, *, quoted: bool = True) -> str:
    """Write a hostile path so that it can stand in a message."""
    short = path if len(path) <= 80 else path[:77] + "..."
    written = ascii(short)
    return written if quoted else written[1:-1]


def _texts(value: object, most: int) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("expected a list of texts")
    return tuple(value[:most])


class Form(StrEnum):
    """How a file is shown without opening it."""

    TEXT = "text"
    MARKDOWN = "markdown"
    NOTEBOOK = "notebook"
    PICTURE = "picture"
    PAGE = "page"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"
    SHEET = "sheet"
    ONNX = "onnx"
    MLMODEL = "mlmodel"
    ZIP = "zip"
    TAR = "tar"
    SAFETENSORS = "safetensors"


LARGEST_SHOWN = 500_000_000
SHOWN_BY_BEGINNING = frozenset({Form.TEXT, Form.MARKDOWN, Form.CSV})  # the rest of the file is not read
SHOWN_BEGINNING = 1024**2
_FORMS: Mapping[Format, Form] = {
    Format.IMAGE: Form.PICTURE,
    Format.PDF: Form.PAGE,
    Format.CSV: Form.CSV,
    Format.PARQUET: Form.PARQUET,
    Format.ARROW: Form.ARROW,
    Format.ONNX: Form.ONNX,
    Format.MLMODEL: Form.MLMODEL,
    Format.SAFETENSORS: Form.SAFETENSORS,
    Format.ZIP: Form.ZIP,
    Format.SKOPS: Form.ZIP,
    Format.TORCH: Form.ZIP,
    Format.NPZ: Form.ZIP,
    Format.TAR: Form.TAR,
    Format.COMPRESSED: Form.TAR,
    Format.TEXT: Form.TEXT,
    Format.JSON: Form.TEXT,
    Format.XML: Form.TEXT,
    Format.PMML: Form.TEXT,
}
_BY_NAME: Mapping[tuple[Form, str], Form] = {
    (Form.TEXT, ".md"): Form.MARKDOWN,
    (Form.TEXT, ".markdown"): Form.MARKDOWN,
    (Form.CSV, ".md"): Form.MARKDOWN,
    (Form.TEXT, ".ipynb"): Form.NOTEBOOK,
    (Form.ZIP, ".xlsx"): Form.SHEET,
}
_CODE = (".py", ".sh", ".sql", ".r", ".js", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".txt", ".log", ".json")
_UNSHOWN: Mapping[Format, str] = {
    Format.PICKLE: "A pickle can only be opened by running what it says, which the platform never does.",
    Format.JOBLIB: "A pickle can only be opened by running what it says, which the platform never does.",
    Format.PROGRAM: "It is a native program.",
    Format.HDF5: "HDF5 files are not looked into here.",
    Format.NPY: "Arrays of numbers are not looked into here.",
    Format.OTHER: "Its format is not known here.",
}


def form_for(kind: Format, name: str) -> Form | None:
    """Return how a file of this format and name is shown, or None."""
    form = _FORMS.get(kind)
    if form is None:
        return None
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    if form is Form.CSV and ending in _CODE:
        return Form.TEXT
    return _BY_NAME.get((form, ending), form)


def why_unshown(kind: Format) -> str:
    """Say why files of a format are not shown."""
    return _UNSHOWN.get(kind, "Files of this format are not looked into here.")


class Kept(StrEnum):
    """What a retention rule is about."""

    UNUSED_UPLOAD = "unused_upload"
    ARCHIVED_VERSION = "archived_version"

    @property
    def words(self) -> str:
        """What the rule says, before its days."""
        return _KEPT_WORDS[self]


_KEPT_WORDS: Mapping[Kept, str] = {
    Kept.UNUSED_UPLOAD: "keep files that nothing uses for",
    Kept.ARCHIVED_VERSION: "remove the files of archived versions after",
}
LONGEST_KEPT_DAYS = 36_500
SHORTEST_ARCHIVED_DAYS = 30
