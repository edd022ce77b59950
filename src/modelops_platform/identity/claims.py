"""What the claims of outside tokens mean here: a person with groups, or a program that a rule trusts. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelops_platform.core.addresses import parse_target
from modelops_platform.core.errors import InvalidInput

from .domain import checked_email
from .jwts import BadToken

EVERYBODY: Final = "*"  # the group that everybody is in who signs in by the provider
MOST_GROUPS: Final = 5_000
LONGEST_GROUP: Final = 300


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as the identity provider knows them."""

    issuer: str
    subject: str
    email: str
    is_verified: bool  # whether the provider says that the address is theirs
    name: str
    groups: frozenset[str]


def read_person(claims: Mapping[str, Any], *, groups_claim: str) -> Person:
    """Read who somebody is. Raises BadToken when they cannot be told apart from others."""
    issuer, subject = str(claims["iss"]), str(claims["sub"])
    if not 1 <= len(subject) <= 255 or not subject.isprintable():
        raise BadToken("its subject is empty, too long or not printable")
    email = next((kept for key in ("email", "preferred_username") if (kept := _email(claims.get(key)))), None)
    return Person(
        issuer=issuer,
        subject=subject,
        email=email or _stand_in(issuer, subject),
        is_verified=claims.get("email_verified") is True and email == _email(claims.get("email")),
        name=_name(claims) or (email or subject).partition("@")[0][:200],
        groups=groups_of(claims, groups_claim),
    )


def _email(value: Any) -> str | None:
    try:
        return checked_email(value) if isinstance(value, str) else None
    except InvalidInput:
        return None


def _stand_in(issuer: str, subject: str) -> str:
    """Return an address for somebody without one: no mail arrives there, and nobody else has it."""
    return f"{hashlib.sha256(subject.encode()).hexdigest()[:20]}@{parse_target(issuer).host.replace(':', '-')}"


def _name(claims: Mapping[str, Any]) -> str:
    for key in ("name", "preferred_username"):
        value = claims.get(key)
        if isinstance(value, str):
            plain = "".join(c for c in unicodedata.normalize("NFC", value) if c.isprintable())
            if kept := plain.strip()[:200]:
                return kept
    return ""


def has_groups(claims: Mapping[str, Any], path: str) -> bool:
    """Say whether the claims tell about groups at all."""
    return _at(claims, path) is not None


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim of this name, or the one that its dots lead to."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def groups_of(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """Return the groups that the claims list; one that is no usable name is passed over."""
    listed = _at(claims, path)
    names = [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else []
    usable = (name for name in names[:MOST_GROUPS] if isinstance(name, str) and name != EVERYBODY)
    return frozenset(name for name in usable if 1 <= len(name) <= LONGEST_GROUP and name.isprintable())


def checked_patterns(patterns: Mapping[str, str]) -> dict[str, str]:
    """Return what claims must look like. Raises InvalidInput for a rule that would let strangers in."""
    kept = {name.strip(): pattern.strip() for name, pattern in patterns.items()}
    for name, pattern in kept.items():
        if not re.fullmatch(r"[A-Za-z0-9_.:/-]{1,100}", name) or not 1 <= len(pattern) <= 500:
            raise _bad_pattern(name, "names have letters, digits and ._:/-, and patterns have 1 to 500 characters")
        if not pattern.strip("*/: "):
            raise _bad_pattern(name, "a pattern of stars alone lets everybody in")
    if not 1 <= len(kept) <= 20:
        raise _bad_pattern("claims", "a rule names 1 to 20 claims beside issuer and audience")
    return kept


def _bad_pattern(name: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"The claim {name[:100]!r} is not taken: {why}.",
        remedy="Write claims such as `repository: acme/scoring`; a star stands for what has no / and no : in it.",
        field="claims",
        value=name[:100],
    )


def matches(patterns: Mapping[str, str], claims: Mapping[str, Any]) -> bool:
    """Say whether every pattern fits its claim; a claim that is missing, or a list, fits none."""
    return bool(patterns) and all(_fits(pattern, _at(claims, name)) for name, pattern in patterns.items())


def _fits(pattern: str, value: Any) -> bool:
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, int):
        value = str(value)
    return isinstance(value, str) and _fits_text(pattern, value)


def _fits_text(pattern: str, text: str) -> bool:
    """Say whether a pattern fits a whole text: `*` stays within a part between slashes and colons, `**` does not.

    So `repo:acme/*:ref:refs/heads/main` does not fit `repo:acme/x:environment:ref:refs/heads/main`. All places that
    the pattern can have reached are followed at once: no text and no pattern makes it slow, as an expression could.
    """
    reached = {0}
    for part in re.split(r"(\*\*|\*)", pattern):
        if part == "**":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        elif part == "*":
            reached = _within_part(text, reached)
        else:
            reached = {at + len(part) for at in reached if text.startswith(part, at)}
    return len(text) in reached


def _within_part(text: str, starts: set[int]) -> set[int]:
    """Return all places between each start and the next slash or colon."""
    reached: set[int] = set()
    for at in starts - reached:
        while at not in reached:
            reached.add(at)
            if at < len(text) and text[at] not in "/:":
                at += 1
    return reached
