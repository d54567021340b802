"""A mean over people and trainings, with an interval for what other people and other trainings would change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from domaingan.metrics.sums_of_squares import Table, compute_sums_of_squares, weigh_sums_of_squares

LEVEL = 0.95
"""Confidence level of every interval."""

POWER = 0.8
"""The smallest effect that a study could show is shown with this probability."""

ZERO_TOLERANCE = 1e-12
"""Means and variances below this are zero: their sums were only rounded."""

MAX_DETECTABLE_ERRORS = 1e4
"""Upper end of the search for the detectable effect, in standard errors."""


@dataclass(frozen=True)
class MeanEstimate:
    """A mean, and how far other people and other trainings would move it.

    Attributes:
        mean: the mean over people of each person's mean; None without any value.
        error: its standard error; None where there are fewer than two people or two trainings.
        freedom: degrees of freedom of that error, not always a whole number.
        n_people: how many people have a value.
        n_trainings: how many trainings have one.
    """

    mean: float | None
    error: float | None
    freedom: float | None
    n_people: int
    n_trainings: int

    def compute_interval(self, level: float = LEVEL) -> list[float | None]:
        """Compute the Student's t interval; its ends are None without an error.

        Args:
            level: confidence level, in (0, 1).
        """
        if self.mean is None or self.error is None:
            return [None, None]
        half = float(stats.t.ppf(0.5 + level / 2, self.freedom)) * self.error
        return [self.mean - half, self.mean + half]

    def compute_p(self) -> float | None:
        """Compute the two-sided p of no difference; below 0.05 exactly where the 95 % interval excludes 0."""
        if self.mean is None or self.error is None:
            return None
        if abs(self.mean) < ZERO_TOLERANCE:
            return 1.0
        if self.error < ZERO_TOLERANCE:
            return 0.0
        return float(2 * stats.t.sf(abs(self.mean) / self.error, self.freedom))

    def compute_detectable_effect(self) -> float | None:
        """Compute the smallest true effect that such a study shows with a probability of 80 %."""
        if self.error is None or self.freedom is None:
            return None
        return self.error * compute_detectable_errors(round(self.freedom, 1))


def estimate_mean(table: Table, groups: NDArray[np.int64] | None = None) -> MeanEstimate:
    """Estimate a mean over people and trainings, both of which are a sample of those that could have been.

    People and trainings are crossed random effects. Where trainings come in groups (folds or training sets with several
    seeds each), a group's trainings share their training people, so the groups count: each is averaged first.

    The variance of the mean is estimated from sums of squares, which also holds where cells are missing (Henderson's
    method I: Searle, Casella and McCulloch, "Variance components", 1992, chapter 5). Its degrees of freedom are
    Satterthwaite's (Biometrics Bulletin 2, 1946). An estimated variance may be too small by chance or even negative.
    Therefore it is never taken below those over people alone, over groups alone, and over trainings as if they had no
    groups. Two groups hardly tell how far groups differ: there is then one degree of freedom.
    ``benchmarks/results/null-studies.md`` shows how often the interval misses.

    Args:
        table: ``(trainings, people)``, such as paired differences; NaN where a training did not test a person.
        groups: ``(trainings,)``, the fold or training set of each; by default all are one.

    Returns:
        The mean with its error.

    >>> estimate_mean(np.array([[0.1, 0.3, 0.2], [0.2, 0.4, 0.3]])).mean
    0.25
    """
    values = np.asarray(table, dtype=float)
    labels = np.zeros(len(values), dtype=int) if groups is None else np.asarray(groups)
    has_training = ~np.isnan(values).all(axis=1)
    values, labels = values[has_training], labels[has_training]
    values = values[:, ~np.isnan(values).all(axis=0)]
    n_trainings, n_people = values.shape
    if not values.size:
        return MeanEstimate(None, None, None, n_people, n_trainings)
    averaged = _average_in_groups(values, labels)
    mean = float(average_known(averaged, axis=0).mean())
    if min(n_trainings, n_people) < 2:
        return MeanEstimate(mean, None, None, n_people, n_trainings)
    variances = _list_variances(averaged)
    if len(averaged) < n_trainings:
        variances += _list_variances(values)
    variance, freedom = max(variances, key=lambda pair: (pair[0], -pair[1]))
    if len(averaged) < n_trainings and len(averaged) == 2:
        freedom = 1.0
    return MeanEstimate(mean, float(np.sqrt(variance)), freedom, n_people, n_trainings)


def estimate_rest_variance(table: Table) -> float | None:
    """Estimate the variance of what neither the person nor the training explains; None where nothing is left.

    Args:
        table: ``(trainings, people)``; NaN where there is no value.
    """
    values = table[~np.isnan(table).all(axis=1)]
    values = values[:, ~np.isnan(values).all(axis=0)]
    is_known = ~np.isnan(values)
    weights = weigh_sums_of_squares(is_known.tobytes(), is_known.shape) if values.size else None
    if weights is None or len(weights.factors) < 3:
        return None
    return max(0.0, float(np.linalg.solve(weights.squares, compute_sums_of_squares(values))[-1]))


def average_known(table: Table, axis: int) -> Table:
    """Average the values that are not NaN along an axis; NaN where there is none."""
    is_known = ~np.isnan(table)
    counts = is_known.sum(axis)
    sums = np.where(is_known, table, 0.0).sum(axis)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


@lru_cache(maxsize=512)
def compute_detectable_errors(freedom: float, alpha: float = 1 - LEVEL, power: float = POWER) -> float:
    """Compute the smallest effect that a two-sided t test shows with a power, in standard errors (noncentral t).

    Args:
        freedom: degrees of freedom.
        alpha: level of significance.
        power: probability that an effect of this size is shown.

    >>> round(compute_detectable_errors(1000.0), 2)
    2.8
    """
    critical = float(stats.t.ppf(1 - alpha / 2, freedom))

    def find_excess(effect: float) -> float:
        return compute_power(effect, freedom, critical) - power

    upper = 4.0
    while find_excess(upper) < 0 and upper < MAX_DETECTABLE_ERRORS:
        upper *= 2
    return float(optimize.brentq(find_excess, 0.0, upper, xtol=1e-4))


def compute_power(effect: float, freedom: float, critical: float) -> float:
    """Compute how probably a t test shows an effect.

    Args:
        effect: the true effect, in standard errors.
        freedom: degrees of freedom of the test.
        critical: |t| above which a difference is shown.
    """
    above = stats.nct.sf(critical, freedom, effect)
    below = stats.nct.cdf(-critical, freedom, effect)
    return float(np.nan_to_num(above) + np.nan_to_num(below))


def compute_true_error(is_known: NDArray[np.bool_], variances: NDArray[np.float64]) -> tuple[float, float]:
    """Compute the standard error of a mean whose variances are known, and the degrees of freedom of its estimate.

    Args:
        is_known: ``(trainings, people)``, which cells have a value.
        variances: ``(3,)``, of people, of trainings and of the rest.
    """
    weights = weigh_sums_of_squares(is_known.tobytes(), is_known.shape)
    if weights is None:  # every training has tested one person of its own
        return float(np.sqrt(variances.sum() / is_known.sum())), float(is_known.sum() - 1)
    components = np.array([variances[factor] for factor in weights.factors])
    if 0 not in weights.factors:
        components[-1] += variances[0]  # one value a person: people are part of the rest
    if 1 not in weights.factors:
        components[-1] += variances[1]
    variance = float(weights.weights @ weights.squares @ components)
    freedom = variance**2 / float(components @ weights.products @ components)
    return float(np.sqrt(variance)), freedom


def _average_in_groups(values: Table, groups: NDArray[np.int64]) -> Table:
    """Average the trainings of each group; of one group every training counts for itself."""
    names = np.unique(groups)
    if len(names) == 1:
        return values
    return np.array([average_known(values[groups == name], axis=0) for name in names])


def _list_variances(table: Table) -> list[tuple[float, float]]:
    """List estimates of the variance of the mean, each with its degrees of freedom: both effects, and each alone."""
    rows, columns = average_known(table, axis=1), average_known(table, axis=0)
    variances = []
    for means in (rows, columns):
        if len(means) > 1:
            variances.append((float(means.var(ddof=1)) / len(means), len(means) - 1.0))
    is_known = ~np.isnan(table)
    weights = weigh_sums_of_squares(is_known.tobytes(), is_known.shape)
    if weights is not None:
        variances.append(weights.estimate(table))
    return variances
