"""Verbs of identity, by noun."""

from .actors import to_actor
from .grants import grant_role, revoke_grant
from .links import check_set_up_link, create_sign_in_link, make_set_up_link, set_up
from .rights import register_object_kind
from .sessions import (
    Attempt,
    SignedIn,
    begin_attempt,
    change_password,
    confirm_attempt,
    end_session,
    finish_sign_in,
    open_session,
    sign_in_by_link,
)
from .tokens import create_token, create_token_for, revoke_token
from .units import create_unit, edit_unit, ensure_unit
from .users import create_user, disable_user, edit_user, enable_user, enrol
from .workspaces import ROOT_UNIT, ensure_workspace, set_enforcement

__all__ = [
    "ROOT_UNIT",
    "Attempt",
    "SignedIn",
    "begin_attempt",
    "change_password",
    "check_set_up_link",
    "confirm_attempt",
    "create_sign_in_link",
    "create_token",
    "create_token_for",
    "create_unit",
    "create_user",
    "disable_user",
    "edit_unit",
    "edit_user",
    "enable_user",
    "end_session",
    "enrol",
    "ensure_unit",
    "ensure_workspace",
    "finish_sign_in",
    "grant_role",
    "make_set_up_link",
    "open_session",
    "register_object_kind",
    "revoke_grant",
    "revoke_token",
    "set_enforcement",
    "set_up",
    "sign_in_by_link",
    "to_actor",
]
