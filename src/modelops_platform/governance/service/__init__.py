"""Verbs of governance: permission, rule, write, event."""

from .approvals import request_approval, vote, withdraw_request
from .assessments import assess_model, confirm_assessment, preview, why_not_confirm
from .following import catch_up
from .gate import ask, gate, must_judge, register_gates
from .policies import ensure_default_policies, publish_policy, set_enforcement
from .states import refresh_state

__all__ = [
    "ask",
    "assess_model",
    "catch_up",
    "confirm_assessment",
    "ensure_default_policies",
    "gate",
    "must_judge",
    "preview",
    "publish_policy",
    "refresh_state",
    "register_gates",
    "request_approval",
    "set_enforcement",
    "vote",
    "why_not_confirm",
    "withdraw_request",
]
