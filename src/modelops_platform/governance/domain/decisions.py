"""The one question of the platform: may this be done with this version? `decide` answers, and nothing else does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from .approvals import Seat
from .bars import BARRED, find_bars
from .citable import Known
from .conditions import holds
from .facts import ACTIVATE, Facts
from .judging import OPEN, WHO_CAN, Evidence, Found, LinkKind, Status, count, day
from .known import EmergencyFact, WaiverFact
from .policies import (
    Approvals,
    Policy,
    Question,
    Requirement,
    SeatRole,
    Unknown,
    Weight,
    is_guarded,
    select_policy,
)
from .questionnaire import Tier, judged_tier
from .words import describe_condition

__all__ = [
    "Decision",
    "Evidence",
    "Judgement",
    "LinkKind",
    "Outcome",
    "Remedy",
    "Status",
    "allow_unguarded",
    "decide",
    "decide_under",
    "is_answered_alike",
    "question_of",
]


class Outcome(StrEnum):
    """The answer."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would make a requirement pass, where, and who can do it."""

    text: str
    link: LinkKind
    ids: Mapping[str, str]
    who: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One requirement, judged: its status, the evidence in words and by reference, and the way out."""

    requirement_id: str
    title: str
    check: str
    status: Status
    detail: str
    weight: Weight
    unknown: Unknown
    evidence: tuple[Evidence, ...] = ()
    evidence_at: datetime | None = None
    remedy: Remedy | None = None
    seats: tuple[Seat, ...] = ()
    waived_until: datetime | None = None

    @property
    def is_unmet(self) -> bool:
        """Tell whether this alone is enough to refuse."""
        if self.weight is Weight.ADVISORY:
            return False
        return self.status is Status.NOT_MET or (self.status is Status.UNKNOWN and self.unknown is Unknown.DENY)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer with everything it rests on. Names no person but by id, so it can be kept for ever."""

    outcome: Outcome
    action: str
    environment: str | None
    model_id: str
    version_id: str
    digest: str | None
    tier: Tier
    tier_is_assumed: bool
    policy_id: str | None
    policy_version: int | None
    policy_title: str | None
    asked_at: datetime
    judgements: tuple[Judgement, ...] = field(default=())
    proposed_tier: Tier | None = None
    facts_digest: str | None = None
    emergency_id: str | None = None
    emergency_until: datetime | None = None

    @property
    def is_allowed(self) -> bool:
        """Tell whether the answer is yes."""
        return self.outcome is Outcome.ALLOW

    @property
    def unmet(self) -> tuple[Judgement, ...]:
        """List what stands in the way."""
        return tuple(judgement for judgement in self.judgements if judgement.is_unmet)

    @property
    def lacks_only_approvals(self) -> bool:
        """Tell whether nothing but the word of people stands in the way, so that waiting for it makes sense."""
        is_asked = {judgement.check == Approvals.name and not _is_rejected(judgement) for judgement in self.unmet}
        return is_asked == {True}

    @property
    def sentence(self) -> str:
        """Answer in words."""
        assumed = ""
        if self.proposed_tier is not None:
            assumed = f" Tier {self.proposed_tier} is proposed and not confirmed, so it is judged as tier 1."
        elif self.tier_is_assumed:
            assumed = " Nobody has assessed this model, so it is judged as tier 1."
        if self.policy_id is None and self.is_allowed:
            return "Yes: no policy guards this, so whoever has the right may do it."
        if self.policy_id is None and not self.judgements:
            return f"No: no policy covers {self.action} for tier {self.tier}.{assumed}"
        counted = [judgement for judgement in self.judgements if judgement.status is not Status.NOT_APPLICABLE]
        if self.emergency_until is not None:
            verb = "is" if len(self.unmet) == 1 else "are"
            missing = f"{len(self.unmet)} of {count(len(counted), 'requirement')} {verb} not met"
            return f"Yes, in an emergency until {day(self.emergency_until)}: {missing}, and shall be by then.{assumed}"
        if self.unmet:
            verb = "is" if len(self.unmet) == 1 else "are"
            return f"No: {len(self.unmet)} of {count(len(counted), 'requirement')} {verb} not met.{assumed}"
        if not counted:
            return f"Yes: no requirement applies.{assumed}"
        met = sum(judgement.status is Status.MET for judgement in counted)
        rest = "" if met == len(counted) else ", and no other refuses"
        return f"Yes: {met} of {count(len(counted), 'requirement')} {'is' if met == 1 else 'are'} met{rest}.{assumed}"

    def to_dict(self) -> dict[str, Any]:
        """Print the decision as plain JSON-able data; `from_dict` reads it back."""
        data: dict[str, Any] = _plain(self)
        return {**data, "sentence": self.sentence, "unmet": [judgement.requirement_id for judgement in self.unmet]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Decision":
        """Read a stored decision."""
        return cls(
            outcome=Outcome(data["outcome"]),
            action=data["action"],
            environment=data["environment"],
            model_id=data["model_id"],
            version_id=data["version_id"],
            digest=data["digest"],
            tier=Tier(data["tier"]),
            tier_is_assumed=data["tier_is_assumed"],
            policy_id=data["policy_id"],
            policy_version=data["policy_version"],
            policy_title=data["policy_title"],
            asked_at=datetime.fromisoformat(data["asked_at"]),
            judgements=tuple(_judgement_from(item) for item in data["judgements"]),
            proposed_tier=Tier(data["proposed_tier"]) if data.get("proposed_tier") else None,
            facts_digest=data.get("facts_digest"),
            emergency_id=data.get("emergency_id"),
            emergency_until=_moment(data.get("emergency_until")),
        )

    def as_text(self) -> str:
        """Print the decision for a terminal: the answer, then one line for each requirement, what is unmet first."""
        policy = f"policy {self.policy_id} v{self.policy_version}" if self.policy_id else "no policy"
        lines = [f"{self.sentence}  ({policy}, asked {self.asked_at:%Y-%m-%d %H:%M} UTC)"]
        width = max((len(judgement.status) for judgement in self.judgements), default=0)
        for judgement in sorted(self.judgements, key=lambda judgement: not judgement.is_unmet):
            status = judgement.status.replace("_", " ")
            lines.append(f"[{status}]{' ' * (width - len(status))} {judgement.title}: {judgement.detail}")
            if judgement.is_unmet and judgement.remedy:
                who = f" (who can: {judgement.remedy.who})" if judgement.remedy.who else ""
                lines.append(f"{' ' * (width + 3)}-> {judgement.remedy.text}{who}")
        return "\n".join(lines)


def _is_rejected(judgement: Judgement) -> bool:
    """Tell whether somebody's vote is against it: evidence that fills no seat."""
    filled = {seat.vote_id for seat in judgement.seats if seat.vote_id}
    return any(piece.kind == "vote" and piece.id not in filled for piece in judgement.evidence)


def question_of(facts: Facts) -> Question:
    """Name what a policy is chosen by."""
    return Question(facts.tier_in_force, facts.kind, facts.environment, facts.action)


def decide_under(policies: Iterable[Policy], facts: Facts) -> Decision | None:
    """Choose the policy and decide; None when the action is not guarded, a refusal when no policy covers it."""
    policies = tuple(policies)
    question = question_of(facts)
    if not is_guarded(policies, question):
        # What is barred is live nowhere, also where no policy is asked.
        return decide(None, facts) if facts.action == ACTIVATE and find_bars(facts) else None
    policy = select_policy(policies, question)
    return decide(policy, facts)


def is_answered_alike(policies: Iterable[Policy], others: Iterable[Policy], facts: Facts) -> bool:
    """Tell without judging that two sets of policies give one answer: the very same policy answers in both."""
    question = question_of(facts)
    policy = select_policy(policies, question)
    return policy is not None and policy is select_policy(others, question)


def allow_unguarded(facts: Facts) -> Decision:
    """Answer yes to what no policy guards, in the same form as every other answer."""
    return replace(decide(None, facts), outcome=Outcome.ALLOW)


def decide(policy: Policy | None, facts: Facts) -> Decision:
    """Judge every requirement of a policy on the facts. Never raises; without a policy the answer is no."""
    in_force = facts.tier_in_force
    tier = judged_tier(in_force)
    bars = _bars_of(facts)
    asked = _Hearing(policy, facts, tier).judge_all() if policy else ()
    judgements = (*bars, *asked)
    refused = policy is None or any(judgement.is_unmet for judgement in judgements)
    emergency = _emergency_of(judgements, facts, tier) if refused and policy else None
    return Decision(
        outcome=Outcome.DENY if refused and emergency is None else Outcome.ALLOW,
        action=str(facts.action),
        environment=facts.environment,
        model_id=facts.model_id,
        version_id=facts.version_id,
        digest=facts.digest,
        tier=tier,
        tier_is_assumed=in_force is None,
        policy_id=policy.id if policy else None,
        policy_version=policy.version if policy else None,
        policy_title=policy.title if policy else None,
        asked_at=facts.now,
        judgements=judgements,
        proposed_tier=facts.tier.tier if facts.tier and in_force is None else None,
        emergency_id=emergency.id if emergency else None,
        emergency_until=emergency.to_at if emergency else None,
    )


NEVER_IN_EMERGENCY = frozenset({"artifact_scanned", "digest_verified"})
"""What is not met of these refuses also in an emergency: nothing dangerous, and no other bytes, go live.

They stand by themselves in a policy, never inside a combination."""


def find_never_passing(judgements: Iterable[Judgement]) -> Judgement | None:
    """Return what is not met and no emergency lets pass."""
    for one in judgements:
        if one.check == BARRED or (one.check in NEVER_IN_EMERGENCY and one.status is Status.NOT_MET):
            return one
    return None


def _emergency_of(judgements: Iterable[Judgement], facts: Facts, tier: Tier) -> EmergencyFact | None:
    """Return the emergency change in force that lets these very files pass there.

    What was agreed to by the rules of a laxer tier does not count in a stricter one.
    """
    if find_never_passing(judgements) is not None:
        return None
    for emergency in facts.emergencies:
        if emergency.tier > tier:
            continue
        is_here = (emergency.action, emergency.environment_id) == (str(facts.action), facts.environment_id)
        if is_here and emergency.digest == facts.digest and emergency.from_at <= facts.now < emergency.to_at:
            return emergency
    return None


def _bars_of(facts: Facts) -> tuple[Judgement, ...]:
    """Judge what no policy needs to ask for, and nobody waives."""
    ids = {"model_id": facts.model_id, "version_id": facts.version_id}
    return tuple(
        Judgement(
            requirement_id=BARRED if number == 0 else f"{BARRED}-{number + 1}",
            title="Nothing bars it",
            check=BARRED,
            status=found.status,
            detail=found.detail,
            weight=Weight.REQUIRED,
            unknown=Unknown.DENY,
            evidence=found.evidence,
            remedy=Remedy(found.remedy or "", found.link, ids, WHO_CAN[found.link]),
        )
        for number, found in enumerate(find_bars(facts))
    )


class _Hearing:
    """One version before one policy: what every requirement is judged by is looked up once."""

    __slots__ = ("_facts", "_ids", "_known", "_policy", "_tier")

    def __init__(self, policy: Policy, facts: Facts, tier: Tier) -> None:
        self._policy, self._facts, self._tier = policy, facts, tier
        self._known = Known(facts)
        self._ids = {"model_id": facts.model_id, "version_id": facts.version_id}

    def judge_all(self) -> tuple[Judgement, ...]:
        """Judge every requirement."""
        return tuple(self._judge(requirement) for requirement in self._policy.requirements)

    def _judge(self, requirement: Requirement) -> Judgement:
        found, waiver = self._find(requirement)
        remedy = None
        if found.status in OPEN:
            remedy = Remedy(found.remedy or requirement.remedy, found.link, self._ids, WHO_CAN[found.link])
        return Judgement(
            requirement_id=requirement.id,
            title=requirement.title,
            check=requirement.check.name,
            status=found.status,
            detail=found.detail,
            weight=requirement.weight,
            unknown=requirement.unknown,
            evidence=found.evidence,
            evidence_at=found.at,
            remedy=remedy,
            seats=found.seats,
            waived_until=waiver.to_at if waiver else None,
        )

    def _find(self, requirement: Requirement) -> tuple[Found, WaiverFact | None]:
        """Look at a requirement where it applies; one that is open may be waived."""
        if requirement.when is not None and holds(requirement.when, {}, self._known) is False:
            detail = f"Asked only when {describe_condition(requirement.when)}."
            return Found(Status.NOT_APPLICABLE, detail, LinkKind.SHOW_POLICIES), None
        found = requirement.check.find(self._facts, self._policy)
        if found.status not in OPEN or not requirement.is_waivable:
            return found, None
        waiver = self._waiver_of(requirement.id)
        if waiver is None:
            return found, None
        evidence = (Evidence("waiver", waiver.id), *found.evidence)
        detail = f"Waived until {day(waiver.to_at)}. {found.detail}"
        return replace(found, status=Status.WAIVED, detail=detail, evidence=evidence), waiver

    def _waiver_of(self, requirement_id: str) -> WaiverFact | None:
        """Return the waiver in force that holds longest, if there is one for this requirement here.

        What was decided by the rules of a laxer tier does not count in a stricter one.
        """
        facts = self._facts
        mine = [
            waiver
            for waiver in facts.waivers
            if waiver.requirement_id == requirement_id
            and waiver.environment_id in ("", facts.environment_id)
            and waiver.from_at <= facts.now < waiver.to_at
            and waiver.tier <= self._tier
        ]
        return max(mine, key=lambda waiver: (waiver.to_at, waiver.id), default=None)


def _plain(value: Any) -> Any:
    """Turn value objects into what JSON can carry."""
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
    match value:
        case StrEnum():
            return value.value
        case Tier():
            return int(value)
        case datetime():
            return value.isoformat()
        case tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
    return value


def _judgement_from(data: Mapping[str, Any]) -> Judgement:
    remedy = data["remedy"]
    return Judgement(
        requirement_id=data["requirement_id"],
        title=data["title"],
        check=data["check"],
        status=Status(data["status"]),
        detail=data["detail"],
        weight=Weight(data["weight"]),
        unknown=Unknown(data["unknown"]),
        evidence=tuple(Evidence(item["kind"], item["id"]) for item in data["evidence"]),
        evidence_at=_moment(data["evidence_at"]),
        remedy=Remedy(remedy["text"], LinkKind(remedy["link"]), dict(remedy["ids"]), remedy.get("who", ""))
        if remedy
        else None,
        seats=tuple(_seat_from(item) for item in data["seats"]),
        waived_until=_moment(data.get("waived_until")),
    )


def _seat_from(data: Mapping[str, Any]) -> Seat:
    return Seat(
        role=SeatRole(data["role"]),
        voter_id=data["voter_id"],
        vote_id=data["vote_id"],
        voted_at=_moment(data["voted_at"]),
        candidates=tuple(data["candidates"]),
        holder_id=data.get("holder_id"),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
