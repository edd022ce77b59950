"""The words for a store that cannot be used at the moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelops_platform.core.deferred import Deferred
from modelops_platform.core.errors import Unavailable
from modelops_platform.core.logging import get_logger
from modelops_platform.core.trouble import NO_ROOM, no_room

if TYPE_CHECKING:
    from obstore import exceptions
else:
    exceptions = Deferred("obstore.exceptions")


@contextmanager
def told() -> Iterator[None]:
    """Turn what a disk or a bucket may raise into Unavailable or NoRoom; what is not there stays FileNotFoundError."""
    try:
        yield
    except (FileNotFoundError, exceptions.NotFoundError) as error:
        raise FileNotFoundError(str(error)) from error
    except OSError as error:
        get_logger().error("store.failed", error=error.strerror, number=error.errno)
        if error.errno in NO_ROOM:
            raise no_room("files") from error
        raise _does_not_answer() from error
    except exceptions.BaseError as error:
        get_logger().error("store.failed", error=type(error).__name__, detail=str(error)[:500])
        raise _does_not_answer() from error


def _does_not_answer() -> Unavailable:
    return Unavailable("The file store does not answer.", remedy="Try again in a few seconds.", retry_after=5)
