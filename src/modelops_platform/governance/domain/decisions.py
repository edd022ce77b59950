"""The one question of the platform: may this be done with this version? `decide` answers, and nothing else does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from modelops_platform.artifacts.domain import Verdict

from .approvals import Count, Seat, count_votes, owner_is_barred, why_wanted
from .facts import DigestState, Facts, Kind
from .policies import (
    Approvals,
    ArtifactScanned,
    DigestVerified,
    Policy,
    Question,
    Requirement,
    SeatRole,
    TierAssessed,
    Unknown,
    Weight,
    is_guarded,
    select_policy,
)
from .questionnaire import Tier, judged_tier
from .review import REVIEWING


class Outcome(StrEnum):
    """The answer."""

    ALLOW = "allow"
    DENY = "deny"


class Status(StrEnum):
    """How a requirement stands."""

    MET = "met"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"


class LinkKind(StrEnum):
    """Where a remedy is found; pages turn it into an address."""

    ASSESS_MODEL = "assess_model"
    CONFIRM_TIER = "confirm_tier"
    ADD_VERSION = "add_version"
    SHOW_FILES = "show_files"
    ASK_APPROVAL = "ask_approval"
    SHOW_POLICIES = "show_policies"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a judgement rests on: a kind of record and its id."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would make a requirement pass, and where."""

    text: str
    link: LinkKind
    ids: Mapping[str, str]


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

    @property
    def is_allowed(self) -> bool:
        """Tell whether the answer is yes."""
        return self.outcome is Outcome.ALLOW

    @property
    def unmet(self) -> tuple[Judgement, ...]:
        """List what stands in the way."""
        return tuple(judgement for judgement in self.judgements if judgement.is_unmet)

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
        if self.policy_id is None:
            return f"No: no policy covers {self.action} for tier {self.tier}.{assumed}"
        counted = [judgement for judgement in self.judgements if judgement.status is not Status.NOT_APPLICABLE]
        if self.unmet:
            verb = "is" if len(self.unmet) == 1 else "are"
            return f"No: {len(self.unmet)} of {_requirements(len(counted))} {verb} not met.{assumed}"
        if not counted:
            return f"Yes: no requirement applies.{assumed}"
        met = sum(judgement.status is Status.MET for judgement in counted)
        rest = "" if met == len(counted) else ", and no other refuses"
        return f"Yes: {met} of {_requirements(len(counted))} {'is' if met == 1 else 'are'} met{rest}.{assumed}"

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
                lines.append(f"{' ' * (width + 3)}-> {judgement.remedy.text}")
        return "\n".join(lines)


def question_of(facts: Facts) -> Question:
    """Name what a policy is chosen by."""
    return Question(facts.tier_in_force, facts.kind, facts.environment, facts.action)


def decide_under(policies: Iterable[Policy], facts: Facts) -> Decision | None:
    """Choose the policy and decide; None when the action is not guarded, a refusal when no policy covers it."""
    policies = tuple(policies)
    question = question_of(facts)
    if not is_guarded(policies, question):
        return None
    policy = select_policy(policies, question)
    return decide(policy, facts)


def allow_unguarded(facts: Facts) -> Decision:
    """Answer yes to what no policy guards, in the same form as every other answer."""
    return replace(decide(None, facts), outcome=Outcome.ALLOW)


def decide(policy: Policy | None, facts: Facts) -> Decision:
    """Judge every requirement of a policy on the facts. Never raises; without a policy the answer is no."""
    judgements = tuple(_judge(requirement, policy, facts) for requirement in policy.requirements) if policy else ()
    refused = policy is None or any(judgement.is_unmet for judgement in judgements)
    return Decision(
        outcome=Outcome.DENY if refused else Outcome.ALLOW,
        action=str(facts.action),
        environment=facts.environment,
        model_id=facts.model_id,
        version_id=facts.version_id,
        digest=facts.digest,
        tier=judged_tier(facts.tier_in_force),
        tier_is_assumed=facts.tier_in_force is None,
        policy_id=policy.id if policy else None,
        policy_version=policy.version if policy else None,
        policy_title=policy.title if policy else None,
        asked_at=facts.now,
        judgements=judgements,
        proposed_tier=facts.tier.tier if facts.tier and facts.tier_in_force is None else None,
    )


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a check found, before the requirement's own words are added."""

    status: Status
    detail: str
    link: LinkKind
    evidence: tuple[Evidence, ...] = ()
    at: datetime | None = None
    seats: tuple[Seat, ...] = ()
    remedy: str | None = None


