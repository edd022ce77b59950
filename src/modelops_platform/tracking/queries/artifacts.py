"""Reads of artifacts: whose a path is, what stands in a folder, which version holds it still."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotAllowed, NotFound

from ..domain.places import FOLDERS, Place, below, checked_path, ids_in, path_of, uri_of, ways_to
from .rights import may, no_experiment, no_run
from .runs import get_head
from .statements import Statement, is_postgres, marks

MOST_LISTED = 50_000


class StoredFile(NamedTuple):
    """A file as its path knows it."""

    path: str
    sha256: str
    size: int
    described: str | None
    owner_kind: str
    owner_id: str
    experiment_id: str | None


class Listed(NamedTuple):
    """One line of a folder: a file with its size, or a folder."""

    name: str
    is_folder: bool
    size: int


_FIELDS = "path, sha256, size, described, owner_kind, owner_id, experiment_id"
_FILE = Statement(f"SELECT {_FIELDS} FROM artifacts WHERE workspace_id = ? AND path = ?")
_BELOW = Statement(
    f"SELECT {_FIELDS} FROM artifacts WHERE workspace_id = ? AND path >= ? AND path < ? ORDER BY path LIMIT ?"
)
_EXPERIMENT = Statement("SELECT id, unit_id FROM experiments WHERE id = ? AND workspace_id = ?")


def find_place(connection: Connection, workspace_id: str, path: str) -> Place | None:
    """Return whose a path is; None below the number of an experiment that does not exist.

    A run or logged model owns what is below its own folder; what else is below an experiment's is the experiment's.
    Numbers belong to the experiments that have them, wherever another one says that its files are.
    """
    segments = path.split("/")
    numbered = segments[0] if segments[0].isascii() and segments[0].isdecimal() else None
    owner = _owner_of(connection, workspace_id, path, numbered)
    if owner is not None:
        return owner
    if numbered is None:
        return _of_location(connection, workspace_id, path)
    row = _EXPERIMENT.one(connection, numbered[:30], workspace_id)
    if row is None:
        return None
    kind = FOLDERS.get(segments[1]) if len(segments) > 2 else None
    if kind is not None and len(segments[2]) <= 36:
        return Place(kind, segments[2], row[0], row[1])
    return Place("experiment", row[0], row[0], row[1])


def _owner_of(connection: Connection, workspace_id: str, path: str, numbered: str | None) -> Place | None:
    """Return the run or logged model whose folder the path is in; of several the one nearest to the top."""
    ids = ids_in(path)
    if not ids:
        return None
    found = []
    for kind, table in (("run", "runs"), ("logged_model", "logged_models")):
        text = (
            f"SELECT t.id, t.experiment_id, e.unit_id, t.artifact_uri FROM {table} t"
            f" JOIN experiments e ON e.id = t.experiment_id WHERE e.workspace_id = ? AND t.id IN ({marks(len(ids))})"
        )
        for id_, experiment_id, unit_id, uri in Statement(text).all(connection, workspace_id, *ids):
            root = path_of(uri)
            if root and f"{path}/".startswith(f"{root}/") and numbered in (None, experiment_id):
                found.append((len(root), Place(kind, id_, experiment_id, unit_id)))
    return min(found, key=lambda one: one[0])[1] if found else None


def _of_location(connection: Connection, workspace_id: str, path: str) -> Place:
    locations = [uri_of(way) for way in ways_to(path)]
    text = (
        "SELECT id, unit_id FROM experiments WHERE workspace_id = ?"
        f" AND artifact_location IN ({marks(len(locations))}) ORDER BY number LIMIT 1"
    )
    row = Statement(text).one(connection, workspace_id, *locations)
    return Place("experiment", row[0], row[0], row[1]) if row else Place("workspace", workspace_id, None, None)


def get_place(db: Session, actor: Actor, path: str, permission: Permission) -> Place:
    """Return whose a path is, for somebody who may do this there. Raises NotFound, NotAllowed."""
    place = find_place(db.connection(), actor.workspace_id, path)
    if place is None:
        raise no_experiment(path.partition("/")[0])
    if place.experiment_id is None:
        if not actor.may(Permission.MANAGE_STORAGE):
            raise NotAllowed(
                f"The path {path[:80]!r} is outside of every experiment.",
                remedy="Use a path below one of your experiments, or ask an administrator.",
                permission=Permission.MANAGE_STORAGE.value,
            )
        return place
    _must_on(actor, permission, place)
    return place


def _must_on(actor: Actor, permission: Permission, place: Any) -> None:
    if not may(actor, Permission.VIEW, place):
        raise no_experiment(str(place.experiment_id))
    if not may(actor, permission, place):
        raise NotAllowed(
            f"{actor.name} may not {permission.replace('_', ' ')} here.",
            remedy="Ask an administrator for a role on the experiment.",
            permission=permission.value,
        )


def find_own_place(db: Session, actor: Actor, path: str) -> Place | None:
    """Return whose a path is, if the actor may put files there themselves."""
    place = find_place(db.connection(), actor.workspace_id, path)
    if place is None or place.experiment_id is None:
        return None
    rightful: Any = place
    return place if may(actor, Permission.LOG_RUNS, rightful) else None


def get_file(db: Session, actor: Actor, path: str) -> StoredFile:
    """Return a file that the actor may download. Raises InvalidInput (also for a folder), NotFound, NotAllowed."""
    path = checked_path(path)
    get_place(db, actor, path, Permission.DOWNLOAD_FILE)
    found = find_file(db.connection(), actor.workspace_id, path)
    if found is not None:
        return found
    if list_files(db.connection(), actor.workspace_id, path, limit=1):
        raise InvalidInput(f"{path[:200]!r} is a folder.", remedy="Name a file.", field="path", value=path[:200])
    raise no_artifact(path)


def no_artifact(path: str) -> NotFound:
    """Return what is said about a file that is not there."""
    return NotFound(f"No such artifact: {path[:200]!r}.", field="path", value=path[:200])


def find_file(connection: Connection, workspace_id: str, path: str) -> StoredFile | None:
    """Return the file with this path, whoever may see it."""
    row = _FILE.one(connection, workspace_id, path)
    return StoredFile(*row) if row else None


def list_files(connection: Connection, workspace_id: str, path: str, *, limit: int = MOST_LISTED) -> list[StoredFile]:
    """Return the files below a folder in order of path, whoever may see them."""
    return [StoredFile(*row) for row in _BELOW.all(connection, workspace_id, *below(path), limit)]


_NAMED = (
    "SELECT name, MAX(is_folder), MAX(size) FROM (SELECT size, CASE WHEN {cut} > 0 THEN 1 ELSE 0 END AS is_folder,"
    " CASE WHEN {cut} > 0 THEN substr({rest}, 1, {cut} - 1) ELSE {rest} END AS name"
    " FROM artifacts WHERE workspace_id = ? AND path >= ? AND path < ?{more}) listed"
    " GROUP BY name ORDER BY name LIMIT ?"
)


def list_folder(db: Session, actor: Actor, path: str) -> list[Listed]:
    """Return what stands in a folder, nothing when there is none. Raises InvalidInput, NotFound, NotAllowed.

    Of the folder of an experiment it tells only what is the experiment's own.
    """
    if path in ("", "/", "."):
        return _list_top(db, actor)
    path = checked_path(path.removesuffix("/"))
    place = get_place(db, actor, path, Permission.VIEW)
    connection = db.connection()
    rest = f"substr(path, {len(path) + 2})"
    cut = f"strpos({rest}, '/')" if is_postgres(connection) else f"instr({rest}, '/')"
    more = " AND experiment_id = ?" if place.experiment_id is not None else ""
    values = [place.experiment_id] if place.experiment_id is not None else []
    text = _NAMED.format(rest=rest, cut=cut, more=more)
    rows = Statement(text).all(connection, actor.workspace_id, *below(path), *values, MOST_LISTED)
    return [Listed(name, bool(is_folder), 0 if is_folder else size) for name, is_folder, size in rows]


_TOP = Statement(
    "SELECT DISTINCT a.experiment_id, e.unit_id FROM artifacts a JOIN experiments e ON e.id = a.experiment_id"
    " WHERE a.workspace_id = ?"
)


def _list_top(db: Session, actor: Actor) -> list[Listed]:
    """Return the folders of the experiments that the actor may see and that hold anything."""
    rows = _TOP.all(db.connection(), actor.workspace_id)
    places: Iterable[Any] = (Place("experiment", row[0], row[0], row[1]) for row in rows)
    seen = sorted(int(place.id) for place in places if may(actor, Permission.VIEW, place))
    return [Listed(str(number), True, 0) for number in seen]


def get_run_root(db: Session, actor: Actor, run_id: str) -> str:
    """Return the path of a run's own folder. Raises NotFound, also for a run whose files are kept elsewhere."""
    head = get_head(db, actor, run_id)
    uri = str(_URI.value(db.connection(), head.id))
    root = path_of(uri)
    if root is None:
        raise NotFound("The run's artifacts are kept elsewhere.", remedy=f"Ask {uri[:200]}.", field="run_id")
    return root


