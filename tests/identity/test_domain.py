"""Rules of rights, passwords, addresses and where a sign-in may lead."""

import runpy

import pytest

from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.identity import passwords
from modelops_platform.identity.domain import (
    PERMISSIONS,
    ROLE_WORDS,
    SCOPE_WORDS,
    SCOPES,
    Role,
    Scope,
    allowed,
    checked_email,
    checked_label,
    checked_password,
    may_give,
    network_of,
    own_path,
)


@pytest.mark.parametrize("path", ["/", "/models", "/models/a%2Fb?tab=card&q=a//b", "/models/größe"])
def test_a_path_of_this_site_is_kept(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "models",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/%2Fevil.example",
        "/%252Fevil.example",
        "/%5Cevil.example",
        "%2F%2Fevil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/%09/evil.example",
        "/login?next=/",
        "/logout",
        "/" + "a" * 3000,
        "http:/evil.example",
        "/\x7f",
    ],
)
def test_anything_that_may_lead_elsewhere_is_dropped(path: str | None) -> None:
    assert own_path(path) is None


def test_passwords_are_12_to_256_characters_of_any_kind() -> None:
    assert checked_password("пароль из слов 🐎") == "пароль из слов 🐎"
    assert checked_password(" " * 12) == " " * 12
    for wrong in ("", "a" * 11, "a" * 257):
        with pytest.raises(InvalidInput) as refused:
            checked_password(wrong)
        assert wrong == "" or wrong not in str(refused.value.details) + refused.value.message


def test_the_same_password_typed_composed_or_decomposed_is_the_same() -> None:
    assert checked_password("ein schöner Tag") == checked_password("ein scho\u0308ner Tag")


@pytest.mark.parametrize(
    "wrong", ["", "maria", "@x.org", "a@", "a@b@c", "a b@c.org", "a@b..c", "a\n@b.org", "a@" + "b" * 260]
)
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput):
        checked_email(wrong)


def test_addresses_are_kept_in_lower_case_and_take_any_unicode() -> None:
    assert checked_email(" Maria@Bücher.Example ") == "maria@bücher.example"


@pytest.mark.parametrize("wrong", ["", "a" * 201, "two\nlines", "bell\x07", "turned \u202e around"])
def test_names_are_one_visible_line(wrong: str) -> None:
    with pytest.raises(InvalidInput):
        checked_label(wrong)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("testclient", "testclient"),
    ],
)
def test_ipv6_callers_are_counted_by_their_network(address: str | None, network: str) -> None:
    assert network_of(address) == network


def test_an_administrator_appoints_approvers_but_cannot_become_one() -> None:
    admin = PERMISSIONS[Role.ADMIN]
    for role in Role:
        assert may_give(admin, role, to_oneself=False)
        assert may_give(admin, role, to_oneself=True) == (Permission.VOTE not in PERMISSIONS[role])


def test_nobody_gives_what_they_do_not_hold() -> None:
    manager = PERMISSIONS[Role.VIEWER] | {Permission.MANAGE_USERS}
    assert may_give(manager, Role.VIEWER, to_oneself=False)
    assert not may_give(manager, Role.CONTRIBUTOR, to_oneself=False)
    assert not may_give(manager, Role.ADMIN, to_oneself=False)
    assert not may_give(PERMISSIONS[Role.CONTRIBUTOR], Role.VIEWER, to_oneself=False)


def test_a_scope_only_takes_away_except_telemetry() -> None:
    for role in Role:
        for scope in (Scope.ALL, Scope.READ, Scope.CI):
            assert allowed(role, scope) <= PERMISSIONS[role]
        assert allowed(role, Scope.METRICS) == {Permission.READ_TELEMETRY}
    assert Permission.MANAGE_USERS not in SCOPES[Scope.CI] | SCOPES[Scope.READ]


def test_only_a_token_for_everything_touches_the_account_of_its_owner() -> None:
    for role in Role:
        may = {scope for scope in Scope if Permission.MANAGE_OWN_ACCOUNT in allowed(role, scope)}
        assert may == {Scope.ALL}


def test_every_role_and_scope_is_explained() -> None:
    assert set(ROLE_WORDS) == set(Role) == set(PERMISSIONS)
    assert set(SCOPE_WORDS) == set(Scope) == set(SCOPES)


def test_nobodys_hash_costs_what_a_new_one_costs() -> None:
    def cost(kept: str) -> list[str]:
        return kept.split("$")[1:4]

    shipped = runpy.run_path(str(passwords.__file__))  # those of the tests cost less
    assert cost(shipped["NOBODY"]) == cost(shipped["hash_password"]("correct horse battery"))


def test_a_password_is_right_only_against_its_own_hash() -> None:
    kept = passwords.hash_password("correct horse battery")
    assert passwords.verify("correct horse battery", kept) == (True, None)
    assert passwords.verify("correct horse", kept) == (False, None)
    assert passwords.verify("correct horse battery", None) == (False, None)
