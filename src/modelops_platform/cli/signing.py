"""`modelops sign`: sign a version's digest with one's own key, and hand the signature in."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from modelops_platform.core.errors import InvalidInput

from .models import connected


def sign(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[int, typer.Argument(min=1, help="Number of the version.")],
    key: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The private Ed25519 key, in PEM form.")],
) -> None:
    """Sign the digest of a version's files; the key stays here, its public half must be trusted by the server."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from modelops_platform.events.proof.seals import key_id, version_text

    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise InvalidInput(
            f"{key} holds no private Ed25519 key in PEM form without a password.",
            remedy="Make one: openssl genpkey -algorithm ed25519.",
        )
    place = f"/models/{quote(model, safe='')}"
    with connected() as client:
        digest = client.get(f"{place}/versions/{version}")["manifest_digest"]
        if digest is None:
            raise InvalidInput(f"v{version} of {model} has no files, so there is nothing to sign.")
        signed = {
            "version": version,
            "key": key_id(private.public_key()),
            "signature": private.sign(version_text(digest).encode()).hex(),
        }
        client.post(f"{place}/signatures", signed)
    typer.echo(f"Signed v{version} of {model}, digest {digest}, with the key {signed['key']}.")
