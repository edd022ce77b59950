"""Reads of decisions: asked now, or stored."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Select, desc, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted
from modelops_platform.registry.tables import Model, Version

from ..domain.decisions import Decision, allow_unguarded, decide_under
from ..domain.facts import ACTIVATE, Kind, digest_of_facts
from ..domain.policies import Question, is_guarded
from ..domain.targets import Target
from ..tables import DecisionRecord
from .facts import Case, gather
from .policies import policies_in_force


def judge(db: Session, version: Version, target: Target, *, at: datetime | None = None) -> Decision | None:
    """Decide on what is known, now or at that time, without storing; None when nothing guards the target."""
    policies = policies_in_force(db, version.workspace_id, at)
    kind = Kind(version.model.kind)
    is_asked = is_guarded(policies, Question(None, kind, target.environment_class, target.action))
    if not is_asked and target.action != ACTIVATE:  # what is barred goes live nowhere, so activation is looked at
        return None
    facts = gather(db, Case(version.id, target), at=at)
    decision = decide_under(policies, facts)
    return replace(decision, facts_digest=digest_of_facts(facts)) if decision else None


def answer(db: Session, version: Version, target: Target) -> Decision:
    """Answer whether a version may go somewhere, also where nothing guards it: then the answer is yes."""
    decision = judge(db, version, target)
    if decision is None:
        facts = gather(db, Case(version.id, target))
        decision = replace(allow_unguarded(facts), facts_digest=digest_of_facts(facts))
    return decision


def visible_decisions(actor: Actor) -> Select[DecisionRecord]:
    """Return the stored decisions about models this actor may see, with model and version, to narrow further."""
    return (
        select(DecisionRecord)
        .join(DecisionRecord.model)
        .where(DecisionRecord.workspace_id == actor.workspace_id, granted(Model, actor))
        .options(contains_eager(DecisionRecord.model), joinedload(DecisionRecord.version))
    )


def page_decisions(
    db: Session,
    actor: Actor,
    *,
    model_id: str | None = None,
    version_ids: Sequence[str] = (),
    outcome: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[DecisionRecord]:
    """Return a page of stored decisions, the newest first."""
    statement = visible_decisions(actor)
    if model_id:
        statement = statement.where(DecisionRecord.model_id == model_id)
    if version_ids:
        statement = statement.where(DecisionRecord.version_id.in_(version_ids))
    if outcome:
        statement = statement.where(DecisionRecord.outcome == outcome)
    return paginate(db, statement, desc(DecisionRecord.id), cursor=cursor, limit=limit)


def get_decision(db: Session, actor: Actor, decision_id: str) -> DecisionRecord:
    """Return a stored decision. Raises NotFound."""
    found = db.scalars(visible_decisions(actor).where(DecisionRecord.id == decision_id)).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no decision {decision_id[:80]!r}.",
            remedy="Look at the model's governance page.",
            field="decision",
            value=decision_id[:80],
        )
    return found
