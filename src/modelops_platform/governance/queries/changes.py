"""What would change: a version against the one that is there now."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from modelops_platform.deployments import queries as deployments
from modelops_platform.registry import queries as registry
from modelops_platform.registry.domain.versions import compare_metric
from modelops_platform.registry.tables import Version

from ..domain.facts import Verb
from ..domain.targets import Target


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the difference, as the component `diff` shows it."""

    label: str
    before: str | None
    after: str | None
    better: str | None = None


def find_changes(db: Session, version: Version, target: Target) -> tuple[Version | None, list[Change]]:
    """Return the version that stands at the target now, if any, and what this version would change."""
    version_id = _standing_at(db, version.model_id, target)
    live = _load(db, version_id) if version_id else None
    wanted = _load(db, version.id)
    return live, list(_compare(live, wanted))


def _standing_at(db: Session, model_id: str, target: Target) -> str | None:
    if target.action.verb is Verb.DEPLOYMENT:
        live = deployments.live_of_model(db, model_id)
        here = [revision for revision in live if revision.deployment.environment_id == target.environment_id]
        return max(here, key=lambda revision: revision.from_at).version_id if here else None
    alias = registry.find_alias(db, model_id, target.action.target)
    return alias.version_id if alias else None


def _load(db: Session, version_id: str) -> Version:
    loading = (joinedload(Version.model), joinedload(Version.data_set), selectinload(Version.files))
    return db.scalars(select(Version).where(Version.id == version_id).options(*loading)).one()


def _compare(before: Version | None, after: Version) -> Iterator[Change]:
    old, new = _facts(before), _facts(after)
    for label in dict.fromkeys([*new, *old]):
        yield Change(label, old.get(label), new.get(label))
    old_metrics = {metric["name"]: metric for metric in before.metrics} if before else {}
    new_metrics = {metric["name"]: metric for metric in after.metrics}
    for name in dict.fromkeys([*new_metrics, *old_metrics]):
        result = compare_metric(name, old_metrics.get(name), new_metrics.get(name))
        yield Change(f"Metric {name}", _figure(result.before), _figure(result.after), result.better)
    old_parameters = before.parameters if before else {}
    for name in sorted({*old_parameters, *after.parameters}):
        yield Change(f"Parameter {name}", _plain(old_parameters.get(name)), _plain(after.parameters.get(name)))


def _facts(version: Version | None) -> dict[str, str | None]:
    if version is None:
        return {}
    packages = version.environment.get("packages") or {}
    return {
        "Digest": _short(version.manifest_digest),
        "Description": version.description or None,
        "Files": ", ".join(file.path for file in version.files) or None,
        "Trained on": version.data_set.name if version.data_set else None,
        "Inputs": _columns(version, "inputs"),
        "Outputs": _columns(version, "outputs"),
        "Source": version.source.get("commit") or version.source.get("run") or version.source.get("location"),
        "Python": version.environment.get("python"),
        **{f"Package {name}": str(packages[name]) for name in sorted(packages)},
    }


def _columns(version: Version, side: str) -> str | None:
    columns = version.signature.get(side) or []
    return ", ".join(f"{column['name']} {column.get('type', '')}".strip() for column in columns) or None


def _short(digest: str | None) -> str | None:
    return f"{digest[:8]}…{digest[-4:]}" if digest else None


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def _plain(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
