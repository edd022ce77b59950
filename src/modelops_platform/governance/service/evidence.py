"""Verbs on evidence: documents, attestations, reviews and signatures; it is added and withdrawn, never edited."""

from datetime import date, datetime, time, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.orm import Session

from modelops_platform.artifacts import service as artifacts
from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events
from modelops_platform.events.proof.seals import is_signed, key_id, read_pem, version_text
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model, Version

from .. import queries
from ..defaults import evidence_rules
from ..domain.evidence import Statement
from ..domain.facts import digest_of_covered
from ..domain.known import EvidenceKind, Source
from ..schemas import AttestationIn, EvidenceDocumentIn, ReviewIn, RevocationIn, SignatureIn, TrustedKeyIn, WithdrawalIn
from ..tables import EvidenceRecord, TrustedKey
from .findings import must_be_person
from .risk import refresh_risk


def add_document(db: Session, actor: Actor, name: str, wanted: EvidenceDocumentIn) -> EvidenceRecord:
    """Add a document about a model or a version. Raises NotFound (model, version, file), NotAllowed, InvalidInput."""
    model, version = _about(db, actor, name, wanted.version, Permission.ADD_EVIDENCE)
    made = _made(db, actor, model, version, EvidenceKind.DOCUMENT, wanted.word, wanted.title)
    made.text, made.file_sha256, made.link = wanted.text, wanted.file, wanted.link
    made.expires_at = _end_of(wanted.expires)
    if wanted.file is not None:
        artifacts.use_blob(db, actor, wanted.file, made, name=wanted.title)
    return _kept(db, actor, made)


def attest(
    db: Session, actor: Actor, name: str, wanted: AttestationIn, *, proved_at: datetime | None
) -> EvidenceRecord:
    """State something in one's own name; the platform signs the words that were shown, about this very content.

    Args:
        proved_at: When the person last typed the password, where the session hangs on one.
    Raises: NotFound, NotAllowed (no person), InvalidInput (statement, day, the password must be typed again).
    """
    model, version = _about(db, actor, name, wanted.version, Permission.ATTEST)
    must_be_person(actor)
    if evidence_rules().needs_password(queries.find_tier_in_force(db, model)[0], proved_at, clock.now()):
        raise InvalidInput(
            "An attestation about a model of this tier is made within minutes of typing the password.",
            remedy="Type your password again, then attest.",
            field="password",
        )
    said = _statement(wanted)
    made = _made(db, actor, model, version, EvidenceKind.ATTESTATION, said.word, said.meaning)
    made.text, made.expires_at = said.text, _end_of(wanted.expires) or made.at + timedelta(days=said.days)
    signed = events.sign_statement(db, _stated(actor, model, version, made, said))
    made.signed_text, made.key_id, made.signature = signed.text, signed.key_id, signed.signature
    return _kept(db, actor, made)


def add_review(db: Session, actor: Actor, name: str, wanted: ReviewIn) -> EvidenceRecord:
    """Record a periodic review; the model's next review is due then. Raises NotFound, NotAllowed, InvalidInput."""
    model, _version = _about(db, actor, name, None, Permission.ADD_EVIDENCE)
    must_be_person(actor)
    if wanted.next_due <= clock.now().date():
        raise InvalidInput(
            f"The next review would have been due on {wanted.next_due}.",
            remedy="Choose a day to come.",
            field="next_due",
            value=wanted.next_due.isoformat(),
        )
    made = _made(db, actor, model, None, EvidenceKind.REVIEW, wanted.word, wanted.word.capitalize())
    made.text, made.outcome, made.next_due = wanted.text, wanted.outcome.value, wanted.next_due
    made.expires_at = _end_of(wanted.next_due)
    kept = _kept(db, actor, made)
    refresh_risk(db, model)
    return kept


