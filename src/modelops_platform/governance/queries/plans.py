"""What drafts of policies would change against those in force."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.core.errors import InvalidInput

from ..domain.plans import PlannedChange, compare_policies
from ..domain.policies import Policy
from .drafts import Problem, not_next, problem_of
from .policies import parse, policies_in_force


@dataclass(frozen=True, slots=True)
class Planned:
    """What one document would change; `policy` is None when it is no policy, and `problem` says why."""

    policy: Policy | None
    current: Policy | None
    problem: Problem | None
    changes: tuple[PlannedChange, ...]

    @property
    def policy_id(self) -> str | None:
        """The policy's id."""
        return self.policy.id if self.policy else None

    @property
    def version(self) -> int | None:
        """The version that the document names."""
        return self.policy.version if self.policy else None

    @property
    def in_force(self) -> int | None:
        """The version in force."""
        return self.current.version if self.current else None


def plan_policies(db: Session, actor: Actor, documents: Sequence[str]) -> list[Planned]:
    """Read documents and compare them with what is in force; nothing is written, and nothing is refused."""
    current = {policy.id: policy for policy in policies_in_force(db, actor.workspace_id)}
    return [_plan(document, current) for document in documents]


def _plan(document: str, in_force: dict[str, Policy]) -> Planned:
    try:
        policy = parse(document)
    except InvalidInput as error:
        return Planned(None, None, problem_of(error), ())
    current = in_force.get(policy.id)
    changes = compare_policies(current, policy)
    is_new = bool(changes) or current is None
    problem = not_next(document, policy, current.version if current else 0) if is_new else None
    return Planned(policy, current, problem, changes)
