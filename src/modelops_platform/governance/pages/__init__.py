"""Pages of governance."""

from fastapi import APIRouter

from . import approvals, evidence, policies, risk

ROUTERS: list[APIRouter] = [risk.router, evidence.router, approvals.router, policies.router]
