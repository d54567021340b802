"""How much longer is a training step of `evaluate` than the bare step of its network?

    python -m benchmarks.speed.evaluate_step [--cases NAME ...] [--workers 2] [--threads 1] [--turns 5] [--steps 12]
        [--own NAME=TASK:DIMS:DATA ...] [--profile]

A user's step draws samples, pastes, runs classic augmentation and makes the batch (in the workers), then runs the
network forwards and backwards and the optimiser, clips gradients, averages weights and logs the loss. Beside it stands
the bare step: a copy of the network, one batch that lies ready, forwards, loss, backwards, AdamW.

Both are timed in turns in one process. After a bare turn the workers are ahead, so the first steps of a user's turn are
not counted. ``--threads`` is the number of threads of the network. CPU seconds are those of all processes together,
so they tell what the workers cost where no core is free for them. Writes ``benchmarks/results/evaluate-step.json``,
and the table of its page; cases that are not named stay as they are.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from torch import Tensor, nn

from benchmarks.lib.machine import count_busy_seconds
from benchmarks.lib.pages import update_page
from benchmarks.lib.turns import RESULTS, format_table
from benchmarks.speed.evaluate_cases import (
    PreparedCase,
    Training,
    add_case_options,
    choose_cases,
    prepare_case,
    read_measured,
    write_measured,
)
from domaingan.baselines.training_loop import WEIGHT_DECAY, load_batches, move_batch, train_network
from domaingan.core.devices import ComputeSettings

OUT = RESULTS / "evaluate-step.json"
PAGE = "evaluate-speed.md"
"""Stands beside the JSON file."""

UNCOUNTED_STEPS = 6
"""Steps of a user's turn that use up what the workers made while the bare turn ran."""

WARM_UP_STEPS = 4


class TurnsEndError(Exception):
    """Ends a training when enough turns were timed."""


@dataclass
class Clock:
    """Wall and CPU seconds at an instant.

    Attributes:
        wall: seconds of the clock.
        cpu: CPU seconds of this process.
        worker_cpu: CPU seconds of its workers.
    """

    wall: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)
    worker_cpu: float = field(default_factory=lambda: sum(map(_read_cpu_seconds, multiprocessing.active_children())))


def _read_cpu_seconds(process: Any) -> float:
    """Read how many CPU seconds another process has used."""
    stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


class BareStep:
    """The bare step: a network of its own and one batch.

    Args:
        training: whose network is copied.
        batch: a batch on the device.
    """

    def __init__(self, training: Training, batch: Any) -> None:
        self.network = copy.deepcopy(training.network).train()
        self.training, self.batch = training, batch
        rate = training.settings.learning_rate
        self.optimiser = self.make_optimiser(rate)

    def make_optimiser(self, rate: float) -> Any:
        """Make the optimiser of the training."""
        import torch

        return torch.optim.AdamW(self.network.parameters(), rate, weight_decay=WEIGHT_DECAY)

    def run(self) -> None:
        """Run one step."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.training.compute_loss(self.network, self.batch, 1)
        loss.backward()
        self.optimiser.step()


@dataclass
class TurnTimer:
    """Wraps the loss of a training: every few steps it runs a bare turn, and times both.

    Attributes:
        bare: the bare step.
        training: whose loss is wrapped.
        steps: counted steps of a turn.
        turns: number of turns.
        rows: seconds a step of each turn.
    """

    bare: BareStep
    training: Training
    steps: int
    turns: int
    rows: list[dict[str, float]] = field(default_factory=list)
    _begun: Clock | None = None

    def compute_loss(self, network: nn.Module, batch: Any, step: int) -> Tensor:
        """Compute the loss as the training does; between turns, time the bare step."""
        position = (step - 1) % (UNCOUNTED_STEPS + self.steps)
        if position == 0:
            if self._begun is not None:
                self.finish_turn()
            else:
                self.run_bare(WARM_UP_STEPS)
        elif position == UNCOUNTED_STEPS:
            self._begun = Clock()
        return self.training.compute_loss(network, batch, step)

    def finish_turn(self) -> None:
        """Store the seconds of a user's turn, and run a bare one."""
        assert self._begun is not None
        begun, ended = self._begun, Clock()
        row = {
            "user_wall": (ended.wall - begun.wall) / self.steps,
            "user_cpu": (ended.cpu - begun.cpu) / self.steps,
            "worker_cpu": (ended.worker_cpu - begun.worker_cpu) / self.steps,
        }
        _wait_for_workers()
        begun = Clock()
        self.run_bare(self.steps)
        ended = Clock()
        row["bare_wall"] = (ended.wall - begun.wall) / self.steps
        row["bare_cpu"] = (ended.cpu - begun.cpu) / self.steps
        self.rows.append(row)
        if len(self.rows) == self.turns:
            raise TurnsEndError

    def run_bare(self, steps: int) -> None:
        """Run some bare steps."""
        for _ in range(steps):
            self.bare.run()


