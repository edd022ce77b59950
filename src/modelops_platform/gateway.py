"""The inference process: the entry point that serves what deployments answer, and nothing else."""

from fastapi import FastAPI

from modelops_platform.core.db import Database
from modelops_platform.core.settings import Settings
from modelops_platform.deployments.api import INFERENCE
from modelops_platform.main import create_app
from modelops_platform.operations.api import HEALTH

ROUTERS = [*HEALTH, *INFERENCE]


def create_gateway(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """Return the web application with the inference and health routes alone: same sign-in, rights and limits."""
    return create_app(settings, database, only=ROUTERS)
