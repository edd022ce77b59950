"""Verbs of validation: assign one, write its report, sign it, open it again when what it covers changes."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, Conflict, InvalidInput, NotAllowed, Stale
from modelops_platform.events import service as events
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.tables import Job
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model, Version

from .. import queries
from ..defaults import report_form
from ..domain.facts import Kind
from ..domain.findings import FindingSource
from ..domain.validation import OPEN, STATEMENT, Scope, State, why_not_sign
from ..schemas import CallOffIn, ConditionIn, FindingIn, PartIn, SignIn, ValidationIn
from ..tables import Finding, Validation, ValidationEntry, ValidationSignature
from .findings import raise_finding
from .states import refresh_state

PRINT_VALIDATION = "governance.print_validation"
_WEIGHT = {Scope.PEER_REVIEW: 0, Scope.TARGETED: 1, Scope.FULL: 2}


def assign_validation(db: Session, actor: Actor, name: str, wanted: ValidationIn) -> Validation:
    """Have an independent person validate a version.

    Raises NotFound, NotAllowed, InvalidInput (who is not independent, a lighter scope than the tier asks for, a day
    that has gone), AlreadyExists (one is under way).
    """
    version = registry.get_version(db, actor, name, wanted.version)
    actor.must(Permission.REQUEST_APPROVAL, version.model)
    validator = _validator(db, actor, version, wanted.validator)
    scope = _scope(db, version.model, wanted.scope)
    made = _add(db, version, validator, scope, _due(wanted.due, scope), assigned_by=actor.id, note=wanted.note)
    _tell_assigned(db, actor, made)
    return queries.get_validation(db, actor, made.id)


def _validator(db: Session, actor: Actor, version: Version, named: str | None) -> str:
    model = version.model
    person = named or model.validator_id
    if model.validator_named_by and person != model.validator_id and actor.id in queries.involved_in(version):
        raise InvalidInput(
            f"Another validator was named for {model.name!r} by somebody without a part in it.",
            remedy="Leave the validator out, or ask risk, compliance or a validator to assign another one.",
            field="validator",
            value=person,
        )
    if person is None:
        raise InvalidInput(
            "The record of the model names no validator.",
            remedy="Choose somebody with the role validator who neither made nor owns the model.",
            field="validator",
            value=None,
        )
    why_not = queries.why_not_validate(db, version, person)
    if why_not is not None:
        raise InvalidInput(
            why_not,
            remedy="Choose somebody with the role validator who neither made nor owns the model.",
            field="validator",
            value=person,
        )
    return person


def _scope(db: Session, model: Model, wanted: Scope | None) -> Scope:
    asked = report_form().scope_for(queries.tier_of(db, model))
    if wanted is not None and _WEIGHT[wanted] < _WEIGHT[asked]:
        raise InvalidInput(
            f"The tier of the model asks for a {asked.replace('_', ' ')} validation.",
            remedy="Choose that, or more.",
            field="scope",
            value=wanted.value,
        )
    return wanted or asked


def _due(wanted: date | None, scope: Scope) -> date:
    today = clock.now().date()
    if wanted is not None and wanted < today:
        raise InvalidInput(f"{wanted} has gone.", remedy="Choose a day to come.", field="due", value=wanted.isoformat())
    return wanted or today + timedelta(days=report_form().scopes[scope].days)


def _add(
    db: Session,
    version: Version,
    validator: str,
    scope: Scope,
    due: date,
    *,
    assigned_by: str,
    note: str = "",
    reopens_id: str | None = None,
) -> Validation:
    made = Validation(
        workspace_id=version.workspace_id,
        model_id=version.model_id,
        version_id=version.id,
        scope=scope.value,
        validator_id=validator,
        note=note,
        due=due,
        reopens_id=reopens_id,
        assigned_by=assigned_by,
        assigned_at=clock.now(),
    )
    made.model, made.version = version.model, version
    taken = AlreadyExists(
        f"A validation of {version.name} is under way already.",
        remedy="Look at it, or call it off first.",
        field="version",
        value=version.number,
    )
    with conflicts_as(db, taken):
        db.add(made)
    return made


def _tell_assigned(db: Session, actor: Actor, made: Validation) -> None:
    events.record(
        db,
        actor,
        "validation.assigned",
        made,
        validator=made.validator_id,
        scope=made.scope,
        version=made.version.number,
        due=made.due.isoformat(),
    )


def write_parts(db: Session, actor: Actor, validation_id: str, wanted: Sequence[PartIn]) -> Validation:
    """Write parts of a report, those that read differently from before; what stood there is kept.

    Raises NotFound, NotAllowed, Conflict, InvalidInput.
    """
    validation = queries.get_validation(db, actor, validation_id, lock=True)
    _must_write(db, actor, validation)
    known = [part.id for part in report_form().parts_for(Kind(validation.model.kind)) if part.takes_text]
    stands = {entry.part: entry.text for entry in validation.entries}
    for one in wanted:
        if one.part not in known:
            raise InvalidInput(
                f"The report has no part {one.part!r} to write into.",
                remedy=f"Write into one of {', '.join(known)}.",
                field="part",
                value=one.part,
            )
        if stands.get(one.part) == one.text:
            continue
        _begin(db, actor, validation)
        validation.entries.append(
            ValidationEntry(
                workspace_id=validation.workspace_id,
                part=one.part,
                text=one.text,
                written_by=actor.id,
                at=clock.now(),
            )
        )
    db.flush()
    return validation


def _must_write(db: Session, actor: Actor, validation: Validation) -> None:
    """Raise unless the actor is the validator whose report is open, and is still independent."""
    actor.must(Permission.VALIDATE, validation.model)
    if validation.validator_id != actor.id:
        raise NotAllowed(
            "This report is somebody else's to write.", remedy="Ask to have the validation assigned to you."
        )
    _must_be_open(validation)
    version = validation.version
    version.model = validation.model
    why_not = queries.why_not_validate(db, version, actor.id)
    if why_not is not None:
        raise NotAllowed(why_not, remedy="Have the validation assigned to somebody else.", validation=validation.id)


def _must_be_open(validation: Validation) -> None:
    if validation.state not in OPEN:
        raise Conflict(
            f"The validation is {validation.state.replace('_', ' ')}.",
            remedy="Look at it; a change of what it covers opens another.",
            field="validation",
            value=validation.id,
        )


def _begin(db: Session, actor: Actor, validation: Validation) -> None:
    if validation.state != State.ASSIGNED:
        return
    validation.state, validation.started_at = State.IN_PROGRESS.value, clock.now()
    events.record(
        db, actor, "validation.started", validation, version=validation.version.number, scope=validation.scope
    )
    refresh_state(db, validation.model)


def raise_condition(db: Session, actor: Actor, validation_id: str, wanted: ConditionIn) -> Finding:
    """Raise a finding of a validation; it is a condition while it stands. Raises NotFound, NotAllowed, Conflict."""
    validation = queries.get_validation(db, actor, validation_id, lock=True)
    _must_write(db, actor, validation)
    _begin(db, actor, validation)
    asked = FindingIn(
        model=validation.model.name,
        version=validation.version.number,
        source=FindingSource.VALIDATION,
        **wanted.model_dump(),
    )
    return raise_finding(db, actor, asked, validation_id=validation.id)


def sign_validation(db: Session, actor: Actor, validation_id: str, wanted: SignIn) -> Validation:
    """Sign a report: an opinion about these bytes and words, kept exactly as it was read.

    Raises NotFound, NotAllowed, Conflict (it is signed), Stale (what it covers changed since it was read), InvalidInput
    (parts are missing, or the opinion does not go with the findings).
    """
    validation = queries.get_validation(db, actor, validation_id, lock=True)
    _must_write(db, actor, validation)
    report = queries.fill_report(db, actor, validation)
    if (wanted.covers, wanted.digest) != (report.covers, report.digest):
        raise Stale(
            "What the report covers changed since you read it.",
            remedy="Read it again; then sign it.",
            field="covers",
            value=wanted.covers,
        )
    why_not = why_not_sign(wanted.opinion, report.missing, report.conditions)
    if why_not is not None:
        raise InvalidInput(why_not, remedy="Do that first; then sign.", field="opinion", value=wanted.opinion.value)
    now = clock.now()
    _begin(db, actor, validation)
    printed = _as_signed(actor, validation, report, wanted, now)
    signature = ValidationSignature(
        workspace_id=validation.workspace_id,
        validation_id=validation.id,
        version_id=validation.version_id,
        scope=validation.scope,
        validator_id=actor.id,
        opinion=wanted.opinion.value,
        sentence=wanted.sentence,
        statement=STATEMENT,
        digest=report.digest,
        covers=report.covers,
        report=printed,
        sha256=digest_of_report(printed),
        at=now,
    )
    with conflicts_as(db, Conflict("The report is signed already.", remedy="Look at it.", field="validation")):
        db.add(signature)
    validation.state, validation.ended_at = State.SIGNED.value, now
    events.record(
        db,
        actor,
        "validation.completed",
        validation,
        opinion=wanted.opinion.value,
        version=validation.version.number,
        scope=validation.scope,
        digest=report.digest,
        covers=report.covers,
        report=signature.sha256,
        conditions=sum(one.is_open for one in report.conditions),
    )
    refresh_state(db, validation.model)
    db.flush()
    db.expire(validation, ["signature"])
    return queries.get_validation(db, actor, validation.id)


def _as_signed(
    actor: Actor, validation: Validation, report: queries.Report, wanted: SignIn, now: datetime
) -> dict[str, Any]:
    """Return the report as it is kept for ever."""
    return {
        "model": validation.model.name,
        "version": validation.version.number,
        "scope": validation.scope,
        "opinion": wanted.opinion.value,
        "sentence": wanted.sentence,
        "validator": actor.name,
        "signed_at": now.isoformat(),
        "digest": report.digest,
        "covers": report.covers,
        "parts": [part.to_dict() for part in report.parts],
    }


def print_validation(db: Session, actor: Actor, validation_id: str) -> Job:
    """Ask for a report as PDF, as the actor may see it when it is made. Raises NotFound."""
    validation = queries.get_validation(db, actor, validation_id)
    title = f"Validation report of {validation.model.name} {validation.version.name} as PDF"
    args, key = {"validation_id": validation.id}, f"{PRINT_VALIDATION}.{actor.id}.{validation.id}"
    return jobs.enqueue(db, actor, PRINT_VALIDATION, args, title=title, key=key, max_attempts=2)


def digest_of_report(report: dict[str, object]) -> str:
    """Return the SHA-256 of a report as the database keeps its text."""
    text = json.dumps(report, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def call_off_validation(db: Session, actor: Actor, validation_id: str, wanted: CallOffIn) -> Validation:
    """End a validation without an opinion. Raises NotFound, NotAllowed, Conflict."""
    validation = queries.get_validation(db, actor, validation_id, lock=True)
    actor.must(Permission.REQUEST_APPROVAL, validation.model)
    _must_be_open(validation)
    validation.state, validation.ended_at = State.CALLED_OFF.value, clock.now()
    events.record(
        db,
        actor,
        "validation.called_off",
        validation,
        personal={"sentence": wanted.sentence},
        version=validation.version.number,
    )
    return validation


def reopen_changed(db: Session, model: Model) -> Validation | None:
    """Open the last signed validation of a model again when what it covers was edited since; its history stays."""
    before = queries.last_signed(db, model.id)
    if before is None or before.signature is None or queries.has_open(db, before.version_id):
        return None
    before.version.model = model
    if before.signature.covers == queries.covers_of(model, before.version, queries.texts_of(before.card)):
        return None
    scope = Scope(before.scope)
    platform = system_actor(model.workspace_id)
    made = _add(
        db,
        before.version,
        before.validator_id,
        scope,
        _due(None, scope),
        assigned_by=platform.id,
        note="What the signed report covers was edited.",
        reopens_id=before.id,
    )
    db.add_all(
        ValidationEntry(
            workspace_id=made.workspace_id,
            validation_id=made.id,
            part=entry.part,
            text=entry.text,
            written_by=entry.written_by,
        )
        for entry in before.entries
    )
    events.record(
        db,
        platform,
        "validation.reopened",
        made,
        reopens=before.id,
        validator=made.validator_id,
        version=made.version.number,
        due=made.due.isoformat(),
    )
    return made
