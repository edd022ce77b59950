"""Publishing what people write: a version is never changed once it is there."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.db import conflicts_as, try_add
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.events import service as events

from .. import queries
from ..domain.checks.registry import is_looked_at
from ..queries.documents import Published
from ..schemas import ConfirmationIn, DocumentIn
from ..tables import (
    LifeCycleVersion,
    PublishedDocument,
    PublishedText,
    QuestionnaireVersion,
    SuiteConfirmation,
    SuiteVersion,
)


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

    One that a policy looks at comes into force when a second person confirms it. Raises NotAllowed, InvalidInput,
    AlreadyExists.
    """
    made = _publish(db, actor, SuiteVersion, wanted)
    events.record(db, actor, "suite.published", made, is_guarding=made.is_guarding, **_told(made))
    return made


def why_not_confirm_suite(actor: Actor, row: SuiteVersion) -> str | None:
    """Say in words why the actor's word does not bring a version of a suite into force; None when it does."""
    if not actor.may(Permission.MANAGE_POLICIES):
        return "Whoever manages policies confirms it, somebody else than who published it."
    if actor.kind is not ActorKind.PERSON:
        return "Only people confirm what a policy looks at; a service account never does."
    return "You published it, so somebody else confirms it." if actor.id == row.published_by else None


def confirm_suite(db: Session, actor: Actor, suite_id: str, number: int, wanted: ConfirmationIn) -> SuiteVersion:
    """Bring a version of a suite into force, as somebody else than who published it.

    Raises NotFound, NotAllowed, Stale (in force already).
    """
    row = queries.get_document(db, SuiteVersion, actor.workspace_id, suite_id, number)
    actor.must(Permission.MANAGE_POLICIES)
    stale = Stale(f"{row.name} is in force already.", remedy="Nothing needs to be done.", field="version", value=number)
    if row.is_in_force:
        raise stale
    refusal = why_not_confirm_suite(actor, row)
    if refusal is not None:
        raise NotAllowed(refusal, remedy="Ask somebody else who manages policies to confirm it.")
    said = SuiteConfirmation(
        workspace_id=row.workspace_id, suite_version_id=row.id, confirmed_by=actor.id, sentence=wanted.sentence
    )
    with conflicts_as(db, stale):
        db.add(said)
    set_committed_value(row, "confirmation", said)
    events.record(db, actor, "suite.confirmed", row, personal={"sentence": wanted.sentence}, **_told(row))
    return row


def _told(made: PublishedDocument) -> dict[str, Any]:
    return {"document": made.document_id, "version": made.number, "sha256": made.sha256, "reason": made.reason}


def _publish(db: Session, actor: Actor, table: type[Published], wanted: DocumentIn) -> Published:
    actor.must(Permission.MANAGE_POLICIES)
    made = queries.as_row(table, actor.workspace_id, text_of(wanted))
    rows = queries.list_documents(db, table, actor.workspace_id)
    must_be_next(
        made, made.document_id, max((row.number for row in rows if row.document_id == made.document_id), default=0)
    )
    if isinstance(made, SuiteVersion):
        policies = queries.policies_in_force(db, actor.workspace_id)
        made.is_guarding = is_looked_at(queries.parse_suite(made.document), policies)
        made.confirmation = None
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