def _judge(requirement: Requirement, policy: Policy, facts: Facts) -> Judgement:
    found = _find(requirement, policy, facts)
    ids = {"model_id": facts.model_id, "version_id": facts.version_id}
    is_open = found.status in {Status.NOT_MET, Status.UNKNOWN}
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
        remedy=Remedy(found.remedy or requirement.remedy, found.link, ids) if is_open else None,
        seats=found.seats,
    )


def _find(requirement: Requirement, policy: Policy, facts: Facts) -> _Finding:
    match requirement.check:
        case TierAssessed():
            return _find_tier(requirement.check, facts)
        case ArtifactScanned():
            return _find_scan(requirement.check, facts)
        case DigestVerified():
            return _find_digest(requirement.check, facts)
        case Approvals():
            return _find_approvals(requirement.check, policy, facts)
        case _:
            assert_never(requirement.check)


def _find_tier(check: TierAssessed, facts: Facts) -> _Finding:
    tier = facts.tier
    if tier is None:
        detail = "Nobody has assessed this model; it is judged as tier 1."
        return _Finding(Status.NOT_MET, detail, LinkKind.ASSESS_MODEL)
    if facts.tier_in_force is None:
        detail = (
            f"Tier {tier.tier} is proposed, by somebody who made the model or answers for it; nobody independent has"
            " confirmed it, so it is judged as tier 1."
        )
        remedy = f"Have somebody else confirm it who holds {', '.join(sorted(REVIEWING))} there."
        evidence = (Evidence("risk_assessment", tier.assessment_id),)
        return _Finding(Status.NOT_MET, detail, LinkKind.CONFIRM_TIER, evidence, tier.assessed_at, remedy=remedy)
    age = facts.now - tier.assessed_at
    detail = f"Tier {tier.tier}, score {tier.total}, assessed {_day(tier.assessed_at)} with {tier.questionnaire}"
    too_old = check.max_age_days is not None and age > timedelta(days=check.max_age_days)
    detail += f"; {age.days} days old, at most {check.max_age_days} count." if too_old else "."
    status = Status.NOT_MET if too_old else Status.MET
    evidence = (Evidence("risk_assessment", tier.assessment_id),)
    return _Finding(status, detail, LinkKind.ASSESS_MODEL, evidence, tier.assessed_at)


def _find_scan(check: ArtifactScanned, facts: Facts) -> _Finding:
    if facts.file_count == 0:
        return _find_no_file(check.without_file, facts.kind)
    evidence = tuple(Evidence("scan", scan.id) for scan in facts.scans if scan.id is not None)
    at = min((scan.at for scan in facts.scans), default=None)
    status, detail = _judge_scans(facts)
    return _Finding(status, detail, LinkKind.SHOW_FILES, evidence, at)


def _judge_scans(facts: Facts) -> tuple[Status, str]:
    if facts.file_count is None:
        return Status.UNKNOWN, "The source of this version cannot be read, so nothing was scanned."
    dangerous = [f"{scan.path} ({scan.reason})" for scan in facts.scans if scan.verdict is Verdict.DANGEROUS]
    if dangerous:
        return Status.NOT_MET, f"Dangerous: {_few(dangerous)}."
    unknown = [f"{scan.path} ({scan.reason})" for scan in facts.scans if scan.verdict is Verdict.UNKNOWN]
    if unknown:
        return Status.UNKNOWN, f"The scan cannot tell about {_few(unknown)}."
    scanned = len({scan.path for scan in facts.scans})
    if scanned < max(facts.file_count, 1):
        return Status.UNKNOWN, f"Only {scanned} of {_files(facts.file_count)} scanned so far."
    last = max(scan.at for scan in facts.scans)
    return Status.MET, f"{_files(facts.file_count)} clean, scanned {_day(last)}."


