"""What drafts of policies would change: asked by somebody, worked out by a job, and kept."""

from collections import defaultdict
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import table_of
from modelops_platform.core.errors import InvalidInput
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events
from modelops_platform.jobs import service as jobs

from .. import queries
from ..domain.decisions import decide_under, is_answered_alike
from ..domain.documents import current
from ..domain.policies import Policy
from ..domain.questionnaire import judged_tier
from ..schemas import WhatIfIn
from ..tables import WhatIf, WhatIfCase

WHAT_IF = "governance.what_if"
_CASES = table_of(WhatIfCase)


def ask_what_if(db: Session, actor: Actor, wanted: WhatIfIn) -> WhatIf:
    """Ask what drafts would change for every model, before they are published; a job works it out.

    Raises NotAllowed, InvalidInput (a draft that is no policy, two of the same policy).
    """
    actor.must(Permission.MANAGE_POLICIES)
    drafts = [queries.parse(document) for document in wanted.documents]
    ids = [draft.id for draft in drafts]
    if len(set(ids)) < len(ids):
        raise InvalidInput(
            "Two drafts are of the same policy.", remedy="Ask about each on its own.", field="documents", value=ids[0]
        )
    made = WhatIf(
        id=new_id(),
        workspace_id=actor.workspace_id,
        title=wanted.title or ", ".join(f"{draft.id} v{draft.version}" for draft in drafts)[:250],
        documents=list(wanted.documents),
        asked_by=actor.id,
        summary={},
    )
    db.add(made)
    db.flush()
    title = f"What if: {made.title}"
    made.job_id = jobs.enqueue(db, actor, WHAT_IF, {"what_if_id": made.id}, title=title, max_attempts=2).id
    events.record(db, actor, "policy.what_if_asked", made, policies=ids)
    return made


def work_out(db: Session, workspace_id: str, what_if_id: str) -> dict[str, Any]:
    """Judge every model under the policies in force and under the drafts, each on facts that are read once."""
    asked = queries.get_any_what_if(db, workspace_id, what_if_id)
    now = queries.policies_in_force(db, workspace_id)
    drafts = [queries.parse(document) for document in asked.documents]
    then = _with_drafts(now, drafts)
    judged = 0
    cases: list[dict[str, Any]] = []
    totals: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    after = ""
    while ids := queries.list_model_ids(db, workspace_id, after=after):
        for subject, facts in queries.gather_subjects(db, workspace_id, ids):
            if is_answered_alike(now, then, facts):
                judged += 1
                totals[subject.unit_id, int(judged_tier(facts.tier_in_force))][0] += 1
                continue
            before, later = decide_under(now, facts), decide_under(then, facts)
            if later is None or before is None:
                continue
            judged += 1
            numbers = totals[subject.unit_id, int(later.tier)]
            numbers[0] += 1
            if before.is_allowed is later.is_allowed:
                continue
            numbers[2 if later.is_allowed else 1] += 1
            cases.append(
                {
                    "id": new_id(),
                    "what_if_id": what_if_id,
                    "model_id": subject.model_id,
                    "version_id": subject.version_id,
                    "environment": subject.target.environment,
                    "unit_id": subject.unit_id,
                    "tier": int(later.tier),
                    "would": "pass" if later.is_allowed else "fail",
                    "unmet": [
                        judgement.requirement_id for judgement in (later if not later.is_allowed else before).unmet
                    ],
                    "policy": f"{later.policy_id} v{later.policy_version}" if later.policy_id else "no policy",
                }
            )
        db.expunge_all()
        after = ids[-1]
    names = queries.unit_names(db, {unit_id for unit_id, _tier in totals})
    return {"cases": cases, "summary": _summary(judged, totals, names)}


def _with_drafts(now: list[Policy], drafts: list[Policy]) -> list[Policy]:
    """Put the drafts in the place of what is in force, whatever version they name."""
    drafted = {draft.id for draft in drafts}
    return current([*(policy for policy in now if policy.id not in drafted), *drafts])


def _summary(judged: int, totals: dict[tuple[str, int], list[int]], names: dict[str, str]) -> dict[str, Any]:
    groups = [
        {"unit": names.get(unit_id, unit_id), "tier": tier, "judged": total, "fail": fail, "pass": passing}
        for (unit_id, tier), (total, fail, passing) in totals.items()
    ]
    return {
        "judged": judged,
        "fail": sum(group["fail"] for group in groups),
        "pass": sum(group["pass"] for group in groups),
        "groups": sorted(groups, key=lambda group: (group["unit"], group["tier"])),
    }


def keep_what_if(db: Session, what_if_id: str, workspace_id: str, worked: dict[str, Any]) -> dict[str, int]:
    """Keep what was worked out."""
    asked = queries.get_any_what_if(db, workspace_id, what_if_id)
    if worked["cases"]:
        db.execute(insert(_CASES), worked["cases"])
    asked.summary, asked.done_at = worked["summary"], clock.now()
    return {"judged": asked.summary["judged"], "fail": asked.summary["fail"], "pass": asked.summary["pass"]}


def fail_what_if(db: Session, what_if_id: str, workspace_id: str, words: str) -> None:
    """Keep why nothing was worked out."""
    asked = queries.get_any_what_if(db, workspace_id, what_if_id)
    asked.problem, asked.done_at = words, clock.now()
