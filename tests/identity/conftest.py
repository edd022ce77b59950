"""An identity provider, and the platform that trusts it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from modelops_platform.core.outgoing import outgoing_of
from modelops_platform.core.settings import Settings
from modelops_platform.identity.providers import Providers
from tests.factories import Cast
from tests.identity.provider import CLIENT, SECRET, Provider, running


@pytest.fixture
def provider() -> Iterator[Provider]:
    """An identity provider on this machine."""
    with running() as provider:
        yield provider


@pytest.fixture
def configure(app: FastAPI) -> Callable[..., None]:
    """Set the application up anew, as after a restart with other settings."""

    def change(**settings: Any) -> None:
        changed: Settings = app.state.settings.model_copy(update=settings)
        app.state.settings = changed
        app.state.providers = Providers(outgoing_of(changed))

    return change


@pytest.fixture
def company(provider: Provider, configure: Callable[..., None], cast: Cast) -> Provider:
    """The provider, as the one whom the platform trusts; somebody administers the workspace already."""
    configure(
        outgoing_allow=provider.host,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SecretStr(SECRET),
    )
    cast.person("admin")
    return provider
