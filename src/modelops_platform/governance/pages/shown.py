"""What several pages of governance show: a decision with its links, seats with names, drafts of documents."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.deployments import queries as deployments
from modelops_platform.deployments.tables import Deployment
from modelops_platform.identity import queries as identity
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model, Version
from modelops_platform.web.render import url_for

from ..domain.bars import BARRED
from ..domain.decisions import Decision, LinkKind
from ..domain.policies import Policy
from ..domain.targets import Target

_PAGES_OF_PROOF = {  # by the kind of evidence: a route, and the parameters of its path
    "waiver": ("show_waiver", "id"),
    "finding": ("show_finding", "id"),
    "evidence": ("show_record", "id"),
    "review": ("show_record", "id"),
    "validation": ("show_validation", "validation_id"),
    "test_result": ("show_model_tests", "name"),
    "scan": ("show_version", "name", "number"),
    "digest": ("show_version", "name", "number"),
    "risk_assessment": ("show_risk", "name"),
    "determination": ("show_model_governance", "name"),
    "monitor": ("show_model_monitoring", "name"),
    "revision": ("show_model_deployments", "name"),
}


@dataclass(frozen=True, slots=True)
class ShownSeat:
    """One approval that is wanted: who gave it and when, or who could."""

    role: str
    voter: str | None
    voted_at: datetime | None
    candidates: tuple[str, ...]


def find_names(db: Session, decisions: Iterable[Decision], *others: str | None) -> Mapping[str, str]:
    """Return the names of everybody whom the decisions and the page mention."""
    seats = [seat for decision in decisions for judgement in decision.judgements for seat in judgement.seats]
    voters = {seat.voter_id for seat in seats if seat.voter_id}
    candidates = {id for seat in seats for id in seat.candidates}
    return identity.names_of(db, voters | candidates | {id for id in others if id})


def show_seats(decision: Decision, names: Mapping[str, str]) -> list[ShownSeat]:
    """Return the seats of a decision with names instead of ids."""
    return [
        ShownSeat(
            role=seat.role.value,
            voter=names.get(seat.voter_id, "Somebody who left") if seat.voter_id else None,
            voted_at=seat.voted_at,
            candidates=tuple(sorted(names.get(id, "Somebody who left") for id in seat.candidates)),
        )
        for judgement in decision.judgements
        for seat in judgement.seats
    ]


def remedy_links(
    request: Request, decision: Decision, version: Version, target: Target, *, request_id: str | None = None
) -> dict[str, str]:
    """Return, by requirement, the page where it can be met."""
    model, number = version.model.name, version.number
    evidence = url_for(request.app, "show_evidence", name=model, number=number, to=target.text)
    asked = f"{url_for(request.app, 'show_approval', id=request_id)}#votes" if request_id else f"{evidence}#ask"
    pages = {
        LinkKind.ASSESS_MODEL: url_for(request.app, "show_risk", name=model),
        LinkKind.CONFIRM_TIER: url_for(request.app, "show_model_governance", name=model),
        LinkKind.ADD_VERSION: url_for(request.app, "list_versions", name=model),
        LinkKind.SHOW_FILES: url_for(request.app, "show_version", name=model, number=number),
        LinkKind.ASK_APPROVAL: asked,
        LinkKind.SHOW_POLICIES: url_for(request.app, "list_policies"),
        LinkKind.RUN_TESTS: url_for(request.app, "show_model_tests", name=model, version=number),
        LinkKind.VALIDATE: url_for(request.app, "show_model_validation", name=model, version=number),
        LinkKind.SHOW_FINDINGS: url_for(request.app, "show_model_findings", name=model),
        LinkKind.ADD_EVIDENCE: url_for(request.app, "list_records", name=model, version=number),
        LinkKind.EDIT_MODEL: url_for(request.app, "show_model", name=model),
        LinkKind.SHOW_MONITORS: url_for(request.app, "show_model_monitoring", name=model),
        LinkKind.DEPLOY: url_for(request.app, "show_model_deployments", name=model),
        LinkKind.SHOW_LIFE_CYCLE: url_for(request.app, "show_model_life_cycle", name=model),
        LinkKind.SHOW_CARD: url_for(request.app, "show_card", name=model),
        LinkKind.SHOW_GOVERNANCE: url_for(request.app, "show_model_governance", name=model),
    }
    return {
        judgement.requirement_id: pages[judgement.remedy.link] for judgement in decision.judgements if judgement.remedy
    }


def proof_links(request: Request, decision: Decision, model: str, number: int) -> dict[str, str]:
    """Return, by requirement, the page of what it rests on: of the first piece of evidence that has a page."""
    found: dict[str, str] = {}
    for judgement in decision.judgements:
        for evidence in judgement.evidence:
            page = _PAGES_OF_PROOF.get(evidence.kind)
            if page is not None and judgement.requirement_id not in found:
                route, *wanted = page
                known = {"id": evidence.id, "validation_id": evidence.id, "name": model, "number": number}
                parameters = {key: known[key] for key in wanted}
                found[judgement.requirement_id] = url_for(request.app, route, **parameters)
    return found


def ways_there(
    request: Request, db: Session, actor: Actor, version: Version, target: Target
) -> list[tuple[str, str | None]]:
    """Return where a version goes live at this target: each deployment by name, and the page where one may activate."""
    if not target.environment_id:
        return []
    found = deployments.list_deployments_of(db, actor, version.model_id)
    here = [one for one in found if one.environment_id == target.environment_id and one.archived_at is None]
    return [(one.name, _activation(request, actor, one, version)) for one in here]


def _activation(request: Request, actor: Actor, deployment: Deployment, version: Version) -> str | None:
    if deployments.why_not_deploy(actor, deployment):
        return None
    return url_for(request.app, "show_activation", deployment=deployment.name, version=version.number)


def requirement_titles(policies: Iterable[Policy]) -> dict[str, str]:
    """Return what requirements are called, by id; where policies call them differently, the id in words."""
    found: dict[str, set[str]] = defaultdict(set, {BARRED: {"Barred by its use or its life cycle"}})
    for policy in policies:
        for requirement in policy.requirements:
            found[requirement.id].add(requirement.title)
    return {
        id: next(iter(titles)) if len(titles) == 1 else id.replace("-", " ").capitalize()
        for id, titles in found.items()
    }


def waiver_links(
    request: Request, actor: Actor, policies: Iterable[Policy], decision: Decision, version: Version
) -> dict[str, str]:
    """Return, by requirement, where to ask for a waiver of it: for what is unmet, may be waived, and by who may ask."""
    if registry.why_not(actor, Permission.REQUEST_WAIVER, version.model):
        return {}
    policy = next((one for one in policies if one.id == decision.policy_id), None)
    waivable = {one.id for one in policy.requirements if one.is_waivable} if policy else set()
    asked = {"model": version.model.name, "version": version.number}
    return {
        one.requirement_id: url_for(request.app, "show_request_waiver", requirement=one.requirement_id, **asked)
        for one in decision.judgements
        if one.is_unmet and one.requirement_id in waivable
    }


def policy_link(request: Request, decision: Decision) -> str | None:
    """Return the page of the policy that decided, in the version that did."""
    if decision.policy_id is None:
        return None
    return url_for(request.app, "show_policy", id=decision.policy_id, version=decision.policy_version)


def version_options(model: Model) -> list[tuple[int, str]]:
    """Return the latest versions of a model as a form lets one choose."""
    return [(number, f"v{number}") for number in range(model.last_version, max(0, model.last_version - 50), -1)]
