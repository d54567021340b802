"""Means, intervals and p values over test subjects alone: chance of another training is not in them.

For models that are compared as they are. Trainings are compared by :mod:`domaingan.metrics.crossed_intervals`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ALPHA = 0.05
"""A difference is shown only where p is below this."""

MAX_EXACT_SUBJECTS = 14
"""Up to this many subjects every assignment of signs is counted. For more, :data:`SIGN_FLIP_DRAWS` are sampled."""

SIGN_FLIP_DRAWS = 20_000

TIE_TOLERANCE = 1e-12
"""Means that differ by less than this are equal: their sums were only rounded differently."""


def compute_mean_interval(values: Sequence[float] | NDArray[Any], level: float = 0.95) -> dict[str, Any]:
    """Compute the mean over subjects and its Student's t interval.

    Args:
        values: ``(n,)``, one value for each subject. NaN values do not count.
        level: confidence level of the interval, in (0, 1).

    Returns:
        ``{"mean", "ci": [low, high]}``, rounded to 6 digits. The mean is None without any subject, and the ends of
        the interval are None with fewer than two.

    >>> compute_mean_interval([0.2, 0.4, float("nan")])["mean"]
    0.3
    """
    known = _drop_nan(values)
    if not len(known):
        return {"mean": None, "ci": [None, None]}
    mean = float(known.mean())
    if len(known) == 1:
        return {"mean": round(mean, 6), "ci": [None, None]}
    quantile = stats.t.ppf(0.5 + level / 2, len(known) - 1)
    half = float(quantile * known.std(ddof=1) / np.sqrt(len(known)))
    return {"mean": round(mean, 6), "ci": [round(mean - half, 6), round(mean + half, 6)]}


def compute_sign_flip_p(differences: Sequence[float] | NDArray[Any], rng: np.random.Generator) -> float | None:
    """Compute the two-sided p of a paired sign-flip (randomisation) test on the mean difference.

    Under the null hypothesis each subject's difference is as likely to have either sign (Fisher 1935). All 2^n
    assignments are counted up to :data:`MAX_EXACT_SUBJECTS`. For more subjects assignments are sampled, and the
    observed one is counted among them, so that p > 0.

    Args:
        differences: ``(n,)``, one paired difference for each subject. NaN values do not count.
        rng: samples the signs where they are not all counted.

    Returns:
        p in (0, 1]; None without any subject.
    """
    known = _drop_nan(differences)
    n = len(known)
    if n == 0:
        return None
    observed = abs(known.mean())
    is_exact = n <= MAX_EXACT_SUBJECTS
    if is_exact:
        signs = np.array(list(product((-1.0, 1.0), repeat=n)))
    else:
        signs = rng.choice((-1.0, 1.0), size=(SIGN_FLIP_DRAWS, n))
    means = np.abs(signs @ known) / n
    is_as_large = means >= observed - TIE_TOLERANCE
    if is_exact:
        return float(is_as_large.mean())
    return float((1 + is_as_large.sum()) / (SIGN_FLIP_DRAWS + 1))


def compute_smallest_p(n: int) -> float:
    """Compute the smallest two-sided p that ``n`` subjects can give in a sign-flip test.

    >>> compute_smallest_p(2), compute_smallest_p(6)
    (0.5, 0.03125)
    """
    if n > MAX_EXACT_SUBJECTS:
        return 1 / (SIGN_FLIP_DRAWS + 1)
    return min(1.0, 2.0 / 2**n)


def compare_paired(arm: NDArray[Any], against: NDArray[Any], rng: np.random.Generator) -> dict[str, Any]:
    """Compare two arms over the same subjects.

    Args:
        arm: ``(n,)`` values of one arm, NaN where a subject has none.
        against: ``(n,)`` values of the other, in the same order.
        rng: see :func:`compute_sign_flip_p`.

    Returns:
        ``{"mean", "ci", "p", "n"}`` of ``arm - against``; ``n`` counts the subjects that have both values.
    """
    differences = np.asarray(arm, dtype=float) - np.asarray(against, dtype=float)
    interval = compute_mean_interval(differences)
    n = int((~np.isnan(differences)).sum())
    return interval | {"p": compute_sign_flip_p(differences, rng), "n": n}


def can_be_significant(n: int, alpha: float = ALPHA) -> bool:
    """Return whether ``n`` subjects could give p < alpha at all."""
    return compute_smallest_p(n) < alpha


def compute_jackknife_pseudovalues(
    units: Sequence[str], statistic: Callable[[Sequence[str]], Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """Compute what each unit contributes to statistics that are pooled over units, such as IoU or average precision.

    Unit i's pseudovalue is θ - (n - 1) (θ_(-i) - mean_j θ_(-j)), where θ_(-i) is the statistic without unit i. The mean
    of the values is θ itself, and the variance of their mean is the jackknife's (Tukey 1958; Efron and Stein 1981).
    So intervals and paired tests over units work as for a plain mean.

    Args:
        units: names of the units, such as blocks of a drive, each once.
        statistic: computes the statistics by name from some of the units.

    Returns:
        For each unit its value of each statistic. Where a statistic is undefined without some unit (a class that is in
        one block alone), the first unit has the pooled value and the others NaN: its variation is not known.

    >>> compute_jackknife_pseudovalues(["a", "b"], lambda units: {"n": 10.0 * len(units) + ("a" in units)})["b"]
    {'n': 20.5}
    """
    whole = statistic(units)
    n = len(units)
    if n == 1:
        return {units[0]: dict(whole)}
    without_unit: list[Mapping[str, float]] = []
    for left_out in units:
        remaining = [unit for unit in units if unit != left_out]
        without_unit.append(statistic(remaining))
    values: dict[str, dict[str, float]] = {unit: {} for unit in units}
    for name, pooled in whole.items():
        partial = np.array([found.get(name, np.nan) for found in without_unit], dtype=float)
        if np.isnan(pooled) or np.isnan(partial).any():
            contributions = [float(pooled), *[float("nan")] * (n - 1)]
        else:
            contributions = (pooled - (n - 1) * (partial - partial.mean())).tolist()
        for unit, contribution in zip(units, contributions, strict=True):
            values[unit][name] = contribution
    return values


def _drop_nan(values: Sequence[float] | NDArray[Any]) -> NDArray[np.float64]:
    known = np.asarray(values, dtype=float)
    return known[~np.isnan(known)]