def _find_digest(check: DigestVerified, facts: Facts) -> _Finding:
    if facts.file_count == 0:
        return _find_no_file(check.without_file, facts.kind)
    shown = f"sha256 {facts.digest[:8]}…{facts.digest[-4:]}" if facts.digest else "no digest"
    evidence = (Evidence("digest", facts.digest),) if facts.digest else ()
    match facts.digest_state:
        case DigestState.VERIFIED if facts.digest:
            status, detail = Status.MET, f"The stored files match {shown}."
        case DigestState.MISMATCH:
            status, detail = Status.NOT_MET, f"The stored files do not match {shown}."
        case DigestState.UNVERIFIED | DigestState.VERIFIED:
            status, detail = Status.NOT_MET, f"The files cannot be read by the platform, so {shown} proves nothing."
        case None:
            status, detail = Status.UNKNOWN, f"Nobody has compared the stored files with {shown} yet."
    return _Finding(status, detail, LinkKind.ADD_VERSION, evidence, facts.digest_checked_at)


def _find_no_file(excused: frozenset[Kind], kind: Kind) -> _Finding:
    if kind in excused:
        detail = f"This version has no file, which the policy accepts for kind {kind}."
        return _Finding(Status.NOT_APPLICABLE, detail, LinkKind.ADD_VERSION)
    detail = f"This version has no file; a version of kind {kind} is judged by its files."
    return _Finding(Status.NOT_MET, detail, LinkKind.ADD_VERSION)


def _find_approvals(check: Approvals, policy: Policy, facts: Facts) -> _Finding:
    count = count_votes(check, policy, facts)
    status = Status.MET if count.is_met else Status.NOT_MET
    detail = _tell_count(check, count, facts)
    if facts.author is None and count.is_met:
        status, detail = Status.UNKNOWN, f"{detail} Nobody is recorded as author, so others cannot be told from them."
    votes = [seat.vote_id for seat in count.seats if seat.vote_id is not None]
    evidence = tuple(Evidence("vote", id) for id in [*votes, *(vote.id for vote in count.rejections)])
    at = max((seat.voted_at for seat in count.seats if seat.voted_at is not None), default=None)
    return _Finding(status, detail, LinkKind.ASK_APPROVAL, evidence, at, count.seats)


def _tell_count(check: Approvals, count: Count, facts: Facts) -> str:
    given = [seat.role for seat in count.seats if seat.is_filled]
    wanted = [seat.role for seat in count.seats if not seat.is_filled]
    nobody = [seat.role for seat in count.seats if not seat.is_filled and not seat.candidates]
    parts = [f"{len(given)} of {len(count.seats)} approvals given" + (f" ({', '.join(given)})." if given else ".")]
    if wanted:
        parts.append(f"Still wanted: {', '.join(wanted)}.")
    if nobody:
        parts.append(f"Nobody can give this now: {', '.join(nobody)}.")
    if SeatRole.VALIDATOR in nobody and facts.validator is not None:
        parts.append("Whoever is named as validator approves as one only with the role validator there.")
    parts.extend(f"Rejected {_day(vote.at)} as {', '.join(sorted(vote.voter.roles))}." for vote in count.rejections)
    if count.void:
        verb = "vote does" if count.void == 1 else "votes do"
        parts.append(
            f"{count.void} {verb} not count: for other files, before an edit, or too soon after a change of policy."
        )
    if SeatRole.OWNER in wanted and owner_is_barred(check, facts):
        parts.append("The owner made or changed this version, so the head of the unit approves in their place.")
    roles = {seat.role for seat in count.seats}
    parts.extend(
        f"{seat.role.capitalize()} is asked because {why_wanted(seat, facts)}."
        for seat in check.also
        if seat.role in roles
    )
    return " ".join(parts)


def _requirements(count: int) -> str:
    return f"{count} requirement{'' if count == 1 else 's'}"


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _few(items: list[str]) -> str:
    shown = ", ".join(items[:3])
    return shown if len(items) <= 3 else f"{shown} and {len(items) - 3} more"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


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
        remedy=Remedy(remedy["text"], LinkKind(remedy["link"]), dict(remedy["ids"])) if remedy else None,
        seats=tuple(_seat_from(item) for item in data["seats"]),
    )


def _seat_from(data: Mapping[str, Any]) -> Seat:
    return Seat(
        role=SeatRole(data["role"]),
        voter_id=data["voter_id"],
        vote_id=data["vote_id"],
        voted_at=_moment(data["voted_at"]),
        candidates=tuple(data["candidates"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
