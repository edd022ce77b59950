"""Hashing passwords with argon2id: slow on purpose, so never inside a transaction that writes."""

import threading

from pwdlib import PasswordHash

_hasher = PasswordHash.recommended()

# Each hash takes 64 MB and a core for a while; more at once would let strangers exhaust the machine.
_at_once = threading.Semaphore(2)

# Of a password that nobody knows. An account that is unknown, disabled or without a password is
# checked against it, so that it costs and answers the same as any other.
NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$6bzM3SREzX2LjeMYVjnaXQ"  # gitleaks:allow
    "$zvZ7/5dh9uH6EzRi8SWeobxZcWXRVOYOYpaCOYF5Xxo"
)


def hash_password(password: str) -> str:
    """Return what is kept of a password; the caller has checked its rules."""
    with _at_once:
        return _hasher.hash(password)


def verify(password: str, kept: str | None) -> tuple[bool, str | None]:
    """Say whether the password is the kept one, and how it should be kept from now on if differently.

    Nothing kept costs the same and is never right.
    """
    with _at_once:
        right, renewed = _hasher.verify_and_update(password, kept or NOBODY)
    return right and kept is not None, renewed if right and kept is not None else None
