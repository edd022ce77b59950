"""Verbs on runs."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events

from .. import queries
from ..domain.documents import RunInfo, RunParts, print_run
from ..domain.limits import LONGEST_TAG, checked_experiment_id, checked_key
from ..domain.names import make_name
from ..domain.words import ENDED, RUN_NAME, Lifecycle, RunStatus
from ..queries import RunHead
from ..queries.rights import no_experiment
from ..queries.statements import Statement
from .experiments import now_ms
from .logging import PUT_TAG, get_to_log

_EXPERIMENT = Statement(
    "SELECT id, unit_id, lifecycle, artifact_location FROM experiments WHERE id = ? AND workspace_id = ?",
    locks="FOR SHARE",
)
_ADD_RUN = Statement(
    "INSERT INTO runs (id, experiment_id, lifecycle, status, start_ms, name, user_name, artifact_uri, created_by,"
    " created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def create_run(
    db: Session,
    actor: Actor,
    experiment_id: str,
    *,
    name: str | None = None,
    user_name: str = "",
    start_ms: int | None = None,
    tags: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Begin a run, and return it as clients read it. Raises NotFound, NotAllowed, InvalidInput."""
    given: dict[str, str] = {}
    for position, (key, value) in enumerate(tags):
        given[checked_key(key, "Tag key", f"tags[{position}].key")] = value[:LONGEST_TAG]
    if name and given.get(RUN_NAME, name) != name:
        raise InvalidInput(
            f"Both 'run_name' argument and '{RUN_NAME}' tag are specified, but with different values "
            f"(run_name='{name[:200]}', {RUN_NAME}='{given[RUN_NAME][:200]}').",
            field="run_name",
        )
    name = name or given.get(RUN_NAME) or make_name()
    given[RUN_NAME] = name[:LONGEST_TAG]
    connection, now = db.connection(), now_ms()
    row = _EXPERIMENT.one(connection, checked_experiment_id(experiment_id), actor.workspace_id)
    run_id = new_id().replace("-", "")  # in the order of time, so that what runs log is added at the end of tables
    head = RunHead(run_id, row[0], row[1], name, RunStatus.RUNNING.value, row[2], actor.id, False) if row else None
    if head is None or row is None or not queries.may(actor, Permission.VIEW, head):
        raise no_experiment(experiment_id)
    queries.must(actor, Permission.LOG_RUNS, head)
    if row[2] != Lifecycle.ACTIVE:
        raise InvalidInput(
            f"The experiment {row[0]} must be in the 'active' state. Current state is {row[2]}.",
            remedy="Restore it first.",
            field="experiment_id",
            value=row[0],
        )
    uri = f"{row[3]}/{run_id}/artifacts"
    start_ms = now if start_ms is None else start_ms
    _ADD_RUN.do(connection, run_id, row[0], "active", "RUNNING", start_ms, name, user_name, uri, actor.id, now)
    PUT_TAG.many(connection, [(run_id, key, value, now, None) for key, value in given.items()])
    events.record(db, actor, "run.created", head, experiment=row[0])
    parts = RunParts(run_id, row[0], name, user_name, "RUNNING", start_ms, None, uri, "active")
    for key, value in given.items():
        parts.add("tag", key, value, None, 0, 0)
    return print_run(parts)


_UPDATE = Statement("UPDATE runs SET status = ?, end_ms = COALESCE(?, end_ms), name = ?, document = NULL WHERE id = ?")


def update_run(
    db: Session,
    actor: Actor,
    run_id: str,
    *,
    status: RunStatus | None = None,
    end_ms: int | None = None,
    name: str | None = None,
) -> RunInfo:
    """Change what is given. Ending a run leaves an event. Raises NotFound, NotAllowed, InvalidInput."""
    run = get_to_log(db, actor, run_id)
    connection = db.connection()
    after = status or RunStatus(run.status)
    _UPDATE.do(connection, after.value, end_ms, name or run.name, run.id)
    if name and name != run.name:
        by = None if actor.id == run.created_by else actor.id
        PUT_TAG.do(connection, run.id, RUN_NAME, name[:LONGEST_TAG], now_ms(), by)
        run.name = name
    if after in ENDED and after != run.status:
        events.record(db, actor, "run.ended", run, experiment=run.experiment_id, status=after.value)
    return queries.get_info(connection, run.id)


_LIFECYCLE = Statement("UPDATE runs SET lifecycle = ?, deleted_ms = ?, document = NULL WHERE id = ?")


def delete_run(db: Session, actor: Actor, run_id: str) -> None:
    """Delete a run; it can be restored. Deleting it again changes nothing. Raises NotFound, NotAllowed."""
    _change_lifecycle(db, actor, run_id, Lifecycle.DELETED)


def restore_run(db: Session, actor: Actor, run_id: str) -> None:
    """Bring a deleted run back. Raises NotFound, NotAllowed."""
    _change_lifecycle(db, actor, run_id, Lifecycle.ACTIVE)


def _change_lifecycle(db: Session, actor: Actor, run_id: str, after: Lifecycle) -> None:
    run = queries.get_head(db, actor, run_id, to_change=True)
    queries.must(actor, Permission.LOG_RUNS, run)
    if run.lifecycle == after:
        return
    deleted_ms = now_ms() if after is Lifecycle.DELETED else None
    _LIFECYCLE.do(db.connection(), after.value, deleted_ms, run.id)
    events.record(db, actor, "run.deleted" if deleted_ms else "run.restored", run, experiment=run.experiment_id)
