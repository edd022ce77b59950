"""A copy of the whole installation, whole on its own: every row, every stored file, the keys.

A backup is a folder in a form of its own, the same for SQLite and PostgreSQL, so it can be restored on either:

    backup.json       what is in it, written last: a folder without it is no backup
    tables/NAME.jsonl one row a line, as a JSON array, in the order of the columns that backup.json names
    blobs/            the stored files by their SHA-256
    keys/             the keys that prove what the log says, unless they were left out

Decision 0013 says why not the databases' own tools.
"""

from .layout import Manifest, read_manifest
from .reading import restore_backup, restore_keys
from .writing import make_backup

__all__ = ["Manifest", "make_backup", "read_manifest", "restore_backup", "restore_keys"]
