"""The typed HTTP client of the platform; it imports nothing else of ours, so it can be used alone."""

from .connection import Client, ClientError, Refused
from .files import hash_file

__all__ = ["Client", "ClientError", "Refused", "hash_file"]
