"""How a classifier treats groups: who is chosen, who of the deserving is found, who is hit without reason."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .performance import BoolArray


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """What happened to one group, as counts, so that every rate can be shown with the rows behind it."""

    group: str
    rows: int
    selected: int
    positives: int
    found: int
    """Positive and selected."""

    @property
    def negatives(self) -> int:
        """Rows that are not positive."""
        return self.rows - self.positives

    @property
    def hit(self) -> int:
        """Selected without being positive."""
        return self.selected - self.found

    @property
    def selection_rate(self) -> float:
        """Share of the rows that is selected."""
        return self.selected / self.rows

    @property
    def true_positive_rate(self) -> float | None:
        """Share of the positives that is selected; None without positives."""
        return self.found / self.positives if self.positives else None

    @property
    def false_positive_rate(self) -> float | None:
        """Share of the others that is selected all the same; None without others."""
        return self.hit / self.negatives if self.negatives else None

    @property
    def precision(self) -> float | None:
        """Share of the selected that is positive; None when nobody is selected."""
        return self.found / self.selected if self.selected else None


def counts_by_group(truth: BoolArray, selected: BoolArray, groups: npt.NDArray[np.object_]) -> list[GroupCounts]:
    """Count, for each group in the order of its name, shape (n,) each; rows without a group (None) are left out."""
    names = np.array(["" if group is None else str(group) for group in groups], dtype=object)
    known = np.array([group is not None for group in groups], dtype=np.bool_)
    found = []
    for name in sorted(set(names[known].tolist())):
        rows = known & (names == name)
        counts = (rows, rows & selected, rows & truth, rows & truth & selected)
        found.append(GroupCounts(name, *(int(one.sum()) for one in counts)))
    return found
