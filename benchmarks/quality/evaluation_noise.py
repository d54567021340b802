"""How much of an evaluation's noise do averaged weights and mirror images take away?

    python -m benchmarks.quality.evaluation_noise DATA [--seeds 4] [--steps 500] [--work FOLDER] [--summary]

DATA holds slices of people with focal cortical dysplasia. A segmenter is trained on ten of them with the arm
``copy-paste+classic`` and tested on all others, once for each seed. Every training is read out in several ways: with
the weights of the last step, with moving averages that reach back over several shares of the steps, and each of them
with and without mirror images. All readouts are of the same training, so that their noise can be compared.

The noise is the standard deviation of person × seed: what is left of the persons' Dice, in points, after the mean of
each person and of each seed is taken away. Every training is a JSON file of its own; those that are there are not made
again. ``--summary`` trains nothing and writes ``benchmarks/results/evaluation-noise.json``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from benchmarks.lib import timing  # sets the number of threads, so before NumPy

# isort: split
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.lib.machine import describe_machine
from benchmarks.lib.pages import update_page
from benchmarks.lib.timing import RESULTS, format_table
from benchmarks.outcome.paste_outcome import TRAINING_SUBJECTS, PreparedData, prepare_data
from domaingan import load, view
from domaingan.baselines.scored_samples import ScoredSample, iterate_scored_samples
from domaingan.baselines.segmentation import prepare_segmenter_training
from domaingan.baselines.segmenter_model import decide_mask, resample_probabilities, scale_image
from domaingan.baselines.training_loop import train_network
from domaingan.baselines.weight_average import WeightAverage
from domaingan.baselines.window_prediction import predict_probabilities
from domaingan.core.devices import ComputeSettings, choose_compute
from domaingan.core.files import write_json
from domaingan.core.reading import read_json_object
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arms import Arm
from domaingan.metrics.mask_counters import make_counter

ARM = "copy-paste+classic"

SPACING = 1.0
"""Millimetres: the grid that is worked at."""

AVERAGED_SHARES = (0.1, 0.2, 0.4)
"""Shares of the steps that the moving averages reach back over."""

FLIPS: dict[str, tuple[tuple[int, ...], ...]] = {
    "": ((),),
    "+lr": ((), (1,)),
    "+flips": ((), (0,), (1,)),
    "+all": ((), (0,), (1,), (0, 1)),
}
"""Mirror images that are averaged, by the end of a readout's name; each is a tuple of mirrored axes."""

MIRRORED_AXES = ((), (0,), (1,), (0, 1))

assert timing.RESULTS  # imported for what it sets


class Averages:
    """Moving averages of several reaches, which follow one training."""

    def __init__(self, network: nn.Module, steps: int) -> None:
        self.averages = {share: WeightAverage(network, steps, share) for share in AVERAGED_SHARES}

    def update(self, network: nn.Module) -> None:
        """Take the weights of a step into every average."""
        for average in self.averages.values():
            average.update(network)


def train_and_read_out(data: PreparedData, seed: int, steps: int) -> dict[str, Any]:
    """Train once, and score every readout on every test person."""
    started = time.monotonic()
    compute = choose_compute("cpu")
    augment = build_augmentation(Arm.parse(ARM), {"copy-paste": data.bank}, data.schema, {})
    training = prepare_segmenter_training(
        data.train, data.schema, augment, steps=steps, seed=seed, compute=compute, has_average=False
    )
    averages = Averages(training.network, steps)

    def compute_loss(network: nn.Module, batch: Any, step: int) -> Tensor:
        if step > 1:
            averages.update(network)
        return training.compute_loss(network, batch, step)

    trained = train_network(training.network, training.patches, compute_loss, training.settings, compute)
    averages.update(trained.last_network)
    networks = {"last": trained.last_network}
    for share, average in averages.averages.items():
        networks[f"ema-{share:g}"] = average.network.eval()
    middle = time.monotonic()
    scores: dict[str, dict[str, float]] = {}
    for name, network in networks.items():
        scores |= score_network(name, network, data, training.patches.patch, compute)
    seconds = {"train": round(middle - started, 1), "score": round(time.monotonic() - middle, 1)}
    return {"seed": seed, "steps": steps, "scores": scores, "losses": trained.losses, "seconds": seconds}


