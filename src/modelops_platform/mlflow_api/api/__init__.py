"""The endpoints, by family."""

from fastapi import APIRouter

from . import experiments, metrics, runs, server

FAMILIES = [server.family, experiments.family, runs.family, metrics.family]

router = APIRouter()
for _family in FAMILIES:
    router.routes.extend(_family.routes)
