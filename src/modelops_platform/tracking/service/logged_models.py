"""Verbs on logged models: models that runs made, on their way to the registry."""

import math
import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotFound
from modelops_platform.events import service as events

from .. import queries
from ..domain.limits import LONGEST_PARAM, LONGEST_TAG, checked_key
from ..domain.logged_models import MOST_PARAMS, LoggedModelStatus, checked_model_name
from ..domain.names import make_name
from ..domain.words import Lifecycle
from ..queries import LoggedModelHead, RunHead
from ..queries.statements import Statement
from .experiments import now_ms

Pairs = Sequence[tuple[str, str]]
_LOCATION = Statement("SELECT artifact_location FROM experiments WHERE id = ?")
_ADD = Statement(
    "INSERT INTO logged_models (id, experiment_id, source_run_id, name, model_type, status, artifact_uri, created_by,"
    " created_ms, updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def create_logged_model(
    db: Session,
    actor: Actor,
    experiment_id: str,
    *,
    name: str | None = None,
    model_type: str | None = None,
    source_run_id: str | None = None,
    params: Pairs = (),
    tags: Pairs = (),
) -> LoggedModelHead:
    """Begin a logged model, whose files are about to come. Raises NotFound, NotAllowed, InvalidInput."""
    name = checked_model_name(name) if name else make_name()
    params, tags = _checked_params(params), _checked_tags(tags)
    experiment = queries.get_experiment(db, actor, experiment_id)
    queries.must(actor, Permission.LOG_RUNS, experiment)
    if experiment.lifecycle != Lifecycle.ACTIVE:
        raise InvalidInput(
            f"The experiment {experiment.id} must be in the 'active' state. Current state is {experiment.lifecycle}.",
            remedy="Restore it first.",
            field="experiment_id",
            value=experiment.id,
        )
    if source_run_id:
        source_run_id = queries.get_head(db, actor, source_run_id).id
    connection, now, model_id = db.connection(), now_ms(), f"m-{secrets.token_hex(16)}"
    uri = f"{experiment.artifact_location}/models/{model_id}/artifacts"
    pending = LoggedModelStatus.LOGGED_MODEL_PENDING.value
    _ADD.do(
        connection, model_id, experiment.id, source_run_id or None, name, model_type, pending, uri, actor.id, now, now
    )
    _PUT_PARAM.many(connection, [(model_id, key, value, now, None) for key, value in params])
    _PUT_TAG.many(connection, [(model_id, key, value, now, None) for key, value in tags])
    model = LoggedModelHead(
        model_id, experiment.id, experiment.unit_id, name, pending, uri, source_run_id or None, actor.id, None
    )
    events.record(db, actor, "logged_model.created", model, experiment=experiment.id, run=source_run_id)
    return model


def _checked_params(params: Pairs) -> Pairs:
    if len(params) > MOST_PARAMS:
        raise InvalidInput(f"At most {MOST_PARAMS} params are taken at once.", remedy="Split them.", field="params")
    found = [
        (checked_key(key, "Param key", f"params[{position}].key"), value[:LONGEST_PARAM])
        for position, (key, value) in enumerate(params)
    ]
    if len({key for key, _ in found}) < len(found):
        raise InvalidInput("Duplicate parameter keys have been submitted.", remedy="Send each once.", field="params")
    return found


def _checked_tags(tags: Pairs) -> Pairs:
    found = {
        checked_key(key, "Tag key", f"tags[{position}].key"): value[:LONGEST_TAG]
        for position, (key, value) in enumerate(tags)
    }
    return list(found.items())


def _to_change(db: Session, actor: Actor, model_id: str) -> LoggedModelHead:
    model = queries.get_logged_model(db, actor, model_id, to_change=True)
    queries.must(actor, Permission.LOG_RUNS, model)
    return model


_FINISH = Statement("UPDATE logged_models SET status = ?, updated_ms = ? WHERE id = ?")


def finish_logged_model(db: Session, actor: Actor, model_id: str, status: LoggedModelStatus) -> None:
    """Say that the files are all there, or that they could not come. Raises NotFound, NotAllowed."""
    model = _to_change(db, actor, model_id)
    if model.status == status:
        return
    _FINISH.do(db.connection(), status.value, now_ms(), model.id)
    if status is not LoggedModelStatus.LOGGED_MODEL_PENDING:
        events.record(db, actor, "logged_model.finished", model, experiment=model.experiment_id, status=status.value)


_DELETE = Statement("UPDATE logged_models SET deleted_ms = ?, updated_ms = ? WHERE id = ?")


