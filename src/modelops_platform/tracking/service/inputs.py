"""What a run read and made: data sets and logged models, the steps of a model's lineage."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.core.errors import InvalidInput
from modelops_platform.core.ids import new_id

from ..domain.words import DATA_CONTEXT, LOGGED_MODELS
from ..queries import RunHead
from ..queries.statements import Statement
from .experiments import now_ms
from .logging import PUT_TAG, forget_document, get_to_log

LONGEST = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
LONGEST_TAG_KEY, LONGEST_TAG_VALUE = 255, 500


@dataclass(frozen=True, slots=True)
class UsedData:
    """A data set as a run describes it, with the tags of its use."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


def log_inputs(
    db: Session, actor: Actor, run_id: str, *, data_sets: Sequence[UsedData] = (), model_ids: Sequence[str] = ()
) -> None:
    """Note what a run read; what was noted before stays as it is. Raises NotFound, NotAllowed, InvalidInput."""
    for position, used in enumerate(data_sets):
        _check(used, f"datasets[{position}]")
    run = get_to_log(db, actor, run_id)
    connection, now = db.connection(), now_ms()
    by = None if actor.id == run.created_by else actor.id
    for used in data_sets:
        _use(connection, run, used, now, by, actor.id)
    _ADD_MODEL.many(connection, [(run.id, "input", model_id, 0, now, by) for model_id in model_ids])
    forget_document(connection, run)


def log_outputs(db: Session, actor: Actor, run_id: str, models: Sequence[tuple[str, int]]) -> None:
    """Note which logged models a run made, and at which step. Raises NotFound, NotAllowed, InvalidInput."""
    run = get_to_log(db, actor, run_id)
    connection, now = db.connection(), now_ms()
    by = None if actor.id == run.created_by else actor.id
    _ADD_MODEL.many(connection, [(run.id, "output", model_id, step, now, by) for model_id, step in models])
    forget_document(connection, run)


_ADD_MODEL = Statement(
    "INSERT INTO run_models (run_id, direction, model_id, step, logged_ms, logged_by) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_FIND_DATA = Statement("SELECT id FROM logged_data_sets WHERE experiment_id = ? AND name = ? AND digest = ?")
_ADD_DATA = Statement(
    "INSERT INTO logged_data_sets (id, experiment_id, name, digest, source_type, source, schema, profile, created_by,"
    " created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_USE_DATA = Statement(
    "INSERT INTO run_data_sets (run_id, data_set_id, context, tags, logged_ms, logged_by) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)


def _use(connection: Connection, run: RunHead, used: UsedData, now: int, by: str | None, actor_id: str) -> None:
    _ADD_DATA.do(
        connection, new_id(), run.experiment_id, used.name, used.digest, used.source_type, used.source, used.schema,
        used.profile, actor_id, now,
    )  # fmt: skip
    data_set_id = _FIND_DATA.value(connection, run.experiment_id, used.name, used.digest)
    tags = json.dumps([{"key": key, "value": value} for key, value in used.tags], ensure_ascii=False)
    _USE_DATA.do(connection, run.id, data_set_id, dict(used.tags).get(DATA_CONTEXT), tags, now, by)


def _check(used: UsedData, place: str) -> None:
    for name, most in LONGEST.items():
        value = getattr(used, name)
        if value is not None and len(value) > most:
            raise InvalidInput(
                f"Dataset {name} exceeds the maximum length of {most:,} characters.", field=f"{place}.dataset.{name}"
            )
    for key, value in used.tags:
        if len(key) > LONGEST_TAG_KEY or len(value) > LONGEST_TAG_VALUE:
            raise InvalidInput(
                f"A tag of a dataset has a key of at most {LONGEST_TAG_KEY} and a value of at most "
                f"{LONGEST_TAG_VALUE} characters.",
                field=f"{place}.tags",
            )


_HISTORY = Statement("SELECT value FROM run_tags WHERE run_id = ? AND key = ?")
_FIELDS = ("artifact_path", "flavors", "utc_time_created", "run_id")


def log_model(db: Session, actor: Actor, run_id: str, model_json: str) -> None:
    """Append the description of a model to the run's history tag, as old clients do. Raises as `log_inputs`."""
    try:
        described = json.loads(model_json)
    except (ValueError, RecursionError):
        raise InvalidInput(
            f"Malformed model info. {model_json[:200]!r} is not a valid JSON.", field="model_json"
        ) from None
    missing = [name for name in _FIELDS if not isinstance(described, dict) or name not in described]
    if missing:
        raise InvalidInput(f"Model json is missing mandatory fields: {', '.join(missing)}.", field="model_json")
    run = get_to_log(db, actor, run_id)
    connection = db.connection()
    kept = _HISTORY.value(connection, run.id, LOGGED_MODELS)
    history = [*_listed(kept), described]
    by = None if actor.id == run.created_by else actor.id
    PUT_TAG.do(connection, run.id, LOGGED_MODELS, json.dumps(history, ensure_ascii=False), now_ms(), by)
    forget_document(connection, run)


def _listed(text: str | None) -> list[object]:
    try:
        found = json.loads(text or "[]")
    except ValueError:  # a client wrote the tag by hand
        return []
    return found if isinstance(found, list) else []
