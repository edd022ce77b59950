"""What clients name as the source of a version, found: the folder, the run and logged model, and what they say."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotFound
from modelops_platform.tracking import queries as tracking
from modelops_platform.tracking import service as tracking_service
from modelops_platform.tracking.domain.described import taken_together
from modelops_platform.tracking.domain.places import path_of, uri_of
from modelops_platform.tracking.queries import LoggedModelHead, StoredFile

from .. import queries
from ..domain.protocol import Source, logged_model_in, read_source, stage_named, wrong_source
from ..tables import Version

MOST_FILES, LONGEST_PATH = 10_000, 500
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,35}")
MOST_FIGURES = 500


@dataclass(slots=True)
class Found:
    """Where a version's files are, and what is known of where they come from."""

    storage_uri: str
    path: str | None = None
    experiment_id: str | None = None
    run_id: str | None = None
    logged_model_id: str | None = None
    copied: Version | None = None
    files: dict[str, StoredFile] = field(default_factory=dict)


def find_source(db: Session, actor: Actor, text: str, *, run_id: str | None, model_id: str | None) -> Found:
    """Return what a source names. Raises InvalidInput when it may not be named, NotFound when it is not there."""
    source = read_source(text)
    model = tracking.get_logged_model(db, actor, model_id) if model_id else None
    match source.scheme:
        case "models":
            found = _of_models(db, actor, text, source, run_id, model)
        case "runs":
            found = _of_run(db, actor, text, source, run_id)
        case "mlflow-artifacts":
            found = _of_path(db, actor, text, source, run_id, model)
        case _:
            found = Found(text, run_id=_told(run_id), logged_model_id=model.id if model else None)
    if model is not None and found.run_id is None:
        found.run_id = model.source_run_id
    if found.path is not None:
        _take_files(db, actor, found)
    return found


def _told(run_id: str | None) -> str | None:
    """Return the id of a run that may be unknown here: files elsewhere are often those of runs elsewhere."""
    if run_id and not _RUN_ID.fullmatch(run_id):
        raise InvalidInput(f"Invalid run ID: '{run_id[:80]}'", field="run_id", value=run_id[:80])
    return run_id or None


def _of_logged(model: LoggedModelHead, path: str | None = None) -> Found:
    root = path_of(model.artifact_uri)
    path = path or root
    uri = uri_of(path) if path else model.artifact_uri
    return Found(uri, path, model.experiment_id, model.source_run_id, model.id)


def _of_models(
    db: Session, actor: Actor, text: str, source: Source, run_id: str | None, model: LoggedModelHead | None
) -> Found:
    logged = logged_model_in(source.rest)
    if logged is not None:
        if model is None or model.id != logged:
            raise wrong_source(text, "The model_id does not name the same logged model.")
        return _of_logged(model)
    version = _version_named(db, actor, text, source.rest)
    storage = version.storage_uri or queries.own_uri(version.id)
    return Found(storage, None, None, version.run_id or _told(run_id), version.logged_model_id, version)


def _version_named(db: Session, actor: Actor, text: str, rest: str) -> Version:
    name, _, named = rest.rpartition("@") if "@" in rest else rest.rpartition("/")
    if not name or "/" in name or not named:
        raise wrong_source(text, "Write models:/name/version.")
    queries.get_model(db, actor, name)  # says so if there is none
    if "@" in rest or named.casefold() == queries.LATEST:
        number = queries.find_number_of_alias(db, actor, name, named)
        if number is None:
            raise wrong_source(text, f"Registered model alias {named[:80]} not found.")
    elif named.isascii() and named.isdecimal() and len(named) < 10:
        number = int(named)
    else:
        latest = queries.get_latest_versions(db, actor, name, [stage_named(named)])
        if not latest:
            raise NotFound(f"There is no version {named[:80]!r} of {name[:80]!r}.", field="source", value=text[:200])
        number = int(latest[0].version)
    return queries.get_version(db, actor, name, number)


def _of_run(db: Session, actor: Actor, text: str, source: Source, run_id: str | None) -> Found:
    named, _, inside = source.rest.partition("/")
    if not run_id or named != run_id:
        raise wrong_source(text, "The run_id does not name the same run.")
    run = tracking.get_run(db, actor, run_id)
    root = path_of(run.artifact_uri)
    if root is None:
        return Found(f"{run.artifact_uri}/{inside}" if inside else run.artifact_uri, run_id=run.id)
    path = f"{root}/{inside}" if inside else root
    if inside and not tracking.list_files(db.connection(), actor.workspace_id, path, limit=1):
        first, _, more = inside.partition("/")
        made = tracking.find_made_by(db, actor, run.id, first)
        if made is not None and (own := path_of(made.artifact_uri)):
            return _of_logged(made, f"{own}/{more}" if more else own)
    return Found(uri_of(path), path, run.experiment_id, run.id)


