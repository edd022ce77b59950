"""Bring what `make demo` and `make test` need into `.venv`; run by the Makefile.

Only the standard library, and syntax that old Pythons can read as well, so that the wrong
Python gets an explanation instead of a syntax error.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / ".installing"
LOCKS = {"runtime": "requirements.lock", "lint": "requirements-dev.lock", "tests": "requirements-dev.lock"}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PANGO = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")


def main() -> None:
    """Set up for what is wanted, and say nothing when nothing is to do."""
    wanted = sys.argv[1] if len(sys.argv) == 2 else ""
    if wanted not in LOCKS:
        sys.exit("usage: python tools/setup.py " + "|".join(LOCKS))
    check_python()
    install(LOCKS[wanted])
    if wanted == "tests":
        bring_pango()
        bring_chromium()


def check_python() -> None:
    """Stop with an explanation when this Python is too old."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file alone is read by older Pythons
        have = "{}.{}".format(*sys.version_info[:2])
        sys.exit(
            f"Python 3.11 or newer is needed; {sys.executable} is {have}.\n"
            "Name another one: make PYTHON=python3.12 demo"
        )


def install(lock: str) -> None:
    """Install the locked packages, then the project, unless this was done for the same state."""
    if PYTHON.exists() and any(is_done(name) for name in {lock, LOCKS["tests"]}):  # the tests' lock holds the other
        return
    if UNFINISHED.exists():  # what was broken off half-way may look installed and not be
        print("Making .venv anew: its last installation was broken off.", flush=True)
        shutil.rmtree(VENV)
    make_venv()
    UNFINISHED.touch()
    print(f"Installing {lock} into .venv (this takes a minute or two the first time) ...", flush=True)
    pip("install", "--require-hashes", "-r", lock)
    pip("install", "--no-deps", "--no-build-isolation", "-e", ".")
    stamp(lock).write_text(fingerprint(lock))
    UNFINISHED.unlink()


def stamp(lock: str) -> Path:
    """Return the file that remembers for which state a lock was installed."""
    return VENV / f".installed-{lock}"


def is_done(lock: str) -> bool:
    """Tell whether this lock was installed for the present state."""
    return stamp(lock).exists() and stamp(lock).read_text() == fingerprint(lock)


def fingerprint(lock: str) -> str:
    """Return a digest of all that decides what an installation holds."""
    digest = hashlib.sha256(sys.version.encode())
    for name in (lock, "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def make_venv() -> None:
    """Create `.venv` with this Python, unless it is there and of the same version."""
    wanted = "{}.{}".format(*sys.version_info[:2])
    if PYTHON.exists():
        asked = "import sys; print('{}.{}'.format(*sys.version_info[:2]))"
        if (
            subprocess.run([str(PYTHON), "-c", asked], capture_output=True, text=True, check=False).stdout.strip()
            == wanted
        ):
            return
        print(f"Making .venv anew: it belongs to another Python than {wanted}.", flush=True)
        shutil.rmtree(VENV)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
    if made.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit("This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv")


def pip(*arguments: str) -> None:
    """Run uv's pip when uv is here, because it is faster, else pip itself."""
    if works("uv", "--version"):
        command = ["uv", "pip", *arguments, "--quiet", "--python", str(PYTHON)]
    else:
        if not works(str(PYTHON), "-m", "pip", "--version"):
            run(str(PYTHON), "-m", "ensurepip", "--upgrade")
        command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments, "--quiet"]
    run(*command)


def bring_pango() -> None:
    """Install Pango, which makes PDF reports, when this is Debian and we are root."""
    if works(str(PYTHON), "-c", "import weasyprint"):
        return
    if may_apt():
        apt(*PANGO)


def bring_chromium() -> None:
    """Find a Chromium for the browser tests, else install one; without one those tests say so."""
    if any(shutil.which(name) for name in CHROMIUM) or playwright_has_one():
        return
    if may_apt() and apt("chromium"):
        return
    print("Asking Playwright for its Chromium ...", flush=True)
    subprocess.run([str(PYTHON), "-m", "playwright", "install", "chromium"], cwd=ROOT, check=False)


def playwright_has_one() -> bool:
    """Tell whether Playwright brought a Chromium earlier."""
    asked = (
        "from playwright.sync_api import sync_playwright as s; import os, sys; p = s().start();"
        "found = os.path.exists(p.chromium.executable_path); p.stop(); sys.exit(not found)"
    )
    return works(str(PYTHON), "-c", asked)


def may_apt() -> bool:
    """Tell whether we may install system packages the Debian way."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt(*packages: str) -> bool:
    """Install system packages, and tell whether it worked; tests that miss them say so."""
    print(f"Installing {', '.join(packages)} with apt-get ...", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    )
    return all(
        subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False).returncode == 0
        for command in commands
    )


def works(*command: str) -> bool:
    """Tell whether a command is here and ends well."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def run(*command: str) -> None:
    """Run a command in the project's folder; stop with its own words when it fails."""
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode != 0:
        sys.exit(f"This failed (exit {done.returncode}): {' '.join(command)}")


if __name__ == "__main__":
    main()
