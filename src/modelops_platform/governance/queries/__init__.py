"""Reads of governance; what is asked about a model starts from what the actor may see."""

from .approvals import (
    Seen,
    count_open,
    count_waiting_for,
    get_request,
    list_waiting,
    look_at,
    page_requests,
    standing_vote,
    state_of,
    voter_of,
    why_not,
)
from .assessments import (
    assessment_history,
    find_assessment,
    find_involved,
    find_reviewers,
    get_assessment,
    is_in_force,
    page_assessments,
)
from .changes import Change, find_changes
from .decisions import answer, get_decision, judge, page_decisions
from .facts import Case, covers_of, gather, gather_all
from .policies import (
    enforcement_mode,
    get_policy,
    list_enforcement_changes,
    list_policies,
    list_policy_versions,
    parse,
    policies_in_force,
    shipped_policies,
)
from .states import States, find_states
from .targets import find_target, guarded_targets, protected_environments, target_of

__all__ = [
    "Case",
    "Change",
    "Seen",
    "States",
    "answer",
    "assessment_history",
    "count_open",
    "count_waiting_for",
    "covers_of",
    "enforcement_mode",
    "find_assessment",
    "find_changes",
    "find_involved",
    "find_reviewers",
    "find_states",
    "find_target",
    "gather",
    "gather_all",
    "get_assessment",
    "get_decision",
    "get_policy",
    "get_request",
    "guarded_targets",
    "is_in_force",
    "judge",
    "list_enforcement_changes",
    "list_policies",
    "list_policy_versions",
    "list_waiting",
    "look_at",
    "page_assessments",
    "page_decisions",
    "page_requests",
    "parse",
    "policies_in_force",
    "protected_environments",
    "shipped_policies",
    "standing_vote",
    "state_of",
    "target_of",
    "voter_of",
    "why_not",
]
