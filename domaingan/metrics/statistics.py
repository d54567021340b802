"""Means, intervals and p values over test subjects; the subject is the unit, seeds are averaged first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

MAX_EXACT_SUBJECTS = 14
"""Up to so many subjects every assignment of signs is counted; beyond, :data:`SIGN_FLIP_DRAWS` of them are drawn."""

SIGN_FLIP_DRAWS = 20_000

Verdict = Literal["helps", "hurts", "no difference", "cannot be shown"]


def compute_mean_interval(values: Sequence[float] | NDArray[Any], level: float = 0.95) -> dict[str, Any]:
    """Mean and Student's t interval over subjects; NaN subjects do not count.

    Returns:
        ``{"mean", "ci": [low, high]}``, None where it cannot be said (no subject; one subject for the interval).

    >>> compute_mean_interval([0.2, 0.4, float("nan")])["mean"]
    0.3
    """
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    if not len(known):
        return {"mean": None, "ci": [None, None]}
    mean = float(known.mean())
    if len(known) == 1:
        return {"mean": round(mean, 6), "ci": [None, None]}
    half = float(stats.t.ppf(0.5 + level / 2, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    return {"mean": round(mean, 6), "ci": [round(mean - half, 6), round(mean + half, 6)]}


def compute_sign_flip_p(differences: Sequence[float] | NDArray[Any], rng: np.random.Generator) -> float | None:
    """Two-sided p of a paired sign-flip (randomisation) test on the mean difference.

    Under the null hypothesis each subject's difference is as likely to have either sign (Fisher 1935). All
    2^n assignments are counted up to n = 14; beyond, drawn ones with the observed one among them, so that p > 0.
    """
    known = np.asarray(differences, dtype=float)
    known = known[~np.isnan(known)]
    n = len(known)
    if n == 0:
        return None
    observed = abs(known.mean())
    if n <= MAX_EXACT_SUBJECTS:
        signs = np.array(list(product((-1.0, 1.0), repeat=n)))
        means = np.abs(signs @ known) / n
        return float((means >= observed - 1e-12).mean())
    signs = rng.choice((-1.0, 1.0), size=(SIGN_FLIP_DRAWS, n))
    means = np.abs(signs @ known) / n
    return float((1 + (means >= observed - 1e-12).sum()) / (SIGN_FLIP_DRAWS + 1))


def compute_smallest_p(n: int) -> float:
    """The smallest two-sided p that ``n`` subjects can give in a sign-flip test.

    >>> compute_smallest_p(2), compute_smallest_p(6)
    (0.5, 0.03125)
    """
    return min(1.0, 2.0 / 2**n) if n <= MAX_EXACT_SUBJECTS else 1 / (SIGN_FLIP_DRAWS + 1)


def compare_paired(arm: NDArray[Any], against: NDArray[Any], rng: np.random.Generator) -> dict[str, Any]:
    """Mean, interval and p of the paired differences of two arms over the same subjects."""
    differences = np.asarray(arm, dtype=float) - np.asarray(against, dtype=float)
    return compute_mean_interval(differences) | {
        "p": compute_sign_flip_p(differences, rng),
        "n": int((~np.isnan(differences)).sum()),
    }


def compute_crossed_interval(values: NDArray[Any], level: float = 0.95) -> dict[str, Any]:
    """Mean and interval over units and seeds at once: what other units and other seeds would change is in it.

    Units and seeds are crossed random effects with one value each (Searle, Casella and McCulloch, "Variance
    components", 1992, chapter 4): the variance of the mean is (MS_units + MS_seeds - MS_rest) / (units · seeds), its
    degrees of freedom Satterthwaite's, but no fewer than the smaller of the two has. It is never narrower than the
    interval over units after averaging over seeds.

    Args:
        values: ``(seeds, units)``, such as paired differences; units with a NaN do not count.
        level: of the interval.

    Returns:
        ``{"mean", "ci": [low, high]}``; without at least two of both no interval can be said.

    >>> compute_crossed_interval(np.array([[0.1, 0.3, 0.2], [0.2, 0.4, 0.3]]))["mean"]
    0.25
    """
    table = np.asarray(values, dtype=float)
    table = table[:, ~np.isnan(table).any(axis=0)]
    if 0 in table.shape:
        return {"mean": None, "ci": [None, None]}
    (seeds, units), mean = table.shape, float(table.mean())
    if min(seeds, units) < 2:
        return {"mean": round(mean, 6), "ci": [None, None]}
    by_unit, by_seed = table.mean(axis=0), table.mean(axis=1)
    rest = table - by_unit - by_seed[:, None] + mean
    squares = [
        (seeds * by_unit.var(ddof=1), units - 1),
        (units * by_seed.var(ddof=1), seeds - 1),
        (float((rest**2).sum()) / ((seeds - 1) * (units - 1)), (seeds - 1) * (units - 1)),
    ]
    signs = (1, 1, -1)
    whole = sum(sign * square for sign, (square, _) in zip(signs, squares, strict=True))
    spread = sum(square**2 / freedom for square, freedom in squares)
    alone, freedom = squares[0]
    if whole > alone and spread > 0:  # else seeds differ by less than chance, and units are all there is
        freedom = min(freedom, max(min(seeds, units) - 1, whole**2 / spread))
    half = stats.t.ppf(0.5 + level / 2, freedom) * np.sqrt(max(whole, alone) / (seeds * units))
    return {"mean": round(mean, 6), "ci": [round(mean - float(half), 6), round(mean + float(half), 6)]}


def decide_verdict(difference: dict[str, Any], alpha: float = 0.05) -> Verdict:
    """One word for a paired difference.

    ``cannot be shown`` where so few subjects could never give p < alpha; ``helps`` or ``hurts`` where p < alpha and
    the interval excludes 0; else ``no difference`` (none was shown).
    """
    low, high = difference["ci"]
    if low is None or compute_smallest_p(difference["n"]) >= alpha:
        return "cannot be shown"
    if difference["p"] >= alpha or low <= 0 <= high:
        return "no difference"
    return "helps" if difference["mean"] > 0 else "hurts"


def compute_jackknife_pseudovalues(
    units: Sequence[str], statistic: Callable[[Sequence[str]], Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """What each unit contributes to statistics that are pooled over units (IoU, average precision): the jackknife.

    Unit i's value is θ - (n - 1) (θ_(-i) - mean_j θ_(-j)), θ_(-i) being the statistic without it. The values' mean is
    θ itself, and the variance of their mean is the jackknife's (Tukey 1958; Efron and Stein 1981): so intervals and
    paired tests over units work as for a plain mean. A statistic that is not defined without some unit (a class in one
    block alone) is the first unit's value, and NaN for the others: there is no telling how it varies.

    >>> compute_jackknife_pseudovalues(["a", "b"], lambda units: {"n": 10.0 * len(units) + ("a" in units)})["b"]
    {'n': 20.5}
    """
    whole, n = statistic(units), len(units)
    if n == 1:
        return {units[0]: dict(whole)}
    without = [statistic([other for other in units if other != unit]) for unit in units]
    values: dict[str, dict[str, float]] = {unit: {} for unit in units}
    for name, pooled in whole.items():
        rest = np.array([found.get(name, np.nan) for found in without], dtype=float)
        if np.isnan(pooled) or np.isnan(rest).any():
            listed = [float(pooled), *[float("nan")] * (n - 1)]
        else:
            listed = (pooled - (n - 1) * (rest - rest.mean())).tolist()
        for unit, value in zip(units, listed, strict=True):
            values[unit][name] = value
    return values
