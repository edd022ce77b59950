"""Gathering what a decision rests on: everything once, in a number of statements that does not grow with the rows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, defer, joinedload

from modelops_platform.core import clock
from modelops_platform.core.errors import PlatformError, Unavailable
from modelops_platform.registry.tables import Model, Version

from ..domain.approvals import voting_roles
from ..domain.facts import DigestState, Facts, Kind, Vote, VoteAnswer, Voter, digest_of_covered
from ..domain.known import LineageFact
from ..domain.states import RequestState
from ..domain.targets import Target
from ..tables import ApprovalRequest, ModelDetermination, RiskAssessment, TierOverride, VoteRecord
from .cards import card_of, load_entries
from .evidence import load_evidence
from .exceptions import load_exceptions
from .findings import load_findings
from .former_records import Recorded, find_said
from .monitors import load_monitors
from .people import Account, People, find_people
from .scans import StoredFile, find_stored
from .signatures import load_validations
from .stays import load_stays, metrics_of
from .test_runs import load_tests
from .tiers import determination_fact, tier_fact
from .written import load_written


@dataclass(frozen=True, slots=True)
class Case:
    """A version and where it shall go."""

    version_id: str
    target: Target


class Loader(Protocol):
    """Loads one piece of what is known about many versions, as of one moment, in one statement."""

    def __call__(self, db: Session, versions: Mapping[str, Version], at: datetime, /) -> Mapping[str, Any]:
        """Return the piece by the id of the version; who is left out keeps the field's default, "unknown"."""


_MEANT_NO_MORE = [RequestState.WITHDRAWN.value, RequestState.EXPIRED.value]
LOADERS: dict[str, Loader] = {
    "findings": load_findings,
    "evidence": load_evidence,
    "tests": load_tests,
    "validation": load_validations,
    "monitors": load_monitors,
}
"""The field of `Facts` and what loads it: one line for each topic of governance."""


def _read(name: str, load: Loader, db: Session, versions: Mapping[str, Version], at: datetime) -> Mapping[str, Any]:
    """Load one piece; what cannot be read is no decision. Raises Unavailable."""
    try:
        return load(db, versions, at)
    except (DBAPIError, PlatformError):
        raise
    except Exception as error:
        raise Unavailable(
            f"What is known of {name.replace('_', ' ')} cannot be read, so nothing was decided.",
            remedy="Try again; if it stays like this, ask an administrator for the server's log.",
            fact=name,
        ) from error


def gather(db: Session, case: Case, *, at: datetime | None = None) -> Facts:
    """Gather everything that is known about one case, now or at that time."""
    return gather_all(db, [case], at=at)[0]


def gather_all(
    db: Session, cases: Sequence[Case], *, at: datetime | None = None, with_holders: bool = True
) -> list[Facts]:
    """Gather the facts of many cases of one workspace, in as many statements as for one.

    Without the holders nobody knows who could still vote; whose votes count does not hang on that.
    """
    if not cases:
        return []
    now = at or clock.now()
    loaded = _load_versions(db, {case.version_id for case in cases}, now)
    versions = {id: held.version for id, held in loaded.items()}
    models = list({version.model_id: version.model for version in versions.values()}.values())
    said = find_said(db, models, versions.values(), at)
    votes = _load_votes(db, list(versions), now)
    stored = find_stored(db, list(versions), now)
    stood = load_stays(db, [model.id for model in models], now)
    named = {id for version in versions.values() for id in _named(version, said.record(version.model))}
    people = find_people(db, models[0].workspace_id, models, named, with_holders=with_holders, units=said.units())
    written = load_written(db, versions, now)
    exceptions = load_exceptions(db, versions, now)
    then = {id: said.then(version) for id, version in versions.items()}
    pieces = {name: _read(name, load, db, then, now) for name, load in LOADERS.items()}
    found = []
    for case in cases:
        version = versions[case.version_id]
        record = said.record(version.model)
        entries = written.cards.get(version.model_id, {})
        facts = Facts(
            **_recorded(version, record, said.description(version), entries, people),
            **_assessed(record, loaded[version.id], now),
            **_stored(version, stored[version.id]),
            **{name: piece[version.id] for name, piece in pieces.items() if version.id in piece},
            action=case.target.action,
            environment=case.target.environment_class,
            environment_id=case.target.environment_id,
            now=now,
            determination=determination_fact(loaded[version.id].determination, then[version.id], now),
            standing=written.standings.get(version.id),
            waivers=exceptions.waivers[version.id],
            emergencies=exceptions.emergencies[version.id],
            stays=stood.stays.get(version.id, ()),
            champion=stood.champion(version.model_id, case.target),
            votes=tuple(votes[version.id, str(case.target.action), case.target.environment_id]),
        )
        card = card_of(facts, then[version.id], record, entries).to_fact()
        holders = people.holders(version.model) if with_holders else ()
        voters = tuple(_voter(account, roles, facts) for account, roles in holders)
        found.append(replace(facts, card=card, people=voters))
    return found


def covers_of(model: Recorded, version: Version, card: Mapping[str, str], *, description: str | None = None) -> str:
    """Return the digest of everything beside the files that an approval of this version covers, the card among it."""
    return digest_of_covered(
        {
            **({"card": dict(card)} if card else {}),
            "kind": model.kind,
            "purpose": model.purpose,
            "eu_class": model.eu_class,
            "affects_people": model.affects_people,
            "fields": model.fields,
            "description": version.description if description is None else description,
            "signature": version.signature,
            "metrics": version.metrics,
            "parameters": version.parameters,
        }
    )


