"""Signed tokens of others (JWT): who signed it, for whom, and is it still good. Knows no network and no database."""

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from modelops_platform.core.deferred import Deferred

if TYPE_CHECKING:
    from joserfc import errors, jwk, jws, jwt
else:
    errors, jwk, jws, jwt = (Deferred(f"joserfc.{name}") for name in ("errors", "jwk", "jws", "jwt"))

# Signatures that only the holder of a private key can make, with the sort of key each takes. A token never
# chooses: `none` and the HS family, for which a public key would be a shared secret, are not here.
ALGORITHMS: Mapping[str, str] = MappingProxyType(
    {
        "RS256": "RSA",
        "RS384": "RSA",
        "RS512": "RSA",
        "PS256": "RSA",
        "PS384": "RSA",
        "PS512": "RSA",
        "ES256": "EC",
        "ES384": "EC",
        "ES512": "EC",
        "EdDSA": "OKP",
        "Ed25519": "OKP",
    }
)
SKEW_SECONDS: Final = 60  # by which clocks may differ
LONGEST_TOKEN: Final = 120_000  # a token with 500 groups takes a third of it
MOST_KEYS: Final = 100
_RSA_BITS = range(2048, 8193)


class BadToken(Exception):
    """The token proves nothing; the text says why, without repeating it."""


@cache
def _asymmetric() -> "jws.JWSRegistry":
    """Return signatures by private keys only; headers that we do not know are left alone, critical ones refused."""

    class Asymmetric(jws.JWSRegistry):
        max_header_length = 8_000
        max_payload_length = LONGEST_TOKEN

        def get_alg(self, name: str) -> Any:
            if name not in ALGORITHMS:
                raise errors.UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
            return self.algorithms[name]

    return Asymmetric(algorithms=list(ALGORITHMS), strict_check_header=False)


def peek(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims as they are written: not checked, good for finding whom to ask. Raises BadToken."""
    parts = token.split(".") if len(token) <= LONGEST_TOKEN else []
    if len(parts) != 3:
        raise BadToken("it is not a signed token")
    header, claims = (_decoded(part) for part in parts[:2])
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise BadToken(f"its algorithm {str(algorithm)[:20]!r} is not one of {', '.join(ALGORITHMS)}")
    return header, claims


def _decoded(part: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadToken("it cannot be read")
    return found


def read_keys(document: Any) -> list["jwk.Key"]:
    """Return the public keys of a key set that can prove a signature; what is no such key is passed over."""
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = []
    for entry in listed[:MOST_KEYS] if isinstance(listed, list) else ():
        try:
            if _is_usable(entry):
                keys.append(jwk.JWKRegistry.import_key(entry))
        except (errors.JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return keys


def _is_usable(entry: dict[str, Any]) -> bool:
    """Say whether a key is for signatures, strong enough, and not so large that checking with it is work."""
    if entry.get("use", "sig") != "sig":
        return False
    if entry["kty"] == "RSA":
        return int.from_bytes(base64.urlsafe_b64decode(entry["n"] + "==")).bit_length() in _RSA_BITS
    return entry["kty"] in ("EC", "OKP")


def fitting_keys(keys: Iterable["jwk.Key"], header: Mapping[str, Any]) -> list["jwk.Key"]:
    """Return the keys that may have signed a token with this header: of the right sort, and by name if it names one."""
    sort, named = ALGORITHMS[header["alg"]], header.get("kid")
    return [
        key
        for key in keys
        if key.key_type == sort
        and (named is None or key.get("kid") == named)
        and key.get("alg") in (None, header["alg"])
    ]


def verify(
    token: str, keys: Iterable["jwk.Key"], *, issuer: str, audiences: Collection[str], now: datetime
) -> dict[str, Any]:
    """Return the claims of a token that the issuer signed for one of these and that is good now. Raises BadToken.

    Args:
        keys: Those that fit its header; a token without a key's name is tried with each.
    """
    claims = _signed_claims(token, keys)
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=SKEW_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "values": list(audiences)},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    try:
        registry.validate(claims)
    except errors.JoseError as error:
        raise BadToken(f"{error.error}: {error.description}".lower()) from None
    return claims


def _signed_claims(token: str, keys: Iterable["jwk.Key"]) -> dict[str, Any]:
    for key in keys:
        try:
            return jwt.decode(token, key, registry=_asymmetric()).claims
        except (errors.JoseError, ValueError, TypeError, RecursionError):
            continue
    raise BadToken("no key of its issuer signed it")
