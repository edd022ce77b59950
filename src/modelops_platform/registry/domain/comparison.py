"""Two versions side by side: what differs, and which metric differs by more than its noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .versions import Comparison, compare_metric


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that both sides may have; equal rows are folded away by the page."""

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one sort."""

    title: str
    rows: list[Row]

    @property
    def has_differences(self) -> bool:
        """Say whether any row differs."""
        return any(row.before != row.after for row in self.rows)

    @property
    def pairs(self) -> list[tuple[str, str | None]]:
        """The rows as (label, value), for a group in which nothing differs."""
        return [(row.label, row.after) for row in self.rows]


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """Everything that two versions have, metrics apart because they need a judgement."""

    metrics: list[Comparison]
    groups: list[Group]
    files: "FileComparison"


@dataclass(frozen=True, slots=True)
class FileChange:
    """A path whose file is not the same on both sides."""

    path: str
    what: str
    """added, removed, changed or moved."""
    before: str | None
    after: str | None
    old_path: str | None = None


@dataclass(frozen=True, slots=True)
class FileComparison:
    """The files of two versions, by path and digest."""

    changes: list[FileChange]
    same: int


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> VersionComparison:
    """Compare the contents of two versions; groups that differ come first."""
    groups = [
        _group("Parameters", before["parameters"], after["parameters"]),
        _group("Data, code and words", _sources(before), _sources(after)),
        _group("Inputs and outputs", _columns(before["signature"]), _columns(after["signature"])),
        _group("Environment", _packages(before["environment"]), _packages(after["environment"])),
    ]
    kept = [group for group in groups if group.rows]
    return VersionComparison(
        _metrics(before["metrics"], after["metrics"]),
        sorted(kept, key=lambda group: not group.has_differences),
        compare_files(before["files"], after["files"]),
    )


def compare_files(before: Mapping[str, str], after: Mapping[str, str]) -> FileComparison:
    """Compare two manifests, path to digest; a file that only changed its path has moved."""
    gone = {path: sha256 for path, sha256 in before.items() if path not in after}
    left = {sha256: path for path, sha256 in sorted(gone.items(), reverse=True)}
    changes = []
    for path, sha256 in after.items():
        old = before.get(path)
        if old is None and (source := left.pop(sha256, None)) is not None:
            gone.pop(source)
            changes.append(FileChange(path, "moved", sha256, sha256, old_path=source))
        elif old != sha256:
            changes.append(FileChange(path, "changed" if old else "added", old, sha256))
    changes += [FileChange(path, "removed", sha256, None) for path, sha256 in gone.items()]
    same = sum(before.get(path) == sha256 for path, sha256 in after.items())
    return FileComparison(sorted(changes, key=lambda change: change.path), same)


def _metrics(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Comparison]:
    left = {(metric["name"], metric.get("data_set")): metric for metric in before}
    right = {(metric["name"], metric.get("data_set")): metric for metric in after}
    names = list(dict.fromkeys([*left, *right]))
    return [
        compare_metric(f"{name} on {data_set}" if data_set else name, left.get(key), right.get(key))
        for key in names
        for name, data_set in [key]
    ]


def _group(title: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Group:
    keys = dict.fromkeys([*before, *after])
    return Group(title, [Row(key, _shown(before, key), _shown(after, key)) for key in keys])


def _shown(side: Mapping[str, Any], key: str) -> str | None:
    if key not in side or side[key] == "":
        return None
    value = side[key]
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else str(value)


def _sources(version: Mapping[str, Any]) -> dict[str, Any]:
    found = {"data set": version["data_set"], "description": version["description"], **version["source"]}
    return {key: value for key, value in found.items() if value}


def _columns(signature: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for side in ("inputs", "outputs"):
        for column in signature.get(side, []):
            needed = "" if column.get("is_required", True) else ", may be missing"
            found[f"{side[:-1]} {column['name']}"] = (column.get("type") or "any type") + needed
    return found


def _packages(environment: Mapping[str, Any]) -> dict[str, str]:
    plain = {key: value for key, value in environment.items() if key != "packages"}
    return {**plain, **environment.get("packages", {})}
