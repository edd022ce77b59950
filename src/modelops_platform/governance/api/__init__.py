"""JSON routes of governance, a module for each noun."""

from fastapi import APIRouter

from . import (
    approvals,
    assessments,
    compliance,
    evidence,
    findings,
    gate,
    lifecycles,
    policies,
    test_runs,
    tiers,
    validations,
    waivers,
)

ROUTERS: list[APIRouter] = [
    *gate.ROUTERS,
    *assessments.ROUTERS,
    *approvals.ROUTERS,
    *tiers.ROUTERS,
    *lifecycles.ROUTERS,
    *policies.ROUTERS,
    *compliance.ROUTERS,
    *test_runs.ROUTERS,
    *validations.ROUTERS,
    *findings.ROUTERS,
    *waivers.ROUTERS,
    *evidence.ROUTERS,
]
