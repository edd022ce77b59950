"""Whether the database has the schema that this code expects, without the migration tool, which is slow to load."""

import re
from functools import cache

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from .paths import project_folder

_NAMED = re.compile(r'^(revision|down_revision) = "(\w+)"$', re.MULTILINE)


def is_current(db: Session) -> bool:
    """Say whether the database has exactly the schema that this code expects."""
    if not inspect(db.connection()).has_table("alembic_version"):
        return False
    return set(db.scalars(text("SELECT version_num FROM alembic_version"))) == expected_heads()


def expected_heads() -> set[str]:
    """Return the last revision of the migrations that came with this code."""
    named = _named()
    return named["revision"] - named["down_revision"]


def known_revisions() -> set[str]:
    """Return every revision of the migrations that came with this code."""
    return _named()["revision"]


@cache
def _named() -> dict[str, set[str]]:
    named: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for path in (project_folder("migrations") / "versions").glob("*.py"):
        for name, revision in _NAMED.findall(path.read_text(encoding="utf-8")):
            named[name].add(revision)
    return named
