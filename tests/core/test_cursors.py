"""Keyset pages visit each row once, in both directions, and refuse foreign cursors."""

import base64

import pytest
from sqlalchemy import desc, select

from modelops_platform.core.cursors import paginate
from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput
from modelops_platform.identity import service as identity
from modelops_platform.identity.tables import Unit
from tests.factories import SYSTEM


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_visit_every_row_once(database: Database, limit: int) -> None:
    with database.write() as db:
        for name in ("Cards", "Loans", "Market", "Ops", "Retail", "Zeta"):
            identity.create_unit(db, SYSTEM, name)
    with database.read() as db:
        seen: list[str] = []
        cursor = None
        while True:
            page = paginate(db, select(Unit), desc(Unit.created_at), Unit.id, cursor=cursor, limit=limit)
            seen += [unit.name for unit in page.items]
            if page.next is None:
                break
            cursor = page.next
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "W10",
        "bm90IGpzb24",
        base64.urlsafe_b64encode(b'["a","b"]').decode(),
        "🙂",
        "A" * 5000,
        "WzEsMl0",
        "W05hTiwxXQ",
    ],
)
def test_a_cursor_of_another_list_is_refused(database: Database, cursor: str) -> None:
    with database.read() as db, pytest.raises(InvalidInput, match="cursor"):
        paginate(db, select(Unit), desc(Unit.created_at), Unit.id, cursor=cursor)


def test_an_integer_that_no_row_can_hold_is_refused(database: Database) -> None:
    beyond = base64.urlsafe_b64encode(b'[2147483648,"a"]').decode()
    with database.read() as db, pytest.raises(InvalidInput, match="cursor"):
        paginate(db, select(Unit), Unit.revision, Unit.id, cursor=beyond)
