"""Upkeep of the tables of runs."""

from sqlalchemy.orm import Session

from ..queries.statements import is_postgres

_ROWS_LOOKED_AT = 1000


def refresh_statistics(db: Session) -> bool:
    """Refresh the planner's statistics of tables that have grown. PostgreSQL does so by itself."""
    connection = db.connection()
    if is_postgres(connection):
        return False
    connection.exec_driver_sql(f"PRAGMA analysis_limit = {_ROWS_LOOKED_AT}")
    connection.exec_driver_sql("PRAGMA optimize = 0x10002")  # all tables, not only those this connection has asked
    return True
