"""Evidence that people add, the keys whose signatures count, and delegations, as JSON."""

from typing import Annotated

from fastapi import Query, Request

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import COOKIE, CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import (
    AttestationIn,
    DelegationIn,
    DelegationOut,
    EvidenceDocumentIn,
    EvidenceOut,
    EvidencePage,
    ReviewIn,
    RevocationIn,
    SignatureIn,
    TrustedKeyIn,
    TrustedKeyOut,
    WithdrawalIn,
)
from ..tables import Delegation, EvidenceRecord, TrustedKey

of_model = api_router("/models/{name}", "governance")
evidence = api_router("/evidence", "governance")
keys = api_router("/trusted-keys", "governance")
delegations = api_router("/delegations", "governance")

ROUTERS = [of_model, evidence, keys, delegations]
ADD = needs(Permission.ADD_EVIDENCE)
KEYS = needs(Permission.MANAGE_ENVIRONMENTS)
VOTE = needs(Permission.VOTE)


@of_model.get(
    "/evidence", name="api_list_evidence", response_model=PageOut[EvidenceOut], openapi_extra=needs(Permission.VIEW)
)
def list_evidence(
    db: ReadDb, actor: CurrentActor, name: str, wanted: Annotated[EvidencePage, Query()]
) -> Page[EvidenceRecord]:
    """List the evidence about a model, the newest first."""
    model = registry.get_model(db, actor, name)
    version = registry.get_version(db, actor, name, wanted.version) if wanted.version else None
    return queries.page_evidence(
        db,
        actor,
        model,
        version=version,
        kind=wanted.kind,
        withdrawn=wanted.withdrawn,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )


@of_model.post("/documents", name="api_add_document", status_code=201, response_model=EvidenceOut, openapi_extra=ADD)
def add_document(db: WriteDb, actor: CurrentActor, name: str, wanted: EvidenceDocumentIn) -> EvidenceRecord:
    """Add a document: a stored file by its digest, or a link."""
    return service.add_document(db, actor, name, wanted)


@of_model.post(
    "/attestations",
    name="api_attest",
    status_code=201,
    response_model=EvidenceOut,
    openapi_extra=needs(Permission.ATTEST),
)
def attest(request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: AttestationIn) -> EvidenceRecord:
    """State something in one's own name; the answer holds the text that was signed and the signature."""
    cookie = request.cookies.get(COOKIE) if actor.token_id is None else None
    return service.attest(db, actor, name, wanted, proved_at=identity.find_proof(db, cookie))


@of_model.post("/reviews", name="api_add_review", status_code=201, response_model=EvidenceOut, openapi_extra=ADD)
def add_review(db: WriteDb, actor: CurrentActor, name: str, wanted: ReviewIn) -> EvidenceRecord:
    """Record a periodic review, and when the next is due."""
    return service.add_review(db, actor, name, wanted)


@of_model.post("/signatures", name="api_add_signature", status_code=201, response_model=EvidenceOut, openapi_extra=ADD)
def add_signature(db: WriteDb, actor: CurrentActor, name: str, wanted: SignatureIn) -> EvidenceRecord:
    """Add a detached signature of a version's digest; it is verified first."""
    return service.add_signature(db, actor, name, wanted)


@evidence.get("/{id}", name="api_get_evidence", response_model=EvidenceOut, openapi_extra=needs(Permission.VIEW))
def get_evidence(db: ReadDb, actor: CurrentActor, id: str) -> EvidenceRecord:
    """Return one piece of evidence."""
    return queries.get_evidence(db, actor, id)


@evidence.post("/{id}/withdraw", name="api_withdraw_evidence", response_model=EvidenceOut, openapi_extra=ADD)
def withdraw_evidence(db: WriteDb, actor: CurrentActor, id: str, wanted: WithdrawalIn) -> EvidenceRecord:
    """Say that a piece no longer counts; it stays readable."""
    return service.withdraw_evidence(db, actor, id, wanted)


@keys.get("", name="api_list_trusted_keys", response_model=PageOut[TrustedKeyOut], openapi_extra=needs(Permission.VIEW))
def list_trusted_keys(db: ReadDb, actor: CurrentActor) -> Page[TrustedKey]:
    """List the keys whose signatures count or counted."""
    return Page(queries.list_trusted_keys(db, actor))


@keys.post("", name="api_add_trusted_key", status_code=201, response_model=TrustedKeyOut, openapi_extra=KEYS)
def add_trusted_key(db: WriteDb, actor: CurrentActor, wanted: TrustedKeyIn) -> TrustedKey:
    """Let the signatures of a key count from now on."""
    return service.add_trusted_key(db, actor, wanted)


@keys.post("/{id}/end", name="api_end_trusted_key", response_model=TrustedKeyOut, openapi_extra=KEYS)
def end_trusted_key(db: WriteDb, actor: CurrentActor, id: str, wanted: RevocationIn) -> TrustedKey:
    """Let the signatures of a key count no longer."""
    return service.end_trusted_key(db, actor, id, wanted)


@delegations.get(
    "", name="api_list_delegations", response_model=PageOut[DelegationOut], openapi_extra=needs(Permission.VIEW)
)
def list_delegations(db: ReadDb, actor: CurrentActor) -> Page[Delegation]:
    """List one's own delegations, given and taken."""
    return Page(queries.list_delegations(db, actor))


@delegations.post("", name="api_delegate", status_code=201, response_model=DelegationOut, openapi_extra=VOTE)
def delegate_votes(db: WriteDb, actor: CurrentActor, wanted: DelegationIn) -> Delegation:
    """Let somebody vote in one's place for a while."""
    return service.delegate_votes(db, actor, wanted)


@delegations.post("/{id}/end", name="api_end_delegation", response_model=DelegationOut, openapi_extra=VOTE)
def end_delegation(db: WriteDb, actor: CurrentActor, id: str) -> Delegation:
    """Take a delegation back, or give it back."""
    return service.end_delegation(db, actor, id)
