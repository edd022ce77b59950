"""Asking what is live: the model file of a deployment that is served here, found by digest, and its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.orm import Session

from modelops_platform.artifacts import queries as artifact_queries
from modelops_platform.artifacts import service as artifacts
from modelops_platform.artifacts.domain import Format, Verdict
from modelops_platform.artifacts.queries import FileRow
from modelops_platform.artifacts.store import Damage, Store, Stored
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import Conflict, InvalidInput, Unavailable
from modelops_platform.registry import queries as registry
from modelops_platform.registry.domain.versions import manifest_digest
from modelops_platform.serving import service as serving
from modelops_platform.serving.domain import FailureCode, ModelFile, ScoreResult, Table
from modelops_platform.serving.protocols.columns import Signature

from .. import queries
from ..domain import Served
from ..tables import Deployment, Revision

ANSWERING = (Format.ONNX, Format.SKOPS)  # pickles run code of whoever made them, and nobody may allow that here


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers for a deployment now; holds no row, so that it outlives the session it was read by."""

    deployment: str
    version: int
    format: Format
    stored: Stored
    signature: Signature


def find_answering(db: Session, actor: Actor, reference: str) -> Answering:
    """Return what answers at a deployment. Raises NotFound, NotAllowed, and Conflict when nothing does."""
    deployment = queries.get_deployment(db, actor, reference)
    actor.must(Permission.SCORE, deployment)
    live = deployment.live
    if deployment.served == Served.ELSEWHERE:
        where = f" at {deployment.endpoint[:200]}" if deployment.endpoint else ""
        raise _nothing_answers(deployment, "it is served elsewhere", f"Ask it there{where}.")
    if live is None:
        raise _nothing_answers(deployment, "nothing is live", "Activate a version first.")
    file = _model_file(db, actor, deployment, live)
    stored = artifact_queries.get_stored(db, file.sha256)
    signature = Signature.from_record(live.version.signature)
    return Answering(deployment.name, live.version.number, _format_of(file), stored, signature)


def _model_file(db: Session, actor: Actor, deployment: Deployment, live: Revision) -> FileRow:
    """Return the file to load: part of the manifest that was approved, scanned clean, in a format that we load."""
    version = registry.get_version_by_id(db, actor, live.version_id)
    lines = [(file.path, file.sha256, file.size) for file in version.files]
    if live.approved_digest is None or manifest_digest(lines) != live.approved_digest:
        words = f"the files of v{version.number} were not verified when it went live"
        raise _nothing_answers(deployment, words, "Activate a version whose files are stored here.")
    rows = [row for row in artifact_queries.file_rows(db, version.files) if _format_of(row) in ANSWERING]
    best = min((ANSWERING.index(_format_of(row)) for row in rows), default=None)
    found = [row for row in rows if ANSWERING.index(_format_of(row)) == best]
    known = " and ".join(kind.value for kind in ANSWERING)
    if len(found) != 1:
        words = f"v{version.number} has {'several model files' if found else 'no model file'} of a format loaded here"
        raise _nothing_answers(deployment, words, f"Activate a version with one; loaded are {known}.")
    if found[0].blob is None or found[0].blob.verdict != Verdict.CLEAN:
        words = f"the scan has not found {found[0].path[:200]!r} clean"
        raise _nothing_answers(deployment, words, "Look at the scan's reasons on the version's page.")
    return found[0]


def _format_of(row: FileRow) -> Format:
    return Format(row.blob.format) if row.blob is not None and row.blob.format else Format.OTHER


def _nothing_answers(deployment: Deployment, why: str, remedy: str) -> Conflict:
    return Conflict(
        f"Nothing answers at {deployment.name!r}: {why}.", remedy=remedy, field="deployment", value=deployment.name
    )


def ask(store: Store, answering: Answering, table: Table) -> ScoreResult:
    """Have a model worker answer the table. Needs no session; each call starts a worker: half a second or more.

    Raises InvalidInput for a table that the model refuses, Unavailable when the model gives no answer.
    """
    with TemporaryDirectory(prefix="asked-") as folder:
        try:
            path = store.fetch(answering.stored, Path(folder))
        except Damage as damage:
            raise artifacts.unreadable(damage) from None
        model = ModelFile(path, answering.stored.sha256, answering.format)
        result = serving.score(serving.ScoreRequest(model, table))
    if result.failure is None:
        return result
    if result.failure.code is FailureCode.BAD_INPUT:
        remedy = f"Send what v{answering.version} was made for{_in_words(answering.signature)}."
        raise InvalidInput(result.failure.message, remedy=remedy, field="inputs")
    raise Unavailable(
        f"v{answering.version} gave no answer: {result.failure.message}",
        remedy="Send fewer rows; if that does not help, activate another version.",
        failure=result.failure.code.value,
    )


def _in_words(signature: Signature) -> str:
    names: Sequence[str] = [repr(column.name) for column in signature.inputs[:20]]
    return f": {', '.join(names)}" if names else ""
