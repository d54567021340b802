"""How often does headroom say that something would help where it does not, and how often does it find what does?

    nice python -m benchmarks.quality.headroom_studies [--studies 500] [--page-alone]

Studies are simulated with the standard deviations that were measured on scans, and answered by the function that
answers an evaluation. Writes ``benchmarks/results/headroom-studies.json`` and its page; a few minutes on one core.
"""

from __future__ import annotations

import argparse
from typing import Any

# isort: split
import numpy as np

from benchmarks.lib.pages import update_page
from benchmarks.lib.timing import RESULTS, format_table
from domaingan.core.files import write_json
from domaingan.core.reading import read_json_object
from domaingan.evaluation.comparisons import STRONG_BASELINE
from domaingan.evaluation.headroom import ALL_CROPS, ALL_HOSTS, HALF, TrainingPeople, measure_headroom
from domaingan.evaluation.score_tables import ScoreTables
from domaingan.metrics.study_simulation import StudyDesign, StudyVariances, simulate_arm

METRIC = "dice:a"

GAINS = (0.0, 4.0, 8.0)
"""Points that objects in their own places bring; crops and hosts bring nothing."""

DESIGNS = [StudyDesign("split", 30, 1, seeds) for seeds in (5, 8, 12)] + [StudyDesign("sets", 40, 4, 3, 10)]


def simulate_tables(design: StudyDesign, gain: float, rng: np.random.Generator) -> ScoreTables:
    """Simulate the scores of the four arms, of which the last brings ``gain`` points."""
    variances = StudyVariances(group=0.0) if design.groups == 1 else StudyVariances()
    tables = {}
    for arm in (HALF.name, ALL_CROPS.name, ALL_HOSTS.name, STRONG_BASELINE):
        points = simulate_arm(design, variances, rng) + (gain if arm == STRONG_BASELINE else 0.0)
        tables[arm] = {METRIC: 0.4 + points / 100}
    trainings = [(int(fold), seed) for seed, fold in enumerate(design.training_groups)]
    return ScoreTables(trainings, [f"s{i}" for i in range(design.people)], [METRIC], tables)


def measure_answers(design: StudyDesign, gain: float, n_studies: int, seed: int) -> dict[str, Any]:
    """Measure how often each answer is given."""
    rng = np.random.default_rng(seed)
    counts = {"wrong": 0, "found": 0, "useless": 0}
    for _ in range(n_studies):
        found = measure_headroom(simulate_tables(design, gain, rng), METRIC, TrainingPeople(40))
        assert found is not None
        true = {"places"} if gain else set[str]()
        answers = {row["quantity"]: row["answer"] for row in found["doublings"]}
        counts["wrong"] += bool(set(found["short"]) - true)
        counts["found"] += answers["places"] == "helps"
        counts["useless"] += answers["crops"] == "does not help"
    shares = {name: count / n_studies for name, count in counts.items()}
    return {"design": vars(design), "gain": gain, "n_studies": n_studies, **shares}


def format_page(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Format the block of numbers."""
    lines = []
    for row in rows:
        design = StudyDesign(**row["design"])
        study = f"{design.seeds} seeds" if design.groups == 1 else f"{design.groups} sets × {design.seeds} seeds"
        found = f"{100 * row['found']:.0f} %" if row["gain"] else "–"
        wrong, useless = f"{100 * row['wrong']:.1f} %", f"{100 * row['useless']:.0f} %"
        lines.append([study, str(design.people), f"+{row['gain']:g}", found, useless, wrong])
    head = ["study", "people", "places bring", '"would help"', 'crops "will not help"', "wrong"]
    return {"headroom-studies": format_table(head, lines)}


def main() -> None:
    """Measure, and write the numbers and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=500, help="Studies a design and gain.")
    parser.add_argument("--page-alone", action="store_true", help="Write the page from the numbers that are there.")
    options = parser.parse_args()
    path = RESULTS / "headroom-studies.json"
    if not options.page_alone:
        rows = []
        for number, design in enumerate(DESIGNS):
            for gain in GAINS:
                rows.append(measure_answers(design, gain, options.studies, number))
                print(rows[-1], flush=True)
        write_json(path, {"rows": rows})
    update_page(RESULTS / "headroom-studies.md", format_page(read_json_object(path)["rows"]))


if __name__ == "__main__":
    main()
