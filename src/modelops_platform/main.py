"""The web application: the entry point that knows every room with pages or an API."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from sqlalchemy import select
from starlette.routing import Mount

from modelops_platform import __version__
from modelops_platform.artifacts import api as artifacts_api
from modelops_platform.artifacts import pages as artifacts_pages
from modelops_platform.core.actor import Permission
from modelops_platform.core.db import Database
from modelops_platform.core.schema import is_current
from modelops_platform.core.settings import Settings, get_settings
from modelops_platform.deployments import api as deployments_api
from modelops_platform.deployments import pages as deployments_pages
from modelops_platform.governance import api as governance_api
from modelops_platform.governance import pages as governance_pages
from modelops_platform.governance import service as governance
from modelops_platform.identity import api as identity_api
from modelops_platform.identity import pages as identity_pages
from modelops_platform.identity import service as identity
from modelops_platform.identity.signin import authorise, last_used
from modelops_platform.identity.tables import Workspace
from modelops_platform.monitoring import api as monitoring_api
from modelops_platform.monitoring import pages as monitoring_pages
from modelops_platform.operations import api as operations_api
from modelops_platform.operations import pages as operations_pages
from modelops_platform.pipelines import api as pipelines_api
from modelops_platform.pipelines import pages as pipelines_pages
from modelops_platform.registry import api as registry_api
from modelops_platform.registry import pages as registry_pages
from modelops_platform.registry.tables import Model
from modelops_platform.reporting import api as reporting_api
from modelops_platform.reporting import pages as reporting_pages
from modelops_platform.web.application import Application
from modelops_platform.web.errors import answer_errors
from modelops_platform.web.frame import Entry, Tab
from modelops_platform.web.render import make_templates, name_paths
from modelops_platform.web.static import serve_static

ROUTERS: list[APIRouter] = [
    *operations_api.ROUTERS,
    *operations_pages.ROUTERS,
    *registry_api.ROUTERS,
    *registry_pages.ROUTERS,
    artifacts_api.router,
    artifacts_pages.router,
    *deployments_api.ROUTERS,
    deployments_pages.router,
    *monitoring_api.ROUTERS,
    monitoring_pages.router,
    *governance_api.ROUTERS,
    *governance_pages.ROUTERS,
    *pipelines_api.ROUTERS,
    pipelines_pages.router,
    reporting_api.router,
    reporting_pages.router,
    *identity_api.ROUTERS,
    identity_pages.router,
]

FRAME = [
    Entry("Home", "home"),
    Entry("Portfolio", "show_portfolio"),
    Entry("Models", "list_models", "Build"),
    Entry("Use cases", "list_use_cases", "Build"),
    Entry("Data sets", "list_data_sets", "Build"),
    Entry("Recipes", "list_recipes", "Build"),
    Entry("Deployments", "list_deployments", "Run"),
    Entry("Monitoring", "show_monitoring", "Run", count_route="count_alerts"),
    Entry("Jobs", "list_jobs", "Run", Permission.VIEW_JOBS),
    Entry("Approvals", "list_approvals", "Govern", count_route="count_approvals"),
    Entry("Policies", "list_policies", "Govern"),
    Entry("Audit", "list_events", "Govern", Permission.VIEW_AUDIT),
    Entry("Environments", "list_environments", "Administer", Permission.MANAGE_ENVIRONMENTS),
    Entry("Enforcement", "show_enforcement", "Administer", Permission.SET_ENFORCEMENT),
    Entry("Fields", "list_fields", "Administer", Permission.MANAGE_FIELDS),
    Entry("People and rights", "show_administration", "Administer", Permission.VIEW_AUDIT),
]

MODEL_TABS = [
    Tab("Overview", "show_model"),
    Tab("Versions", "list_versions"),
    Tab("Governance", "show_model_governance"),
    Tab("Monitoring", "show_model_monitoring"),
    Tab("Deployments", "show_model_deployments"),
    Tab("Recipes", "show_model_recipes"),
    Tab("Activity", "show_activity"),
]
VERSION_TABS = [
    Tab("Overview", "show_version"),
    Tab("Evidence", "show_evidence"),
    Tab("Lineage", "show_lineage"),
]


def create_app(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """Return the application over a database that is already migrated."""
    settings = settings or get_settings()
    database = database or Database.from_settings(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        stop = threading.Event()
        writer = threading.Thread(target=last_used.keep_writing, args=(database, stop), name="last-used")
        writer.start()
        yield
        stop.set()
        writer.join()
        last_used.write(database)
        database.dispose()

    app = Application(
        hosts=settings.hosts,
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
    app.state.templates.globals |= {"model_tabs": MODEL_TABS, "version_tabs": VERSION_TABS}
    app.state.frame_entries = FRAME
    identity.register_object_kind(Model)
    governance.register_gates()
    open_home(app, settings, database)
    app.router.routes.append(Mount("/static", serve_static, name="static"))
    for router in ROUTERS:
        app.router.routes.extend(router.routes)  # flat: an included router would be matched twice
    app.state.paths = name_paths(app)
    answer_errors(app)
    return app


def open_home(app: FastAPI, settings: Settings, database: Database) -> None:
    """Give the application the installation it serves: settings, database, and what they lead to."""
    app.state.settings = settings
    app.state.database = database
    with database.read() as db:  # `modelops web` also starts, not ready, while migrations are pending
        name = select(Workspace.name).order_by(Workspace.created_at)
        app.state.workspace_name = (db.scalars(name).first() or "") if is_current(db) else ""
