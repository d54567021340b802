"""How much longer is the scoring of `evaluate` than the bare forward passes of its network?

    python -m benchmarks.speed.evaluate_scoring [--cases NAME ...] [--turns 3] [--threads 1] [--steps 30]
        [--own NAME=TASK:DIMS:DATA ...] [--profile]

A network is trained for some steps, so that it predicts objects. Scoring brings images to scaled units, predicts them
by sliding windows and mirror images, resamples probabilities to the data's own grid and computes every measure. Beside
it stand the bare forward passes: the network on batches of the same number and shapes. Both are timed in turns in one
process. Reading the test samples is timed once, as `evaluate` reads them once a fold. Writes
``benchmarks/results/evaluate-scoring.json`` and the table of its page; cases that are not named stay as they are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.lib.pages import update_page
from benchmarks.lib.turns import RESULTS, format_table
from benchmarks.speed.evaluate_cases import (
    SEED,
    PreparedCase,
    add_case_options,
    choose_cases,
    prepare_case,
    read_measured,
    write_measured,
)
from domaingan.baselines.backbones import Backbone
from domaingan.baselines.detection import score_detector, train_detector
from domaingan.baselines.detectors import use_backbone_precision
from domaingan.baselines.segmentation import score_segmenter, train_segmenter
from domaingan.core.devices import ComputeSettings
from domaingan.data import Dataset
from domaingan.evaluation.baseline_settings import DEFAULT_BACKBONE
from domaingan.evaluation.fold import load_test_samples

OUT = RESULTS / "evaluate-scoring.json"
PAGE = "evaluate-speed.md"
"""Stands beside the JSON file."""


class BareForward:
    """The forward passes of a scoring, again and alone.

    Args:
        network: whose inputs are recorded while it scores.
        compute: device and precision.
        is_detector: whether its inputs are lists of images.
    """

    def __init__(self, network: nn.Module, compute: ComputeSettings, *, is_detector: bool) -> None:
        self.network, self.compute, self.is_detector = network, compute, is_detector
        self.inputs: list[Any] = []

    def record(self, score: Callable[[], Any]) -> None:
        """Score once, and keep what goes into the network."""
        hook = self.network.register_forward_pre_hook(self._keep_input)
        score()
        hook.remove()

    def _keep_input(self, network: nn.Module, arguments: tuple[Any, ...]) -> None:
        images = arguments[0]
        self.inputs.append(images.clone() if isinstance(images, Tensor) else [image.clone() for image in images])

    def run(self) -> None:
        """Run all forward passes."""
        precision = self.compute.autocast()
        if self.is_detector:
            precision = use_backbone_precision(self.network, self.compute)  # type: ignore[assignment]
        with torch.inference_mode(), precision:
            for images in self.inputs:
                self.network(images)


def train_and_open(prepared: PreparedCase, steps: int, compute: ComputeSettings, test: Dataset) -> tuple[Any, Any]:
    """Train a network with the defaults of `evaluate`.

    Returns:
        The network, and a function that scores it.
    """
    backbone = Backbone.parse(DEFAULT_BACKBONE) if prepared.schema.domain.is_rgb else None
    arguments: Any = {"steps": steps, "seed": SEED, "compute": compute, "backbone": backbone}
    if prepared.task == "detection":
        detector = train_detector(prepared.samples, prepared.schema, prepared.augment, **arguments)
        return detector.network, partial(score_detector, detector, test, test)
    segmenter = train_segmenter(prepared.samples, prepared.schema, prepared.augment, **arguments)
    return segmenter.network, partial(score_segmenter, segmenter, test, test)


def time_case(prepared: PreparedCase, steps: int, turns: int, *, is_profiled: bool) -> dict[str, Any]:
    """Time a case, or print where the time of its scoring goes.

    Args:
        prepared: the case.
        steps: number of training steps before.
        turns: number of turns.
        is_profiled: whether one scoring is profiled in place of the turns.

    Returns:
        CPU and wall seconds of both in each turn, and the seconds of reading.
    """
    started = time.process_time()
    test, _ = load_test_samples(prepared.test, lambda data: data)
    read_seconds = time.process_time() - started
    compute = prepared.choose_compute("cpu", 0)
    network, score = train_and_open(prepared, steps, compute, test)
    bare = BareForward(network, compute, is_detector=prepared.task == "detection")
    bare.record(score)
    if is_profiled:
        print_profile(score)
    rows = []
    for _ in range(turns):
        user_wall, user_cpu = measure(score)
        bare_wall, bare_cpu = measure(bare.run)
        rows.append({"user_wall": user_wall, "user_cpu": user_cpu, "bare_wall": bare_wall, "bare_cpu": bare_cpu})
    return {
        "shape": " × ".join(map(str, test[0].shape)),
        "samples": len(test),
        "forward_passes": len(bare.inputs),
        "precision": str(compute.dtype).removeprefix("torch."),
        "read_seconds": round(read_seconds, 2),
        "turns": rows,
    }


def measure(call: Callable[[], Any]) -> tuple[float, float]:
    """Measure the wall and the CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def print_profile(score: Callable[[], Any]) -> None:
    """Print where the time of a scoring goes."""
    import cProfile
    import pstats

    profile = cProfile.Profile(time.process_time)
    profile.runcall(score)
    pstats.Stats(profile).sort_stats("cumulative").print_stats(60)


def compute_ratios(case: dict[str, Any]) -> dict[str, float]:
    """Compute the medians of a case: seconds and ratios."""
    turns = case["turns"]
    return {
        "bare_cpu": median(turn["bare_cpu"] for turn in turns),
        "wall": median(turn["user_wall"] / turn["bare_wall"] for turn in turns),
        "cpu": median(turn["user_cpu"] / turn["bare_cpu"] for turn in turns),
    }


def format_page(result: dict[str, Any]) -> str:
    """Format the table of the page."""
    head = ["case", "threads", "forward passes, CPU s", "ratio", "in CPU s", "reading once a fold, CPU s"]
    rows = []
    for name, case in result["cases"].items():
        found = compute_ratios(case)
        title = f"{name} ({case['samples']} of {case['shape']}, {case['precision']})"
        ratios = [f"{found[key]:.2f}" for key in ("wall", "cpu")]
        rows.append([title, case["threads"], f"{found['bare_cpu']:.1f}", *ratios, f"{case['read_seconds']:.1f}"])
    return format_table(head, rows)


def main() -> None:
    """Time the cases, write the numbers and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_case_options(parser, turns=3, steps=30, out=OUT)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    result = read_measured(options.out)
    for name, case in choose_cases(options).items():
        found = time_case(prepare_case(case), options.steps, options.turns, is_profiled=options.profile)
        print(name, {measure: round(value, 2) for measure, value in compute_ratios(found).items()}, flush=True)
        write_measured(options.out, result, name, found, options.threads)
    page = options.out.parent / PAGE
    if page.is_file() and result["cases"]:
        update_page(page, {"scoring": format_page(result)})


if __name__ == "__main__":
    main()
