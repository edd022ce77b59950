"""Starting and stopping again and again; `make soak` does it twenty times."""

from pathlib import Path

import pytest

from .restarts import restart

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_server_comes_up_healthy_however_often_it_was_stopped(tmp_path: Path) -> None:
    assert restart(tmp_path / "home", 2) == []
