"""What the files beside a model say of it: its signature, flavours, and what it was made with. Read as data only."""

import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

import yaml

LARGEST = 2_000_000
_DEEPEST, _MOST_COLUMNS, _MOST_PACKAGES, _LONGEST_NAME = 30, 5_000, 2_000, 250
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.\-]*)(?:\[[^\]]*\])?\s*(?:===?\s*([\w.+!*\-]+))?")
_PYTHON = re.compile(r"python\s*=+\s*([\d.]+)")
READ = frozenset({"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"})
EXAMPLES = frozenset({"input_example.json", "serving_input_example.json"})


def is_description(path: str, size: int) -> bool:
    """Say whether a file is one of those that are read when they arrive."""
    return path.rpartition("/")[2] in READ and size <= LARGEST


def describe(path: str, data: bytes) -> dict[str, Any] | None:
    """Return what a file says; None for one that says nothing, or that cannot be read."""
    name = path.rpartition("/")[2]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if name == "requirements.txt":
        return {"packages": _packages(text.splitlines())}
    found = _read_yaml(text)
    if not isinstance(found, dict):
        return None
    reader = {"MLmodel": _mlmodel, "conda.yaml": _conda, "python_env.yaml": _python_env}[name]
    return reader(found)


def _read_yaml(text: str) -> Any:
    """Return a YAML document without aliases, which could stand for much more than was sent."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                return None
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                return None
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - one of the safe loaders
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _mlmodel(found: Mapping[str, Any]) -> dict[str, Any]:
    flavors = found.get("flavors")
    flavors = flavors if isinstance(flavors, dict) else {}
    function = flavors.get("python_function")
    signature = found.get("signature")
    signature = signature if isinstance(signature, dict) else {}
    example = found.get("saved_input_example_info")
    described: dict[str, Any] = {
        "flavors": [str(name)[:_LONGEST_NAME] for name in islice(flavors, 50)],
        "inputs": _columns(signature.get("inputs"), "input"),
        "outputs": _columns(signature.get("outputs"), "output"),
        "has_example": isinstance(example, dict),
    }
    if isinstance(function, dict) and isinstance(function.get("python_version"), str):
        described["python"] = function["python_version"][:_LONGEST_NAME]
    return described


def _columns(text: Any, fallback: str) -> list[dict[str, Any]]:
    """Return the columns of one side of a signature, which stands in the YAML as JSON text."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, list):
        return []
    return [_column(one, fallback, position) for position, one in enumerate(found[:_MOST_COLUMNS])]


def _column(one: Any, fallback: str, position: int) -> dict[str, Any]:
    one = one if isinstance(one, dict) else {}
    name, kind = one.get("name"), one.get("type")
    tensor = one.get("tensor-spec")
    if isinstance(tensor, dict):
        shape = ",".join(str(size) for size in tensor.get("shape") or () if isinstance(size, int))
        kind = f"{tensor.get('dtype', '')}[{shape}]"
    return {
        "name": (str(name) if name not in (None, "") else f"{fallback} {position + 1}")[:_LONGEST_NAME],
        "type": str(kind or "")[:100],
        "is_required": one.get("required") is not False,
        "unit": "",
    }


def _conda(found: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {}
    lines: list[str] = []
    dependencies = found.get("dependencies")
    for one in dependencies if isinstance(dependencies, list) else ():
        if isinstance(one, str) and (python := _PYTHON.fullmatch(one.strip())):
            described["python"] = python[1][:_LONGEST_NAME]
        elif isinstance(one, dict) and isinstance(one.get("pip"), list):
            lines += [line for line in one["pip"] if isinstance(line, str)]
        elif isinstance(one, str):
            lines.append(one)
    described["packages"] = _packages(lines)
    return described


def _python_env(found: Mapping[str, Any]) -> dict[str, Any]:
    python = found.get("python")
    return {"python": str(python)[:_LONGEST_NAME]} if isinstance(python, str | float) else {}


def _packages(lines: list[str]) -> dict[str, str]:
    packages: dict[str, str] = {}
    for line in lines[: 4 * _MOST_PACKAGES]:
        found = _REQUIREMENT.match(line.partition("#")[0].strip())
        if found is not None and len(packages) < _MOST_PACKAGES:
            packages[found[1][:_LONGEST_NAME]] = (found[2] or "")[:_LONGEST_NAME]
    return packages


def taken_together(described: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the files of one folder say, by path: the nearest to the top is believed first."""
    whole: dict[str, Any] = {}
    order = ("MLmodel", "python_env.yaml", "conda.yaml", "requirements.txt")
    ranked = sorted(described, key=lambda path: (path.count("/"), order.index(path.rpartition("/")[2]), path))
    for path in ranked:
        for key, value in described[path].items():
            if value and not whole.get(key):
                whole[key] = value
    return whole
