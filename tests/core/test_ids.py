import threading
import uuid

import pytest
import uuid_utils

from modelops_platform.core import ids


def test_ids_go_on_rising_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [ids.new_id() for _ in range(50)]
    an_hour_before = int(before[-1][:8] + before[-1][9:13], 16) - 3_600_000
    original = uuid_utils.uuid7
    monkeypatch.setattr(uuid_utils, "uuid7", lambda: original(nanoseconds=an_hour_before * 1_000_000))
    after = [ids.new_id() for _ in range(50)]
    assert before + after == sorted(before + after)
    assert {(uuid.UUID(made).version, uuid.UUID(made).variant) for made in after} == {(7, uuid.RFC_4122)}


def test_ids_of_many_threads_are_never_equal() -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(ids.new_id() for _ in range(2_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8_000
