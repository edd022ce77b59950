"""Verbs on alerts."""

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity
from modelops_platform.registry import queries as registry

from .. import queries
from ..schemas import AcknowledgeIn
from ..tables import Alert


def acknowledge_alert(db: Session, actor: Actor, alert_id: str, wanted: AcknowledgeIn) -> Alert:
    """Say about an open alert what it is and what is done about it. Raises NotFound, NotAllowed, InvalidInput (closed).

    Saying it again replaces what was said; the log keeps both.
    """
    alert = queries.get_alert(db, actor, alert_id)
    actor.must(Permission.MANAGE_MONITORS, alert)
    registry.get_model(db, actor, alert.model.name, to_change=True)  # nobody closes or changes it meanwhile
    db.refresh(alert, ["light", "closed_at"])
    if not alert.is_open:
        raise InvalidInput(
            "The alert is closed already.",
            remedy="There is nothing to do; its history says why it closed.",
            field="alert",
            value=alert.id,
        )
    alert.acknowledged_at, alert.acknowledged_by = clock.now(), actor.id
    alert.acknowledgement = wanted.reason
    set_committed_value(alert, "acknowledger", identity.get_user(db, actor, actor.id))
    events.record(db, actor, "alert.acknowledged", alert, light=alert.light, reason=wanted.reason)
    return alert
