"""Publishing what people write: a version is never changed once it is there."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import conflicts_as, try_add
from modelops_platform.core.errors import AlreadyExists, InvalidInput
from modelops_platform.events import service as events

from .. import queries
from ..queries.documents import Published
from ..schemas import DocumentIn
from ..tables import LifeCycleVersion, PublishedDocument, PublishedText, QuestionnaireVersion, SuiteVersion


def publish_questionnaire(db: Session, actor: Actor, wanted: DocumentIn) -> QuestionnaireVersion:
    """Publish a version of a questionnaire, by which models are assessed from now on; old answers keep theirs.

    Raises NotAllowed, InvalidInput, AlreadyExists.
    """
    made = _publish(db, actor, QuestionnaireVersion, wanted)
    events.record(db, actor, "questionnaire.published", made, **_told(made))
    return made


def publish_life_cycle(db: Session, actor: Actor, wanted: DocumentIn) -> LifeCycleVersion:
    """Publish a version of a life cycle for what begins from now on; what is on its way keeps its own.

    Raises NotAllowed, InvalidInput, AlreadyExists.
    """
    made = _publish(db, actor, LifeCycleVersion, wanted)
    events.record(db, actor, "life_cycle.published", made, **_told(made))
    return made


def publish_suite(db: Session, actor: Actor, wanted: DocumentIn) -> SuiteVersion:
    """Publish a version of a test suite; results keep the version that they were found by.

    Raises NotAllowed, InvalidInput, AlreadyExists.
    """
    made = _publish(db, actor, SuiteVersion, wanted)
    events.record(db, actor, "suite.published", made, **_told(made))
    return made


def _told(made: PublishedDocument) -> dict[str, Any]:
    return {"document": made.document_id, "version": made.number, "sha256": made.sha256, "reason": made.reason}


def _publish(db: Session, actor: Actor, table: type[Published], wanted: DocumentIn) -> Published:
    actor.must(Permission.MANAGE_POLICIES)
    made = queries.as_row(table, actor.workspace_id, text_of(wanted))
    rows = queries.list_documents(db, table, actor.workspace_id)
    must_be_next(
        made, made.document_id, max((row.number for row in rows if row.document_id == made.document_id), default=0)
    )
    for row in rows:  # what is shipped is kept, so that nothing that rests on it loses its words
        keep_document(db, row)
    add_published(db, actor, made, wanted.reason)
    return made


def text_of(wanted: DocumentIn) -> str:
    """Return a document as the text that is kept."""
    given = wanted.document  # JSON is YAML, except that YAML does not join escaped halves of a character
    return given if isinstance(given, str) else json.dumps(given, indent=2, ensure_ascii=False)


def must_be_next(made: PublishedText, id: str, last: int) -> None:
    """Raise InvalidInput unless the document has the number after the last one of this id."""
    if made.number != last + 1:
        raise InvalidInput(
            f"The document says version {made.number}; the next version of {id!r} is {last + 1}.",
            remedy="Correct the version in the document.",
            field="version",
            value=made.number,
        )


def add_published(db: Session, actor: Actor, made: PublishedText, reason: str) -> None:
    """Add what the actor publishes. Raises AlreadyExists when somebody was faster."""
    made.reason, made.published_by = reason, actor.id
    taken = AlreadyExists(
        f"Somebody else has just published {made.name}.",
        remedy="Look at it, then publish the next version.",
        field="version",
        value=made.number,
    )
    with conflicts_as(db, taken):
        db.add(made)


def keep_document(db: Session, row: Published) -> Published:
    """Keep a shipped document in the workspace, unless that was done; return the row that is kept."""
    if row.id is not None:
        return row
    table = type(row)
    mine = select(table).where(
        table.workspace_id == row.workspace_id, table.document_id == row.document_id, table.number == row.number
    )
    found = db.scalars(mine).one_or_none()
    if found is not None:
        return found
    return row if try_add(db, row) else db.scalars(mine).one()
