"""What can go wrong, in words for people; knows no HTTP."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar


class PlatformError(Exception):
    """A refusal that says what was wrong, with which value, and what to do.

    Args:
        message: What was wrong, with the value that was wrong.
        remedy: What the caller can do about it.
        to_keep: Writers called with a fresh session after the rollback; they record what
            a refused request must leave behind (an event, a decision).
        details: Machine-readable facts, shown beside the message.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        to_keep: Sequence[Callable[[Any], object]] = (),
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.to_keep = list(to_keep)
        self.details = details


class NotFound(PlatformError):
    """The thing does not exist, or the caller may not see it."""

    code = "not_found"


class AlreadyExists(PlatformError):
    """Another living thing has this name or key."""

    code = "already_exists"


class InvalidInput(PlatformError):
    """A value breaks a rule; `details` name the field and the value."""

    code = "invalid_input"


class TooLarge(PlatformError):
    """A body or file is larger than the settings allow."""

    code = "too_large"


class NotAllowed(PlatformError):
    """The caller is known and sees the thing, but may not do this."""

    code = "not_allowed"


class NotSignedIn(PlatformError):
    """Nobody is signed in, or the credential is wrong, expired or revoked."""

    code = "not_signed_in"


class TransitionRefused(PlatformError):
    """A gate refused; `details` carry the decision with its unmet requirements."""

    code = "transition_refused"


class Stale(PlatformError):
    """The thing changed since the caller read it."""

    code = "stale"


class Conflict(PlatformError):
    """It does not fit how the thing stands; the details name where it stands, or what holds it."""

    code = "conflict"


class TooMany(PlatformError):
    """Too many attempts; `details["retry_after"]` says how many seconds to wait."""

    code = "too_many"


class Unavailable(PlatformError):
    """A part the platform needs does not answer; trying again later can help."""

    code = "unavailable"


class NoRoom(Unavailable):
    """Nothing more can be written: a disk, a quota or a limit is full; reading goes on."""

    code = "no_room"
