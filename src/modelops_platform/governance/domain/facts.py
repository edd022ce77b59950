"""What is known about a version at one moment: gathered once, judged by any policy, as often as wanted."""

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from modelops_platform.artifacts.domain import Verdict

from .documents import invalid
from .questionnaire import Tier
from .review import counts


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


@dataclass(frozen=True, slots=True)
class Action:
    """One thing done with a version, written `alias:champion`, `stage:production` or `deployment:activate`.

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
    def read(cls, value: object, place: str = "action") -> "Action":
        """Read an action from a document. Raises InvalidInput."""
        verb, _, target = value.partition(":") if isinstance(value, str) else ("", "", "")
        if verb not in {str(known) for known in Verb} or not target.strip() or len(target) > 250:
            remedy = "Write alias:NAME, stage:NAME or deployment:activate."
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

    @property
    def tier_in_force(self) -> Tier | None:
        """The tier by which the version is judged; None when nobody assessed the model, or nobody confirmed it."""
        involved = {id for id in (self.owner, self.author, *self.committers) if id}
        return self.tier.tier if self.tier and counts(self.tier.tier, self.tier.reviewed_by, involved) else None


def digest_of_covered(content: Mapping[str, object]) -> str:
    """Make one digest of what an approval covers beside the files (plain JSON: purpose, kind, description, ...)."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
