"""skops files: a zip with a schema of plain JSON that names every type the loader would make."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from .findings import MIB, Findings
from .trust import Trust, judge

MAX_SCHEMA = 64 * MIB
_PLAIN_LOADERS = {
    "BytearrayNode", "BytesNode", "CachedNode", "ConstructorFromReduceNode", "DefaultDictNode", "DictNode",
    "DTypeNode", "FunctionNode", "JsonNode", "ListNode", "LossNode", "MaskedArrayNode", "NdArrayNode", "ObjectNode",
    "RandomGeneratorNode", "RandomStateNode", "SetNode", "SliceNode", "SparseMatrixNode", "TreeNode", "TupleNode",
    "TypeNode", "_DictWithDeprecatedKeysNode",
}  # fmt: skip


def scan_schema(file: BinaryIO, size: int, findings: Findings) -> None:
    """List the types of a skops schema that are not known to be harmless."""
    if size > MAX_SCHEMA:
        findings.unknown("Its schema is larger than a scan reads.")
        return
    try:
        schema = json.loads(file.read())
    except (ValueError, RecursionError) as problem:
        findings.unknown(f"Its schema cannot be read ({type(problem).__name__}).")
        return
    untrusted: set[str] = set()
    for node in _objects(schema):
        loader = node.get("__loader__")
        if loader is not None and loader not in _PLAIN_LOADERS:
            findings.unknown(f"It uses the loader {str(loader)[:80]!r}, which is not known to be harmless.")
        for module, name in _names(node):
            findings.import_seen(f"{module}.{name}")
            trust = judge(module, name)
            if trust is Trust.DANGEROUS:
                findings.dangerous(f"Loading it would import {module}.{name}, which no model needs.")
            elif trust is not Trust.HARMLESS:
                untrusted.add(f"{module}.{name}")
    for name in sorted(untrusted)[:20]:
        findings.unknown(f"Loading it needs a trust decision: skops does not trust {name} by itself.")
    findings.details["untrusted_types"] = sorted(untrusted)[:100]


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every JSON object below the schema, without recursion."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _names(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a node would import, whichever of its fields its loader reads."""
    for module, name in (("__module__", "__class__"), ("module_path", "function")):
        if module in node or name in node:
            yield str(node.get(module, "?"))[:200], str(node.get(name, "?"))[:200]
