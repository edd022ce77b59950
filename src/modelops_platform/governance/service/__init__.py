"""Verbs of governance: permission, rule, write, event."""

from .applying import APPLY, apply_granted
from .approvals import comment_on, request_approval, vote, withdraw_request
from .assessments import assess_model, confirm_assessment, preview, why_not_confirm
from .cards import write_card
from .compliance import COMPLIANCE, keep_batch, prepare_batch, recompute_all, recompute_soon
from .deadlines import keep_days, keep_time
from .delegations import delegate_votes, end_delegation
from .determinations import classify, confirm_determination, determine
from .documents import confirm_suite, publish_life_cycle, publish_questionnaire, publish_suite, why_not_confirm_suite
from .emergencies import answer_emergency, request_emergency, retrospective, settle_emergencies
from .evidence import (
    add_document,
    add_review,
    add_signature,
    add_trusted_key,
    attest,
    end_trusted_key,
    withdraw_evidence,
)
from .findings import answer_due_move, ask_due_move, raise_finding, raise_on, rate_finding, take_step
from .following import catch_up
from .gate import ask, gate, must_judge, register_gates
from .moves import move_model, move_version
from .overrides import ask_override, confirm_override, end_override, tell_expired, why_not_confirm_override
from .policies import ensure_default_policies, publish_policy, set_enforcement
from .states import refresh_state
from .steps import take_once
from .test_runs import RUN_TESTS, fail_tests, finish_tests, get_started_tests, push_results, start_tests
from .tier_deadlines import find_due, pass_time, tell_due
from .validations import (
    PRINT_VALIDATION,
    assign_validation,
    call_off_validation,
    digest_of_report,
    print_validation,
    raise_condition,
    reopen_changed,
    sign_validation,
    write_parts,
)
from .waivers import answer_waiver, renew_waiver, request_waiver, revoke_waiver
from .what_if import WHAT_IF, ask_what_if, fail_what_if, keep_what_if, work_out

__all__ = [
    "APPLY",
    "COMPLIANCE",
    "PRINT_VALIDATION",
    "RUN_TESTS",
    "WHAT_IF",
    "add_document",
    "add_review",
    "add_signature",
    "add_trusted_key",
    "answer_due_move",
    "answer_emergency",
    "answer_waiver",
    "apply_granted",
    "ask",
    "ask_due_move",
    "ask_override",
    "ask_what_if",
    "assess_model",
    "assign_validation",
    "attest",
    "call_off_validation",
    "catch_up",
    "classify",
    "comment_on",
    "confirm_assessment",
    "confirm_determination",
    "confirm_override",
    "confirm_suite",
    "delegate_votes",
    "determine",
    "digest_of_report",
    "end_delegation",
    "end_override",
    "end_trusted_key",
    "ensure_default_policies",
    "fail_tests",
    "fail_what_if",
    "find_due",
    "finish_tests",
    "gate",
    "get_started_tests",
    "keep_batch",
    "keep_days",
    "keep_time",
    "keep_what_if",
    "move_model",
    "move_version",
    "must_judge",
    "pass_time",
    "prepare_batch",
    "preview",
    "print_validation",
    "publish_life_cycle",
    "publish_policy",
    "publish_questionnaire",
    "publish_suite",
    "push_results",
    "raise_condition",
    "raise_finding",
    "raise_on",
    "rate_finding",
    "recompute_all",
    "recompute_soon",
    "refresh_state",
    "register_gates",
    "renew_waiver",
    "reopen_changed",
    "request_approval",
    "request_emergency",
    "request_waiver",
    "retrospective",
    "revoke_waiver",
    "set_enforcement",
    "settle_emergencies",
    "sign_validation",
    "start_tests",
    "take_once",
    "take_step",
    "tell_due",
    "tell_expired",
    "vote",
    "why_not_confirm",
    "why_not_confirm_override",
    "why_not_confirm_suite",
    "withdraw_evidence",
    "withdraw_request",
    "work_out",
    "write_card",
    "write_parts",
]
