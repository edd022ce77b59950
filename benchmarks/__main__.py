"""`python -m benchmarks` measures and writes docs/benchmarks.md; `... soak` kills, and writes docs/soak.md."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from tests.postgres import Postgres, start_server

from . import artifacts, audit, figures, governance, mlflow, report
from .kills import kill_often, start_often
from .soak import soak


def main() -> int:
    """Run what the command line asks for, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["measure", "soak"], default="measure")
    parser.add_argument("--quick", action="store_true", help="shorter, and without writing docs/benchmarks.md")
    parser.add_argument("--postgres", action="store_true", help="measure on PostgreSQL too")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of `soak`")
    parser.add_argument("--kills", type=int, default=20, help="kills of the whole platform on each database in `soak`")
    parser.add_argument("--starts", type=int, default=20, help="starts and stops of `modelops serve` in `soak`")
    asked = parser.parse_args()
    if asked.what == "soak":
        faults = soak(asked.rounds) + start_often(asked.starts)
        faults += kill_often(asked.kills, postgres=True, keep=not asked.quick)
        return 1 if faults else 0
    return measure(quick=asked.quick, postgres=asked.postgres)


def measure(*, quick: bool, postgres: bool) -> int:
    """Measure, print the table, and write the page unless it was a quick look."""
    size, load = figures.QUICK if quick else figures.FULL, os.getloadavg()[0]
    results: dict[str, list[figures.Figure]] = {}
    with ExitStack() as stack:
        databases: dict[str, Callable[[], str | None]] = {"SQLite": lambda: None}
        if postgres:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True))
            server = stack.enter_context(closing(Postgres(start_server(Path(folder)), configuration=())))
            databases["PostgreSQL"] = server.empty_database
        for database, fresh in databases.items():
            try:
                results[database] = list(figures.measure(size, fresh()))
                results[database] += audit.measure(size.events, size.file_megabytes, fresh)
                results[database] += artifacts.measure(size.file_megabytes, size.proxied_megabytes, fresh())
                results[database] += governance.measure(1_000 if quick else governance.MODELS, fresh)
            except figures.Refused as refused:
                print(f"FAILED: {refused}", file=sys.stderr)
                return 1
            print(f"\n{database}\n{report.as_text(results[database])}\n")
    side_by_side = list(mlflow.measure(0.3, 10_000, 300, 1_000) if quick else mlflow.measure(1.0))
    results["The MLflow protocol, beside MLflow's own server on SQLite"] = side_by_side
    print(f"\nThe MLflow protocol\n{report.as_text(side_by_side)}\n")
    if not quick:
        report.write_page(results, load)
    return 0


if __name__ == "__main__":
    sys.exit(main())