def add_signature(db: Session, actor: Actor, name: str, wanted: SignatureIn) -> EvidenceRecord:
    """Add a detached signature of a version's digest, once it is verified.

    Raises NotFound, NotAllowed, InvalidInput (key not trusted, no digest, wrong signature).
    """
    model, version = _about(db, actor, name, wanted.version, Permission.ADD_EVIDENCE)
    assert version is not None, "the schema asks for one"
    key = queries.find_trusted_key(db, actor, wanted.key)
    if key is None:
        raise InvalidInput(
            f"The key {wanted.key} is not trusted here.",
            remedy="Ask an administrator to register its public half.",
            field="key",
            value=wanted.key,
        )
    text = version_text(version.manifest_digest or "")
    if version.manifest_digest is None or not is_signed(text, wanted.signature, _public(key)):
        what = "has no digest" if version.manifest_digest is None else "was not signed so by this key"
        raise InvalidInput(
            f"{model.name} {version.name} {what}.",
            remedy="Sign it with `modelops sign`.",
            field="signature",
            value=wanted.signature[:16],
        )
    made = _made(db, actor, model, version, EvidenceKind.SIGNATURE, "signature", f"Signed by {key.name}")
    made.signed_text, made.key_id, made.signature, made.trusted_key = text, key.key_id, wanted.signature, key
    return _kept(db, actor, made)


def withdraw_evidence(db: Session, actor: Actor, evidence_id: str, wanted: WithdrawalIn) -> EvidenceRecord:
    """Say that a piece no longer counts; it stays readable. Raises NotFound, NotAllowed, Stale."""
    piece = queries.get_evidence(db, actor, evidence_id, lock=True)
    actor.must(Permission.ADD_EVIDENCE, piece.model)
    judges = actor.may(Permission.RAISE_FINDING, piece.model)
    if actor.id not in (piece.added_by, piece.model.owner_id) and not judges:
        raise NotAllowed(
            "Only who added it, the model's owner, or who watches over risk there withdraws evidence.",
            remedy="Ask one of them.",
            evidence=piece.id,
        )
    if piece.withdrawn_at is not None:
        raise Stale("This was withdrawn already.", remedy="Nothing needs to be done.", evidence=piece.id)
    piece.withdrawn_at, piece.withdrawn_by, piece.withdrawn_reason = clock.now(), actor.id, wanted.reason
    if piece.kind == EvidenceKind.REVIEW:
        refresh_risk(db, piece.model)
    events.record(db, actor, "evidence.withdrawn", piece, personal={"reason": wanted.reason}, word=piece.word)
    return piece


def add_trusted_key(db: Session, actor: Actor, wanted: TrustedKeyIn) -> TrustedKey:
    """Let the signatures of a key count from now on. Raises NotAllowed, InvalidInput, AlreadyExists."""
    actor.must(Permission.MANAGE_ENVIRONMENTS)
    try:
        keys = read_pem(wanted.public_key)
    except (ValueError, UnicodeEncodeError):
        keys = []
    if len(keys) != 1:
        raise InvalidInput(
            "This is not one Ed25519 public key in PEM form.",
            remedy="Paste the whole block, from BEGIN PUBLIC KEY to END PUBLIC KEY.",
            field="public_key",
            value=wanted.public_key[:40],
        )
    made = TrustedKey(
        workspace_id=actor.workspace_id,
        key_id=key_id(keys[0]),
        name=wanted.name or key_id(keys[0]),
        public_key=wanted.public_key,
        added_by=actor.id,
        from_at=clock.now(),
    )
    taken = AlreadyExists(
        f"The key {made.key_id} is trusted already.",
        remedy="Nothing needs to be done.",
        field="public_key",
        value=made.key_id,
    )
    with conflicts_as(db, taken):
        db.add(made)
    events.record(db, actor, "trusted_key.added", made, key=made.key_id)
    return made


def end_trusted_key(db: Session, actor: Actor, id: str, wanted: RevocationIn) -> TrustedKey:
    """Let the signatures of a key count no longer, also those made before. Raises NotFound, NotAllowed, Stale."""
    actor.must(Permission.MANAGE_ENVIRONMENTS)
    key = queries.get_trusted_key(db, actor, id)
    if key.to_at is not None:
        raise Stale("This key is not trusted any more.", remedy="Nothing needs to be done.", key=key.key_id)
    key.to_at, key.ended_by, key.end_reason = clock.now(), actor.id, wanted.reason
    events.record(db, actor, "trusted_key.ended", key, key=key.key_id, reason=wanted.reason)
    return key


