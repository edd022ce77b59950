"""What people install: the locks, and a wheel that works where the source tree is not."""

import os
import re
import socket
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tools.setup import pip

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")


def locked(name: str) -> dict[str, str]:
    """Each requirement of a lock (name, version, marker) with the text of its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = (line.partition("--hash=") for line in text.splitlines() if line.strip())
    return {requirement.strip(): mark + hashes for requirement, mark, hashes in entries}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_is_exact_and_hashed(name: str) -> None:
    for requirement, hashes in locked(name).items():
        assert re.match(r"[a-z0-9-]+==[\w.+!]+( ;.*)?$", requirement), requirement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", hashes), requirement


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_registry(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^--?(i|index|extra|find|trusted)", text, re.MULTILINE)


def test_tests_run_what_people_install() -> None:
    assert locked(LOCKS[0]).items() <= locked(LOCKS[1]).items()


def test_the_build_backend_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["build-system"]["requires"]) <= set(locked(LOCKS[0]))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the locked backend, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds nothing but the installed wheel, far from the source tree."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    return folder


def test_the_wheel_holds_every_packed_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.endswith("/")}
    for folder in ("templates", "static", "migrations"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        assert files, folder
        missing = {str(path.relative_to(ROOT)) for path in files} - {
            name.removeprefix("modelops_platform/") for name in packed
        }
        assert not missing
    assert "modelops_platform/py.typed" in packed
    assert not {name for name in packed if not re.match(r"modelops_platform(-[\w.]+\.dist-info)?/", name)}


def test_the_wheel_names_command_and_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        entries = {Path(name).name: name for name in archive.namelist() if ".dist-info/" in name}
        assert b"modelops = modelops_platform.cli:app" in archive.read(entries["entry_points.txt"])
        assert b"License-Expression: Apache-2.0" in archive.read(entries["METADATA"])
    assert "LICENSE" in entries


def test_an_installed_platform_opens_a_page_away_from_its_source(installed: Path, tmp_path: Path) -> None:
    """Serve from the wheel, in another folder, with the source tree out of sight; look at a page and what it links."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MODELOPS_", "PYTHON"))}
    environment |= {"PYTHONPATH": str(installed), "MODELOPS_HOME": str(tmp_path / "home")}
    look = subprocess.run(
        [sys.executable, "-c", _LOOK, str(port), str(installed / "bin" / "modelops")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert look.returncode == 0, look.stdout + look.stderr
    assert str(installed) in look.stdout  # not the source tree


_LOOK = """
import re, subprocess, sys, time
from urllib.request import urlopen
import modelops_platform

port, modelops = sys.argv[1:]
here = f"http://127.0.0.1:{port}"


def until_ready():
    for _ in range(300):
        try:
            return urlopen(here + "/readyz", timeout=5)
        except OSError:  # not there yet, or slow on a busy machine
            if server.poll() is not None:
                sys.exit(f"the server ended with {server.returncode}")
            time.sleep(0.2)
    sys.exit("the server did not become ready")


server = subprocess.Popen([modelops, "serve", "--host", "127.0.0.1", "--port", port])
try:
    until_ready()
    page = urlopen(here + "/login", timeout=10).read().decode()
    assert "<main" in page and "Set up" in page, page  # a new installation leads to its set-up
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert any(".css" in link for link in links), page
    for link in links:
        assert urlopen(here + link, timeout=10).read(), link
finally:
    server.terminate()
    ended = server.wait(timeout=20)
assert ended == 0, f"SIGTERM ended the server with {ended}"
print(modelops_platform.__file__)
"""
