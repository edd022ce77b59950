"""Reads of validations: as lists, and a report as it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, desc, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from modelops_platform.artifacts import queries as artifacts
from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind
from modelops_platform.core.errors import NotFound
from modelops_platform.identity import queries as identity
from modelops_platform.identity.queries import granted
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model, Version

from ..defaults import report_form
from ..domain.facts import Kind
from ..domain.known import FindingFact
from ..domain.questionnaire import Tier
from ..domain.validation import OPEN, OPINION_WORDS, FilledPart, Line, Part, Record, Scope, why_not_independent
from ..tables import TestResult, Validation, ValidationSignature
from .assessments import find_assessment, is_in_force
from .cards import texts_of
from .facts import covers_of
from .findings import load_findings
from .monitors import load_monitors
from .people import find_people
from .test_runs import last_results

_OPEN = [state.value for state in OPEN]


def visible_validations(actor: Actor) -> Select[Validation]:
    """Return the validations of models this actor may see, with model and version, to narrow further."""
    return (
        select(Validation)
        .join(Validation.model)
        .where(Validation.workspace_id == actor.workspace_id, granted(Model, actor))
        .options(
            contains_eager(Validation.model).options(joinedload(Model.unit), joinedload(Model.summary)),
            joinedload(Validation.version).selectinload(Version.files),
            joinedload(Validation.signature),
            selectinload(Validation.entries),
        )
    )


def get_validation(db: Session, actor: Actor, validation_id: str, *, lock: bool = False) -> Validation:
    """Return a validation with what was written; locked, others who write wait. Raises NotFound."""
    statement = visible_validations(actor).where(Validation.id == validation_id)
    if lock:
        statement = statement.with_for_update(of=Validation).execution_options(populate_existing=True)
    found = db.scalars(statement).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no validation {validation_id[:80]!r}.",
            remedy="Look at the validations of the model.",
            field="validation",
            value=validation_id[:80],
        )
    return found


def list_validations(db: Session, actor: Actor, model_id: str, *, limit: int = 50) -> Sequence[Validation]:
    """Return the validations of a model, the newest first."""
    statement = visible_validations(actor).where(Validation.model_id == model_id)
    return db.scalars(statement.order_by(desc(Validation.id)).limit(limit)).all()


def list_validations_for(db: Session, actor: Actor, *, limit: int = 200) -> Sequence[Validation]:
    """Return the open validations that wait for this person, what is due first on top."""
    statement = visible_validations(actor).where(Validation.validator_id == actor.id, Validation.state.in_(_OPEN))
    return db.scalars(statement.order_by(Validation.due, Validation.id).limit(limit)).all()


def tier_of(db: Session, model: Model) -> Tier | None:
    """Return the tier of a model that is in force."""
    assessment = find_assessment(db, model.id)
    return Tier(assessment.tier) if assessment is not None and is_in_force(model, assessment) else None


def involved_in(version: Version) -> frozenset[str]:
    """Return who made a version or answers for its model: nobody of them validates it."""
    model = version.model
    named = (model.owner_id, model.developer_id, version.created_by, version.developer_id)
    return frozenset(id for id in named if id)


def why_not_validate(db: Session, version: Version, person_id: str) -> str | None:
    """Say in words why somebody cannot validate a version; None when they can."""
    people = find_people(db, version.workspace_id, [version.model], [person_id], with_holders=True)
    account = people.accounts.get(person_id)
    if account is None:
        return "There is no such person here."
    roles = next((roles for one, roles in people.with_role(version.model, {"validator"}) if one.id == person_id), ())
    return why_not_independent(
        person_id,
        frozenset(roles),
        involved_in(version),
        is_person=account.is_person,
        is_enabled=account.is_enabled,
    )


def find_validators(db: Session, version: Version) -> list[str]:
    """Return the ids of the people who could validate a version."""
    people = find_people(db, version.workspace_id, [version.model], (), with_holders=True)
    barred = involved_in(version)
    return [one.id for one, _roles in people.with_role(version.model, {"validator"}) if one.id not in barred]


def conditions_of(db: Session, validation: Validation) -> list[FindingFact]:
    """Return the findings that this validation raised, as they stand now."""
    facts = load_findings(db, {validation.version_id: validation.version}, clock.now())
    return [fact for fact in facts[validation.version_id] if fact.of_validation == validation.id]


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it stands: its parts, what it covers, and what its validator has yet to write."""

    validation: Validation
    parts: tuple[FilledPart, ...]
    digest: str | None
    covers: str
    conditions: Sequence[FindingFact]

    @property
    def missing(self) -> list[Part]:
        """The parts that must be written and are not."""
        return [one.part for one in self.parts if one.is_missing]


