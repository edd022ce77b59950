"""What the contracts are checked on."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from tests.contract.furnished import House, furnish


@pytest.fixture
def house(client_as: Callable[..., TestClient], database: Database) -> House:
    """An installation with one of everything."""
    return furnish(client_as, database)
