"""Verbs of reporting: it writes nothing but its own requests for reports."""

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.tables import Job

from .schemas import PortfolioFilter

PRINT = "reporting.print_portfolio"


def make_report(db: Session, actor: Actor, wanted: PortfolioFilter, *, base_url: str) -> Job:
    """Ask for the portfolio as PDF, as the actor may see it when it is made; addresses in it begin with `base_url`."""
    given = wanted.model_dump(mode="json", exclude_none=True, exclude={"cursor", "limit"})
    return jobs.enqueue(
        db,
        actor,
        PRINT,
        {"filter": given, "base_url": base_url},
        title="Portfolio report as PDF",
        max_attempts=2,
    )
