"""The tree by its properties, and by the RFC's own construction."""

from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelops_platform.events.proof.merkle import path_to, root_by, root_of

entries = st.lists(st.binary(max_size=40), min_size=1, max_size=70)


def by_the_rfc(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word by word."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + by_the_rfc(leaves[:half]) + by_the_rfc(leaves[half:])).digest()


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_the_root_is_the_one_of_the_rfc(leaves: list[bytes]) -> None:
    assert root_of(leaves) == by_the_rfc(leaves)


@given(entries, st.data())
def test_the_path_of_each_leaf_leads_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = path_to(leaves, index)
    assert len(path) <= max(1, (len(leaves) - 1).bit_length())
    assert root_by(leaves[index], index, len(leaves), path) == root_of(leaves)


@given(entries, st.binary(max_size=40), st.data())
def test_no_other_leaf_and_no_other_place_passes(leaves: list[bytes], other: bytes, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    elsewhere = data.draw(st.integers(-2, len(leaves) + 2))
    path, root = path_to(leaves, index), root_of(leaves)
    assume(other != leaves[index])
    assert root_by(other, index, len(leaves), path) != root
    if elsewhere != index:
        mirrored = not 0 <= elsewhere < len(leaves) or root_by(leaves[index], elsewhere, len(leaves), path) != root
        assert mirrored or path_to(leaves, elsewhere) == path


@given(entries, st.data())
def test_a_longer_shorter_or_changed_path_does_not_pass(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path, root = path_to(leaves, index), root_of(leaves)
    assert root_by(leaves[index], index, len(leaves), [*path, bytes(32)]) is None
    if path:
        assert root_by(leaves[index], index, len(leaves), path[:-1]) is None
        at = data.draw(st.integers(0, len(path) - 1))
        changed = [*path[:at], bytes(32), *path[at + 1 :]]
        assert root_by(leaves[index], index, len(leaves), changed) != root


@given(entries, st.binary(max_size=40), st.data())
def test_the_root_changes_with_any_change(leaves: list[bytes], other: bytes, data: st.DataObject) -> None:
    index, root = data.draw(st.integers(0, len(leaves) - 1)), root_of(leaves)
    assume(other != leaves[index])
    assert root_of([*leaves[:index], other, *leaves[index + 1 :]]) != root
    assert root_of([*leaves[:index], *leaves[index + 1 :]]) != root
    assert root_of([*leaves[:index], other, *leaves[index:]]) != root
    swapped = data.draw(st.permutations(leaves))
    assert (root_of(swapped) == root) == (swapped == leaves)


def test_a_node_does_not_pass_for_a_leaf() -> None:
    left, right = sha256(b"\x00a").digest(), sha256(b"\x00b").digest()
    assert root_of([left + right]) != root_of([b"a", b"b"])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 512])
def test_every_leaf_of_a_tree_is_proved(count: int) -> None:
    leaves = [bytes([number % 256, number // 256]) for number in range(count)]
    for index in range(count):
        assert root_by(leaves[index], index, count, path_to(leaves, index)) == root_of(leaves)
