"""Run every check that needs no database: form, style, types, layers. All run, then the verdict."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = {
    "form": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "style": [str(BIN / "ruff"), "check", "--quiet", "."],
    "types": [str(BIN / "mypy"), "--strict", "--no-error-summary"],
    "layers": [str(BIN / "lint-imports"), "--no-cache"],
}


def main() -> None:
    """Print one line per check, and the findings of those that failed. They run at once: the types take longest."""
    running = {name: start(command) for name, command in CHECKS.items()}
    failed = [name for name, check in running.items() if not passes(name, check)]
    if failed:
        sys.exit(f"Lint failed: {', '.join(failed)}. Form and much of style: make format")


def start(command: list[str]) -> "subprocess.Popen[str]":
    """Begin one check."""
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def passes(name: str, check: "subprocess.Popen[str]") -> bool:
    """Wait for one check; print its findings when there are any."""
    found = check.communicate()[0]
    print(f"{name:8}{'ok' if check.returncode == 0 else 'FAILED'}", flush=True)
    if check.returncode != 0:
        print(found, flush=True)
    return check.returncode == 0


if __name__ == "__main__":
    main()
