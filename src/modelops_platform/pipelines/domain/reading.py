"""Reading a recipe from plain JSON or YAML; every refusal names field, value and remedy."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from .estimators import Task
from .recipes import Recipe, Split, SplitKind, wrong

T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)

_RECIPE_FIELDS = tuple(Recipe.__dataclass_fields__)
_SPLIT_FIELDS = tuple(Split.__dataclass_fields__)


def read_recipe(document: object) -> Recipe:
    """Make a recipe of plain JSON or YAML; raises InvalidInput with field, value and remedy."""
    found = _mapping("recipe", document, known=_RECIPE_FIELDS)
    for name in ("data_set_id", "target", "features", "task", "estimator"):
        if name not in found:
            raise wrong(f"The recipe does not say its {name}.", name, None, f"Add {name}.")
    split = _mapping("split", found.get("split", {}), known=_SPLIT_FIELDS)
    return Recipe(
        data_set_id=_text("data_set_id", found["data_set_id"]),
        target=_text("target", found["target"]),
        features=_row("features", found["features"], _text),
        task=_word("task", found["task"], Task),
        estimator=_text("estimator", found["estimator"]),
        parameters=_mapping("parameters", found.get("parameters", {})),
        split=Split(
            kind=_word("split.kind", split.get("kind", SplitKind.RANDOM), SplitKind),
            test_share=_number("split.test_share", split.get("test_share", 0.25)),
            seed=_whole("split.seed", split.get("seed", 0)),
            by=None if split.get("by") is None else _text("split.by", split["by"]),
        ),
        metrics=_row("metrics", found.get("metrics", ()), _text),
        lags=_row("lags", found.get("lags", ()), _whole),
    )


def _mapping(name: str, value: object, *, known: Sequence[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise wrong(f"{name} must be a set of named values.", name, value, "Write it as names with values.")
    for key in value if known is not None else ():
        if key not in (known or ()):
            raise wrong(f"{name} has no field {key!r}.", key, value[key], f"Known are {', '.join(known or ())}.")
    return dict(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise wrong(f"{name} must be text, not {value!r}.", name, value, "Write it as text.")
    return value


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(f"{name} must be a whole number, not {value!r}.", name, value, "Write it without a fraction.")
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(f"{name} must be a number, not {value!r}.", name, value, "Write it as a number.")
    return value


def _row(name: str, value: object, read: Callable[[str, object], T]) -> tuple[T, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise wrong(f"{name} must be a list, not {value!r}.", name, value, "Write it as a list.")
    return tuple(read(name, item) for item in value)


def _word(name: str, value: object, words: type[Word]) -> Word:
    try:
        return words(_text(name, value))
    except ValueError:
        raise wrong(f"{name} cannot be {value!r}.", name, value, f"Use {', '.join(words)}.") from None
