"""Verbs of reporting: it writes nothing but its own requests for reports."""

import hashlib
import json

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.tables import Job

from .schemas import PortfolioFilter

PRINT = "reporting.print_portfolio"


def make_report(db: Session, actor: Actor, wanted: PortfolioFilter, *, base_url: str) -> Job:
    """Ask for the portfolio as PDF, as the actor may see it when it is made; addresses in it begin with `base_url`.

    Asked again while the same one waits or is made, it is that one: many clicks keep nobody else waiting.
    """
    given = wanted.model_dump(mode="json", exclude_none=True, exclude={"cursor", "limit"})
    args = {"filter": given, "base_url": base_url}
    digest = hashlib.sha256(json.dumps(args, sort_keys=True).encode()).hexdigest()
    return jobs.enqueue(
        db,
        actor,
        PRINT,
        args,
        title="Portfolio report as PDF",
        key=f"{PRINT}.{actor.id}.{digest[:16]}",
        max_attempts=2,
    )
