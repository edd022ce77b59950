"""Where a job stands, and whether it is tried again."""

from datetime import timedelta
from enum import StrEnum

from modelops_platform.core.errors import PlatformError, TooMany, Unavailable

LONGEST_STEP = 300
LONGEST_ERROR = 2_000
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(hours=1)


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # another try cannot help
    CANCELLED = "cancelled"
    DEAD = "dead"  # every try that it had is used up


UNFINISHED = frozenset({JobState.QUEUED, JobState.RUNNING})
REPEATABLE = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.DEAD})


class Retry(Exception):
    """A job cannot go on now, but another try can help; the message is for people."""

    def __init__(self, message: str, *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.after = after


class Cancelled(Exception):
    """Somebody cancelled the job while it ran."""


class GivenBack(Exception):
    """The process is stopping; the job returns to the queue, and the try does not count."""


class LeaseLost(Exception):
    """Another worker has taken the job over; whatever this one did must not be seen."""


def may_help_again(error: BaseException) -> bool:
    """Say whether another try can help.

    A refusal of our own will be the same next time, unless it says that something does not answer now.
    An error that nobody foresaw may have passed by then; the number of tries bounds it.
    """
    return not isinstance(error, PlatformError) or isinstance(error, Unavailable | TooMany)


def words_for(error: BaseException) -> str:
    """Return what the job's page says about an error: the message for people, else the error's own."""
    text = error.message if isinstance(error, PlatformError | Retry) else f"{type(error).__name__}: {error}"
    return text.replace("\0", "").strip()[:LONGEST_ERROR] or type(error).__name__


def pause_before(attempt: int, chance: float) -> timedelta:
    """Return how long to wait before the next try: doubled each time, spread by `chance` (0 to 1) over +-50 %."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(attempt - 1, 20)
    return min(doubled, LONGEST_PAUSE) * (0.5 + chance)
