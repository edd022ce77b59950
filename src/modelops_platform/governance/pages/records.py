"""Pages of what people add about a model: documents, attestations, reviews, signatures; and the keys that count."""

from typing import Annotated

from fastapi import Form, Query, Request
from pydantic import Field
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import Database
from modelops_platform.events.proof.seals import Signer, to_pem
from modelops_platform.identity import queries as identity
from modelops_platform.identity import signin
from modelops_platform.identity.signin import COOKIE, CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model
from modelops_platform.web.forms import filled
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..defaults import evidence_rules
from ..domain.evidence import ReviewOutcome
from ..schemas import (
    AttestationIn,
    EvidenceDocumentIn,
    EvidencePage,
    ReviewIn,
    RevocationIn,
    SignatureIn,
    TrustedKeyIn,
    WithdrawalIn,
)

router = page_router()
ADD = needs(Permission.ADD_EVIDENCE)
KEYS = needs(Permission.MANAGE_ENVIRONMENTS)


class AttestForm(AttestationIn):
    """An attestation as its form sends it, with the password where it is asked for again."""

    password: Annotated[str, Field(max_length=1000)] = ""

    def wanted(self) -> AttestationIn:
        """Return what is attested."""
        return filled(AttestationIn, **self.model_dump(exclude={"password"}))


@router.get("/models/{name}/records", openapi_extra=needs(Permission.VIEW))
def list_records(
    request: Request, db: ReadDb, actor: CurrentActor, name: str, wanted: Annotated[EvidencePage, Query()]
) -> Response:
    header = registry.get_header(db, actor, name)
    model = header.model
    version = registry.get_version(db, actor, name, wanted.version) if wanted.version else None
    page = queries.page_evidence(
        db,
        actor,
        model,
        version=version,
        kind=wanted.kind,
        withdrawn=wanted.withdrawn,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )
    return render(
        request,
        "governance/records.html",
        header=header,
        page=page,
        version=version,
        names=identity.names_of(db, {piece.added_by for piece in page.items}),
        now=clock.now(),
        shows_withdrawn=wanted.withdrawn,
        statements=list(evidence_rules().statements.values()),
        outcomes=[(one.value, one.value.replace("_", " ").capitalize()) for one in ReviewOutcome],
        needs_password=_needs_password(db, request, actor, model),
        add_refusal=registry.why_not(actor, Permission.ADD_EVIDENCE, model),
        attest_refusal=registry.why_not(actor, Permission.ATTEST, model),
        keys=[(key.key_id, key.name) for key in queries.list_trusted_keys(db, actor) if key.to_at is None],
    )


def _needs_password(db: ReadDb, request: Request, actor: Actor, model: Model) -> bool:
    """Tell whether the password is asked for again: for the tiers of the rules, when it was typed too long ago."""
    proved_at = identity.find_proof(db, _cookie(request, actor))
    tier = queries.find_tier_in_force(db, model)[0]
    return evidence_rules().needs_password(tier, proved_at, clock.now())


def _cookie(request: Request, actor: Actor) -> str | None:
    return request.cookies.get(COOKIE) if actor.token_id is None else None


@router.post("/models/{name}/documents", openapi_extra=ADD)
def add_document(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[EvidenceDocumentIn, Form()]
) -> Response:
    made = service.add_document(db, actor, name, wanted)
    return redirect(request, "show_record", id=made.id, toast="You added a document.")


@router.post("/models/{name}/attestations", openapi_extra=needs(Permission.ATTEST))
def attest(request: Request, actor: CurrentActor, name: str, wanted: Annotated[AttestForm, Form()]) -> Response:
    """Check the password where one is given, between two transactions, then sign the statement."""
    database: Database = request.app.state.database
    cookie = _cookie(request, actor)
    if wanted.password and cookie:
        signin.prove_again(database, actor, password=wanted.password, cookie=cookie)
    with database.write() as db:
        proved_at = identity.find_proof(db, cookie)
        made = service.attest(db, actor, name, wanted.wanted(), proved_at=proved_at)
    return redirect(request, "show_record", id=made.id, toast="You attested it, and it is signed.")


@router.post("/models/{name}/reviews", openapi_extra=ADD)
def add_review(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[ReviewIn, Form()]
) -> Response:
    made = service.add_review(db, actor, name, wanted)
    return redirect(request, "show_record", id=made.id, toast=f"The next review is due on {made.next_due}.")


@router.post("/models/{name}/signatures", openapi_extra=ADD)
def add_signature(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[SignatureIn, Form()]
) -> Response:
    made = service.add_signature(db, actor, name, wanted)
    return redirect(request, "show_record", id=made.id, toast="The signature is verified and kept.")


@router.get("/evidence/{id}", openapi_extra=needs(Permission.VIEW))
def show_record(request: Request, db: ReadDb, actor: CurrentActor, id: str) -> Response:
    piece = queries.get_evidence(db, actor, id)
    may_withdraw = actor.may(Permission.ADD_EVIDENCE, piece.model) and (
        actor.id in (piece.added_by, piece.model.owner_id) or actor.may(Permission.RAISE_FINDING, piece.model)
    )
    signer = Signer(db.info["keys"].seal)
    return render(
        request,
        "governance/record.html",
        piece=piece,
        names=identity.names_of(db, {one for one in (piece.added_by, piece.withdrawn_by) if one}),
        now=clock.now(),
        may_withdraw=may_withdraw and piece.withdrawn_at is None,
        public_key=to_pem(signer.public) if piece.key_id == signer.key_id else None,
    )


@router.post("/evidence/{id}/withdraw", openapi_extra=ADD)
def withdraw_evidence(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[WithdrawalIn, Form()]
) -> Response:
    service.withdraw_evidence(db, actor, id, wanted)
    return redirect(request, "show_record", id=id, toast="You withdrew it.")


@router.get("/trusted-keys", openapi_extra=needs(Permission.VIEW))
def list_trusted_keys(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    keys = queries.list_trusted_keys(db, actor)
    return render(
        request,
        "governance/trusted_keys.html",
        keys=keys,
        names=identity.names_of(db, {key.added_by for key in keys}),
        refusal=None if actor.may(Permission.MANAGE_ENVIRONMENTS) else "Only administrators register keys.",
    )


@router.post("/trusted-keys", openapi_extra=KEYS)
def add_trusted_key(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[TrustedKeyIn, Form()]
) -> Response:
    service.add_trusted_key(db, actor, wanted)
    return redirect(request, "list_trusted_keys", toast="Signatures of this key count from now on.")


@router.post("/trusted-keys/{id}/end", openapi_extra=KEYS)
def end_trusted_key(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[RevocationIn, Form()]
) -> Response:
    service.end_trusted_key(db, actor, id, wanted)
    return redirect(request, "list_trusted_keys", toast="Signatures of this key count no longer.")
