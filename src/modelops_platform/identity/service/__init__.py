"""Verbs of identity, by noun."""

from .access import ask_for_access, decline_access, grant_access
from .actors import to_actor
from .company import remove_identity, sign_in_person
from .erasing import erase_user
from .grants import grant_role, revoke_grant
from .groups import add_group_mapping, apply_groups, remove_group_mapping
from .links import check_set_up_link, create_sign_in_link, make_set_up_link, set_up
from .preferences import choose, skip_set_up
from .proofs import spend
from .rights import must_own_account, register_object_kind
from .sessions import (
    Attempt,
    SignedIn,
    begin_attempt,
    begin_proof,
    change_password,
    confirm_attempt,
    confirm_proof,
    end_session,
    finish_sign_in,
    open_session,
    prove_again,
    sign_in_by_link,
)
from .tokens import create_token, create_token_for, revoke_token
from .trust import add_trust_rule, exchange, remove_trust_rule
from .units import create_unit, edit_unit, ensure_unit
from .users import create_user, disable_user, edit_user, enable_user, enrol
from .workspaces import ROOT_UNIT, ensure_workspace, hold_workspace, set_enforcement

__all__ = [
    "ROOT_UNIT",
    "Attempt",
    "SignedIn",
    "add_group_mapping",
    "add_trust_rule",
    "apply_groups",
    "ask_for_access",
    "begin_attempt",
    "begin_proof",
    "change_password",
    "check_set_up_link",
    "choose",
    "confirm_attempt",
    "confirm_proof",
    "create_sign_in_link",
    "create_token",
    "create_token_for",
    "create_unit",
    "create_user",
    "decline_access",
    "disable_user",
    "edit_unit",
    "edit_user",
    "enable_user",
    "end_session",
    "enrol",
    "ensure_unit",
    "ensure_workspace",
    "erase_user",
    "exchange",
    "finish_sign_in",
    "grant_access",
    "grant_role",
    "hold_workspace",
    "make_set_up_link",
    "must_own_account",
    "open_session",
    "prove_again",
    "register_object_kind",
    "remove_group_mapping",
    "remove_identity",
    "remove_trust_rule",
    "revoke_grant",
    "revoke_token",
    "set_enforcement",
    "set_up",
    "sign_in_by_link",
    "sign_in_person",
    "skip_set_up",
    "spend",
    "to_actor",
]
