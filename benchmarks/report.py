"""The figures as a table: on the terminal, and as docs/benchmarks.md."""

import importlib.metadata
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from .figures import ROUNDS, Figure

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PACKAGES = ("modelops-platform", "fastapi", "sqlalchemy", "uvicorn", "uvloop", "pydantic")

INTRODUCTION = f"""# Benchmarks

Made by `make bench`; every run writes this page anew. The server is started by `modelops serve`, with everything on:
sign-in by token, rights, security headers, log line, metrics; SQLite with `synchronous=FULL`.

- **CPU** is user and system time of the whole process tree (web and job process), from the kernel, for each request.
  It is the figure to compare: waiting times depend on what else the machine does. Of {ROUNDS} rounds the least
  disturbed one counts; the median round stands beside it.
- **Server time** is what the server logged for the request; **answered in** is p50 / p95 / p99 at the client.
- **PSS** is memory with shared pages counted once.
"""


def as_text(figures: list[Figure]) -> str:
    """Return the table for a terminal."""
    lines = [
        f"{figure.what:58} {figure.value:9.2f} {figure.unit:12} {_target(figure):>8} {figure.verdict:7} {figure.note}"
        for figure in figures
    ]
    return "\n".join(lines)


def write_page(results: dict[str, list[Figure]], load_before: float) -> None:
    """Write docs/benchmarks.md, with the load of the machine before the run and now."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    parts = [INTRODUCTION]
    parts.append(
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {psutil.cpu_count()} cores ({_processor()}), "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}, Python {platform.python_version()}; "
        f"{versions}. {_load(load_before)}\n"
    )
    for database, figures in results.items():
        parts.append(f"## {database}\n")
        parts.append(_table(figures))
        if missed := [figure for figure in figures if figure.verdict == "missed"]:
            parts.append("Missed: " + "; ".join(f"{f.what} ({f.value:.2f} {f.unit})" for f in missed) + ".\n")
        else:
            parts.append("Every target is met.\n")
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def _table(figures: list[Figure]) -> str:
    rows = ["| | measured | target | | |", "| --- | ---: | ---: | --- | --- |"]
    group = ""
    for figure in figures:
        if figure.group != group:
            group = figure.group
            rows.append(f"| **{group}** | | | | |")
        target = _target(figure)
        rows.append(
            f"| {figure.what} | {figure.value:.2f} {figure.unit} | {target} | {figure.verdict} | {figure.note} |"
        )
    return "\n".join(rows) + "\n"


def _target(figure: Figure) -> str:
    return "" if figure.target is None else f"≤ {figure.target:g}"


def _load(before: float) -> str:
    spin, after = sorted(_spin() for _round in range(20)), os.getloadavg()[0]
    return (
        f"Load of the machine before the run {before:.1f}, after it {after:.1f}, of which the run is one to two; "
        f"a fixed loop took {spin[0]:.1f} to {spin[-1]:.1f} ms of CPU. Other work disturbs all figures."
    )


def _spin() -> float:
    before, total = time.process_time(), 0
    for number in range(200_000):
        total += number * number
    return (time.process_time() - before) * 1000


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or os.uname().machine
