"""A full disk and a limit on file sizes: told in words, reads go on, and writes too as soon as there is room."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.faults.site import Site, started

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

KIB = 1024
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
DISK_BYTES = 24 * KIB * KIB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def no_file_beyond(size: int, processes: list[psutil.Process]) -> Iterator[None]:
    """Let no file of the processes grow beyond a size."""
    for process in processes:
        process.rlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    yield
    for process in processes:
        process.rlimit(resource.RLIMIT_FSIZE, UNLIMITED)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Fill the disk to its last byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (KIB * KIB, KIB, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    yield
    filler.unlink()


def assert_only_reads_go_on(site: Site, known: str) -> None:
    refused = site.create_model()
    assert (refused.status_code, refused.json()["code"]) == (507, "no_room"), refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["remedy"]
    sent = site.upload(os.urandom(64 * KIB))
    assert (sent.status_code, sent.json()["code"]) == (507, "no_room"), sent.text
    assert site.client.get(f"/api/v1/models/{known}").status_code == 200
    assert site.client.get("/api/v1/models").status_code == 200
    assert site.client.get("/models").status_code == 200
    alive, ready, told = site.health()
    assert (alive, ready) == (200, 200)
    assert any("room" in problem for problem in told["problems"]), told


def assert_as_before(site: Site, known: str) -> None:
    assert site.create_model().status_code == 201
    sent = site.upload(content := os.urandom(64 * KIB))
    assert sent.status_code == 201, sent.text
    assert site.client.get(f"/api/v1/files/{sent.json()['sha256']}").content == content
    assert site.client.get(f"/api/v1/models/{known}").status_code == 200
    assert not list((site.home / "blobs" / "incoming").iterdir())


def test_a_limit_on_file_sizes_is_told_and_passes(tmp_path: Path) -> None:
    with started(tmp_path / "home") as site:
        known = site.create_model().json()["name"]
        with no_file_beyond(KIB, site.server.family()):
            assert_only_reads_go_on(site, known)
        assert_as_before(site, known)
        status, _seconds = site.server.end()
    assert status == 0


def test_a_full_disk_is_told_and_passes(small_disk: Path) -> None:
    with started(small_disk / "home") as site:
        known = site.create_model().json()["name"]
        with filled(small_disk):
            assert_only_reads_go_on(site, known)
        assert_as_before(site, known)
        status, _seconds = site.server.end()
    assert status == 0
