"""Reads for clients of the MLflow protocol: documents of models and versions, and their searches.

These are frequent, so statements go to the driver as they stand. A model's document is kept in its summary row, and is
true as long as the time of the model's last change, which every verb renews, is the one it was made at.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.errors import NotFound
from modelops_platform.tracking.domain.filters import NULLS, Clause, Grammar, Op, Order, parse_filter, parse_order
from modelops_platform.tracking.domain.tokens import decode_token, encode_token, fingerprint
from modelops_platform.tracking.queries import StoredFile
from modelops_platform.tracking.queries.bounded import bounded
from modelops_platform.tracking.queries.conditions import Text
from modelops_platform.tracking.queries.keyset import SortKey, add_after, add_order
from modelops_platform.tracking.queries.statements import Statement, is_postgres, marks

from ..domain.kinds import ModelKind
from ..domain.protocol import (
    IS_PROMPT,
    MODELS,
    VERSIONS,
    ModelDocument,
    Stage,
    VersionDocument,
    milliseconds,
    print_document,
)
from .versions import get_version_by_id


@dataclass(slots=True)
class ModelHead:
    """What reading for a client needs to know of a model."""

    id: str
    unit_id: str
    name: str
    kind: str
    object_kind: str = "model"


_HEAD = Statement(
    "SELECT m.id, m.unit_id, m.name, m.kind, CASE WHEN s.document_at = m.updated_at THEN s.document END FROM models m"
    " JOIN model_summaries s ON s.model_id = m.id WHERE m.workspace_id = ? AND m.name = ? AND m.archived_at IS NULL"
)


def no_model(name: str) -> NotFound:
    """Return the refusal for a model that is not there for the caller."""
    return NotFound(f"Registered Model with name={name[:80]} not found", field="name", value=name[:80])


def no_version(name: str, number: int | str) -> NotFound:
    """Return the refusal for a version that is not there."""
    return NotFound(
        f"Model Version (name={name[:80]}, version={str(number)[:80]}) not found",
        field="version",
        value=str(number)[:80],
    )


def find_head(db: Session, actor: Actor, name: str) -> tuple[ModelHead, str | None]:
    """Return a living model and its kept document, if that is true. Raises NotFound."""
    row = _HEAD.one(db.connection(), actor.workspace_id, name[:300])
    head = ModelHead(*row[:4]) if row else None
    if head is None or row is None or not actor.may(Permission.VIEW, head):
        raise no_model(name)
    return head, row[4]


@dataclass(frozen=True, slots=True)
class FoundModels:
    """Documents of models in order, the token of the next page, and the models whose document was not kept."""

    documents: list[bytes]
    next_token: str | None
    unkept: list[str]


def get_model_document(db: Session, actor: Actor, name: str) -> FoundModels:
    """Return one model as clients read it. Raises NotFound."""
    head, document = find_head(db, actor, name)
    if document is not None:
        return FoundModels([document.encode()], None, [])
    return FoundModels([_make(db.connection(), [head.id])[head.id]], None, [head.id])


_MODEL = "SELECT id, name, kind, created_at, updated_at, purpose FROM models WHERE id IN ({})"
_TAGS = "SELECT model_id, key, value FROM model_tags WHERE model_id IN ({}) ORDER BY model_id, key"
_ALIASES = (
    "SELECT model_id, name, version_number FROM aliases WHERE model_id IN ({}) AND to_at IS NULL"
    " ORDER BY model_id, name"
)
_FIELDS = (
    "v.id, m.name, v.number, v.created_at, v.changed_at, v.stage, v.description, v.source_uri, v.storage_uri, v.run_id,"
    " v.run_link, v.logged_model_id"
)
_OF_MODELS_IN = (
    ", v.model_id FROM versions v JOIN models m ON m.id = v.model_id JOIN (SELECT model_id AS of_model, MAX(number) AS"
    " latest FROM versions WHERE archived_at IS NULL AND model_id IN ({}) GROUP BY model_id, COALESCE(stage, 'None')) x"
    " ON x.of_model = v.model_id AND x.latest = v.number ORDER BY v.number"
)
_LATEST = f"SELECT {_FIELDS}{_OF_MODELS_IN}"
_VERSION_TAGS = "SELECT version_id, key, value FROM version_tags WHERE version_id IN ({}) ORDER BY version_id, key"
_VERSION_ALIASES = "SELECT version_id, name FROM aliases WHERE to_at IS NULL AND version_id IN ({}) ORDER BY name"


def _make(connection: Connection, model_ids: Sequence[str]) -> dict[str, bytes]:
    """Return models as clients read them, made from their rows."""
    found: dict[str, ModelDocument] = {}
    for start in range(0, len(model_ids), 400):
        chunk = model_ids[start : start + 400]
        placed = marks(len(chunk))
        for id_, name, kind, created, updated, purpose in Statement(_MODEL.format(placed)).all(connection, *chunk):
            document = ModelDocument(name, milliseconds(created), milliseconds(updated), purpose)
            found[id_] = document
            if kind == ModelKind.PROMPT:
                document.tags.append({"key": IS_PROMPT, "value": "true"})
        for id_, key, value in Statement(_TAGS.format(placed)).all(connection, *chunk):
            if key != IS_PROMPT or not found[id_].tags:
                found[id_].tags.append({"key": key, "value": value})
        for id_, alias, number in Statement(_ALIASES.format(placed)).all(connection, *chunk):
            found[id_].aliases.append({"alias": alias, "version": str(number)})
        latest = Statement(_LATEST.format(placed)).all(connection, *chunk)
        tags = _tags_of(connection, [row[0] for row in latest])
        for *row, model_id in latest:
            found[model_id].latest_versions.append(_version(row, tags.get(row[0], []), []))
    return {id_: print_document(document) for id_, document in found.items()}


def _tags_of(connection: Connection, version_ids: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    tags: dict[str, list[dict[str, str]]] = {}
    for start in range(0, len(version_ids), 900):
        chunk = version_ids[start : start + 900]
        for id_, key, value in Statement(_VERSION_TAGS.format(marks(len(chunk)))).all(connection, *chunk):
            tags.setdefault(id_, []).append({"key": key, "value": value})
    return tags


def _version(row: Sequence[Any], tags: list[dict[str, str]], aliases: list[str]) -> VersionDocument:
    _id, name, number, created, changed, stage, description, source, storage, run_id, run_link, model_id = row
    return VersionDocument(
        name=name,
        version=str(number),
        creation_timestamp=milliseconds(created),
        last_updated_timestamp=milliseconds(changed or created),
        current_stage=stage or Stage.NONE,
        source=source or storage or own_uri(_id),
        status="READY",
        description=description,
        run_id=run_id,
        run_link=run_link,
        model_id=model_id,
        tags=tags,
        aliases=aliases,
    )


OWN = "model-versions"


def own_uri(version_id: str) -> str:
    """Return where clients find the files of a version that was not made by a client."""
    return f"mlflow-artifacts:/{OWN}/{version_id}"


def find_version_files(db: Session, actor: Actor, path: str) -> list[StoredFile] | None:
    """Return the manifest behind a path below `own_uri`, None for any other path. Raises NotFound."""
    first, _, rest = path.partition("/")
    if first != OWN or not rest:
        return None
    version = get_version_by_id(db, actor, rest.partition("/")[0])
    root = f"{OWN}/{version.id}"
    return [
        StoredFile(f"{root}/{file.path}", file.sha256, file.size, None, "version", version.id, None)
        for file in version.files
    ]


_STALE = (
    "SELECT m.id FROM models m JOIN model_summaries s ON s.model_id = m.id"
    " WHERE (s.document_at IS NULL OR s.document_at != m.updated_at) AND m.id IN ({})"
)
_KEEP = Statement(
    "UPDATE model_summaries SET document = ?, document_at = (SELECT updated_at FROM models WHERE id = ?)"
    " WHERE model_id = ?"
)


def keep_model_documents(db: Session, model_ids: Sequence[str]) -> None:
    """Make and keep documents, so that the next search need not make them; models under way wait for another time."""
    connection = db.connection()
    waiting = Statement(_STALE.format(marks(len(model_ids))), locks="FOR NO KEY UPDATE OF m SKIP LOCKED")
    ids = [row[0] for row in waiting.all(connection, *model_ids)]
    _KEEP.many(connection, [(document.decode(), id_, id_) for id_, document in _make(connection, ids).items()])


# ---- versions -------------------------------------------------------------------------------------------------------

_ONE = Statement(
    f"SELECT {_FIELDS}, m.id, m.unit_id FROM versions v JOIN models m ON m.id = v.model_id WHERE m.workspace_id = ?"
    " AND m.name = ? AND m.archived_at IS NULL AND v.number = ? AND v.archived_at IS NULL"
)
_SAID = Statement(
    "SELECT 1, key, value FROM version_tags WHERE version_id = ?"
    " UNION ALL SELECT 2, name, '' FROM aliases WHERE version_id = ? AND to_at IS NULL ORDER BY 1, 2"
)


def _row_of_version(db: Session, actor: Actor, name: str, number: int) -> Sequence[Any]:
    row = _ONE.one(db.connection(), actor.workspace_id, name[:300], number)
    if row is None or not actor.may(Permission.VIEW, ModelHead(row[12], row[13], name, "")):
        find_head(db, actor, name)  # says so if there is no such model
        raise no_version(name, number)
    return row[:12]


def get_version_document(db: Session, actor: Actor, name: str, number: int) -> bytes:
    """Return a version as clients read it. Raises NotFound."""
    row = _row_of_version(db, actor, name, number)
    said = _SAID.all(db.connection(), row[0], row[0])
    tags = [{"key": key, "value": value} for kind, key, value in said if kind == 1]
    return print_document(_version(row, tags, [name for kind, name, _ in said if kind == 2]))


def get_storage_uri(db: Session, actor: Actor, name: str, number: int) -> str:
    """Return where a version's files are. Raises NotFound."""
    row = _row_of_version(db, actor, name, number)
    return str(row[8] or own_uri(row[0]))