def _of_path(
    db: Session, actor: Actor, text: str, source: Source, run_id: str | None, model: LoggedModelHead | None
) -> Found:
    place = tracking.find_place(db.connection(), actor.workspace_id, source.rest)
    if model is not None:
        if place is not None and (place.object_kind, place.id) == ("logged_model", model.id):
            return _of_logged(model, source.rest)
        raise wrong_source(text, "It is not inside the artifacts of the logged model that model_id names.")
    if run_id and place is not None:
        run = tracking.get_run(db, actor, run_id)
        if (place.object_kind, place.id) == ("run", run.id):
            return Found(uri_of(source.rest), source.rest, run.experiment_id, run.id)
        if place.object_kind == "logged_model":
            made = tracking.get_logged_model(db, actor, place.id)
            if made.source_run_id == run.id:
                return _of_logged(made, source.rest)
    raise wrong_source(text, "It is not inside the artifacts of the run that run_id names.")


def _take_files(db: Session, actor: Actor, found: Found) -> None:
    """Take the manifest of the folder, which nobody changes until this transaction ends."""
    assert found.path is not None, "a folder of this store"
    assert found.experiment_id is not None, "of an experiment"
    tracking.get_place(db, actor, found.path, Permission.VIEW)
    tracking_service.begin_freezing(db, found.experiment_id)
    connection = db.connection()
    files = tracking.list_files(connection, actor.workspace_id, found.path, limit=MOST_FILES + 1)
    one = tracking.find_file(connection, actor.workspace_id, found.path)
    begins = len(found.path) + 1
    found.files = {one.path.rpartition("/")[2]: one} if one else {file.path[begins:]: file for file in files}
    if len(found.files) > MOST_FILES or any(len(path) > LONGEST_PATH for path in found.files):
        raise InvalidInput(
            f"A version has at most {MOST_FILES:,} files, with paths of at most {LONGEST_PATH} characters.",
            remedy="Name the folder of the model itself.",
            field="source",
        )


def described(found: Found) -> dict[str, Any]:
    """Return what the files of the source say of the model: signature, environment."""
    said = {path: msgspec.json.decode(file.described) for path, file in found.files.items() if file.described}
    whole = taken_together(said)
    environment = {"python": whole.get("python"), "packages": whole.get("packages") or {}}
    if whole.get("flavors"):
        environment["flavors"] = whole["flavors"]
    return {
        "signature": {"inputs": whole.get("inputs") or [], "outputs": whole.get("outputs") or []},
        "environment": {key: value for key, value in environment.items() if value is not None},
    }


def figures(db: Session, found: Found) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the metrics and parameters that the logged model, or else its run, was logged with."""
    connection = db.connection()
    metrics: dict[tuple[str, str | None], dict[str, Any]] = {}
    params: dict[str, str] = {}
    if found.run_id is not None:
        run = tracking.get_parts(connection, [found.run_id]).get(found.run_id)
        if run is not None:
            _take(metrics, run.logged.get("metric", ()))
            params |= {one["key"]: one["value"] for one in run.logged.get("param", ())}
    if found.logged_model_id is not None:
        data = tracking.make_model_documents(connection, [found.logged_model_id])[0]["data"]
        _take(metrics, data.get("metrics", ()))
        params |= {one["key"]: one["value"] for one in data.get("params", ())}
    return list(metrics.values())[:MOST_FIGURES], dict(list(params.items())[:MOST_FIGURES])


def _take(metrics: dict[tuple[str, str | None], dict[str, Any]], points: Any) -> None:
    for point in points:
        value, data_set = point["value"], point.get("dataset_name")
        if isinstance(value, int | float) and math.isfinite(value):
            metrics[point["key"], data_set] = _metric(point["key"], value, data_set)


def _metric(name: str, value: float, data_set: str | None) -> dict[str, Any]:
    figure: Mapping[str, Any] = {"name": name, "value": float(value), "data_set": data_set and data_set[:254]}
    return {**figure, "n": None, "standard_error": None, "higher_is_better": None}
