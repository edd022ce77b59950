"""Policies in plain words, for people who decide and do not read YAML."""

from collections.abc import Iterable
from functools import lru_cache

from .citable import words_of
from .conditions import AllOf, AnswerAtLeast, AnyOf, Condition, FactIn, FactWithin, Not
from .facts import Action, EnvironmentClass, Verb
from .policies import Scope

_CLAIMS = {
    "people_affected": "people are affected",
    "is_model": "it counts as a model",
    "has_files": "it has files",
    "has_metrics": "figures were recorded",
}
_DENIALS = {
    "people_affected": "no people are affected",
    "is_model": "it counts as a tool",
    "has_files": "it has no files",
    "has_metrics": "no figures were recorded",
}


def describe_scope(scope: Scope) -> str:
    """Say which questions a policy answers."""
    tiers = "every tier" if scope.tiers is None else f"tier {_list(str(int(tier)) for tier in sorted(scope.tiers))}"
    kinds = "" if scope.kinds is None else f" of kind {_list(sorted(scope.kinds))}"
    ordered = sorted(scope.actions, key=lambda action: (action.verb is Verb.DEPLOYMENT, str(action)))
    return f"Models of {tiers}{kinds} that shall {_list((_action(action, scope) for action in ordered), 'or')}."


def _action(action: Action, scope: Scope) -> str:
    match action.verb:
        case Verb.ALIAS:
            return f"become {action.target}"
        case Verb.STAGE:
            return f"move to stage {action.target}"
        case Verb.MOVE:
            return f"become {action.target.replace('_', ' ')}"
        case Verb.DEPLOYMENT:
            return f"be activated{_where(scope)}"


def _where(scope: Scope) -> str:
    if scope.environments is None or set(scope.environments) == set(EnvironmentClass):
        return ""
    return f" in {_list(f'{environment} environments' for environment in sorted(scope.environments))}"


@lru_cache(maxsize=1024)
def describe_condition(condition: Condition) -> str:
    """Say what a condition asks."""
    match condition:
        case AllOf(parts):
            return " and ".join(map(describe_condition, parts))
        case AnyOf(parts):
            return " or ".join(map(describe_condition, parts))
        case FactIn(fact, (True,)) if fact in _CLAIMS:
            return _CLAIMS[fact]
        case FactIn(fact, (False,)) if fact in _DENIALS:
            return _DENIALS[fact]
        case FactIn(fact, values):
            words = [
                "yes" if value is True else "no" if value is False else str(value).replace("_", " ") for value in values
            ]
            return f"{words_of(fact)} is {_list(words, 'or')}"
        case FactWithin(fact, low, high):
            limits = [f"at least {low:g}" if low is not None else "", f"at most {high:g}" if high is not None else ""]
            return f"{words_of(fact)} is {' and '.join(filter(None, limits))}"
        case Not(part):
            return f"not {describe_condition(part)}"
        case AnswerAtLeast(question, score):
            return f"{question} is at least {score}"


def _list(words: Iterable[str], last: str = "and") -> str:
    """Join words as people do: "a, b and c"."""
    found = list(words)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} {last} {found[-1]}" if found else "nothing"
