"""Identifiers that are never reused and sort by the time they were made."""

import uuid_utils


def new_id() -> str:
    """Return a new UUIDv7 as text."""
    return str(uuid_utils.uuid7())
