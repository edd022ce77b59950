"""Work on foreign files. They are read in a limited child only; this side sees nothing but its report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .domain import ScanReport, unscannable
from .limited import Ending, run_limited
from .limits import Limits

SCAN_LIMITS = Limits()
_CHILD = f"{__package__}.scanning.child"
_REASONS = {
    Ending.OUT_OF_TIME: "Scanning it takes longer than a scan may take.",
    Ending.TOO_MUCH_OUTPUT: "Its scan answered more than a report holds.",
    Ending.CRASHED: "Its scan stopped without a report (status {status}).",
}


def scan_file(path: Path, *, name: str = "", limits: Limits = SCAN_LIMITS) -> ScanReport:
    """Look into a file without running any of it, in a child with limits.

    `name` is the file's label, a hint for what content cannot tell. A child that crashes, hangs or answers nonsense
    gives the verdict *unknown*. Raises FileNotFoundError when there is no such file.
    """
    path = path.resolve(strict=True)
    outcome = run_limited(_CHILD, [str(path), name], limits=limits)
    if outcome.ending is not Ending.FINISHED:
        return unscannable(_REASONS[outcome.ending].format(status=outcome.status))
    try:
        return ScanReport.from_json(json.loads(outcome.output))
    except (ValueError, RecursionError):
        return unscannable("Its scan answered something that is no report.")


def scan(prepared: dict[str, str], progress: Callable[[float | None, str], None]) -> dict[str, Any]:
    """Do the job `artifacts.scan`: look into the file at `path`, known as `name`."""
    progress(None, "Looking into the file")
    return scan_file(Path(prepared["path"]), name=prepared["name"]).as_json()
