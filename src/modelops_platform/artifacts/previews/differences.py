"""The program of the limited child that compares two texts line by line; some texts take a comparison very long.

Started as `differences LIMITS BEFORE AFTER`; the answer is one JSON object on standard output.
"""

import difflib
import json
import sys
from itertools import zip_longest
from pathlib import Path

from ..confine import confine
from ..limits import Limits
from .content import LONGEST_LINE, Content, short
from .texts import read_text, visible

MOST_BYTES = 1_000_000
MOST_ROWS = 3_000
CONTEXT = 3
Row = list[str | int | None]


def main() -> None:
    """Open both files, give up everything else, compare, answer."""
    limits, *paths = sys.argv[1:4]
    with Path(paths[0]).open("rb") as before, Path(paths[1]).open("rb") as after:
        confine(Limits.from_text(limits))
        texts = [read_text(file, MOST_BYTES)[0].replace("\r\n", "\n").split("\n") for file in (before, after)]
    if not any(lines[-1] for lines in texts):  # both end with a line break
        texts = [lines[:-1] for lines in texts]
    json.dump(compare(*texts), sys.stdout)


def compare(before: list[str], after: list[str]) -> Content:
    """Return rows of number and text on both sides, None where equal lines are left out, and how much differs."""
    matcher = difflib.SequenceMatcher(None, before, after)
    rows: list[Row | None] = []
    added = removed = 0
    for group in matcher.get_grouped_opcodes(CONTEXT):
        if rows:
            rows.append(None)
        for tag, from_before, to_before, from_after, to_after in group:
            left, right = _numbered(before, from_before, to_before), _numbered(after, from_after, to_after)
            kind = "equal" if tag == "equal" else "changed"
            rows += [[kind, *was, *now] for was, now in zip_longest(left, right, fillvalue=(None, None))]
            if kind == "changed":
                removed, added = removed + len(left), added + len(right)
    return {"rows": rows[:MOST_ROWS], "is_cut": len(rows) > MOST_ROWS, "added": added, "removed": removed}


def _numbered(lines: list[str], start: int, end: int) -> list[tuple[int, str]]:
    return [(n + 1, short(visible(lines[n]), LONGEST_LINE)) for n in range(start, end)]


if __name__ == "__main__":
    main()
