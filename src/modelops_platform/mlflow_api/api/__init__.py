"""The endpoints, by family."""

from fastapi import APIRouter

from . import (
    artifacts,
    assessments,
    evaluation,
    experiments,
    logged_models,
    metrics,
    model_versions,
    otlp,
    registered_models,
    runs,
    server,
    traces,
    webhooks,
    workspaces,
)

FAMILIES = [
    server.family,
    experiments.family,
    runs.family,
    metrics.family,
    artifacts.family,
    logged_models.family,
    registered_models.family,
    model_versions.family,
    traces.family,
    assessments.family,
    otlp.family,
    evaluation.family,
    workspaces.family,
    webhooks.family,
]

router = APIRouter()
for _family in FAMILIES:
    router.routes.extend(_family.routes)
