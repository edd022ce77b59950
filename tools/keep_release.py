"""Keep a small home of the release at hand, for the tests that upgrade from every earlier release.

    python tools/keep_release.py tests/upgrades/homes/0.1.0.tar.gz

Run once for each release, before its tag. A server of the code in `src` (or in the folder named by PYTHONPATH) is told
a short story by HTTP; then a backup of its home is packed.
`tests/upgrades` reads it.
"""

import io
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from modelops_platform.client import Client, ClientError

ROOT = Path(__file__).resolve().parent.parent
PEOPLE = {
    "petra@example.com": ("admin", None),
    "dana@example.com": ("contributor", "Retail credit"),
    "olga@example.com": ("contributor", "Retail credit"),
    "vera@example.com": ("validator", "Retail credit"),
    "rita@example.com": ("risk", None),
}


def main() -> None:
    """Tell the story to a server in a temporary home and pack what it left."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        variables = {**os.environ, "MODELOPS_HOME": str(home)}
        variables.setdefault("PYTHONPATH", str(ROOT / "src"))
        tokens = enrol(variables)
        port = free_port()
        quiet = subprocess.DEVNULL
        server = subprocess.Popen(modelops("serve", "--port", str(port)), env=variables, stdout=quiet, stderr=quiet)
        try:
            tell(f"http://127.0.0.1:{port}", tokens, Path(folder))
        finally:
            server.terminate()
            server.wait(15)
        backup = Path(folder) / "backup"
        own = {**variables, "PYTHONPATH": str(ROOT / "src")}
        subprocess.run(modelops("backup", str(backup)), env=own, check=True)
        pack(backup, target)
    print(f"{target}: {target.stat().st_size:,} bytes")


def modelops(*arguments: str) -> list[str]:
    """Return the command line of a `modelops` command of the code that PYTHONPATH names."""
    return [sys.executable, "-m", "modelops_platform.cli", *arguments]


def enrol(variables: dict[str, str]) -> dict[str, str]:
    """Make the people and a token for each."""
    tokens = {}
    for email, (role, unit) in PEOPLE.items():
        where = ["--unit", unit] if unit else []
        subprocess.run(modelops("user", "create", email, "--role", role, *where), env=variables, check=True)
        made = subprocess.run(
            modelops("token", "create", "--user", email, "--name", "story"),
            env=variables,
            check=True,
            capture_output=True,
            text=True,
        )
        tokens[email.partition("@")[0]] = made.stdout.strip()
    return tokens


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tell(url: str, tokens: dict[str, str], folder: Path) -> None:
    """Use a bit of every room: models, files, assessments, approvals, deployments, metrics."""
    dana, olga, vera, rita = (Client(url, tokens[key]) for key in ("dana", "olga", "vera", "rita"))
    until = time.monotonic() + 60
    while True:
        try:
            dana.is_ready()
            break
        except ClientError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
    dana.post("/use-cases", {"name": "Consumer loans", "unit": "Retail credit", "owner": "olga@example.com"})
    dana.register(
        "loan default",
        kind="rules",
        purpose="Decides whether a loan is offered.",
        unit="Retail credit",
        use_case="Consumer loans",
        owner="olga@example.com",
        developer="dana@example.com",
        validator="vera@example.com",
        tags={"segment": "retail"},
    )
    dana.register("späť \U0001f600", kind="vendor", purpose="Bought.", unit="Retail credit")
    rules = folder / "rules.csv"
    rules.write_text("rule,points\nincome,10\narrears,-40\n", encoding="utf-8")
    dana.add_version("loan default", rules, description="First rules.")
    rules.write_text("rule,points\nincome,12\narrears,-40\n", encoding="utf-8")
    dana.add_version("loan default", rules, description="Income weighs more.")
    dana.set_alias("loan default", "candidate", 2)
    path = "/models/loan%20default"
    rita.post(f"{path}/assessments", {"answers": {}, "facts": {}, "reason": "First assessment, nothing known yet."})
    dana.post(
        f"{path}/monitors",
        {"name": "approval rate", "measures": "drift", "bad": "above", "warn": 0.5, "fail": 0.7, "fewest_rows": 10},
    )
    now = datetime.now(UTC)
    dana.post_metrics(
        "loan default",
        [
            {
                "metric": "approval rate",
                "value": 0.4 + day / 50,
                "at": (now - timedelta(days=day)).isoformat(),
                "n": 400,
            }
            for day in range(20)
        ],
    )
    asked = {"model": "loan default", "version": 1, "environment": "production", "message": "Please look."}
    request = dana.post("/approvals", asked)
    for person in (vera, rita, olga):
        try:
            person.post(f"/approvals/{request['id']}/votes", {"answer": "approve", "sentence": "Looks right to me."})
        except ClientError as error:
            print(error)
    environments = [each["name"] for each in dana.get("/environments")["items"]]
    free = next(name for name in environments if name != "production")
    dana.post("/deployments", {"name": "loans", "environment": free, "model": "loan default", "consumer": "Branches"})
    dana.post("/deployments/loans/revisions", {"version": 1, "reason": "Try it."})
    time.sleep(4)  # scans and roll-ups


def pack(folder: Path, target: Path) -> None:
    """Pack the backup, with nothing of this machine in it."""

    def anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        return info

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(folder, "backup", filter=anonymous)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(packed.getvalue())


if __name__ == "__main__":
    main()
