"""What a version is made of, and when one is really better than another."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Z95 = 1.959963984540054  # the normal quantile that leaves 2.5 % on either side
_HIGHER = frozenset(
    {
        "accuracy", "balanced_accuracy", "precision", "recall", "sensitivity", "specificity", "f1", "auc", "roc_auc",
        "average_precision", "pr_auc", "gini", "ks", "r2", "mcc", "kappa", "hit_rate", "ndcg", "map", "bleu", "rouge",
        "exact_match", "explained_variance",
    }
)  # fmt: skip
_LOWER = frozenset(
    {
        "error", "error_rate", "rmse", "mse", "mae", "mape", "smape", "wape", "medae", "log_loss", "brier",
        "brier_score", "ece", "loss", "deviance", "psi", "perplexity", "hallucination_rate", "latency_ms", "cost",
    }
)  # fmt: skip
_SHARES = frozenset(
    {"accuracy", "precision", "recall", "sensitivity", "specificity", "hit_rate", "exact_match", "error_rate"}
)


def manifest_digest(files: Iterable[tuple[str, str, int]]) -> str | None:
    """Return the SHA-256 over the canonical manifest: (path, sha256, size) in order of path; none for no files."""
    lines = [{"path": path, "sha256": sha256, "size": size} for path, sha256, size in sorted(files)]
    if not lines:
        return None
    text = json.dumps(lines, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def direction(metric: Mapping[str, Any]) -> bool | None:
    """Say whether a higher value of the metric is better; None when nobody knows."""
    told = metric.get("higher_is_better")
    if told is not None:
        return bool(told)
    name = metric["name"].casefold().rpartition("/")[2].removeprefix("test_").removeprefix("validation_")
    return True if name in _HIGHER else False if name in _LOWER else None


def standard_error(metric: Mapping[str, Any]) -> float | None:
    """Return the metric's standard error: as told, or from n where the value is a share of n rows; else None.

    Source: binomial variance p(1-p)/n, with (x+1)/(n+2) for p so that 0 % and 100 % are not noiseless.
    """
    if metric.get("standard_error") is not None:
        return float(metric["standard_error"])
    name, n, value = metric["name"].casefold(), metric.get("n"), metric["value"]
    if name not in _SHARES or not n or not 0 <= value <= 1:
        return None
    share = (value * n + 1) / (n + 2)
    return math.sqrt(share * (1 - share) / n)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of two versions, and what may be said about the difference."""

    name: str
    before: float | None
    after: float | None
    better: str | None
    why: str


def compare_metric(name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Comparison:
    """Say which side is better, only where the difference exceeds its noise (95 %, sides taken as independent)."""
    left = None if before is None else before["value"]
    right = None if after is None else after["value"]
    if before is None or after is None or left is None or right is None:
        return Comparison(name, left, right, None, "measured on one side only")
    if left == right:
        return Comparison(name, left, right, None, "equal")
    if before.get("data_set") != after.get("data_set"):
        return Comparison(name, left, right, None, "measured on different data")
    higher = direction(after) if direction(after) is not None else direction(before)
    if higher is None:
        return Comparison(name, left, right, None, "nobody said whether higher is better")
    errors = (standard_error(before), standard_error(after))
    if errors[0] is None or errors[1] is None:
        return Comparison(name, left, right, None, "noise unknown: no standard error")
    noise = Z95 * math.hypot(errors[0], errors[1])
    if abs(right - left) <= noise:
        return Comparison(name, left, right, None, f"within noise (±{noise:.3g})")
    winner = "after" if (right > left) == higher else "before"
    return Comparison(name, left, right, winner, f"beyond noise (±{noise:.3g})")
