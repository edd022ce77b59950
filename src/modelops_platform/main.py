"""The web application: the entry point that knows every room with pages or an API."""

import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.routing import Mount

from modelops_platform import __version__
from modelops_platform.artifacts import api as artifacts_api
from modelops_platform.artifacts import pages as artifacts_pages
from modelops_platform.core.actor import Permission
from modelops_platform.core.db import WEB_PATIENCE_SECONDS, Database
from modelops_platform.core.keys import load_keys
from modelops_platform.core.outgoing import outgoing_of
from modelops_platform.core.settings import Settings, get_settings
from modelops_platform.deployments import api as deployments_api
from modelops_platform.deployments import pages as deployments_pages
from modelops_platform.deployments import service as deployments
from modelops_platform.governance import api as governance_api
from modelops_platform.governance import pages as governance_pages
from modelops_platform.governance import service as governance
from modelops_platform.governance.queries import (
    get_emergency,
    get_evidence,
    get_finding,
    get_request,
    get_test_run,
    get_validation,
    get_waiver,
)
from modelops_platform.identity import api as identity_api
from modelops_platform.identity import pages as identity_pages
from modelops_platform.identity import service as identity
from modelops_platform.identity.providers import Providers
from modelops_platform.identity.signin import authorise, last_used
from modelops_platform.mlflow_api import api as mlflow_api
from modelops_platform.mlflow_api import envelope
from modelops_platform.monitoring import api as monitoring_api
from modelops_platform.monitoring import pages as monitoring_pages
from modelops_platform.monitoring.queries import get_alert
from modelops_platform.notifications import api as notifications_api
from modelops_platform.notifications import pages as notifications_pages
from modelops_platform.operations import api as operations_api
from modelops_platform.operations import pages as operations_pages
from modelops_platform.pipelines import api as pipelines_api
from modelops_platform.pipelines import pages as pipelines_pages
from modelops_platform.pipelines.queries import get_recipe
from modelops_platform.registry import api as registry_api
from modelops_platform.registry import pages as registry_pages
from modelops_platform.registry.tables import Model
from modelops_platform.reporting import api as reporting_api
from modelops_platform.reporting import pages as reporting_pages
from modelops_platform.tracking import api as tracking_api
from modelops_platform.tracking import pages as tracking_pages
from modelops_platform.tracking.tables import Experiment
from modelops_platform.web.application import Application
from modelops_platform.web.errors import answer_errors
from modelops_platform.web.flash import flash_key
from modelops_platform.web.frame import Action, Entry, Tab, ThingPage
from modelops_platform.web.render import make_templates, name_paths
from modelops_platform.web.static import serve_static

ROUTERS: list[APIRouter] = [
    *operations_api.ROUTERS,
    *operations_pages.ROUTERS,
    *registry_api.ROUTERS,
    *registry_pages.ROUTERS,
    *artifacts_api.ROUTERS,
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
    *notifications_api.ROUTERS,
    notifications_pages.router,
    *identity_api.ROUTERS,
    identity_pages.router,
    tracking_api.router,
    *tracking_pages.ROUTERS,
    mlflow_api.router,
]

FRAME = [
    Entry("Home", "home", key="h"),
    Entry("Portfolio", "show_portfolio", key="p"),
    Entry("Models", "list_models", "Build", key="m", covers=("/register", "/compare", "/archived-models")),
    Entry("Experiments", "list_experiments", "Build", key="x", covers=("/runs", "/logged-models")),
    Entry("Traces", "list_traces", "Build", key="t"),
    Entry("Prompts", "list_prompts", "Build"),
    Entry("Evaluation sets", "list_evaluation_sets", "Build"),
    Entry("Use cases", "list_use_cases", "Build", key="u", covers=("/add-use-case",)),
    Entry("Data sets", "list_data_sets", "Build", key="s", covers=("/record-data-set",)),
    Entry("Recipes", "list_recipes", "Build", key="r", covers=("/create-recipe", "/training-runs")),
    Entry("Deployments", "list_deployments", "Run", key="d", covers=("/deploy",)),
    Entry("Monitoring", "show_monitoring", "Run", count_route="count_alerts", key="o", covers=("/alerts", "/points")),
    Entry("Jobs", "list_jobs", "Run", Permission.VIEW_JOBS, key="j", covers=("/schedules",)),
    Entry("My work", "show_work", "Govern", count_route="count_work", key="w", covers=("/delegations",)),
    Entry("Approvals", "list_approvals", "Govern", count_route="count_approvals", key="a", covers=("/decisions",)),
    Entry("Findings", "list_findings", "Govern", key="f", covers=("/raise-finding", "/waivers", "/emergencies")),
    Entry("Compliance", "show_compliance", "Govern", key="c"),
    Entry("Coming up", "show_coming", "Govern", key="n"),
    Entry("Life cycles", "list_life_cycles", "Govern", key="e", covers=("/life-cycle-editor",)),
    Entry(
        "Policies",
        "list_policies",
        "Govern",
        key="y",
        covers=("/policy-editor", "/what-ifs", "/questionnaires", "/questionnaire-editor"),
    ),
    Entry("Audit", "list_events", "Govern", Permission.VIEW_AUDIT, key="l", covers=("/log",)),
    Entry(
        "Access requests",
        "list_access_requests",
        "Administer",
        Permission.MANAGE_USERS,
        count_route="count_access_requests",
    ),
    Entry("Environments", "list_environments", "Administer", Permission.MANAGE_ENVIRONMENTS),
    Entry("Trusted keys", "list_trusted_keys", "Administer", Permission.MANAGE_ENVIRONMENTS),
    Entry("Enforcement", "show_enforcement", "Administer", Permission.SET_ENFORCEMENT),
    Entry("Storage", "show_storage", "Administer", Permission.VIEW_STORAGE),
    Entry("Fields", "list_fields", "Administer", Permission.MANAGE_FIELDS),
    Entry("Webhooks", "list_webhooks", "Administer", Permission.MANAGE_WEBHOOKS),
    Entry("People and rights", "show_administration", "Administer", Permission.VIEW_AUDIT),
    Entry("Set-up", "show_welcome", "Administer", Permission.MANAGE_USERS),
]

