"""Statements in people's names, signed with the key that signs seals: whoever has its public half checks them alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ..proof.seals import Signer, canonical


@dataclass(frozen=True, slots=True)
class SignedText:
    """The very text that was signed, by which key, and its Ed25519 signature in hex."""

    text: str
    key_id: str
    signature: str


def sign_statement(db: Session, content: Mapping[str, object]) -> SignedText:
    """Sign what is stated: the text is JSON with sorted keys and no spaces, and can never be read as a seal's."""
    signer = Signer(db.info["keys"].seal)
    text = canonical({**content, "signed_as": "statement", "key": signer.key_id})
    return SignedText(text, signer.key_id, signer.sign_text(text))
