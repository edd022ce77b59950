"""Who waits for whom: environment before model, always in this order, so that nobody waits in a circle.

Changes of what is live happen one after another for each model, because its summary lists what is live in all
its deployments: two of them that change at the same moment would each write a list without the other.
On SQLite the write transaction is that lock already; there `FOR UPDATE` is not written.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.registry.tables import Model

from .. import queries
from ..tables import Deployment, Environment


def hold_deployment(db: Session, actor: Actor, reference: str) -> Deployment:
    """Return a deployment that the actor may change, as it is now; nobody else changes it until the commit.

    Its model is held, and its environment kept from retiring. Raises NotFound, NotAllowed.
    """
    deployment = queries.get_deployment(db, actor, reference)
    actor.must(Permission.DEPLOY, deployment)
    db.execute(select(Environment.id).where(Environment.id == deployment.environment_id).with_for_update(read=True))
    _hold_model(db, deployment.model_id)
    return queries.get_deployment(db, actor, deployment.id, fresh=True)


def hold_environment(db: Session, actor: Actor, reference: str) -> Environment:
    """Return an environment to change, as it is now; nothing goes live there until the commit.

    Raises NotFound, NotAllowed.
    """
    environment = queries.get_environment(db, actor, reference)
    actor.must(Permission.MANAGE_ENVIRONMENTS)
    db.execute(select(Environment.id).where(Environment.id == environment.id).with_for_update())
    return queries.get_environment(db, actor, environment.id, fresh=True)


def hold_models_live_in(db: Session, environment: Environment) -> list[str]:
    """Hold every model that is live in an environment, and return their ids."""
    model_ids = queries.models_live_in(db, environment.id)
    for model_id in model_ids:
        _hold_model(db, model_id)
    return model_ids


def _hold_model(db: Session, model_id: str) -> None:
    db.execute(select(Model.id).where(Model.id == model_id).with_for_update(key_share=True))