LATEST = "latest"
_OF_ALIAS = Statement("SELECT version_number FROM aliases WHERE model_id = ? AND name = ? AND to_at IS NULL")
_NEWEST_NUMBER = Statement("SELECT MAX(number) FROM versions WHERE model_id = ? AND archived_at IS NULL")


def find_number_of_alias(db: Session, actor: Actor, name: str, alias: str) -> int | None:
    """Return the number of the version that an alias names now; `latest` names the newest. Raises NotFound."""
    head, _ = find_head(db, actor, name)
    if alias.lower() == LATEST:
        newest: int | None = _NEWEST_NUMBER.value(db.connection(), head.id)
        return newest
    number: int | None = _OF_ALIAS.value(db.connection(), head.id, alias[:300])
    return number


_NEWEST = (
    f"SELECT {_FIELDS} FROM versions v JOIN models m ON m.id = v.model_id JOIN (SELECT MAX(number) AS latest"
    " FROM versions WHERE archived_at IS NULL AND model_id = ? GROUP BY COALESCE(stage, 'None')) x"
    " ON x.latest = v.number WHERE v.model_id = ? ORDER BY v.number"
)


def get_latest_versions(db: Session, actor: Actor, name: str, stages: Iterable[Stage]) -> list[VersionDocument]:
    """Return the newest version of each of these stages, of all when none is named. Raises NotFound."""
    head, _ = find_head(db, actor, name)
    connection, wanted = db.connection(), set(stages)
    rows = Statement(_NEWEST).all(connection, head.id, head.id)
    tags = _tags_of(connection, [row[0] for row in rows])
    found = [_version(row, tags.get(row[0], []), []) for row in rows]
    return [one for one in found if not wanted or one.current_stage in wanted]


