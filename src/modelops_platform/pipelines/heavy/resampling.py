"""How far a figure would move on other rows: standard errors by resampling the hold-out."""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from modelops_platform.jobs import engine

from ..domain.recipes import Recipe
from .learning import Answers, Measured, Vector, measure

PARTITIONS = 8
RESAMPLES = 96  # 12 a partition: the standard error of a standard error is about 7 %
MOST_DRAWN = 20_000_000  # rows, over all resamples
FEWEST_DEFINED = 0.9


@dataclass(frozen=True)
class Draw:
    """One partition of the resampling: the hold-out, and which resamples to draw from it."""

    recipe: Recipe
    answers: Answers
    truth: Vector
    seed: np.random.SeedSequence
    count: int


def with_errors(
    recipe: Recipe, measured: tuple[Measured, ...], answers: Answers, truth: Vector
) -> tuple[Measured, ...]:
    """Return the figures with their standard errors, by the bootstrap over the rows of the hold-out.

    `count` resamples of the size of the hold-out are drawn with replacement in partitions, each with a seed of its own
    made from the recipe's, so that every engine gives the same. A figure that fewer than 90 % of the resamples can
    give has no standard error.

    Args:
        measured: The figures on the whole hold-out, as `measure` gave them.
        answers: What the model said, n rows.
        truth: What was true, shape (n,).
    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, algorithm 6.1.
    """
    count = max(2, min(RESAMPLES, MOST_DRAWN // max(1, len(truth))) // PARTITIONS)
    seeds = np.random.SeedSequence(recipe.split.seed).spawn(PARTITIONS)
    draws = [Draw(recipe, answers, truth, seed, count) for seed in seeds]
    drawn = np.vstack(engine.current().map(draw, draws))
    column = {name: place for place, name in enumerate(recipe.metrics)}
    return tuple(replace(figure, standard_error=_error(drawn[:, column[figure.name]])) for figure in measured)


def draw(partition: Draw) -> npt.NDArray[np.float64]:
    """Return the recipe's metrics on each resample of a partition, shape (count, metrics), NaN where undefined."""
    random = np.random.default_rng(partition.seed)
    size = len(partition.truth)
    found = np.full((partition.count, len(partition.recipe.metrics)), np.nan)
    with threadpool_limits(limits=1):
        for number in range(partition.count):
            rows = random.integers(0, size, size)
            figures, _notes = measure(partition.recipe, _some(partition.answers, rows), partition.truth[rows])
            by_name = {figure.name: figure.value for figure in figures}
            found[number] = [by_name.get(name, math.nan) for name in partition.recipe.metrics]
    return found


def _some(answers: Answers, rows: npt.NDArray[np.int64]) -> Answers:
    probability = None if answers.probability is None else answers.probability[rows]
    return Answers(answers.value[rows], answers.classes, probability)


def _error(values: npt.NDArray[np.float64]) -> float | None:
    defined = values[np.isfinite(values)]
    if len(defined) < max(2, FEWEST_DEFINED * len(values)):
        return None
    return float(np.std(defined, ddof=1))
