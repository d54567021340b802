"""In which share of a training step of `evaluate` does the GPU wait?

    python -m benchmarks.speed.device_wait [--device cuda] [--cases NAME ...] [--workers 8] [--steps 50]

The kernels of some steps in the middle of a training are recorded by PyTorch's profiler. While none of them runs, the
device waits: for the workers, or for the process that starts kernels. The aim is at most 10 %. It needs a GPU.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.speed.evaluate_cases import CASES, PreparedCase, Training, prepare_case
from domaingan.baselines.training_loop import train_network

WARM_UP_STEPS = 20
"""Steps before the first that is recorded: algorithms are chosen, and the workers begin."""

Interval = tuple[float, float]


class StepsEndError(Exception):
    """Ends a training when enough steps were recorded."""


class KernelRecorder:
    """Wraps the loss of a training, and records the kernels of some steps.

    Args:
        training: whose loss is wrapped.
        steps: number of recorded steps.
    """

    def __init__(self, training: Training, steps: int) -> None:
        self.training, self.steps = training, steps
        self.profiler = profile(activities=[ProfilerActivity.CUDA])

    def compute_loss(self, network: nn.Module, batch: Any, step: int) -> Tensor:
        """Compute the loss as the training does; begin or end the record where it is time."""
        if step == WARM_UP_STEPS + 1:
            self.profiler.start()
        elif step == WARM_UP_STEPS + 1 + self.steps:
            torch.cuda.synchronize()
            self.profiler.stop()
            raise StepsEndError
        return self.training.compute_loss(network, batch, step)

    def list_intervals(self) -> list[Interval]:
        """List start and end of every kernel and copy on the device, in microseconds."""
        intervals = []
        for event in self.profiler.events() or ():
            if event.device_type.name == "CUDA":
                intervals.append((event.time_range.start, event.time_range.end))
        return intervals


def compute_waiting_share(intervals: list[Interval]) -> float:
    """Compute the share of the time from the first start to the last end in which no interval is.

    >>> round(compute_waiting_share([(0.0, 4.0), (2.0, 6.0), (6.5, 10.0)]), 3)
    0.05
    """
    busy, reached = 0.0, min(intervals)[0]
    for start, end in sorted(intervals):
        busy += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return 1 - busy / (reached - min(intervals)[0])


def measure_case(prepared: PreparedCase, device: str, workers: int, steps: int) -> float:
    """Measure the share of time in which the device waits in a training of a case."""
    compute = prepared.choose_compute(device, workers)
    training = prepared.prepare_training(WARM_UP_STEPS + steps + 2, compute)
    recorder = KernelRecorder(training, steps)
    with suppress(StepsEndError):
        train_network(
            training.network,
            training.items,
            recorder.compute_loss,
            training.settings,
            compute,
            collate=training.collate,
        )
    return compute_waiting_share(recorder.list_intervals())


def main() -> None:
    """Measure the cases, or say in one line that there is no GPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--steps", type=int, default=50)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("device_wait needs a GPU: PyTorch sees none here")
    for name in options.cases:
        share = measure_case(prepare_case(CASES[name]), options.device, options.workers, options.steps)
        print(f"{name}: the device waits in {share:.0%} of the time", flush=True)


if __name__ == "__main__":
    main()
