"""Reads of published questionnaires and life cycles; what is shipped counts until somebody publishes."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import desc, select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.core.errors import NotFound

from ..defaults import default_life_cycle_texts, default_questionnaire_text, default_suite_texts
from ..domain.documents import current, read_document
from ..domain.lifecycles import LifeCycle, read_life_cycle
from ..domain.questionnaire import Questionnaire, read_questionnaire
from ..domain.suites import Suite, read_suite
from ..tables import LifeCycleVersion, PublishedDocument, QuestionnaireVersion, SuiteVersion

Published = TypeVar("Published", QuestionnaireVersion, LifeCycleVersion, SuiteVersion)


@lru_cache(maxsize=128)
def parse_questionnaire(document: str) -> Questionnaire:
    """Read a questionnaire from its text, once for each text. Raises InvalidInput."""
    return read_document(document, read_questionnaire)


@lru_cache(maxsize=256)
def parse_life_cycle(document: str) -> LifeCycle:
    """Read a life cycle from its text, once for each text. Raises InvalidInput."""
    return read_document(document, read_life_cycle)


@lru_cache(maxsize=256)
def parse_suite(document: str) -> Suite:
    """Read a test suite from its text, once for each text. Raises InvalidInput."""
    return read_document(document, read_suite)


def shipped_documents(table: type[Published], workspace_id: str) -> list[Published]:
    """Return what is shipped as rows that nobody has written."""
    shipped: dict[type[PublishedDocument], Callable[[], tuple[str, ...]]] = {
        LifeCycleVersion: default_life_cycle_texts,
        QuestionnaireVersion: lambda: (default_questionnaire_text(),),
        SuiteVersion: default_suite_texts,
    }
    texts = shipped[table]()
    return [as_row(table, workspace_id, text) for text in texts]


def as_row(table: type[Published], workspace_id: str, text: str) -> Published:
    """Return a document as a row. Raises InvalidInput when it is none."""
    parse: dict[type[PublishedDocument], Callable[[str], Questionnaire | LifeCycle | Suite]] = {
        LifeCycleVersion: parse_life_cycle,
        QuestionnaireVersion: parse_questionnaire,
        SuiteVersion: parse_suite,
    }
    read = parse[table](text)
    return table(
        workspace_id=workspace_id,
        document_id=read.id,
        number=read.version,
        title=read.title,
        document=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        reason="",
    )


def list_documents(db: Session, table: type[Published], workspace_id: str) -> list[Published]:
    """Return every version of every document, shipped and published, the newest of each id first."""
    stored = select(table).where(table.workspace_id == workspace_id)
    if table is SuiteVersion:
        stored = stored.options(joinedload(SuiteVersion.confirmation))
    rows: list[Published] = list(db.scalars(stored))
    known = {(row.document_id, row.number) for row in rows}
    rows += [row for row in shipped_documents(table, workspace_id) if (row.document_id, row.number) not in known]
    return sorted(rows, key=lambda row: (row.document_id, -row.number))


def list_versions_of_document(
    db: Session, table: type[Published], workspace_id: str, document_id: str
) -> list[Published]:
    """Return every version of one document, the newest first. Raises NotFound when there is none."""
    rows = [row for row in list_documents(db, table, workspace_id) if row.document_id == document_id]
    if not rows:
        raise _no_document(table, document_id[:80])
    return rows


def get_document(
    db: Session, table: type[Published], workspace_id: str, document_id: str, number: int | None = None
) -> Published:
    """Return a version of a document, by default the latest in force, if one is. Raises NotFound."""
    rows = list_versions_of_document(db, table, workspace_id, document_id)
    if number is None:
        return next((row for row in rows if row.is_in_force), rows[0])
    found = next((row for row in rows if row.number == number), None)
    if found is None:
        raise _no_document(table, f"{document_id[:80]} v{number}")
    return found


def _no_document(table: type[PublishedDocument], asked: str) -> NotFound:
    what = table.object_kind.replace("_", " ")
    return NotFound(f"There is no {what} {asked!r}.", remedy=f"Look at the list of {what}s.", field="id", value=asked)


def questionnaire_row(db: Session, workspace_id: str) -> QuestionnaireVersion:
    """Return the questionnaire in force: the last one published here, else the shipped one."""
    last = db.scalars(
        select(QuestionnaireVersion)
        .where(QuestionnaireVersion.workspace_id == workspace_id)
        .order_by(desc(QuestionnaireVersion.published_at), desc(QuestionnaireVersion.id))
        .limit(1)
    ).first()
    shipped = shipped_documents(QuestionnaireVersion, workspace_id)[0]
    if last is None or (last.published_by is None and last.number < shipped.number):
        return shipped
    return last


def questionnaire_in_force(db: Session, workspace_id: str) -> Questionnaire:
    """Return the questionnaire by which models are assessed now."""
    return parse_questionnaire(questionnaire_row(db, workspace_id).document)


def life_cycles_in_force(db: Session, workspace_id: str) -> list[LifeCycle]:
    """Return the latest version of each life cycle."""
    columns = (LifeCycleVersion.document, LifeCycleVersion.published_by)
    rows = db.execute(select(*columns).where(LifeCycleVersion.workspace_id == workspace_id)).all()
    shipped = [parse_life_cycle(text) for text in default_life_cycle_texts()]
    stored = [parse_life_cycle(document) for document, _by in rows]
    ours = {parse_life_cycle(document).id for document, by in rows if by is not None}
    return current([*stored, *(cycle for cycle in shipped if cycle.id not in ours)])
