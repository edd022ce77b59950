"""How two properties go together."""

import math
from typing import Any


def correlation_of(every: int, one: int, other: int, both: int) -> dict[str, Any]:
    """Return the normalised pointwise mutual information of two properties, with the counts it comes from.

    It is 1 when they always come together, 0 when they have nothing to do with each other, -1 when never; NaN when
    one of them never occurs. `npmi_smoothed` adds half a count to each of the four cells.
    Source: Bouma (2009), Normalized (Pointwise) Mutual Information in Collocation Extraction.
    """
    cells = (both, one - both, other - both, every - one - other + both)
    smoothed = [cell + 0.5 for cell in cells]
    plain = _information(every, one, other, both) if one and other else math.nan
    found = {
        "npmi": "NaN" if math.isnan(plain) else plain,
        "npmi_smoothed": _information(sum(smoothed), smoothed[0] + smoothed[1], smoothed[0] + smoothed[2], smoothed[0]),
    }
    return {**found, "filter1_count": one, "filter2_count": other, "joint_count": both, "total_count": every}


def _information(every: float, one: float, other: float, both: float) -> float:
    if both == 0:
        return -1.0
    if both == every:
        return 1.0
    information = math.log(both) + math.log(every) - math.log(one) - math.log(other)
    return max(-1.0, min(1.0, information / (math.log(every) - math.log(both))))
