"""Pages of governance."""

from fastapi import APIRouter

from . import (
    approvals,
    coming,
    compliance,
    decided,
    evidence,
    findings,
    lifecycles,
    policies,
    records,
    risk,
    test_runs,
    validations,
    waivers,
    work,
)

ROUTERS: list[APIRouter] = [
    risk.router,
    decided.router,
    lifecycles.router,
    evidence.router,
    approvals.router,
    policies.router,
    compliance.router,
    coming.router,
    test_runs.router,
    validations.router,
    findings.router,
    waivers.router,
    records.router,
    work.router,
]
