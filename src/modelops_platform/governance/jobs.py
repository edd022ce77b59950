"""Jobs of governance."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import desc, select
from sqlalchemy.orm import Session

from modelops_platform.artifacts import service as artifacts
from modelops_platform.artifacts.store import Damage, Store, Stored, store_of
from modelops_platform.core.actor import system_actor
from modelops_platform.core.deferred import Deferred
from modelops_platform.core.paths import project_folder
from modelops_platform.events.domain import LogEntry
from modelops_platform.identity import queries as identity_queries
from modelops_platform.identity import service as identity
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.domain.states import JobState
from modelops_platform.jobs.handlers import Handler, Limits, Task
from modelops_platform.jobs.tables import Job
from modelops_platform.notifications.domain import Topic
from modelops_platform.notifications.service import Notice

from . import notices, queries, service

if TYPE_CHECKING:
    from modelops_platform.web import render as pages
else:  # few jobs print
    pages = Deferred("modelops_platform.web.render")

FOLLOW = "governance.follow"
KEEP_TIME = "governance.keep_time"
KEEP_DAYS = "governance.keep_days"
WATCH_CLOCK = "governance.pass_time"


def find_place(db: Session, job: Job) -> int:
    """Return where the last run of this job stopped in the log, or this one, with what it has done so far."""
    has_ended = Job.state == JobState.SUCCEEDED.value
    last = db.scalars(
        select(Job)
        .where(Job.workspace_id == job.workspace_id, Job.kind == FOLLOW, has_ended | (Job.id == job.id))
        .where(Job.result.is_not(None))
        .order_by(desc(Job.id))
        .limit(1)
    ).first()
    return int(last.result["place"]) if last is not None and last.result else 0


def follow(db: Session, job: Job, place: Any) -> dict[str, int]:
    """Void approvals whose words were edited, and bring states up to date."""
    return {"place": service.catch_up(db, job.workspace_id, place)}


def voters(db: Session, entry: LogEntry) -> Iterator[str]:
    """Those who could fill a seat of the request that is open."""
    anybody = system_actor(entry.workspace_id)
    request = queries.get_request(db, anybody, entry.object_id)
    target = queries.target_of(request, queries.protected_environments(db, anybody))
    for seat in queries.look_at(db, anybody, request, target).seats:
        if not seat.is_filled:
            yield from seat.candidates


def asker(db: Session, entry: LogEntry) -> Iterator[str]:
    """Whoever asked for the approval."""
    yield queries.get_request(db, system_actor(entry.workspace_id), entry.object_id).asked_by


def keep_time(db: Session, job: Job, _worked: Any) -> dict[str, int]:
    """Do what is due by the minute."""
    return service.keep_time(db, job.workspace_id)


def keep_days(db: Session, job: Job, _worked: Any) -> dict[str, int]:
    """Do what is due by the day."""
    return service.keep_days(db, job.workspace_id)


def find_due(db: Session, job: Job) -> list[str]:
    """Return the assessments that are due; nobody waits meanwhile."""
    return service.find_due(db, job.workspace_id)


def pass_time(db: Session, job: Job, due: list[str]) -> dict[str, int]:
    """Tell which overrides have expired and which assessments have fallen due."""
    return service.pass_time(db, job.workspace_id, due)


def apply(db: Session, job: Job, _worked: Any) -> dict[str, str]:
    """Do what was granted, in the name of who asked."""
    return {"outcome": service.apply_granted(db, job.workspace_id, job.args["kind"], job.args["id"])}


def prepare_tests(db: Session, job: Job) -> dict[str, Any]:
    """Read the suite, the version's record, and where its file and the data are. Raises NotAllowed."""
    actor, run, version = service.get_started_tests(db, job.args["run_id"])
    return {"store": store_of(db), **queries.case_of(db, actor, run, version)}


def do_tests(task: Task, prepared: dict[str, Any]) -> dict[str, Any]:
    """Fetch model and data, and test in the child. Raises Unavailable for damaged files."""
    store = prepared.pop("store")
    task.progress(0.0, "Fetching the model and the data set, and checking their digests.")
    for name in ("data", "reference"):
        prepared[name] = _fetch(store, prepared[name], task)
    for model in (prepared["model"], prepared["champion"]):
        if model is not None and model.get("stored") is not None:
            model["path"] = _fetch(store, model.pop("stored"), task)
    found: dict[str, Any] = task.run_heavy(prepared)
    return found


def _fetch(store: Store, stored: Stored | None, task: Task) -> str | None:
    try:
        return str(store.fetch(stored, task.folder)) if stored is not None else None
    except Damage as damage:
        raise artifacts.unreadable(damage) from None


def keep_results(db: Session, job: Job, worked: dict[str, Any]) -> dict[str, Any]:
    """Keep what was found."""
    run = service.finish_tests(db, job.args["run_id"], worked)
    return {"run": run.id, "light": run.light}


def tell_failure(db: Session, job: Job, words: str) -> None:
    """Keep why nothing was found."""
    service.fail_tests(db, job.args["run_id"], words)


def judge_batch(db: Session, job: Job) -> dict[str, Any]:
    """Work out how a batch of models stands; nothing is written meanwhile."""
    return service.prepare_batch(db, job.workspace_id, job.args)


