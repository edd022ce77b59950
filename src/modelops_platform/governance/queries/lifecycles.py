"""Where models and versions stand in their life cycles: the stored state, and what is true that moves it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.deployments.tables import Deployment, Environment, Revision
from modelops_platform.identity.tables import Unit
from modelops_platform.registry.tables import Model, Version

from ..domain.known import Opinion
from ..domain.lifecycles import About, Claim, LifeCycle, State
from ..domain.questionnaire import Tier
from ..domain.states import RequestState
from ..domain.validation import State as ValidationState
from ..tables import (
    ApprovalRequest,
    LifeCycleCase,
    LifeCycleStay,
    LifeCycleVersion,
    Validation,
    ValidationSignature,
)
from .approvals import state_of
from .documents import parse_life_cycle
from .tiers import find_tier_in_force

_ENDED_AS = {
    RequestState.WITHDRAWN: Claim.WITHDRAWN,
    RequestState.EXPIRED: Claim.WITHDRAWN,
    RequestState.EXPIRED: Claim.WITHDRAWN,
    RequestState.VOID: Claim.VOIDED,
    RequestState.REJECTED: Claim.DENIED,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A case with its life cycle and the stay that it is in."""

    case: LifeCycleCase
    stay: LifeCycleStay
    cycle: LifeCycle

    @property
    def state(self) -> State:
        """The state it is in."""
        return self.cycle.state(self.stay.state)


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that was true for a moment, and when; a case that came to its state later has left it behind."""

    claim: Claim
    at: datetime | None  # None: just now


@dataclass(frozen=True, slots=True)
class Situation:
    """What is true of a model and its versions, apart from where they stand in their life cycles."""

    model: frozenset[Claim]
    versions: Mapping[str, frozenset[Claim]]
    numbers: Mapping[str, int]
    born: Mapping[str, datetime]  # when the model and each version was made
    moments: Mapping[str, Sequence[Moment]]  # by the id of the version
    open_requests: int
    tier: Tier | None

    def claims(self, standing: Standing) -> frozenset[Claim]:
        """Name what is true of the subject of a case, also what was true for a moment since it came to its state."""
        if standing.case.about == About.MODEL:
            left = standing.stay.transition is not None and _left_by_archiving(standing)
            restored = {Claim.RESTORED} if left and Claim.ARCHIVED not in self.model else set()
            return self.model | restored
        subject = standing.case.subject_id
        since = standing.stay.from_at
        moments = {one.claim for one in self.moments.get(subject, ()) if one.at is None or one.at > since}
        return self.versions.get(subject, frozenset()) | moments


def _left_by_archiving(standing: Standing) -> bool:
    taken = next((one for one in standing.cycle.transitions if one.id == standing.stay.transition), None)
    return taken is not None and any(term.claim is Claim.ARCHIVED and term.holds for term in taken.when)


def find_situation(db: Session, model: Model, *, going_live: str | None = None) -> Situation:
    """Find what is true of a model and its versions; only what runs in a protected environment is live.

    Args:
        going_live: A version whose activation was allowed and is written in this very transaction.
    """
    columns = (Version.id, Version.number, Version.created_at, Version.archived_at)
    rows = db.execute(select(*columns).where(Version.model_id == model.id)).all()
    requests = _requests(db, model.id)
    validations = _validations(db, model.id)
    live = _live_versions(db, model.id) | ({going_live} if going_live else set())
    versions = {
        id: frozenset(_claims_of_version(requests[id], is_live=id in live, is_archived=archived_at is not None))
        for id, _number, _at, archived_at in rows
    }
    tier, determination = find_tier_in_force(db, model)
    facts = {
        Claim.DETERMINED: determination is not None,
        Claim.TOOL: determination is False,
        Claim.ASSESSED: tier is not None,
        Claim.PROHIBITED: model.eu_class == "prohibited",
        Claim.HAS_VERSION: any(archived_at is None for _id, _number, _at, archived_at in rows),
        Claim.ARCHIVED: model.archived_at is not None,
    }
    living = [claims for claims in versions.values() if Claim.ARCHIVED not in claims or Claim.LIVE in claims]
    of_any = {claim for claims in living for claim in claims & {Claim.ASKED, Claim.APPROVED, Claim.LIVE}}
    return Situation(
        model=frozenset({claim for claim, holds in facts.items() if holds} | of_any),
        versions=versions,
        numbers={id: number for id, number, _at, _archived_at in rows},
        born={model.id: model.created_at} | {id: at for id, _number, at, _archived_at in rows},
        moments={id: [*_moments_of(requests[id]), *validations.get(id, ())] for id in versions},
        open_requests=sum(
            state is RequestState.OPEN for of_version in requests.values() for _request, state in of_version
        ),
        tier=tier,
    )


def _requests(db: Session, model_id: str) -> Mapping[str, list[tuple[ApprovalRequest, RequestState]]]:
    """Return the requests by version, the oldest first, each as it stands."""
    found: dict[str, list[tuple[ApprovalRequest, RequestState]]] = defaultdict(list)
    requests = db.scalars(
        select(ApprovalRequest)
        .where(ApprovalRequest.model_id == model_id)
        .options(joinedload(ApprovalRequest.model), joinedload(ApprovalRequest.version))
        .order_by(ApprovalRequest.id)
    )
    for request in requests:
        found[request.version_id].append((request, state_of(request)))
    return found


_OPINIONS = {
    Opinion.FIT: Claim.VALIDATED,
    Opinion.FIT_WITH_CONDITIONS: Claim.VALIDATED_WITH_CONDITIONS,
    Opinion.NOT_FIT: Claim.NOT_FIT,
}


def _validations(db: Session, model_id: str) -> Mapping[str, list[Moment]]:
    """Return, by version, when its last validation began and how it was signed."""
    rows = db.execute(
        select(Validation.version_id, Validation.started_at, ValidationSignature.opinion, ValidationSignature.at)
        .outerjoin(ValidationSignature, ValidationSignature.validation_id == Validation.id)
        .where(Validation.model_id == model_id, Validation.state != ValidationState.CALLED_OFF.value)
        .order_by(Validation.id)
    )
    found: dict[str, list[Moment]] = {}
    for version_id, started_at, opinion, signed_at in rows:
        found[version_id] = [Moment(Claim.VALIDATION_STARTED, started_at)] if started_at is not None else []
        if opinion is not None:
            found[version_id].append(Moment(_OPINIONS[Opinion(opinion)], signed_at))
    return found


def _live_versions(db: Session, model_id: str) -> set[str]:
    return set(
        db.scalars(
            select(Revision.version_id)
            .join(Revision.deployment)
            .join(Deployment.environment)
            .where(Deployment.model_id == model_id, Environment.is_protected, Revision.to_at.is_(None))
        )
    )


def _claims_of_version(
    requests: Sequence[tuple[ApprovalRequest, RequestState]], *, is_live: bool, is_archived: bool
) -> set[Claim]:
    states = {state for _request, state in requests}
    facts = {
        Claim.ASKED: RequestState.OPEN in states,
        Claim.APPROVED: RequestState.GRANTED in states,
        Claim.LIVE: is_live,
        Claim.ARCHIVED: is_archived,
    }
    return {claim for claim, holds in facts.items() if holds}


def _moments_of(requests: Sequence[tuple[ApprovalRequest, RequestState]]) -> list[Moment]:
    """Return how the last request ended, if it did."""
    if not requests:
        return []
    last, state = requests[-1]
    claim = _ENDED_AS.get(state)
    return [Moment(claim, last.closed_at)] if claim is not None else []


def find_standings(db: Session, model_id: str, *, lock: bool = False) -> dict[str, Standing]:
    """Return where the model and its versions stand, by id; locked, others who move them wait."""
    cases = (
        select(LifeCycleCase)
        .where(LifeCycleCase.model_id == model_id, LifeCycleCase.ended_at.is_(None))
        .order_by(LifeCycleCase.id)
    )
    found = db.scalars(cases.with_for_update() if lock else cases, execution_options={"populate_existing": lock}).all()
    if not found:
        return {}
    stays = db.scalars(
        select(LifeCycleStay)
        .join(LifeCycleCase, LifeCycleCase.id == LifeCycleStay.case_id)
        .where(LifeCycleCase.model_id == model_id, LifeCycleCase.ended_at.is_(None), LifeCycleStay.to_at.is_(None))
    )
    open_stays = {stay.case_id: stay for stay in stays}
    ids = {case.life_cycle_id for case in found}
    texts = db.execute(select(LifeCycleVersion.id, LifeCycleVersion.document).where(LifeCycleVersion.id.in_(ids)))
    cycles = {id: parse_life_cycle(document) for id, document in texts}
    return {
        case.subject_id: Standing(case, open_stays[case.id], cycles[case.life_cycle_id])
        for case in found
        if case.id in open_stays
    }


def list_stays(db: Session, subject_id: str, *, limit: int = 200) -> Sequence[LifeCycleStay]:
    """Return how a model or version got where it is, the newest first. The caller has made sure it may be seen."""
    return db.scalars(
        select(LifeCycleStay)
        .where(LifeCycleStay.subject_id == subject_id)
        .order_by(LifeCycleStay.from_at.desc(), LifeCycleStay.id.desc())
        .limit(limit)
    ).all()


def units_above(db: Session, workspace_id: str, unit_id: str) -> frozenset[str]:
    """Return the names of a unit and of all above it."""
    rows = db.execute(select(Unit.id, Unit.parent_id, Unit.name).where(Unit.workspace_id == workspace_id)).all()
    parents = {id: parent for id, parent, _name in rows}
    names = {id: name for id, _parent, name in rows}
    found: dict[str, str] = {}
    unit: str | None = unit_id
    while unit is not None and unit in names and unit not in found:
        found[unit] = names[unit]
        unit = parents.get(unit)
    return frozenset(found.values())


def count_cases(db: Session, workspace_id: str) -> Mapping[str, int]:
    """Count, by the id of the life cycle's row, what is on its way under it."""
    counted: dict[str, int] = defaultdict(int)
    for id in db.scalars(
        select(LifeCycleCase.life_cycle_id).where(
            LifeCycleCase.workspace_id == workspace_id, LifeCycleCase.ended_at.is_(None)
        )
    ):
        counted[id] += 1
    return counted
