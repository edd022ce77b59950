"""The gate: whoever wants to move a version to a guarded place is asked here, by whatever way they come."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from sqlalchemy.orm import Session

from modelops_platform.core import gates
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.errors import InvalidInput, TransitionRefused
from modelops_platform.core.gates import Transition
from modelops_platform.events import service as events
from modelops_platform.identity import service as identity
from modelops_platform.registry.service import ARCHIVE
from modelops_platform.registry.tables import Version

from .. import queries
from ..domain.decisions import Decision
from ..domain.facts import Action
from ..domain.targets import Target, activation
from ..schemas import Mode
from ..tables import DecisionRecord
from .keeping import keep_named
from .states import refresh_state

GUARDED = ("alias.set", "stage.set", "deployment.activate", "life_cycle.move")


@dataclass(frozen=True, slots=True)
class Subject:
    """The version that was asked about, as events name it; it outlives the session of a refused request."""

    object_kind: ClassVar[str] = "version"
    id: str
    name: str
    model_id: str
    unit_id: str
    workspace_id: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question to the gate and its answer, as they are kept."""

    subject: Subject
    target: Target
    decision: Decision
    actor: Actor
    via: str

    def told(self, decision_id: str) -> dict[str, Any]:
        """Return what the event says."""
        policy = f"{self.decision.policy_id} v{self.decision.policy_version}" if self.decision.policy_id else None
        return {
            "decision": decision_id,
            "to": self.target.text,
            "outcome": self.decision.outcome.value,
            "unmet": [judgement.requirement_id for judgement in self.decision.unmet],
            "policy": policy,
        }


def gate(db: Session, transition: Transition) -> str | None:
    """Judge a transition: store the decision and return its id, or refuse. Nothing guards most actions.

    Whoever publishes a policy waits until this transaction has ended, or is waited for, so the policy that decides is
    the one in force when the version moves.
    Raises TransitionRefused, which carries the decision and leaves it behind; where the workspace only observes,
    a no is stored and lets pass. Raises Unavailable, which leaves nothing behind, when a fact cannot be read.
    """
    version: Version = transition.thing
    target = _target_of(transition)
    identity.hold_workspace(db, version.workspace_id)
    decision = queries.judge(db, version, target)
    if decision is None:
        return None
    asked = _Asked(_subject_of(version), target, decision, transition.actor, _via(transition.actor))
    if decision.is_allowed:
        kept = _keep(db, asked)
        events.record(db, asked.actor, "gate.passed", asked.subject, **asked.told(kept))
    elif queries.enforcement_mode(db, version.workspace_id) == Mode.OBSERVE:
        kept = _keep(db, asked, is_enforced=False)
        events.record(db, asked.actor, "gate.observed", asked.subject, **asked.told(kept))
    else:
        raise TransitionRefused(
            f"{target.question(f'{version.model.name} {version.name}')} {decision.sentence}",
            remedy="Meet the requirements that are listed as unmet, then try again.",
            to_keep=[partial(_keep_refusal, asked=asked)],
            decision=decision.to_dict(),
            question=target.question(version.name),
            evidence={"name": version.model.name, "number": version.number, "to": target.text},
        )
    if target.is_protected:
        refresh_state(db, version.model, going_live=version.id, decision_id=kept)
    return kept


def register_gates() -> None:
    """Let the gate judge the transitions of the rooms below; every entry point that moves versions calls it."""
    for action in GUARDED:
        gates.register(action, gate)
    gates.register(ARCHIVE, keep_named)


def ask(db: Session, actor: Actor, version: Version, target: Target) -> Decision:
    """Answer whether a version may go somewhere, and store the answer; nothing moves.

    Raises NotAllowed.
    """
    actor.must(Permission.DEPLOY, version.model)
    decision = queries.answer(db, version, target)
    is_enforced = queries.enforcement_mode(db, version.workspace_id) == Mode.ENFORCE
    asked = _Asked(_subject_of(version), target, decision, actor, "gate")
    events.record(db, actor, "gate.asked", asked.subject, **asked.told(_keep(db, asked, is_enforced=is_enforced)))
    return decision


def must_judge(db: Session, version: Version, target: Target) -> Decision:
    """Decide without storing. Raises InvalidInput when nothing guards the target."""
    decision = queries.judge(db, version, target)
    if decision is None:
        raise InvalidInput(
            f"No policy guards {target.text!r} for a model of kind {version.model.kind}.",
            remedy="Who has the right may do it. Ask about alias:champion or a protected environment.",
            field="to",
            value=target.text,
        )
    return decision


def _target_of(transition: Transition) -> Target:
    context = transition.context
    match transition.action:
        case "alias.set":
            return Target(Action.alias(context["alias"]))
        case "stage.set":
            return Target(Action.stage(context["stage"]))
        case "life_cycle.move":
            return Target(Action.move(context["state"]))
        case "deployment.activate":
            return activation(context["environment_id"], context["environment"], is_protected=context["is_protected"])
    raise ValueError(f"the gate does not know the transition {transition.action!r}")


def _subject_of(version: Version) -> Subject:
    model = version.model
    return Subject(version.id, version.name, model.id, model.unit_id, version.workspace_id)


def _via(actor: Actor) -> str:
    if actor.kind is ActorKind.SYSTEM:
        return "platform"
    return "token" if actor.token_id else "browser"


def _keep(db: Session, asked: _Asked, *, is_enforced: bool = True) -> str:
    """Store the decision and return its id."""
    subject, target, decision = asked.subject, asked.target, asked.decision
    kept = DecisionRecord(
        workspace_id=subject.workspace_id,
        model_id=subject.model_id,
        version_id=subject.id,
        action=str(target.action),
        environment_id=target.environment_id,
        environment=target.environment,
        outcome=decision.outcome.value,
        is_enforced=is_enforced,
        policy_id=decision.policy_id,
        policy_version=decision.policy_version,
        digest=decision.digest,
        facts_digest=decision.facts_digest,
        tier=int(decision.tier),
        decision=decision.to_dict(),
        asked_via=asked.via,
        asked_by=asked.actor.id,
        asked_at=decision.asked_at,
    )
    db.add(kept)
    db.flush()
    return kept.id


def _keep_refusal(db: Session, *, asked: _Asked) -> None:
    """Leave the refusal behind, after the request that was refused is undone."""
    events.record(db, asked.actor, "gate.refused", asked.subject, **asked.told(_keep(db, asked)))
