"""Paths of the artifact store: labels that say whose a file is, and never the name of a file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from modelops_platform.artifacts.domain import clean_path

SCHEME = "mlflow-artifacts"
_PROXY = re.compile(r"(?:^|/)(?:ajax-)?api/2\.0/mlflow-artifacts/artifacts/(.+)$")
_ID = re.compile(r"m-[0-9a-f]{32}|[a-zA-Z0-9][\w\-]{15,35}")
FOLDERS: Mapping[str, str] = MappingProxyType({"models": "logged_model", "traces": "trace"})
"""What the folders of an experiment hold beside its runs."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose a path is: rights on it are rights on the experiment; without one only an administrator has any.

    It keeps the files below it, so that it is what holds of stored files name.
    """

    object_kind: str
    id: str
    experiment_id: str | None
    unit_id: str | None

    @property
    def name(self) -> str:
        """The place in words."""
        return f"{self.object_kind.replace('_', ' ')} {self.id}"


def checked_path(path: str) -> str:
    """Return a client's path as it is kept. Raises InvalidInput for one that climbs, is absolute or is hidden."""
    return clean_path(path, field="path")


def uri_of(path: str) -> str:
    """Return the address that clients know a path by."""
    return f"{SCHEME}:/{path}"


def path_of(uri: str) -> str | None:
    """Return the path that an address leads to in this artifact store; None when it leads elsewhere."""
    scheme, colon, rest = uri.partition(":")
    if not colon:
        return None
    if scheme.lower() == SCHEME:
        path = urlsplit(uri).path if rest.startswith("//") else rest
        return path.strip("/")
    if scheme.lower() in ("http", "https"):
        found = _PROXY.search(urlsplit(uri).path)
        return found[1].strip("/") if found else None
    return None


def ids_in(path: str) -> list[str]:
    """Return the segments of a path that may be ids of runs or logged models."""
    return [segment for segment in path.split("/")[:20] if _ID.fullmatch(segment)]


def ways_to(path: str) -> list[str]:
    """Return the path and every folder above it, the longest first."""
    segments = path.split("/")
    return ["/".join(segments[:count]) for count in range(len(segments), 0, -1)]


def below(path: str) -> tuple[str, str]:
    """Return the stretch of paths below a folder: from the first, up to the second exclusive."""
    return f"{path}/", f"{path}0"  # 0 follows / in every code page