def _about(
    db: Session, actor: Actor, name: str, number: int | None, permission: Permission
) -> tuple[Model, Version | None]:
    model = registry.get_model(db, actor, name)
    actor.must(permission, model)
    return model, registry.get_version(db, actor, name, number) if number else None


def _made(
    db: Session, actor: Actor, model: Model, version: Version | None, kind: EvidenceKind, word: str, title: str
) -> EvidenceRecord:
    roles = set(actor.roles_on(model)) | ({"owner"} if actor.id == model.owner_id else set())
    return EvidenceRecord(
        id=new_id(),
        workspace_id=model.workspace_id,
        model=model,
        model_id=model.id,
        version=version,
        kind=kind.value,
        word=word,
        title=title,
        text="",
        added_by=actor.id,
        roles=sorted(roles),
        source=(Source.PIPELINE if actor.kind is ActorKind.SERVICE else Source.PERSON).value,
        digest=version.manifest_digest if version else None,
        covers=_covers(db, model, version),
        at=clock.now(),
    )


def _covers(db: Session, model: Model, version: Version | None) -> str:
    """Return the digest of what the record says: of the version as approvals cover it, or of the model alone."""
    if version is not None:
        return queries.covers_now(db, model, version)
    said = {
        "kind": model.kind,
        "purpose": model.purpose,
        "eu_class": model.eu_class,
        "affects_people": model.affects_people,
        "fields": model.fields,
        "owner": model.owner_id,
    }
    return digest_of_covered(said)


def _kept(db: Session, actor: Actor, made: EvidenceRecord) -> EvidenceRecord:
    db.add(made)
    events.record(
        db,
        actor,
        "evidence.added",
        made,
        kind_of_evidence=made.kind,
        word=made.word,
        version=made.version.number if made.version else None,
        digest=made.digest,
        covers=made.covers,
        file=made.file_sha256,
        outcome=made.outcome,
        next_due=made.next_due.isoformat() if made.next_due else None,
        expires=made.expires_at.isoformat() if made.expires_at else None,
        key=made.key_id,
        signature=made.signature,
    )
    return made


def _statement(wanted: AttestationIn) -> Statement:
    shipped = evidence_rules().statements.get(wanted.word)
    if wanted.statement is None and shipped is None:
        raise InvalidInput(
            f"There is no shipped statement {wanted.word!r}.",
            remedy=f"Write it out, or use one of: {', '.join(evidence_rules().statements)}.",
            field="statement",
            value=wanted.word,
        )
    if wanted.statement is None or (shipped is not None and wanted.statement == shipped.text):
        assert shipped is not None, "checked above"
        return shipped
    days = shipped.days if shipped else 365
    return Statement(wanted.word, shipped.meaning if shipped else "I state", wanted.statement, days)


def _stated(
    actor: Actor, model: Model, version: Version | None, made: EvidenceRecord, said: Statement
) -> dict[str, object]:
    return {
        "id": made.id,
        "by": actor.id,
        "name": actor.name,
        "roles": made.roles,
        "meaning": said.meaning,
        "word": said.word,
        "text": said.text,
        "model": model.id,
        "version": version.number if version else None,
        "digest": made.digest,
        "covers": made.covers,
        "at": made.at.isoformat(),
        "expires": made.expires_at.isoformat() if made.expires_at else None,
    }


def _end_of(day: date | None) -> datetime | None:
    """Return the moment after the last day on which something counts. Raises InvalidInput for a day that has passed."""
    if day is None:
        return None
    now = clock.now()
    end = datetime.combine(day + timedelta(days=1), time(), now.tzinfo)
    if end <= now:
        raise InvalidInput(f"{day} has passed.", remedy="Choose a day to come.", field="expires", value=day.isoformat())
    return end


def _public(key: TrustedKey) -> Ed25519PublicKey:
    return read_pem(key.public_key)[0]