def score_network(
    name: str, network: nn.Module, data: PreparedData, patch: tuple[int, ...], compute: ComputeSettings
) -> dict[str, dict[str, float]]:
    """Score a network with each choice of mirror images: the Dice of each person, by readout."""
    counters = {end: make_counter(data.own_grid.schema, groups=()) for end in FLIPS}
    for item in iterate_scored_samples(data.test, data.own_grid, lambda sample: sample.mask is not None):
        mirrored = predict_mirrored(network, item, data, patch, compute)
        for end, chosen in FLIPS.items():
            mean = torch.stack([mirrored[axes] for axes in chosen]).mean(0)
            probabilities = next(resample_probabilities(mean, [item.original.shape]))
            counters[end].add(item.unit, item.original, decide_mask(probabilities, data.schema))
    scores = {}
    for end, counter in counters.items():
        row = {}
        for person, values in counter.compute_scores().items():
            row[person] = values[f"dice:{data.rarest}"]
        scores[f"{name}{end}"] = row
    return scores


def predict_mirrored(
    network: nn.Module, item: ScoredSample, data: PreparedData, patch: tuple[int, ...], compute: ComputeSettings
) -> dict[tuple[int, ...], Tensor]:
    """Predict the probabilities of an image and of each of its mirror images, turned back."""
    image = torch.from_numpy(scale_image(item.sample, data.schema))[None]
    predicted: dict[tuple[int, ...], Tensor] = {}
    for axes in MIRRORED_AXES:
        dims = [2 + axis for axis in axes]
        found = predict_probabilities(network, image.flip(dims), patch, compute)
        predicted[axes] = found.flip(dims)
    return predicted


def compute_noise(values: NDArray[np.float64]) -> float:
    """Compute the standard deviation of person × seed.

    Args:
        values: ``(persons, seeds)``.
    """
    residual = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    persons, seeds = values.shape
    return float(np.sqrt(np.square(residual).sum() / ((persons - 1) * (seeds - 1))))


def summarise(work: Path, steps: int) -> dict[str, Any]:
    """Compare the readouts of all trainings: mean Dice and noise of each, in points."""
    trainings = [read_json_object(path) for path in sorted(work.glob("seed*.json"))]
    rows = []
    for readout in trainings[0]["scores"]:
        columns = []
        for training in trainings:
            people = training["scores"][readout]
            columns.append([100 * people[person] for person in sorted(people)])
        values = np.array(columns).T
        rows.append(
            {
                "readout": readout,
                "dice": round(float(values.mean()), 2),
                "noise": round(compute_noise(values), 2),
                "seed_sd": round(float(values.mean(0).std(ddof=1)), 2),
            }
        )
    seconds = [training["seconds"] for training in trainings]
    return {
        "people": len(trainings[0]["scores"]["last"]),
        "seeds": len(trainings),
        "steps": steps,
        "readouts": rows,
        "seconds": seconds,
        "machine": describe_machine("torch", "monai"),
    }


def write_results(result: dict[str, Any]) -> None:
    """Write the JSON file, and the table of its page where there is one."""
    write_json(RESULTS / "evaluation-noise.json", result)
    base = result["readouts"][0]
    lines = []
    for row in result["readouts"]:
        change = f"{100 * (row['noise'] / base['noise'] - 1):+.0f} %"
        lines.append([row["readout"], f"{row['dice']:.1f}", f"{row['noise']:.1f}", change, f"{row['seed_sd']:.1f}"])
    table = format_table(["readout", "mean Dice", "person × seed sd", "change", "sd of a seed's mean"], lines)
    print(table)
    page = RESULTS / "evaluation-noise.md"
    if page.is_file():
        update_page(page, {"noise": table})


def main() -> None:
    """Train what is missing, or summarise what is there."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--work", type=Path, default=Path("runs/evaluation-noise"))
    parser.add_argument("--summary", action="store_true")
    asked = parser.parse_args()
    if asked.summary:
        write_results(summarise(asked.work, asked.steps))
        return
    slices = view(load(asked.data), dims=2)
    people = [f"case_{number}" for number in TRAINING_SUBJECTS.split()]
    train = slices.where(subject=people)
    test = slices.where(subject=[person for person in slices.subjects if person not in people])
    data = prepare_data(train, test, SPACING)
    asked.work.mkdir(parents=True, exist_ok=True)
    for seed in range(asked.seeds):
        path = asked.work / f"seed{seed}.json"
        if not path.is_file():
            result = train_and_read_out(data, seed, asked.steps)
            write_json(path, result)
            print(path.name, result["seconds"], flush=True)


if __name__ == "__main__":
    main()