def fill_report(db: Session, actor: Actor, validation: Validation) -> Report:
    """Fill in what records and tests say, and what the validator wrote."""
    version = registry.get_version_by_id(db, actor, validation.version_id)
    kind, scope = Kind(version.model.kind), Scope(validation.scope)
    written = {entry.part: entry.text for entry in validation.entries}
    must = report_form().must_write(scope, kind)
    conditions = conditions_of(db, validation)
    filler = _Filler(db, validation, version, conditions)
    parts = tuple(
        FilledPart(part, tuple(filler.lines(part)), written.get(part.id, ""), part in must)
        for part in report_form().parts_for(kind)
    )
    covers = covers_of(version.model, version, texts_of(validation.card))
    return Report(validation, parts, version.manifest_digest, covers, conditions)


class _Filler:
    """Reads what the platform knows, once, and hands it to the parts."""

    def __init__(
        self, db: Session, validation: Validation, version: Version, conditions: Sequence[FindingFact]
    ) -> None:
        self._db, self._validation, self._version = db, validation, version
        self._conditions = conditions
        model = version.model
        self._names = identity.names_of(
            db, {id for id in (validation.validator_id, model.owner_id, version.created_by, model.developer_id) if id}
        )
        self._standings = last_results(db, version)

    def lines(self, part: Part) -> list[Line]:
        """Return what the platform fills into a part."""
        found = [line for record in part.records for line in self._record(record)]
        for standing in self._standings:
            found += [
                self._tested(result, standing.lights[result.id].value)
                for result in standing.results
                if result.check in part.checks
            ]
        if part.checks and not any(line.light for line in found):
            found.append(Line("Tests", "No test of this kind ran on this version.", "no_data"))
        return found

    def _tested(self, result: TestResult, light: str) -> Line:
        interval = f" ({result.low:.4g} to {result.high:.4g})" if result.low is not None and result.high else ""
        figure = f"{result.value:.4g}{interval}, {result.limit}. " if result.value is not None else ""
        rows = f" n = {result.rows:,}." if result.rows is not None else ""
        pushed = " Pushed by a pipeline." if result.source == "pipeline" else ""
        label = f"{result.title}{f', {result.segment}' if result.segment else ''}"
        when = f" Tested on {result.at:%-d %B %Y} by {result.suite_id} v{result.suite_number}."
        text = f"{figure}{result.detail}{rows}{when}{pushed}"
        return Line(label, text, light, "show_test_run", {"run_id": result.run_id})

    def _record(self, record: Record) -> list[Line]:
        match record:
            case Record.IDENTITY:
                return self._identity()
            case Record.INDEPENDENCE:
                return [self._independence()]
            case Record.PURPOSE:
                return self._purpose()
            case Record.LINEAGE:
                return self._lineage()
            case Record.ARTIFACT:
                return self._artifact()
            case Record.METRICS:
                return [
                    Line(str(metric["name"]), _recorded(metric.get("value"), metric.get("n")))
                    for metric in self._version.metrics[:30]
                ]
            case Record.MONITORS:
                monitors = load_monitors(self._db, {self._version.id: self._version}, clock.now())[self._version.id]
                return [Line(one.name, f"Watches {one.measures}.", one.light.value) for one in monitors] or [
                    Line("Monitors", "None is switched on.", "not_monitored")
                ]
            case Record.FINDINGS:
                return [
                    Line(
                        one.title,
                        f"{one.severity}, {one.state.replace('_', ' ')}"
                        f"{f', due {one.due:%-d %B %Y}' if one.due else ''}.",
                        route="show_finding",
                        ids={"id": one.id},
                    )
                    for one in self._conditions
                ] or [Line("Findings", "This validation raised none.")]
        return []

    def _identity(self) -> list[Line]:
        validation, version = self._validation, self._version
        title = report_form().scopes[Scope(validation.scope)].title
        started = f", begun on {validation.started_at:%-d %B %Y}" if validation.started_at else ""
        return [
            Line("Scope", f"{title} of {version.model.name} {version.name}."),
            Line("Digest of the files", version.manifest_digest or "None: the files are not kept here."),
            Line("Validator", self._name(validation.validator_id)),
            Line("Dates", f"Assigned on {validation.assigned_at:%-d %B %Y}{started}, due {validation.due:%-d %B %Y}."),
        ]

    def _independence(self) -> Line:
        model, version = self._version.model, self._version
        text = (
            f"{self._name(self._validation.validator_id)} neither owns the model ({self._name(model.owner_id)}) nor"
            f" made the version ({self._name(version.created_by)})"
            f"{f' nor developed it ({self._name(model.developer_id)})' if model.developer_id else ''}."
        )
        return Line("Independence", text)

    def _purpose(self) -> list[Line]:
        model = self._version.model
        tier = tier_of(self._db, model)
        return [
            Line("Purpose", model.purpose or "The record names none."),
            Line("Kind", model.kind),
            Line("Tier", f"Tier {tier}." if tier else "No tier is in force; it is judged as tier 1."),
            Line("Class under the EU AI Act", (model.eu_class or "not recorded").replace("_", " ")),
            Line("Affects people", "Yes." if model.affects_people else "Not by the record."),
        ]

    def _lineage(self) -> list[Line]:
        version, data_set = self._version, self._version.data_set
        rows = f", {data_set.rows:,} rows" if data_set is not None and data_set.rows else ""
        trained = f"{data_set.name}{rows}, SHA-256 {data_set.digest}." if data_set else "Not recorded."
        commit = version.source.get("commit") or version.source.get("location") or version.source.get("recipe_run")
        return [
            Line("Trained on", trained),
            Line("Run", version.run_id or "Not recorded."),
            Line("Code", str(commit)[:300] if commit else "Not recorded."),
        ]

    def _artifact(self) -> list[Line]:
        rows = artifacts.file_rows(self._db, self._version.files)
        clean = sum(row.blob is not None and row.blob.verdict == "clean" for row in rows)
        if not rows:
            return [Line("Files", "None is kept here, so no digest could be verified.", "no_data")]
        light = "pass" if clean == len(rows) else "warn"
        return [Line("Files", f"{len(rows)} files, {clean} of them scanned and clean.", light)]

    def _name(self, id: str | None) -> str:
        return self._names.get(id or "", "somebody who left")