# ---- searches -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Search:
    """What differs between the search of models and that of versions."""

    grammar: Grammar
    columns: dict[str, str]
    tags: str
    owner: str
    breaks_ties: tuple[Order, ...]


_OF_MODELS = _Search(
    MODELS,
    {"name": "m.name", "creation_timestamp": "m.created_at", "last_updated_timestamp": "m.updated_at"},
    "model_tags f WHERE f.model_id = m.id",
    "m.id",
    (Order("attribute", "name"),),
)
_OF_VERSIONS = _Search(
    VERSIONS,
    {
        "name": "m.name",
        "run_id": "COALESCE(v.run_id, '')",  # clients read the empty text where there is no run
        "source_path": "COALESCE(v.source_uri, v.storage_uri, '')",
        "version_number": "v.number",
        "creation_timestamp": "v.created_at",
        "last_updated_timestamp": "COALESCE(v.changed_at, v.created_at)",
    },
    "version_tags f WHERE f.version_id = v.id",
    "v.id",
    (Order("attribute", "name"), Order("attribute", "version_number", True)),
)
_TIMES = frozenset({"creation_timestamp", "last_updated_timestamp"})


def search_models(
    db: Session, actor: Actor, *, text: str | None, order_by: Sequence[str], limit: int, token: str | None
) -> FoundModels:
    """Return a page of the models (or prompts, if asked for) that match. Raises InvalidInput."""
    head = "SELECT m.id, CASE WHEN s.document_at = m.updated_at THEN s.document END"
    source = " FROM models m JOIN model_summaries s ON s.model_id = m.id WHERE m.archived_at IS NULL"
    connection = db.connection()
    rows, next_token = _search(
        connection, actor, _OF_MODELS, head, source, text=text, order_by=order_by, default=(), limit=limit, token=token
    )
    unkept = [row[0] for row in rows if row[1] is None]
    made = _make(connection, unkept) if unkept else {}
    documents = [made[row[0]] if row[1] is None else row[1].encode() for row in rows]
    return FoundModels(documents, next_token, unkept)


_NEWEST_FIRST = (Order("attribute", "last_updated_timestamp", True),)


