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
    """Print one line per check, and the findings of those that failed."""
    failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    if failed:
        sys.exit(f"Lint failed: {', '.join(failed)}. Form and much of style: make format")


def passes(name: str, command: list[str]) -> bool:
    """Run one check; print its findings when there are any."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(f"{name:8}{'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
    if done.returncode != 0:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main()
