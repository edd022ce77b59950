"""The web application: the entry point that knows every room with pages or an API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from sqlalchemy import select
from starlette.routing import Mount

from modelops_platform import __version__
from modelops_platform.core.db import Database
from modelops_platform.core.settings import Settings, get_settings
from modelops_platform.identity import pages as identity_pages
from modelops_platform.identity.signin import authorise, last_used
from modelops_platform.identity.tables import Workspace
from modelops_platform.operations import api as operations_api
from modelops_platform.registry import api as registry_api
from modelops_platform.registry import pages as registry_pages
from modelops_platform.web.edge import Edge
from modelops_platform.web.errors import answer_errors
from modelops_platform.web.frame import Entry
from modelops_platform.web.render import make_templates, name_paths
from modelops_platform.web.static import serve_static

ROUTERS: list[APIRouter] = [
    operations_api.router,
    operations_api.health,
    registry_api.router,
    registry_pages.router,
    identity_pages.router,
]

FRAME = [
    Entry("Home", "home"),
    Entry("Models", "list_models", "Build"),
]


def create_app(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """Return the application over a database that is already migrated."""
    settings = settings or get_settings()
    database = database or Database.from_settings(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        last_used.write(database)
        database.dispose()

    app = FastAPI(
        title="ModelOps",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.authorise = authorise
    app.state.templates = make_templates()
    app.state.frame_entries = FRAME
    open_home(app, settings, database)
    for router in ROUTERS:
        app.router.routes.extend(router.routes)  # flat: an included router would be matched twice
    app.router.routes.append(Mount("/static", serve_static, name="static"))
    app.state.paths = name_paths(app)
    answer_errors(app)
    app.add_middleware(Edge, hosts=settings.hosts)
    return app


def open_home(app: FastAPI, settings: Settings, database: Database) -> None:
    """Give the application the installation it serves: settings, database, and what they lead to."""
    app.state.settings = settings
    app.state.database = database
    with database.read() as db:
        app.state.workspace_name = db.scalars(select(Workspace.name).order_by(Workspace.created_at)).first() or ""
