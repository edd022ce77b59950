"""Policies in plain words, for people who decide and do not read YAML."""

from collections.abc import Iterable

from .conditions import AllOf, AnswerAtLeast, AnyOf, Condition, FactIn
from .facts import Action, EnvironmentClass, Verb
from .policies import Approvals, ArtifactScanned, Barred, Check, DigestVerified, Scope, TierAssessed

_FACTS = {"eu_class": "the class under the EU AI Act", "people_affected": "the answer to who is affected"}
_CLAIMS = {"people_affected": "people are affected"}
_NEVER = {Barred.AUTHOR: "who made the version", Barred.COMMITTERS: "who changed it or its training code"}


def describe_scope(scope: Scope) -> str:
    """Say which questions a policy answers."""
    tiers = "every tier" if scope.tiers is None else f"tier {_list(str(int(tier)) for tier in sorted(scope.tiers))}"
    kinds = "" if scope.kinds is None else f" of kind {_list(sorted(scope.kinds))}"
    ordered = sorted(scope.actions, key=lambda action: (action.verb is Verb.DEPLOYMENT, str(action)))
    return f"Models of {tiers}{kinds} that shall {_list((_action(action, scope) for action in ordered), 'or')}."


def describe_check(check: Check) -> str:
    """Say what a check looks at."""
    match check:
        case TierAssessed(max_age_days):
            return "The risk questionnaire is answered" + (
                f", not longer than {max_age_days} days ago." if max_age_days else "."
            )
        case ArtifactScanned(without_file):
            return f"Every file was scanned and found clean.{_without(without_file)}"
        case DigestVerified(without_file):
            return f"The stored bytes are those that the digest names.{_without(without_file)}"
        case Approvals():
            return _describe_approvals(check)


def _describe_approvals(check: Approvals) -> str:
    parts = [f"One person each as {_list(check.roles)}; nobody counts twice."]
    parts += [f"Also {seat.role}, when {_condition(seat.when)}, or when nobody knows." for seat in check.also]
    if check.never:
        parts.append(f"Never {_list((_NEVER[barred] for barred in sorted(check.never)), 'or')}.")
    return " ".join(parts)


def _action(action: Action, scope: Scope) -> str:
    match action.verb:
        case Verb.ALIAS:
            return f"become {action.target}"
        case Verb.STAGE:
            return f"move to stage {action.target}"
        case Verb.DEPLOYMENT:
            return f"be activated{_where(scope)}"


def _where(scope: Scope) -> str:
    if scope.environments is None or set(scope.environments) == set(EnvironmentClass):
        return ""
    return f" in {_list(f'{environment} environments' for environment in sorted(scope.environments))}"


def _without(kinds: Iterable[str]) -> str:
    names = sorted(kinds)
    return f" Kinds {_list(names)} may have no file." if names else ""


def _condition(condition: Condition) -> str:
    match condition:
        case AllOf(parts):
            return " and ".join(map(_condition, parts))
        case AnyOf(parts):
            return " or ".join(map(_condition, parts))
        case FactIn(fact, (True,)) if fact in _CLAIMS:
            return _CLAIMS[fact]
        case FactIn(fact, values):
            words = [
                "yes" if value is True else "no" if value is False else value.replace("_", " ") for value in values
            ]
            return f"{_FACTS.get(fact, fact)} is {_list(words, 'or')}"
        case AnswerAtLeast(question, score):
            return f"{question} is at least {score}"


def _list(words: Iterable[str], last: str = "and") -> str:
    """Join words as people do: "a, b and c"."""
    found = list(words)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} {last} {found[-1]}" if found else "nothing"
