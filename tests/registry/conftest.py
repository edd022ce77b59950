"""What the tests of the inventory share."""

import pytest

from modelops_platform.core import gates


@pytest.fixture
def open_gate(monkeypatch: pytest.MonkeyPatch) -> list[gates.Transition]:
    """Let every alias move pass, and remember what was asked."""
    asked: list[gates.Transition] = []
    monkeypatch.setattr(gates, "_gates", {"alias.set": [lambda _db, transition: asked.append(transition)]})
    return asked