def search_versions(
    db: Session, actor: Actor, *, text: str | None, order_by: Sequence[str], limit: int, token: str | None
) -> tuple[list[VersionDocument], str | None]:
    """Return a page of the versions that match, and the token of the next. Raises InvalidInput."""
    connection = db.connection()
    source = " FROM versions v JOIN models m ON m.id = v.model_id WHERE m.archived_at IS NULL AND v.archived_at IS NULL"
    rows, next_token = _search(
        connection,
        actor,
        _OF_VERSIONS,
        f"SELECT {_FIELDS}",
        source,
        text=text,
        order_by=order_by,
        default=_NEWEST_FIRST,
        limit=limit,
        token=token,
    )
    ids = [row[0] for row in rows]
    tags, aliases = _tags_of(connection, ids), _aliases_of(connection, ids)
    return [_version(row[:12], tags.get(row[0], []), aliases.get(row[0], [])) for row in rows], next_token


def _aliases_of(connection: Connection, version_ids: Sequence[str]) -> dict[str, list[str]]:
    aliases: dict[str, list[str]] = {}
    for start in range(0, len(version_ids), 900):
        chunk = version_ids[start : start + 900]
        for id_, name in Statement(_VERSION_ALIASES.format(marks(len(chunk)))).all(connection, *chunk):
            aliases.setdefault(id_, []).append(name)
    return aliases


def _search(
    connection: Connection,
    actor: Actor,
    search: _Search,
    head: str,
    source: str,
    *,
    text: str | None,
    order_by: Sequence[str],
    default: Sequence[Order],
    limit: int,
    token: str | None,
) -> tuple[list[Sequence[Any]], str | None]:
    """Return the rows of a page, without its sort keys' tail, and the token of the next page."""
    clauses = parse_filter(text, search.grammar)
    orders = [*(parse_order(order_by, search.grammar) or default)]
    named = {order.key for order in orders}
    orders += [order for order in search.breaks_ties if order.key not in named]
    statement = Text(is_postgres=is_postgres(connection))
    keys = [_key(search, order, is_postgres=statement.is_postgres) for order in orders]
    bound_to = fingerprint(search.owner, text or "", list(order_by))
    statement.add(f"{head}, {', '.join(key.column for key in keys)}{source} AND m.workspace_id = ?", actor.workspace_id)
    _add_rights(statement, actor)
    if not any(clause.entity == "tag" and clause.key == IS_PROMPT for clause in clauses):
        statement.add(" AND m.kind != 'prompt'")
    for clause in clauses:
        statement.add(" AND ")
        _add_clause(statement, search, clause)
    if token:
        add_after(statement, keys, decode_token(token, bound_to, len(keys)))
    add_order(statement, keys)
    statement.add(" LIMIT ?", limit + 1)
    with bounded(connection):
        rows = Statement("".join(statement.parts)).all(connection, *statement.values)
    next_token = encode_token(rows[limit - 1][-len(keys) :], bound_to) if len(rows) > limit else None
    return list(rows[:limit]), next_token


def _key(search: _Search, order: Order, *, is_postgres: bool) -> SortKey:
    column = search.columns[order.key]
    if order.key in _TIMES and is_postgres:
        column = f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    return SortKey(column, order.descending, is_text=order.key != "version_number")


def _add_rights(text: Text, actor: Actor) -> None:
    """Append that the actor may see the model."""
    if actor.kind is ActorKind.SYSTEM or actor.covers_workspace(Permission.VIEW):
        return
    seeing = [grant for grant in actor.grants if Permission.VIEW in grant.permissions]
    units = sorted({unit for grant in seeing if grant.object_kind == "unit" for unit in grant.unit_ids})
    models = sorted({grant.object_id for grant in seeing if grant.object_kind == "model"})
    choices: list[tuple[str, list[str]]] = [("m.unit_id", units), ("m.id", models)]
    written = [f"{column} IN ({marks(len(values))})" for column, values in choices if values]
    text.add(f" AND ({' OR '.join(written) or '1 = 0'})", *units, *models)


def _add_clause(text: Text, search: _Search, clause: Clause) -> None:
    if clause.entity == "attribute":
        text.compare(search.columns[clause.key], clause)
        return
    if clause.key == IS_PROMPT and (means_prompt := _MEANS_PROMPT.get((clause.op, clause.value))) is not None:
        text.add("m.kind = 'prompt'" if means_prompt else "m.kind != 'prompt'")
        return
    negated = "NOT " if clause.op is Op.IS_NULL else ""
    text.add(f"{negated}EXISTS (SELECT 1 FROM {search.tags} AND f.key = ?", clause.key)
    if clause.op not in NULLS:
        text.add(" AND ")
        text.compare("f.value", clause)
    text.add(")")


# What has no such tag is no prompt: the one clause that a missing tag satisfies.
_MEANS_PROMPT: dict[tuple[Op, Any], bool] = {
    (Op.EQ, "true"): True,
    (Op.NE, "false"): True,
    (Op.NE, "true"): False,
    (Op.EQ, "false"): False,
    (Op.IS_NOT_NULL, None): True,
    (Op.IS_NULL, None): False,
}
