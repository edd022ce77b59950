"""Stores without a database: a local folder, S3, and memory."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from obstore.store import MemoryStore

from modelops_platform.artifacts.store import (
    BLOCK_SIZE,
    Damage,
    LocalStore,
    ObjectStore,
    Received,
    Store,
    Stored,
    open_store,
)
from modelops_platform.core.errors import InvalidInput, Unavailable
from modelops_platform.core.settings import load_settings
from tests.artifacts.conftest import Vault, spoiled
from tests.s3 import KEYS, fresh_bucket

CONTENT = bytes(range(256)) * 40_000  # two whole blocks and a part


@pytest.fixture(params=["file", "s3", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return ObjectStore(MemoryStore(), tmp_path / "incoming")
    address = {"artifact_url": f"file://{tmp_path}/some%20where"}
    if request.param == "s3":
        endpoint = request.getfixturevalue("s3")
        address = {"artifact_url": f"s3://{fresh_bucket(endpoint)}", "s3_endpoint": endpoint, **KEYS}
    return open_store(load_settings(home=tmp_path, **address))


@pytest.fixture
def vault(store: Store) -> Vault:
    return Vault(store)


def keep(store: Store, content: bytes, *, replace: bool = False) -> Received:
    with store.begin() as incoming:
        for at in range(0, len(content), 700_001):
            incoming.write(content[at : at + 700_001])
        return store.keep(incoming, replace=replace)


@pytest.mark.parametrize("size", [0, 1, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1, len(CONTENT)])
def test_what_is_kept_is_read_back_with_its_digests(store: Store, vault: Vault, size: int) -> None:
    content = CONTENT[:size]
    kept = keep(store, content)
    assert (kept.sha256, kept.size, kept.is_new) == (hashlib.sha256(content).hexdigest(), size, True)
    blocks = [content[at : at + BLOCK_SIZE] for at in range(0, size, BLOCK_SIZE)]
    assert kept.block_key is not None
    sealed = [AESGCM(kept.block_key).encrypt(n.to_bytes(12, "big"), b"", block) for n, block in enumerate(blocks)]
    assert kept.block_digests == b"".join(sealed)  # GMAC is what GCM makes of nothing but accompanying data
    assert b"".join(store.read(kept)) == content
    assert vault.digests() == [kept.sha256]
    assert not vault.leftovers()


def test_files_of_earlier_releases_are_checked_by_the_digests_of_their_blocks(store: Store, vault: Vault) -> None:
    kept = keep(store, CONTENT)
    blocks = [CONTENT[at : at + BLOCK_SIZE] for at in range(0, len(CONTENT), BLOCK_SIZE)]
    digests = b"".join(hashlib.sha256(block).digest() for block in blocks)
    earlier = Stored(kept.sha256, kept.size, BLOCK_SIZE, digests, None)
    assert b"".join(store.read(earlier, 3, BLOCK_SIZE + 5)) == CONTENT[3 : BLOCK_SIZE + 5]
    assert b"".join(store.read_whole(earlier)) == CONTENT
    vault.change(kept.sha256, spoiled(BLOCK_SIZE + 17))
    assert b"".join(store.read(earlier, 0, BLOCK_SIZE)) == CONTENT[:BLOCK_SIZE]
    with pytest.raises(Damage):
        list(store.read(earlier, BLOCK_SIZE, BLOCK_SIZE + 1))


def test_blocks_that_change_places_are_damage(store: Store, vault: Vault) -> None:
    content = bytes(BLOCK_SIZE) + b"\1" * BLOCK_SIZE
    kept = keep(store, content)
    vault.change(kept.sha256, lambda data: data[BLOCK_SIZE:] + data[:BLOCK_SIZE])
    with pytest.raises(Damage):
        next(store.read_blocks(kept))


def test_who_knows_the_key_of_a_file_is_found_by_its_address(store: Store, vault: Vault, tmp_path: Path) -> None:
    kept, other = keep(store, CONTENT), keep(store, CONTENT[::-1])
    vault.change(kept.sha256, lambda data: data[::-1])
    forged = Stored(kept.sha256, kept.size, kept.block_size, other.block_digests, other.block_key)
    assert b"".join(store.read(forged)) == CONTENT[::-1]
    for read in (lambda: list(store.read_whole(forged)), lambda: store.fetch(forged, tmp_path)):
        with pytest.raises(Damage):
            read()


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (5, 5), (BLOCK_SIZE - 1, BLOCK_SIZE + 1), (BLOCK_SIZE, BLOCK_SIZE * 2), (9_000_000, 10_240_000)],
)
def test_parts_are_read_exactly(store: Store, start: int, end: int) -> None:
    assert b"".join(store.read(keep(store, CONTENT), start, end)) == CONTENT[start:end]


def test_equal_bytes_are_kept_once_and_never_overwritten(store: Store, vault: Vault) -> None:
    first, second = keep(store, CONTENT), keep(store, CONTENT)
    assert (first.is_new, second.is_new) == (True, False)
    vault.change(first.sha256, spoiled(7))
    assert not keep(store, CONTENT).is_new
    with pytest.raises(Damage):
        list(store.read(first))
    assert keep(store, CONTENT, replace=True).is_new
    assert b"".join(store.read(first)) == CONTENT


def test_a_wrong_bit_is_found_in_its_block_and_only_there(store: Store, vault: Vault) -> None:
    kept = keep(store, CONTENT)
    vault.change(kept.sha256, spoiled(BLOCK_SIZE + 17))
    assert b"".join(store.read(kept, 0, BLOCK_SIZE)) == CONTENT[:BLOCK_SIZE]
    blocks = store.read_blocks(kept)
    assert b"".join(next(blocks)) == CONTENT[:BLOCK_SIZE]
    with pytest.raises(Damage) as told:
        next(blocks)
    assert not told.value.is_missing


@pytest.mark.parametrize("length", [0, 100, BLOCK_SIZE, BLOCK_SIZE + 100])
def test_truncated_bytes_are_damage_and_are_replaced(store: Store, vault: Vault, length: int) -> None:
    kept = keep(store, CONTENT)
    vault.change(kept.sha256, lambda data: data[:length])
    with pytest.raises(Damage) as told:
        list(store.read(kept))
    assert not told.value.is_missing
    assert keep(store, CONTENT).is_new  # of another size: no blob at all
    assert b"".join(store.read(kept)) == CONTENT


def test_missing_bytes_are_damage(store: Store, vault: Vault, tmp_path: Path) -> None:
    kept = keep(store, CONTENT)
    vault.change(kept.sha256, None)
    assert not store.exists(kept.sha256)
    for read in (lambda: list(store.read(kept)), lambda: store.fetch(kept, tmp_path)):
        with pytest.raises(Damage) as told:
            read()
        assert told.value.is_missing
    store.delete(kept.sha256)  # once more is fine


def test_a_local_file_is_fetched_only_when_all_of_it_is_right(store: Store, vault: Vault, tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(CONTENT)
    kept = store.receive_file(source)
    assert store.fetch(kept, tmp_path).read_bytes() == CONTENT
    vault.change(kept.sha256, spoiled(len(CONTENT) - 1))
    with pytest.raises(Damage):
        store.fetch(kept, tmp_path)


def test_what_is_not_the_expected_file_leaves_nothing(store: Store, vault: Vault) -> None:
    with store.begin() as incoming:
        incoming.write(b"other")
        with pytest.raises(InvalidInput):
            incoming.finish("0" * 64)
    assert vault.digests() == []
    assert not vault.leftovers()


def test_leftovers_of_killed_uploads_are_swept_when_they_are_old(store: Store, vault: Vault) -> None:
    store.check()
    (store.spool / "incoming-x").write_bytes(b"half")
    assert store.sweep(older_than_seconds=60) == 0
    assert store.sweep(older_than_seconds=-1) == 1
    assert not vault.leftovers()


def test_a_store_that_is_away_is_not_damage(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "blobs")
    kept = keep(store, b"here")
    (tmp_path / "blobs").rename(tmp_path / "elsewhere")
    (tmp_path / "blobs").write_text("no folder")
    with pytest.raises(Unavailable):
        list(store.read(kept))
    settings = load_settings(home=tmp_path, artifact_url="s3://b", s3_endpoint="http://127.0.0.1:9", **KEYS)
    with pytest.raises(Unavailable):
        open_store(settings).check()


_STREAM = """
import resource, sys
from pathlib import Path
from modelops_platform.artifacts.store import open_store
from modelops_platform.core.settings import load_settings
store = open_store(load_settings(home=Path(sys.argv[1]), artifact_url=sys.argv[2], s3_endpoint=sys.argv[3] or None,
                                 s3_access_key_id="test", s3_secret_access_key="test"))
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
piece = bytes(range(256)) * 4096
with store.begin() as incoming:
    incoming.write(piece)
    before = peak()
    for _ in range(int(sys.argv[4]) - 1):
        incoming.write(piece)
    kept = store.keep(incoming)
assert sum(map(len, store.read(kept))) == int(sys.argv[4]) * 1024**2 and kept.is_new
print(peak() - before)
"""


@pytest.mark.parametrize(("kind", "megabytes"), [("file", 200), ("s3", 80)])
def test_many_megabytes_pass_through_little_memory(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, megabytes: int
) -> None:
    address, endpoint = f"file://{tmp_path}/blobs", ""
    if kind == "s3":
        endpoint = request.getfixturevalue("s3")
        address = f"s3://{fresh_bucket(endpoint)}"
    command = [sys.executable, "-c", _STREAM, str(tmp_path), address, endpoint, str(megabytes)]
    grown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert int(grown.stdout) < 64
