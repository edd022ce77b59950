"""A bound on what one search may cost: then it is refused, instead of keeping everybody waiting."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from modelops_platform.core.errors import InvalidInput

from .statements import is_postgres

SECONDS = 0.35
_LOOK_EVERY = 10_000  # steps of SQLite's machine


@contextmanager
def bounded(connection: Connection) -> Iterator[None]:
    """Refuse what is searched inside when it takes too long. Raises InvalidInput.

    On SQLite the time is that of this thread, so that a busy machine refuses nothing that an idle one answers.
    """
    if is_postgres(connection):
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(SECONDS * 1000)}")
        raw = None
    else:
        raw = connection.connection.driver_connection
        until = time.thread_time() + SECONDS
        raw.set_progress_handler(lambda: time.thread_time() > until, _LOOK_EVERY)  # type: ignore[union-attr]
    try:
        yield
    except OperationalError as error:
        if "interrupt" in str(error.orig) or getattr(error.orig, "sqlstate", "") == "57014":
            raise InvalidInput(
                "The search takes too long.",
                remedy="Narrow it: name fewer experiments, fewer clauses, or one that few runs satisfy.",
                field="filter",
            ) from None
        raise
    finally:
        if raw is not None:
            raw.set_progress_handler(None, 0)