def is_current(row: Validation) -> bool:
    """Tell whether a signed validation is still about what the model and the version are."""
    signed = row.signature
    return signed is not None and signed.covers == covers_of(row.model, row.version, texts_of(row.card))


def printed(db: Session, actor: Actor, validation: Validation) -> dict[str, Any]:
    """Return what a printed report shows: as it was signed, else as it stands."""
    signed = validation.signature
    return {
        "validation": validation,
        "signed": signed,
        "report": fill_report(db, actor, validation) if signed is None else None,
        "parts": signed.report["parts"] if signed is not None else None,
        "is_current": is_current(validation),
        "names": identity.names_of(db, {validation.validator_id, validation.assigned_by}),
        "scope": report_form().scopes[Scope(validation.scope)],
        "opinion_words": OPINION_WORDS,
    }


def _recorded(value: float | None, n: int | None) -> str:
    rows = f", n = {n:,}" if n else ""
    return f"{value:.6g}{rows}, as registered." if value is not None else "No value."


def may_write(actor: Actor, validation: Validation) -> bool:
    """Tell whether the actor is the validator whose report is open."""
    return actor.kind is ActorKind.PERSON and validation.validator_id == actor.id and validation.state in _OPEN


def last_signed(db: Session, model_id: str) -> Validation | None:
    """Return the validation of a model that was signed last."""
    statement = (
        select(Validation)
        .join(ValidationSignature, ValidationSignature.validation_id == Validation.id)
        .where(Validation.model_id == model_id)
        .order_by(desc(ValidationSignature.at), desc(ValidationSignature.id))
        .limit(1)
    )
    loading = (joinedload(Validation.model), joinedload(Validation.version), joinedload(Validation.signature))
    return db.scalars(statement.options(*loading, selectinload(Validation.entries))).first()


def has_open(db: Session, version_id: str) -> bool:
    """Tell whether a validation of the version is under way."""
    found = select(Validation.id).where(Validation.version_id == version_id, Validation.state.in_(_OPEN)).limit(1)
    return db.scalar(found) is not None
