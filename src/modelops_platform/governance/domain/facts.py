"""What is known about a version at one moment: gathered once, judged by any policy, as often as wanted."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from modelops_platform.artifacts.domain import Verdict

from .digests import digest_of
from .documents import invalid
from .known import (
    CardFact,
    Champion,
    Determination,
    EmergencyFact,
    EvidenceFact,
    FindingFact,
    LineageFact,
    MetricFact,
    MonitorFact,
    StandingFact,
    StayFact,
    TestFact,
    ValidationFact,
    WaiverFact,
)
from .questionnaire import Tier
from .review import Override, counts, overridden


class Kind(StrEnum):
    """What a policy may be about: the kinds of models of the inventory, and prompts."""

    ML = "ml"
    STATISTICAL = "statistical"
    RULES = "rules"
    SPREADSHEET = "spreadsheet"
    LLM = "llm"
    AGENT = "agent"
    VENDOR = "vendor"
    OTHER = "other"
    PROMPT = "prompt"


MODEL_KINDS = frozenset(Kind) - {Kind.PROMPT}


class EnvironmentClass(StrEnum):
    """How careful one has to be in an environment."""

    PROTECTED = "protected"
    OPEN = "open"


class Verb(StrEnum):
    """What somebody may want to do with a version."""

    ALIAS = "alias"
    STAGE = "stage"
    DEPLOYMENT = "deployment"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing done with a version, written `alias:champion`, `stage:production`, `deployment:activate`, `move:STATE`.

    The target is compared without regard to case: `Champion` is no way around a rule about `champion`.
    """

    verb: Verb
    target: str

    def __post_init__(self) -> None:
        """Bring the target to its comparable form."""
        object.__setattr__(self, "target", self.target.strip().casefold())

    def __str__(self) -> str:
        """Print the action as policies write it."""
        return f"{self.verb}:{self.target}"

    @classmethod
    def alias(cls, name: str) -> "Action":
        """Setting an alias."""
        return cls(Verb.ALIAS, name)

    @classmethod
    def stage(cls, name: str) -> "Action":
        """Moving to a stage, as MLflow's clients do."""
        return cls(Verb.STAGE, name)

    @classmethod
    def move(cls, state: str) -> "Action":
        """Moving to a state of the life cycle."""
        return cls(Verb.MOVE, state)

    @classmethod
    def read(cls, value: object, place: str = "action") -> "Action":
        """Read an action from a document. Raises InvalidInput."""
        verb, _, target = value.partition(":") if isinstance(value, str) else ("", "", "")
        if verb not in {str(known) for known in Verb} or not target.strip() or len(target) > 250:
            remedy = "Write alias:NAME, stage:NAME, move:STATE or deployment:activate."
            raise invalid(place, value, "is not an action", remedy)
        return cls(Verb(verb), target)


ACTIVATE = Action(Verb.DEPLOYMENT, "activate")


class DigestState(StrEnum):
    """Whether the bytes of a version are the ones its digest names."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    MISMATCH = "mismatch"


@dataclass(frozen=True, slots=True)
class Scan:
    """The verdict over one file of the version."""

    path: str
    verdict: Verdict
    reason: str
    at: datetime
    id: str | None = None


@dataclass(frozen=True, slots=True)
class TierFact:
    """The tier of the last assessment, and who independent has made or confirmed it."""

    tier: Tier
    assessment_id: str
    assessed_at: datetime
    total: str
    questionnaire: str
    reviewed_by: str | None = None
    override: Override | None = None
    reopened: tuple[str, ...] = ()  # what changed since it was assessed, so that it is due again


@dataclass(frozen=True, slots=True)
class Voter:
    """Somebody who votes or could vote, with the roles held at that time (see `approvals.voting_roles`)."""

    id: str
    roles: frozenset[str]
    unit_id: str | None = None
    is_person: bool = True


class VoteAnswer(StrEnum):
    """What a vote says."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote, about one digest and one covered content, with the voter's roles as they were when it was given."""

    id: str
    voter: Voter
    at: datetime
    digest: str | None
    answer: VoteAnswer
    covers: str = ""
    holder: str | None = None
    """In whose place it was given; the voter's roles are then this person's."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a decision needs to know. All times are aware; None means that nobody knows.

    `committers` are all who changed the version or its training code; the developers whom the model's record named
    then and names now are among them.
    `unit_head` is the nearest head, up the units' tree, who is not the author. `covers` is the digest of everything
    beside the files that an approval covers, made by `digest_of_covered`; an edit changes it, which voids the votes
    given before. `people` are those who could vote now.
    """

    model_id: str
    version_id: str
    kind: Kind
    action: Action
    environment: EnvironmentClass | None
    now: datetime
    digest: str | None = None
    digest_state: DigestState | None = None
    digest_checked_at: datetime | None = None
    file_count: int | None = None
    scans: tuple[Scan, ...] = ()
    tier: TierFact | None = None
    eu_class: str | None = None
    people_affected: bool | None = None
    author: str | None = None
    author_unit: str | None = None
    committers: AbstractSet[str] = frozenset()
    owner: str | None = None
    validator: str | None = None
    unit_head: str | None = None
    votes: tuple[Vote, ...] = ()
    people: tuple[Voter, ...] = ()
    covers: str = ""
    metrics: tuple[MetricFact, ...] = ()
    champion: Champion | None = None
    tests: tuple[TestFact, ...] | None = None
    validation: ValidationFact | None = None
    findings: tuple[FindingFact, ...] | None = None
    waivers: tuple[WaiverFact, ...] = ()
    emergencies: tuple[EmergencyFact, ...] = ()
    evidence: tuple[EvidenceFact, ...] | None = None
    monitors: tuple[MonitorFact, ...] | None = None
    stays: tuple[StayFact, ...] | None = None
    lineage: LineageFact | None = None
    card: CardFact | None = None
    formats: tuple[tuple[str, str], ...] = ()
    determination: Determination | None = None
    standing: StandingFact | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    environment_id: str = ""

    @property
    def lifecycle_state(self) -> str | None:
        """The state of the version in its life cycle."""
        return self.standing.version_state if self.standing is not None else None

    @property
    def tier_in_force(self) -> Tier | None:
        """The tier by which the version is judged; None when nobody assessed the model, or nobody confirmed it."""
        if self.determination is not None and not self.determination.is_model:
            return Tier.LOW  # a tool has no score
        involved = {id for id in (self.owner, self.author, *self.committers) if id}
        if self.tier is None or not counts(self.tier.tier, self.tier.reviewed_by, involved):
            return None
        return overridden(self.tier.tier, self.tier.assessment_id, self.tier.override, self.now, involved)


def digest_of_covered(content: Mapping[str, object]) -> str:
    """Make one digest of what an approval covers beside the files (plain JSON: purpose, kind, description, ...)."""
    return digest_of(content)


_LEFT_OUT = frozenset({"now", "people"})  # when it was asked, and who could vote, decide nothing that is kept
_TOLD = tuple(name for name in Facts.__slots__ if name not in _LEFT_OUT)


def digest_of_facts(facts: Facts) -> str:
    """Make one digest of everything that a decision rested on, the same for the same facts whoever asks and when."""
    return digest_of({name: getattr(facts, name) for name in _TOLD})
