"""From what somebody names to a target: environments are looked up, aliases and stages are not."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.deployments import queries as deployments

from ..domain.facts import Action, Kind, Verb
from ..domain.policies import ALWAYS_GUARDED, Policy, Question, is_guarded
from ..domain.targets import Target, activation, read_target
from ..tables import ApprovalRequest, DecisionRecord, EmergencyChange


def find_target(db: Session, actor: Actor, to: str) -> Target:
    """Return the target that `production`, `alias:champion` or `stage:production` names.

    Raises NotFound (environment), InvalidInput.
    """
    named = read_target(to)
    if isinstance(named, Action):
        return Target(named)
    environment = deployments.get_environment(db, actor, named)
    return activation(environment.id, environment.name, is_protected=environment.is_protected)


def target_of(row: ApprovalRequest | DecisionRecord | EmergencyChange, protected: set[str]) -> Target:
    """Return the target of a stored row; `protected` are the ids of the protected environments."""
    return Target(Action.read(row.action), row.environment_id, row.environment, row.environment_id in protected)


def protected_environments(db: Session, actor: Actor) -> set[str]:
    """Return the ids of the protected environments."""
    return {
        environment.id
        for environment in deployments.list_environments(db, actor, with_retired=True)
        if environment.is_protected
    }


def guarded_targets(db: Session, actor: Actor, policies: Sequence[Policy], kind: Kind) -> list[Target]:
    """Return where a version of this kind may go only with a policy's consent: environments first, then aliases."""
    environments = [
        activation(environment.id, environment.name, is_protected=environment.is_protected)
        for environment in reversed(deployments.list_environments(db, actor))
    ]
    named = {action for policy in policies for action in policy.scope.actions} | ALWAYS_GUARDED
    others = [Target(action) for action in sorted(named, key=str) if action.verb is not Verb.DEPLOYMENT]
    return [
        target
        for target in [*environments, *others]
        if is_guarded(policies, Question(None, kind, target.environment_class, target.action))
    ]