def delete_logged_model(db: Session, actor: Actor, model_id: str) -> None:
    """Delete a logged model, if it is not yet; its row and files stay for what was made of it.

    Raises NotFound, NotAllowed.
    """
    model = queries.get_logged_model(db, actor, model_id, to_change=True, allow_deleted=True)
    queries.must(actor, Permission.LOG_RUNS, model)
    if model.deleted_ms is not None:
        return
    now = now_ms()
    _DELETE.do(db.connection(), now, now, model.id)
    events.record(db, actor, "logged_model.deleted", model, experiment=model.experiment_id)


_PUT_TAG = Statement(
    "INSERT INTO logged_model_tags (model_id, key, value, logged_ms, logged_by) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (model_id, key) DO UPDATE"
    " SET value = excluded.value, logged_ms = excluded.logged_ms, logged_by = excluded.logged_by"
)
_DELETE_TAG = Statement("DELETE FROM logged_model_tags WHERE model_id = ? AND key = ?")
_TOUCH = Statement("UPDATE logged_models SET updated_ms = ? WHERE id = ?")


def set_logged_model_tags(db: Session, actor: Actor, model_id: str, tags: Pairs) -> None:
    """Put tags on a logged model. Raises NotFound, NotAllowed, InvalidInput."""
    tags = _checked_tags(tags)
    model = _to_change(db, actor, model_id)
    connection, now = db.connection(), now_ms()
    by = None if actor.id == model.created_by else actor.id
    _PUT_TAG.many(connection, [(model.id, key, value, now, by) for key, value in tags])
    _TOUCH.do(connection, now, model.id)


def delete_logged_model_tag(db: Session, actor: Actor, model_id: str, key: str) -> None:
    """Take a tag off a logged model. Raises NotFound (the tag too), NotAllowed."""
    model = _to_change(db, actor, model_id)
    connection = db.connection()
    if not _DELETE_TAG.do(connection, model.id, key):
        raise NotFound(f"No tag with key {key[:80]!r} in model with ID {model.id!r}.", field="key", value=key[:80])
    _TOUCH.do(connection, now_ms(), model.id)


_PUT_PARAM = Statement(
    "INSERT INTO logged_model_params (model_id, key, value, logged_ms, logged_by) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_PARAMS = Statement("SELECT key, value FROM logged_model_params WHERE model_id = ?")


def log_logged_model_params(db: Session, actor: Actor, model_id: str, params: Pairs) -> None:
    """Add parameters to a logged model; what is there stays. Raises NotFound, NotAllowed, InvalidInput."""
    params = _checked_params(params)
    model = _to_change(db, actor, model_id)
    connection, now = db.connection(), now_ms()
    kept = {row[0]: row[1] for row in _PARAMS.all(connection, model.id)}
    for key, value in params:
        if kept.get(key, value) != value:
            raise InvalidInput(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                f"value='{kept[key][:200]}' for model ID='{model.id}'.",
                field="params",
            )
    by = None if actor.id == model.created_by else actor.id
    _PUT_PARAM.many(connection, [(model.id, key, value, now, by) for key, value in params])


class ModelPoint(NamedTuple):
    """A point of a run that is also about a logged model, maybe measured on a data set."""

    model_id: str
    key: str
    value: float
    timestamp: int
    step: int
    dataset_name: str | None
    dataset_digest: str | None


_ADD_POINT = Statement(
    "INSERT INTO logged_model_metrics (model_id, key, timestamp, step, run_id, value, dataset_name, dataset_digest,"
    " logged_ms, logged_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (model_id, key, timestamp, step, run_id) DO UPDATE SET value = excluded.value,"
    " dataset_name = excluded.dataset_name, dataset_digest = excluded.dataset_digest"
)


def add_model_points(db: Session, actor: Actor, run: RunHead, points: Iterable[ModelPoint], now: int) -> None:
    """Attach a run's points to the logged models that they are about. Raises NotFound, NotAllowed."""
    points = list(points)
    for model_id in dict.fromkeys(point.model_id for point in points):
        queries.must(actor, Permission.LOG_RUNS, queries.get_logged_model(db, actor, model_id))
    by = None if actor.id == run.created_by else actor.id
    _ADD_POINT.many(db.connection(), [_row(run, point, now, by) for point in points])


def _row(run: RunHead, point: ModelPoint, now: int, by: str | None) -> tuple[object, ...]:
    value = None if math.isnan(point.value) else point.value
    return (
        point.model_id, point.key, point.timestamp, point.step, run.id, value, point.dataset_name or None,
        point.dataset_digest or None, now, by,
    )  # fmt: skip