def list_run_artifacts(db: Session, actor: Actor, run_id: str, path: str | None) -> tuple[str, list[Listed]]:
    """Return a run's artifact address and what stands in a folder of it. Raises NotFound, InvalidInput."""
    head = get_head(db, actor, run_id)
    uri = _URI.value(db.connection(), head.id)
    if uri is None:
        raise no_run(run_id)
    return uri, list_below(db, actor, uri, path)


_URI = Statement("SELECT artifact_uri FROM runs WHERE id = ?")


def list_below(db: Session, actor: Actor, root_uri: str, path: str | None) -> list[Listed]:
    """Return what stands in a folder below an artifact address; nothing for one that is kept elsewhere."""
    inside = checked_path(path.removesuffix("/")) if path and path not in ("/", ".") else ""
    root = path_of(root_uri)
    if root is None:
        return []
    listed = list_folder(db, actor, f"{root}/{inside}" if inside else root)
    return [Listed(f"{inside}/{one.name}" if inside else one.name, one.is_folder, one.size) for one in listed]


def get_file_of_run(db: Session, actor: Actor, run_id: str, path: str) -> StoredFile:
    """Return a file of a run. Raises NotFound, InvalidInput, NotAllowed."""
    head = get_head(db, actor, run_id)
    return get_file_below(db, actor, str(_URI.value(db.connection(), head.id)), path)


def get_file_below(db: Session, actor: Actor, root_uri: str, path: str) -> StoredFile:
    """Return a file below an artifact address. Raises NotFound, InvalidInput, NotAllowed."""
    path, root = checked_path(path), path_of(root_uri)
    if root is None:
        raise NotFound("The artifacts are kept elsewhere.", remedy=f"Ask {root_uri[:200]}.", field="path")
    return get_file(db, actor, f"{root}/{path}")


class Frozen(NamedTuple):
    """A folder that stays as it is, and the version that needs it."""

    path: str
    model_name: str
    version_number: int


def find_frozen(connection: Connection, workspace_id: str, path: str, *, inside: bool = False) -> Frozen | None:
    """Return a frozen folder that the path is in; with `inside` also one that is below the path."""
    ways: Sequence[str] = ways_to(path)
    text = (
        "SELECT path, model_name, version_number FROM frozen_folders"
        f" WHERE workspace_id = ? AND (path IN ({marks(len(ways))})"
    )
    values: list[Any] = [workspace_id, *ways]
    if inside:
        text += " OR (path >= ? AND path < ?)"
        values += below(path)
    row = Statement(f"{text}) LIMIT 1").one(connection, *values)
    return Frozen(*row) if row else None
