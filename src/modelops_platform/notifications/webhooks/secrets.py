"""Secrets of webhooks: kept encrypted, with a key outside the database."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from modelops_platform.core.keys import Keys

_NONCE = 12


def seal(keys: Keys, secret: str, webhook_id: str) -> str:
    """Return a secret as it is kept; it opens for this webhook only."""
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(keys.secrets).encrypt(nonce, secret.encode(), webhook_id.encode())
    return base64.b64encode(nonce + sealed).decode()


def unseal(keys: Keys, kept: str, webhook_id: str) -> str | None:
    """Return the secret, None when the key is another one now."""
    raw = base64.b64decode(kept)
    try:
        return AESGCM(keys.secrets).decrypt(raw[:_NONCE], raw[_NONCE:], webhook_id.encode()).decode()
    except InvalidTag:
        return None
