"""How often does a verdict say "helps" or "hurts" where nothing is true, and how often does it find what is?

    nice python -m benchmarks.quality.null_studies [--studies 2000] [--page-alone]

Studies are simulated with the standard deviations that were measured on scans (:class:`StudyVariances`), and judged by
the functions that judge an evaluation. Writes ``benchmarks/results/null-studies.json`` and its page. It takes a few
minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

# isort: split
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.lib.pages import update_page
from benchmarks.lib.timing import RESULTS, format_table
from domaingan.core.files import write_json
from domaingan.core.reading import read_json_object
from domaingan.evaluation.comparisons import summarise_table
from domaingan.metrics.multiple_comparisons import adjust_p_by_holm
from domaingan.metrics.study_simulation import (
    StudyDesign,
    StudyVariances,
    compute_design_effect,
    compute_theoretical_power,
    simulate_arm,
    simulate_study,
)
from domaingan.metrics.verdict import can_be_shown, is_shown

SMALL_EFFECT = 2.0
"""Points: what a good arm was found to bring."""

BOUND_LEVEL = 0.95

LIKE_ARMS = StudyVariances()
OTHER_ARMS = StudyVariances(person=8.0)
HEAVY_TAILS = StudyVariances(has_heavy_tails=True)
LARGE_SHIFTS = StudyVariances(training=2.0, group=2.0)

VARIANCES = {
    "alike": LIKE_ARMS,
    "different": OTHER_ARMS,
    "heavy tails": HEAVY_TAILS,
    "larger shifts": LARGE_SHIFTS,
}
"""What the arms of a study are like."""

SPLITS = [StudyDesign("split", people, 1, seeds) for people in (10, 20, 30, 40) for seeds in (3, 5, 8, 12)]
FOLDS = [StudyDesign("folds", 30, groups, seeds) for groups, seeds in ((2, 5), (3, 4), (5, 1), (5, 2), (10, 1))]
SETS = [
    StudyDesign("sets", people, groups, seeds, people_per_set=people // max(groups, 4))
    for people in (20, 40)
    for groups, seeds in ((2, 3), (3, 2), (3, 4), (4, 2), (4, 3), (6, 2))
]
FAMILIES = [StudyDesign("split", 30, 1, 5), StudyDesign("split", 30, 1, 12), StudyDesign("sets", 40, 4, 3, 10)]


def describe_design(design: StudyDesign) -> str:
    """A design in words."""
    if design.plan == "split":
        return f"one split, {design.seeds} seeds"
    seeds = "1 seed" if design.seeds == 1 else f"{design.seeds} seeds"
    return f"{design.groups} {design.plan} × {seeds}"


def compute_upper_bound(count: int, total: int) -> float:
    """The upper end of the one-sided 95 % interval of a share (Clopper and Pearson 1934)."""
    return 1.0 if count == total else float(stats.beta.ppf(BOUND_LEVEL, count + 1, total - count))


def measure_design(
    design: StudyDesign, variances: StudyVariances, n_studies: int, seed: Sequence[int]
) -> dict[str, Any]:
    """How often studies of a design claim something without an effect, and with three sizes of one."""
    if design.groups == 1:  # what other training people would change cannot be seen, and is no part of the claim
        variances = StudyVariances(variances.person, variances.rest, variances.training, 0.0, variances.has_heavy_tails)
    rng = np.random.default_rng(seed)
    effects = {"detectable": compute_design_effect(design, variances), "small": SMALL_EFFECT}
    claims = dict.fromkeys(["null", "null_interval", "null_people", *effects], 0)
    errors = []
    for _ in range(n_studies):
        table = simulate_study(design, variances, 0.0, rng)
        difference = summarise_table(table, design.training_groups)
        claims["null"] += is_shown(difference)
        claims["null_interval"] += difference["p"] < 0.05
        claims["null_people"] += _excludes_zero(difference["ci_people"])
        errors.append((difference["ci"][1] - difference["ci"][0]) / 2)
        for name, effect in effects.items():
            claims[name] += _is_shifted_shown(difference, effect)
    row: dict[str, Any] = {"n_studies": n_studies, "half_width": float(np.median(errors))}
    for name, count in claims.items():
        row[name] = {"share": count / n_studies, "upper": compute_upper_bound(count, n_studies)}
    for name, effect in effects.items():
        row[name] |= {"effect": effect, "theory": compute_theoretical_power(design, variances, effect)}
    return row


def _excludes_zero(ends: Sequence[float]) -> bool:
    return ends[0] > 0 or ends[1] < 0


def _is_shifted_shown(difference: dict[str, Any], effect: float) -> bool:
    """Whether the same study shows an effect that was added to all of its differences."""
    if not can_be_shown(difference):
        return False
    return _excludes_zero([end + effect for end in difference["ci"]])


def measure_family(design: StudyDesign, variances: StudyVariances, n_studies: int, seed: int) -> dict[str, Any]:
    """How often any of the three comparisons of an evaluation of three arms is claimed where nothing is true."""
    rng = np.random.default_rng(seed)
    counts = {"corrected": 0, "uncorrected": 0}
    for _ in range(n_studies):
        arms: list[NDArray[np.float64]] = [simulate_arm(design, variances, rng) for _ in range(3)]
        pairs = {"paste": arms[1] - arms[0], "gan": arms[2] - arms[0], "gan-paste": arms[2] - arms[1]}
        rows = {name: summarise_table(table, design.training_groups) for name, table in pairs.items()}
        counts["uncorrected"] += any(is_shown(row) for row in rows.values())
        adjusted = adjust_p_by_holm({name: row["p"] for name, row in rows.items()})
        counts["corrected"] += any(is_shown(row | {"p_holm": adjusted[name]}) for name, row in rows.items())
    return {
        name: {"share": count / n_studies, "upper": compute_upper_bound(count, n_studies)}
        for name, count in counts.items()
    }


def measure(n_studies: int) -> dict[str, Any]:
    """All designs."""
    rows = []
    for number, design in enumerate([*SPLITS, *FOLDS, *SETS]):
        for position, (name, variances) in enumerate(VARIANCES.items()):
            if design.people in (10, 20) and name not in ("alike", "different"):
                continue
            measured = measure_design(design, variances, n_studies, (number, position))
            row = {"design": vars(design), "arms": name, **measured}
            rows.append(row)
            print(describe_design(design), design.people, name, row["null"], row["detectable"], flush=True)
    families = []
    for seed, design in enumerate(FAMILIES):
        family_variances = StudyVariances(group=0.0) if design.groups == 1 else LIKE_ARMS
        families.append({"design": vars(design), **measure_family(design, family_variances, n_studies, seed)})
    return {"variances": {name: vars(value) for name, value in VARIANCES.items()}, "rows": rows, "families": families}


def format_row(row: dict[str, Any]) -> list[str]:
    """A row of the table of a plan."""
    design = StudyDesign(**row["design"])
    null, people = row["null"], row["null_people"]
    detectable, small = row["detectable"], row["small"]
    cannot = design.n_trainings < 5
    claimed = "cannot be shown" if cannot else f"{100 * null['share']:.1f} % (below {100 * null['upper']:.1f})"
    power = "–" if cannot else f"{100 * detectable['share']:.0f} %"
    power_small = "–" if cannot else f"{100 * small['share']:.0f} % ({100 * small['theory']:.0f} %)"
    return [
        describe_design(design),
        str(design.people),
        row["arms"],
        claimed,
        f"{100 * people['share']:.1f} %",
        "–" if cannot else f"{detectable['effect']:.1f}",
        power,
        power_small,
    ]


def format_page(found: dict[str, Any]) -> dict[str, str]:
    """The blocks of numbers of the page."""
    head = [
        "study",
        "people",
        "arms",
        "claims without an effect",
        "by people alone",
        "effect, points",
        "found",
        "of +2",
    ]
    blocks = {}
    for plan in ("split", "folds", "sets"):
        rows = [format_row(row) for row in found["rows"] if row["design"]["plan"] == plan]
        blocks[f"null-studies-{plan}"] = format_table(head, rows)
    lines = []
    for row in found["families"]:
        design = StudyDesign(**row["design"])
        shares = [
            f"{100 * row[name]['share']:.1f} % (below {100 * row[name]['upper']:.1f})"
            for name in ("corrected", "uncorrected")
        ]
        lines.append([describe_design(design), str(design.people), *shares])
    blocks["null-studies-families"] = format_table(["study", "people", "any claim, corrected", "not corrected"], lines)
    return blocks


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="Studies a design.")
    parser.add_argument("--page-alone", action="store_true", help="Write the page from the numbers that are there.")
    options = parser.parse_args()
    path = RESULTS / "null-studies.json"
    if not options.page_alone:
        write_json(path, measure(options.studies))
    update_page(RESULTS / "null-studies.md", format_page(read_json_object(path)))


if __name__ == "__main__":
    main()