def keep_batch(db: Session, job: Job, worked: dict[str, Any]) -> dict[str, int]:
    """Keep how they stand, and go on with the next batch."""
    return service.keep_batch(db, job.workspace_id, worked)


def judge_drafts(db: Session, job: Job) -> dict[str, Any]:
    """Work out what drafts of policies would change."""
    return service.work_out(db, job.workspace_id, job.args["what_if_id"])


def keep_drafts(db: Session, job: Job, worked: dict[str, Any]) -> dict[str, int]:
    """Keep what they would change."""
    return service.keep_what_if(db, job.args["what_if_id"], job.workspace_id, worked)


def tell_no_answer(db: Session, job: Job, words: str) -> None:
    """Keep why there is no answer."""
    service.fail_what_if(db, job.args["what_if_id"], job.workspace_id, words)


def prepare_print(db: Session, job: Job) -> dict[str, Any]:
    """Return the report as HTML, and the store that the file goes to. Raises NotFound."""
    actor = identity.to_actor(identity_queries.list_grants(db, job.created_by))
    validation = queries.get_validation(db, actor, job.args["validation_id"])
    page = pages.make_templates().get_template("governance/report_print.html")
    html = page.render(**queries.printed(db, actor, validation))
    return {"html": html, "style": str(project_folder("static") / "report.css"), "store": store_of(db)}


def print_report(task: Task, prepared: dict[str, Any]) -> dict[str, Any]:
    """Lay the report out in a child, and store the file."""
    store = prepared.pop("store")
    made = task.run_heavy(prepared)
    return {"received": store.receive_file(task.folder / made["file"]), "pages": made["pages"]}


def keep_print(db: Session, job: Job, worked: dict[str, Any]) -> dict[str, Any]:
    """Make the file the asker's own upload: it is theirs alone, and goes after a day."""
    actor = identity.to_actor(identity_queries.list_grants(db, job.created_by))
    name = f"validation-{job.created_at:%Y-%m-%d}.pdf"
    blob = artifacts.add_blob(db, actor, worked["received"], name=name)
    return {"file": blob.sha256, "name": name, "pages": worked["pages"]}


def validator(_db: Session, entry: LogEntry) -> Iterator[str]:
    """Whoever is asked to validate a version."""
    yield str(entry.data["validator"])


def tester(db: Session, entry: LogEntry) -> Iterator[str]:
    """Whoever asked for the tests."""
    yield queries.get_any_test_run(db, entry.object_id).created_by


TEST_LIMITS = Limits(wall_seconds=3_600.0, cpu_seconds=3_600)
HANDLERS = {
    FOLLOW: Handler(prepare=find_place, finish=follow),
    service.APPLY: Handler(finish=apply),
    KEEP_TIME: Handler(finish=keep_time),
    KEEP_DAYS: Handler(finish=keep_days),
    WATCH_CLOCK: Handler(prepare=find_due, finish=pass_time),
    service.COMPLIANCE: Handler(prepare=judge_batch, finish=keep_batch),
    service.WHAT_IF: Handler(prepare=judge_drafts, finish=keep_drafts, fail=tell_no_answer),
    service.RUN_TESTS: Handler(
        prepare=prepare_tests,
        work=do_tests,
        heavy="modelops_platform.governance.heavy.job:run",
        finish=keep_results,
        fail=tell_failure,
        limits=TEST_LIMITS,
    ),
    service.PRINT_VALIDATION: Handler(
        prepare=prepare_print,
        work=print_report,
        heavy="modelops_platform.web.heavy:print_pdf",
        finish=keep_print,
        limits=Limits(wall_seconds=120, cpu_seconds=90),
    ),
}
SCHEDULES = {
    service.COMPLIANCE: ("Work out how every model stands", Rhythm(cron="30 2 * * *")),
    FOLLOW: ("Follow edits and deployments", Rhythm(every_seconds=30)),
    KEEP_TIME: ("Time out approvals, end waivers, settle emergencies", Rhythm(every_seconds=60)),
    WATCH_CLOCK: ("Expire overrides of tiers, tell what is due", Rhythm(every_seconds=300)),
    KEEP_DAYS: ("Remind of findings, waivers and reviews", Rhythm(cron="15 5 * * *")),
}
_DECIDED = [Notice(Topic.APPROVAL_DECIDED, asker)]
_ASKED_TO_VALIDATE = [Notice(Topic.RESPONSIBILITY, validator)]
_TESTED = [Notice(Topic.TRAINING, tester, tells_actor=True)]
NOTICES = {
    "approval.requested": [Notice(Topic.APPROVAL_WANTED, voters)],
    "approval.granted": _DECIDED,
    "approval.denied": _DECIDED,
    "approval.invalidated": _DECIDED,
    "approval.applied": _DECIDED,
    "approval.not_applied": _DECIDED,
    "approval.timed_out": _DECIDED,
    "approval.reminded": [Notice(Topic.APPROVAL_WANTED, voters)],
    "validation.assigned": _ASKED_TO_VALIDATE,
    "validation.reopened": _ASKED_TO_VALIDATE,
    "tests.finished": _TESTED,
    "tests.failed": _TESTED,
    **notices.NOTICES,
}
