"""What a policy guards does not vanish silently: a version that a guarded alias or stage names is not archived."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core.errors import TransitionRefused
from modelops_platform.core.gates import Transition
from modelops_platform.registry.tables import Alias, Version

from .. import queries
from ..domain.facts import Action, Kind
from ..domain.policies import Question, is_guarded
from ..domain.states import RequestState
from ..schemas import Mode
from ..tables import ApprovalRequest


def keep_named(db: Session, transition: Transition) -> None:
    """Refuse to archive a version that a guarded alias or stage names, or whose approval is waiting.

    Where the workspace only observes, nothing is refused. Raises TransitionRefused.
    """
    version: Version = transition.thing
    if queries.enforcement_mode(db, version.workspace_id) == Mode.OBSERVE:
        return
    named = db.scalars(select(Alias.name).where(Alias.version_id == version.id, Alias.to_at.is_(None))).all()
    actions = [Action.alias(name) for name in sorted(named)]
    if version.stage is not None:
        actions.append(Action.stage(version.stage))
    policies = queries.policies_in_force(db, version.workspace_id)
    kind = Kind(version.model.kind)
    guarded = [str(action) for action in actions if is_guarded(policies, Question(None, kind, None, action))]
    if guarded:
        raise TransitionRefused(
            f"{version.model.name} {version.name} is what {' and '.join(guarded)} names.",
            remedy="Move or remove that first; then archive the version.",
            guarded=guarded,
        )
    waiting = select(ApprovalRequest.id).where(
        ApprovalRequest.version_id == version.id, ApprovalRequest.state == RequestState.OPEN.value
    )
    if db.scalars(waiting.limit(1)).first() is not None:
        raise TransitionRefused(
            f"An approval of {version.model.name} {version.name} is waiting for votes.",
            remedy="Withdraw the request first; then archive the version.",
        )