def covers_now(db: Session, model: Model, version: Version) -> str:
    """Return the digest of what an approval of this version would cover now."""
    return covers_of(model, version, load_entries(db, [model.id], clock.now()).get(model.id, {}))


@dataclass(frozen=True, slots=True)
class _Held:
    """A version with what was held of its model at a moment."""

    version: Version
    assessment: RiskAssessment | None
    override: TierOverride | None
    determination: ModelDetermination | None


def _load_versions(db: Session, ids: set[str], at: datetime) -> Mapping[str, _Held]:
    """Return the versions, each with the assessment, override and determination of that time, in one statement."""
    held = [
        and_(table.model_id == Version.model_id, table.from_at <= at, or_(table.to_at.is_(None), table.to_at > at))
        for table in (RiskAssessment, TierOverride, ModelDetermination)
    ]
    statement = (
        select(Version, RiskAssessment, TierOverride, ModelDetermination)
        .outerjoin(RiskAssessment, held[0])
        .outerjoin(TierOverride, held[1])
        .outerjoin(ModelDetermination, held[2])
        .where(Version.id.in_(ids))
        .options(joinedload(Version.model), joinedload(Version.data_set), defer(RiskAssessment.answers))
        .order_by(TierOverride.from_at)
    )
    return {row[0].id: _Held(*row) for row in db.execute(statement)}


def _load_votes(db: Session, version_ids: list[str], at: datetime) -> Mapping[tuple[str, str, str], list[Vote]]:
    """Return the votes by version, action and environment; those of a withdrawn request are no longer meant."""
    vote = VoteRecord
    statement = (
        select(vote.version_id, ApprovalRequest.action, ApprovalRequest.environment_id)
        .add_columns(vote.id, vote.voter_id, vote.roles, vote.unit_id, vote.is_person)
        .add_columns(vote.at, vote.digest, vote.answer, vote.covers, vote.holder_id)
        .join(VoteRecord.request)
        .where(
            VoteRecord.version_id.in_(version_ids),
            VoteRecord.at <= at,
            or_(ApprovalRequest.state.not_in(_MEANT_NO_MORE), ApprovalRequest.closed_at > at),
        )
        .order_by(VoteRecord.id)
    )
    found: dict[tuple[str, str, str], list[Vote]] = defaultdict(list)
    for version_id, action, environment_id, id, voter_id, roles, unit_id, is_person, *given in db.execute(statement):
        moment, digest, answer, covers, holder_id = given
        voter = Voter(voter_id, frozenset(roles), unit_id, is_person)
        found[version_id, action, environment_id].append(
            Vote(id, voter, moment, digest, VoteAnswer(answer), covers, holder_id)
        )
    return found


def _named(version: Version, record: Recorded) -> set[str]:
    named = (version.created_by, version.developer_id, record.owner_id, record.developer_id, record.validator_id)
    return {id for id in named if id}


def _recorded(
    version: Version, record: Recorded, description: str, card: Mapping[str, str], people: People
) -> dict[str, Any]:
    """Name what the records of version and model said then."""
    # What a service account registered was made by the developer whom the record named then, if there was one:
    # who names another one afterwards is still the author.
    author = people.person(version.created_by) or people.person(version.developer_id)
    return {
        "model_id": version.model_id,
        "version_id": version.id,
        "kind": Kind(record.kind),
        "digest": version.manifest_digest,
        "author": author.id if author else None,
        "author_unit": author.unit_id if author else None,
        "committers": frozenset(id for id in (version.created_by, version.developer_id, record.developer_id) if id),
        "owner": record.owner_id,
        "validator": record.validator_id if record.validator_named_by else None,  # a proposal binds nobody
        "unit_head": people.head_above(record.unit_id, without=author.id if author else None),
        "covers": covers_of(record, version, card, description=description),
        "metrics": metrics_of(version.metrics),
        "lineage": _lineage_of(version),
        "fields": record.fields,
    }


def _lineage_of(version: Version) -> LineageFact:
    """Name where the version comes from."""
    data_set = version.data_set
    return LineageFact(
        run_id=version.run_id or version.source.get("run") or version.source.get("recipe_run"),
        commit=version.source.get("commit"),
        data_set=data_set.name if data_set else None,
        data_digest=data_set.digest if data_set else None,
        has_parameters=bool(version.parameters),
        has_environment=bool(version.environment),
    )


def _stored(version: Version, files: Mapping[str, StoredFile]) -> dict[str, Any]:
    """Name the files, what their scans say, and whether the bytes are still the ones that the digest names."""
    state = DigestState(version.recorded_digest_state)
    if any(file.is_damaged for file in files.values()):
        state = DigestState.MISMATCH
    is_elsewhere = not files and bool(version.source.get("location"))
    return {
        "digest_state": state,
        "digest_checked_at": version.created_at if files else None,
        "file_count": None if is_elsewhere else len(files),
        "scans": tuple(file.scan for file in files.values() if file.scan is not None),
        "formats": tuple((path, file.format) for path, file in files.items()),
    }


def _assessed(record: Recorded, held: _Held, at: datetime) -> dict[str, Any]:
    """Name what the assessment in force adds; where it and the record differ, the record's class counts."""
    assessment = held.assessment
    if assessment is None:
        return {"tier": None, "eu_class": record.eu_class, "people_affected": True if record.affects_people else None}
    return {
        "tier": tier_fact(record, assessment, held.override, at),
        "eu_class": record.eu_class or assessment.facts.get("eu_class"),
        "people_affected": record.affects_people or bool(assessment.result["people_affected"]),
    }


def _voter(account: Account, roles: frozenset[str], facts: Facts) -> Voter:
    return Voter(account.id, voting_roles(account.id, roles, facts), account.unit_id)
