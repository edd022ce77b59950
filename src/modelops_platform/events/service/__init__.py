"""Verbs of the log: write an event, seal what was written, erase what is personal."""

from .erasing import erase_personal
from .recording import Recorded, record, record_refusal
from .rotating import rotate_key
from .sealing import PLACED_AT_ONCE, has_unsealed, seal_events
from .signing import SignedText, sign_statement

__all__ = [
    "PLACED_AT_ONCE",
    "Recorded",
    "SignedText",
    "erase_personal",
    "has_unsealed",
    "record",
    "record_refusal",
    "rotate_key",
    "seal_events",
    "sign_statement",
]
