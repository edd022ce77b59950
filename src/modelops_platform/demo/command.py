"""`modelops demo`: a home of its own, a server, the story told to it, and links to sign in with."""

import json
import os
import signal
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from modelops_platform.core import clock
from modelops_platform.core.errors import InvalidInput, Unavailable

from . import past
from .catalogue import PEOPLE, UNITS

HOME = Path(".modelops-demo")
MARK = "demo.json"
NOTICE = (
    "Demonstration: public data sets, made-up people; histories are a replay of real rows, some shifted on purpose."
)
GUIDES = ("ada.moreau", "emi.tanaka", "karim.haddad", "grace.novak")
READY_WITHIN_SECONDS = 60.0


def run(*, port: int, browser: bool, serve: bool) -> None:
    """Fill the demonstration's home if that was not done yet, then serve it. Raises InvalidInput, Unavailable."""
    home = claim_home()
    os.environ.setdefault("MODELOPS_NOTICE", NOTICE)
    os.environ.setdefault("MODELOPS_HEAVY_JOBS", str(min(4, os.cpu_count() or 1)))
    started = time.monotonic()
    is_new = not _mark(home).get("complete")
    if not is_new and not serve:
        print(f"The demonstration in {home} is complete.")
        return
    tokens: dict[str, str] = {}
    if is_new:
        with clock.frozen(clock.now() - timedelta(days=past.DAYS)):
            tokens = _enrol()
        try:
            past.live_through(tokens)
        except RuntimeError as error:
            raise Unavailable(f"The demonstration stopped: {error}", remedy="Run it again; it starts anew.") from error
    with _server(port) as (server, url):
        if is_new:
            _tell(url, tokens, started)
            (home / MARK).write_text(json.dumps({"complete": True}), encoding="utf-8")
        if not serve:
            return
        links = _links(url)
        print(f"\nModelOps is at {url}. Sign in, once each, as:", flush=True)
        for person, link in links:
            print(f"  {person:<38} {link}", flush=True)
        if browser:
            webbrowser.open(links[-1][1])
        _wait(server)


def claim_home() -> Path:
    """Return the demonstration's home, marked as such. Raises InvalidInput when it holds anything else.

    What an interrupted demonstration left behind is removed; nothing else ever is.
    """
    home = Path(os.environ.setdefault("MODELOPS_HOME", str(HOME))).resolve()
    found = sorted(path.name for path in home.iterdir()) if home.is_dir() else []
    if found and MARK not in found:
        raise InvalidInput(
            f"The home {home} holds something that is not a demonstration ({found[0]}).",
            remedy="Name an empty folder by MODELOPS_HOME.",
        )
    if found and not _mark(home).get("complete"):
        _remove(home)
    home.mkdir(parents=True, exist_ok=True)
    if not (home / MARK).exists():
        (home / MARK).write_text(json.dumps({"complete": False}), encoding="utf-8")
    return home


def _mark(home: Path) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads((home / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _remove(home: Path) -> None:
    import shutil

    for path in home.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()


def _enrol() -> dict[str, str]:
    """Make units, people and a token for each, as an operator does before the first start."""
    from modelops_platform.cli.home import migrated_database, read_settings
    from modelops_platform.core.actor import system_actor
    from modelops_platform.core.db import DEFAULT_WORKSPACE
    from modelops_platform.identity import queries, service
    from modelops_platform.identity.domain import Role

    operator = system_actor(DEFAULT_WORKSPACE, "the demonstration")
    with migrated_database(read_settings()) as database, database.write() as db:
        if queries.has_admin(db, DEFAULT_WORKSPACE):
            raise InvalidInput(
                "The database already has people in it.", remedy="Give the demonstration a database of its own."
            )
        for unit in UNITS:
            service.ensure_unit(db, operator, unit)
        service.enrol(db, operator, email=_admin_email(), role=Role.ADMIN, name="Petra Admin", unit=None)
        for person in PEOPLE:
            service.enrol(
                db, operator, email=person.email, role=Role(person.role), name=person.name, unit=person.unit or None
            )
        emails = {person.key: person.email for person in PEOPLE} | {"admin": _admin_email()}
        return {key: service.create_token_for(db, operator, email, "demonstration") for key, email in emails.items()}


def _admin_email() -> str:
    return "petra.admin@example.com"


def _tell(url: str, tokens: dict[str, str], started: float) -> None:
    from modelops_platform.client import ClientError

    from .numbers import numbers
    from .story import Story

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    story = Story(url, tokens, say)
    try:
        with numbers() as child:
            story.tell(child)
    except (ClientError, RuntimeError) as error:
        raise Unavailable(f"The demonstration stopped: {error}", remedy="Run it again; it starts anew.") from error
    finally:
        story.close()
    say("Done")


def _links(url: str) -> list[tuple[str, str]]:
    """Make a one-time sign-in link for each of the people whose view is worth a visit."""
    from modelops_platform.cli.home import migrated_database, read_settings
    from modelops_platform.core.actor import system_actor
    from modelops_platform.core.db import DEFAULT_WORKSPACE
    from modelops_platform.identity import queries, service

    operator = system_actor(DEFAULT_WORKSPACE, "the demonstration")
    guides = [person for person in PEOPLE if person.key in GUIDES]
    people = [(f"{person.name}, {person.title.lower()}", person.email) for person in guides]
    people.insert(0, ("Petra Admin, administrator", _admin_email()))
    with migrated_database(read_settings()) as database, database.write() as db:
        return [
            (
                words,
                f"{url}/login?link="
                + service.create_sign_in_link(db, operator, queries.get_user_by_email(db, operator, email)),
            )
            for words, email in people
        ]


@contextmanager
def _server(port: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start `modelops serve` and wait until it is ready; it is ended with this block."""
    from modelops_platform.cli.processes import bind
    from modelops_platform.client import Client, ClientError

    with bind("127.0.0.1", port) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = Path(os.environ["MODELOPS_HOME"]) / "serve.log"
    with log.open("ab") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "modelops_platform.cli", "serve", "--port", str(port)], stdout=file, stderr=file
        )
    try:
        until = time.monotonic() + READY_WITHIN_SECONDS
        with Client(url) as client:
            while True:
                try:
                    client.is_ready()
                    break
                except ClientError:
                    if server.poll() is not None or time.monotonic() > until:
                        raise Unavailable(f"The server did not start; {log} says why.") from None
                    time.sleep(0.1)
        yield server, url
    finally:
        server.terminate()
        server.wait(12)


def _wait(server: subprocess.Popen[bytes]) -> None:
    """Stay until the server ends or somebody stops us; then it drains."""

    def stop(*_signal: object) -> None:
        server.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.wait()