ACTIONS = [
    Action("Register a model", "show_register", Permission.REGISTER_MODEL),
    Action("Record a data set", "show_record_data_set", Permission.MANAGE_DATA_SETS),
    Action("Add a use case", "show_add_use_case", Permission.MANAGE_USE_CASES),
    Action("Add a person or service account", "show_new_user", Permission.MANAGE_USERS),
    Action("Make an API token", "show_profile", Permission.MANAGE_OWN_ACCOUNT),
    Action("Change my preferences", "show_profile", Permission.MANAGE_OWN_ACCOUNT),
    Action("Read my notifications", "list_notifications"),
    Action("Choose what I am notified of", "show_notification_settings", Permission.MANAGE_OWN_ACCOUNT),
    Action("Request access", "show_request_access"),
    Action("Look at archived models", "list_archived_models"),
    Action("Look at the test suites", "list_suites"),
    Action("Help", "show_help"),
]

# Where what somebody was told of has its page, by event or by thing.
THING_PAGES = {
    "access.declined": ThingPage("show_request_access"),
    "access.granted": ThingPage("show_request_access"),
    "access.requested": ThingPage("list_access_requests"),
    "alert": ThingPage("show_alert", "alert_id", get_alert),
    "approval_request": ThingPage("show_approval", "id", get_request),
    "emergency": ThingPage("show_emergency", "id", get_emergency),
    "evidence": ThingPage("show_record", "id", get_evidence),
    "finding": ThingPage("show_finding", "id", get_finding),
    "test_run": ThingPage("show_test_run", "run_id", get_test_run),
    "validation": ThingPage("show_validation", "validation_id", get_validation),
    "waiver": ThingPage("show_waiver", "id", get_waiver),
    "recipe": ThingPage("show_recipe", "recipe_id", get_recipe),
}

MODEL_TABS = [
    Tab("Overview", "show_model"),
    Tab("Versions", "list_versions"),
    Tab("Governance", "show_model_governance"),
    Tab("Tests", "show_model_tests"),
    Tab("Validation", "show_model_validation"),
    Tab("Findings", "show_model_findings"),
    Tab("Monitoring", "show_model_monitoring"),
    Tab("Deployments", "show_model_deployments"),
    Tab("Recipes", "show_model_recipes"),
    Tab("Activity", "show_activity"),
]
VERSION_TABS = [
    Tab("Overview", "show_version"),
    Tab("Evidence", "show_evidence"),
    Tab("Files", "show_files"),
    Tab("Lineage", "show_lineage"),
]


def create_app(
    settings: Settings | None = None, database: Database | None = None, *, only: Sequence[APIRouter] = ()
) -> FastAPI:
    """Return the application over a database that is already migrated; `only` these routes, which answer JSON."""
    settings = settings or get_settings()
    database = database or Database.from_settings(settings, patience=WEB_PATIENCE_SECONDS)

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
    app.state.actions = ACTIONS
    app.state.thing_pages = THING_PAGES
    app.state.problem_shapes = [(envelope.PREFIXES, envelope.show_error)]
    app.state.has_pages = not only
    identity.register_object_kind(Model)
    identity.register_object_kind(Experiment)
    governance.register_gates()
    deployments.register_gates()
    open_home(app, settings, database)
    if not only:
        app.router.routes.append(Mount("/static", serve_static, name="static"))
    for router in only or ROUTERS:
        app.router.routes.extend(router.routes)  # flat: an included router would be matched twice
    app.state.paths = name_paths(app)
    answer_errors(app)
    return app


def open_home(app: FastAPI, settings: Settings, database: Database) -> None:
    """Give the application the installation it serves: settings, database, and what they lead to."""
    app.state.settings = settings
    app.state.database = database
    app.state.flash_key = flash_key(load_keys(settings.keys_folder).events)
    app.state.providers = Providers(outgoing_of(settings))
