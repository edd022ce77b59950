"""The setting of the tests that need a database."""

import pytest
from fastapi import FastAPI

from tests.factories import Cast

from .setting import Setting


@pytest.fixture
def bank(app: FastAPI, cast: Cast) -> Setting:
    """A bank with a registered model and one scanned version, not assessed yet."""
    setting = Setting(app, cast)
    setting.register()
    setting.add_version()
    return setting
