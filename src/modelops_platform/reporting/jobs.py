"""The PDF of the portfolio: read with its asker's rights, laid out in a child, kept as their file."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from sqlalchemy.orm import Session

from modelops_platform.artifacts import service as artifacts
from modelops_platform.artifacts.store import store_of
from modelops_platform.core.actor import Actor
from modelops_platform.core.deferred import Deferred
from modelops_platform.core.paths import project_folder
from modelops_platform.identity import queries as identity
from modelops_platform.identity.service import to_actor
from modelops_platform.jobs.handlers import Handler, Limits, Task
from modelops_platform.jobs.tables import Job

from . import queries, service
from .domain import ATTENTION_WORDS, LIGHTS
from .schemas import PortfolioFilter

if TYPE_CHECKING:
    from modelops_platform.web import render as pages
else:  # few jobs print
    pages = Deferred("modelops_platform.web.render")

ROWS_PRINTED = 200


def prepare(db: Session, job: Job) -> dict[str, Any]:
    """Return the report as HTML, and the store that the file goes to."""
    actor = _asker(db, job)
    wanted = PortfolioFilter.model_validate({**job.args["filter"], "limit": ROWS_PRINTED})
    found = queries.get_portfolio(db, actor, wanted)
    html = (
        _templates()
        .get_template("reporting/report.html")
        .render(
            portfolio=found,
            tally=found.tally,
            wanted=wanted,
            asker=actor.name,
            attention_words=ATTENTION_WORDS,
            lights=LIGHTS,
            link=functools.partial(_link, job.args["base_url"], job.args["filter"]),
            model_url=lambda name: f"{job.args['base_url']}/models/{quote(name, safe='')}",
        )
    )
    return {"html": html, "style": str(project_folder("static") / "report.css"), "store": store_of(db)}


def work(task: Task, prepared: dict[str, Any]) -> Any:
    """Lay the report out in a child, and store the file."""
    store = prepared.pop("store")
    made = task.run_heavy(prepared)
    return {"received": store.receive_file(task.folder / made["file"]), "pages": made["pages"]}


def finish(db: Session, job: Job, worked: dict[str, Any]) -> dict[str, Any]:
    """Make the file the asker's own upload: it is theirs alone, and goes after a day."""
    name = f"portfolio-{job.created_at:%Y-%m-%d}.pdf"
    blob = artifacts.add_blob(db, _asker(db, job), worked["received"], name=name)
    return {"file": blob.sha256, "name": name, "pages": worked["pages"]}


def _asker(db: Session, job: Job) -> Actor:
    return to_actor(identity.list_grants(db, job.created_by))


def _link(base_url: str, kept: Mapping[str, Any], **narrowed: Any) -> str:
    wanted = {key: kept[key] for key in ("at", "unit") if key in kept} | narrowed
    query = urlencode({key: str(value).lower() if isinstance(value, bool) else value for key, value in wanted.items()})
    return f"{base_url}/portfolio?{query}#rows"


@functools.cache
def _templates() -> Any:
    return pages.make_templates()


HANDLERS = {
    service.PRINT: Handler(
        prepare=prepare,
        work=work,
        finish=finish,
        heavy="modelops_platform.web.heavy:print_pdf",
        limits=Limits(wall_seconds=120, cpu_seconds=90),
    )
}
