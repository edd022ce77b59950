"""Gathering what a decision rests on: everything once, in a number of statements that does not grow with the rows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from modelops_platform.core import clock
from modelops_platform.registry.tables import Model, Version

from ..domain.approvals import voting_roles
from ..domain.facts import DigestState, Facts, Kind, TierFact, Vote, VoteAnswer, Voter, digest_of_covered
from ..domain.questionnaire import Tier
from ..domain.states import RequestState
from ..domain.targets import Target
from ..tables import ApprovalRequest, RiskAssessment, VoteRecord
from .people import Account, People, find_people
from .scans import StoredFile, find_stored


@dataclass(frozen=True, slots=True)
class Case:
    """A version and where it shall go."""

    version_id: str
    target: Target


def gather(db: Session, case: Case, *, at: datetime | None = None) -> Facts:
    """Gather everything that is known about one case, now or at that time."""
    return gather_all(db, [case], at=at)[0]


def gather_all(
    db: Session, cases: Sequence[Case], *, at: datetime | None = None, with_holders: bool = True
) -> list[Facts]:
    """Gather the facts of many cases of one workspace, in as many statements as for one.

    Without the holders nobody knows who could still vote; whose votes count does not hang on that.
    """
    if not cases:
        return []
    now = at or clock.now()
    versions = _load_versions(db, {case.version_id for case in cases})
    models = list({version.model_id: version.model for version in versions.values()}.values())
    assessments = _load_assessments(db, [model.id for model in models], now)
    votes = _load_votes(db, list(versions), now)
    stored = find_stored(db, {file.sha256 for version in versions.values() for file in version.files})
    named = {id for version in versions.values() for id in _named(version)}
    people = find_people(db, models[0].workspace_id, models, named, with_holders=with_holders)
    found = []
    for case in cases:
        version = versions[case.version_id]
        facts = _facts_of(version, case.target, now, people)
        found.append(
            replace(
                facts,
                **_assessed(version.model, assessments.get(version.model_id), now),
                **_stored(version, stored),
                votes=tuple(votes[version.id, str(case.target.action), case.target.environment_id]),
                people=tuple(_voter(account, roles, facts) for account, roles in people.holders(version.model)),
            )
        )
    return found


def covers_of(model: Model, version: Version) -> str:
    """Return the digest of everything beside the files that an approval of this version covers."""
    return digest_of_covered(
        {
            "kind": model.kind,
            "purpose": model.purpose,
            "eu_class": model.eu_class,
            "affects_people": model.affects_people,
            "fields": model.fields,
            "description": version.description,
            "signature": version.signature,
            "metrics": version.metrics,
            "parameters": version.parameters,
        }
    )


def _load_versions(db: Session, ids: set[str]) -> Mapping[str, Version]:
    statement = (
        select(Version).where(Version.id.in_(ids)).options(joinedload(Version.model), selectinload(Version.files))
    )
    return {version.id: version for version in db.scalars(statement)}


def _load_assessments(db: Session, model_ids: list[str], at: datetime) -> Mapping[str, RiskAssessment]:
    statement = select(RiskAssessment).where(
        RiskAssessment.model_id.in_(model_ids),
        RiskAssessment.from_at <= at,
        or_(RiskAssessment.to_at.is_(None), RiskAssessment.to_at > at),
    )
    return {row.model_id: row for row in db.scalars(statement)}


def _load_votes(db: Session, version_ids: list[str], at: datetime) -> Mapping[tuple[str, str, str], list[Vote]]:
    """Return the votes by version, action and environment; those of a withdrawn request are no longer meant."""
    statement = (
        select(VoteRecord, ApprovalRequest.action, ApprovalRequest.environment_id)
        .join(VoteRecord.request)
        .where(
            VoteRecord.version_id.in_(version_ids),
            VoteRecord.at <= at,
            ApprovalRequest.state != RequestState.WITHDRAWN.value,
        )
        .order_by(VoteRecord.id)
    )
    found: dict[tuple[str, str, str], list[Vote]] = defaultdict(list)
    for row, action, environment_id in db.execute(statement):
        voter = Voter(row.voter_id, frozenset(row.roles), row.unit_id, row.is_person)
        vote = Vote(row.id, voter, row.at, row.digest, VoteAnswer(row.answer), row.covers)
        found[row.version_id, action, environment_id].append(vote)
    return found


def _named(version: Version) -> set[str]:
    model = version.model
    named = (version.created_by, version.developer_id, model.owner_id, model.developer_id, model.validator_id)
    return {id for id in named if id}


def _facts_of(version: Version, target: Target, now: datetime, people: People) -> Facts:
    """Name what the records of version and model say."""
    model = version.model
    # What a service account registered was made by the developer whom the record named then, if there was one:
    # who names another one afterwards is still the author.
    author = people.person(version.created_by) or people.person(version.developer_id)
    is_elsewhere = not version.files and bool(version.source.get("location"))
    return Facts(
        model_id=model.id,
        version_id=version.id,
        kind=Kind(model.kind),
        action=target.action,
        environment=target.environment_class,
        now=now,
        digest=version.manifest_digest,
        digest_checked_at=version.created_at if version.files else None,
        file_count=None if is_elsewhere else len(version.files),
        author=author.id if author else None,
        author_unit=author.unit_id if author else None,
        committers=frozenset(id for id in (version.created_by, version.developer_id, model.developer_id) if id),
        owner=model.owner_id,
        validator=model.validator_id,
        unit_head=people.head_above(model.unit_id, without=author.id if author else None),
        covers=covers_of(model, version),
    )


def _stored(version: Version, stored: Mapping[str, StoredFile]) -> dict[str, Any]:
    """Name what the scans of the files say, and whether the bytes are still the ones that the digest names."""
    known = {file.path: stored[file.sha256] for file in version.files if file.sha256 in stored}
    state = DigestState(version.recorded_digest_state)
    if any(file.is_damaged for file in known.values()):
        state = DigestState.MISMATCH
    scans = tuple(replace(file.scan, path=path) for path, file in known.items() if file.scan is not None)
    return {"digest_state": state, "scans": scans}


def _assessed(model: Model, assessment: RiskAssessment | None, at: datetime) -> dict[str, Any]:
    """Name what the assessment in force adds; where it and the record differ, the record's class counts."""
    if assessment is None:
        return {"tier": None, "eu_class": model.eu_class, "people_affected": True if model.affects_people else None}
    questionnaire = f"questionnaire {assessment.questionnaire_id} v{assessment.questionnaire_version}"
    return {
        "tier": TierFact(
            Tier(assessment.tier),
            assessment.id,
            assessment.from_at,
            assessment.total,
            questionnaire,
            # What was confirmed later was not confirmed at an earlier moment that is asked about.
            assessment.reviewed_by if assessment.reviewed_at and assessment.reviewed_at <= at else None,
        ),
        "eu_class": model.eu_class or assessment.facts.get("eu_class"),
        "people_affected": model.affects_people or bool(assessment.result["people_affected"]),
    }


def _voter(account: Account, roles: frozenset[str], facts: Facts) -> Voter:
    return Voter(account.id, voting_roles(account.id, roles, facts), account.unit_id)