def _wait_for_workers() -> None:
    """Wait until the workers are as far ahead as they may be."""
    before = Clock().worker_cpu
    while True:
        time.sleep(0.3)
        now = Clock().worker_cpu
        if now - before < 0.02:
            return
        before = now


def time_case(prepared: PreparedCase, workers: int, steps: int, turns: int) -> dict[str, Any]:
    """Time a case.

    Args:
        prepared: the case.
        workers: number of workers of the user's step.
        steps: counted steps of a turn.
        turns: number of turns.

    Returns:
        The seconds a step of each turn, and how much of the machine other processes used.
    """
    compute = prepared.choose_compute("cpu", workers)
    training = prepared.prepare_training((turns + 2) * (steps + UNCOUNTED_STEPS), compute)
    batch = move_batch(make_first_batch(training, compute), compute)
    timer = TurnTimer(BareStep(training, batch), training, steps, turns)
    began, busy = time.perf_counter(), count_busy_seconds() - _count_process_seconds()
    with suppress(TurnsEndError):
        train_network(
            training.network, training.items, timer.compute_loss, training.settings, compute, collate=training.collate
        )
    seconds = time.perf_counter() - began
    others = (count_busy_seconds() - _count_process_seconds() - busy) / seconds
    return {
        "input": prepared.describe_input(),
        "batch": training.settings.batch_size,
        "precision": str(compute.dtype).removeprefix("torch."),
        "workers": workers,
        "cores_others_used": round(max(0.0, others), 2),
        "turns": timer.rows,
    }


def make_first_batch(training: Training, compute: ComputeSettings) -> Any:
    """Make the first batch of a training without workers."""
    alone = ComputeSettings(compute.device, compute.dtype)
    return next(iter(load_batches(training.items, training.settings.batch_size, alone, training.collate)))


def _count_process_seconds() -> float:
    """Count the CPU seconds of this process and its workers, those that ended included."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system + Clock().worker_cpu


def compute_ratios(case: dict[str, Any]) -> dict[str, float]:
    """Compute the medians of a case: milliseconds, the ratio of both steps, and what the CPU does.

    ``wall`` is the ratio of the clock's time. ``process`` is that of the CPU seconds of the training process: what the
    user's step costs where the workers have a core of their own and keep up. ``everything`` counts the CPU seconds of
    the workers, too: what it costs where every core is busy.
    """
    turns = case["turns"]
    bare_wall = median(turn["bare_wall"] for turn in turns)
    worker_cpu = median(turn["worker_cpu"] for turn in turns)
    process = median(turn["user_cpu"] / turn["bare_cpu"] for turn in turns)
    everything = median((turn["user_cpu"] + turn["worker_cpu"]) / turn["bare_cpu"] for turn in turns)
    return {
        "bare_ms": 1e3 * bare_wall,
        "user_ms": 1e3 * median(turn["user_wall"] for turn in turns),
        "bare_cpu_ms": 1e3 * median(turn["bare_cpu"] for turn in turns),
        "worker_cpu_ms": 1e3 * worker_cpu,
        "wall": median(turn["user_wall"] / turn["bare_wall"] for turn in turns),
        "process": process,
        "everything": everything,
    }


def format_page(result: dict[str, Any]) -> str:
    """Format the table of the page."""
    head = [
        "case",
        "threads",
        "bare step, CPU ms",
        "ratio",
        "in CPU s of the training",
        "in all CPU s",
        "others' cores",
    ]
    rows = []
    for name, case in result["cases"].items():
        found = compute_ratios(case)
        title = f"{name} ({case['input']}, batch {case['batch']}, {case['precision']})"
        ratios = [f"{found[key]:.2f}" for key in ("wall", "process", "everything")]
        rows.append([title, case["threads"], f"{found['bare_cpu_ms']:.0f}", *ratios, case["cores_others_used"]])
    return format_table(head, rows)


def profile_items(prepared: PreparedCase, n: int) -> None:
    """Print where the time of making items goes."""
    import cProfile
    import pstats

    training = prepared.prepare_training(100, prepared.choose_compute("cpu", 0))
    training.items[0]
    profile = cProfile.Profile()
    profile.enable()
    for number in range(1, n + 1):
        training.items[number]
    profile.disable()
    pstats.Stats(profile).sort_stats("cumulative").print_stats(60)


def main() -> None:
    """Time the cases, write the numbers and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_case_options(parser, turns=5, steps=12, out=OUT)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    result = read_measured(options.out)
    for name, case in choose_cases(options).items():
        prepared = prepare_case(case)
        if options.profile:
            profile_items(prepared, 40)
            continue
        found = time_case(prepared, options.workers, options.steps, options.turns)
        key = name if options.threads == 1 else f"{name}, {options.threads} threads"
        print(key, {measure: round(value, 2) for measure, value in compute_ratios(found).items()}, flush=True)
        write_measured(options.out, result, key, found, options.threads)
    page = options.out.parent / PAGE
    if page.is_file() and result["cases"]:
        update_page(page, {"step": format_page(result)})


if __name__ == "__main__":
    main()
