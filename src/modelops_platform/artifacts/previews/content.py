"""What the makers of previews share: how much is shown, and text made short."""

from typing import Any

MOST_LINES, LONGEST_LINE = 1_000, 2_000
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 50, 100, 200
MOST_ENTRIES = 1_000
MOST_FACTS = 200
Content = dict[str, Any]


class Unshown(Exception):
    """There is nothing to show; the words say why."""


def short(value: object, most: int = LONGEST_CELL) -> str:
    """Return a value as one text of limited length."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"
