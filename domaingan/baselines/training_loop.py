"""The training loop that all baselines share: a task brings its network, its items and its loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from domaingan.baselines.training_progress import LossLog, ProgressCallback, compute_warmup_cosine
from domaingan.baselines.validation import EarlyStopping, measure_mean_loss
from domaingan.baselines.weight_average import WeightAverage
from domaingan.core.devices import ON_CPU, ComputeSettings

WEIGHT_DECAY = 1e-4
"""AdamW's (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101)."""

PREFETCHED_BATCHES = 2
"""Batches that each worker prepares ahead of the step."""

ComputeLoss = Callable[[nn.Module, Any, int], Tensor]
"""Called with the network, a batch on its device and the number of the step, counted from 1; returns the loss."""


@dataclass(frozen=True)
class TrainingSettings:
    """How a baseline is optimised.

    Attributes:
        network_name: whose training it is, for messages, such as ``segmenter``.
        steps: number of optimiser steps.
        batch_size: items a step.
        learning_rate: peak learning rate of AdamW; it warms up and falls to zero by a cosine.
        max_gradient_norm: gradients are clipped to this norm.
        has_average: whether the weights are averaged over the last steps, see
            :class:`domaingan.baselines.weight_average.WeightAverage`.
    """

    network_name: str
    steps: int
    batch_size: int
    learning_rate: float
    max_gradient_norm: float
    has_average: bool = True


@dataclass(frozen=True)
class TrainedNetwork:
    """What a training leaves.

    Attributes:
        network: the network to predict with, in evaluation mode: with averaged weights where they were asked for.
        last_network: the network with the weights of the last step, in evaluation mode.
        losses: mean training loss of each bin of steps, ``[(step, loss), …]``.
        best_step: the step whose weights the network has, where held-out people chose it.
    """

    network: nn.Module
    last_network: nn.Module
    losses: list[tuple[int, float]]
    best_step: int | None = None


def train_network(
    network: nn.Module,
    items: TorchDataset[Any],
    compute_loss: ComputeLoss,
    settings: TrainingSettings,
    compute: ComputeSettings,
    *,
    collate: Callable[[list[Any]], Any] | None = None,
    progress: ProgressCallback | None = None,
    validation_items: TorchDataset[Any] | None = None,
) -> TrainedNetwork:
    """Train a network with AdamW, a short warm-up and a cosine to zero.

    Args:
        network: with its first weights, on the device of ``compute``. It is trained in place.
        items: the items of all steps in order, ``steps × batch_size`` of them. Item ``i`` must be a function of ``i``
            alone, so that the number of workers changes nothing.
        compute_loss: runs the network on a batch. It uses ``compute.autocast()`` around the forward pass.
        settings: steps, batch size, learning rate and the like.
        compute: device, precision and workers.
        collate: makes a batch of tensors from a list of items; PyTorch's own by default.
        progress: called with step, steps and the loss.
        validation_items: items of held-out people. The weights with the smallest loss on them are taken, and a training
            that gains nothing ends early, see :class:`domaingan.baselines.validation.EarlyStopping`.

    Returns:
        The trained network.

    Raises:
        DataError: the loss is no finite number.
    """
    network.train()
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trainable, settings.learning_rate, weight_decay=WEIGHT_DECAY, fused=compute.is_cuda)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, partial(compute_warmup_cosine, steps=settings.steps))
    average = WeightAverage(network, settings.steps) if settings.has_average else None
    averaged = network if average is None else average.network
    stopping = _make_stopping(validation_items, compute_loss, settings, compute, collate)
    log = LossLog(settings.network_name, settings.steps, progress)
    for step, batch in enumerate(load_batches(items, settings.batch_size, compute, collate), start=1):
        loss = compute_loss(network, move_batch(batch, compute), step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trainable, settings.max_gradient_norm)
        optimiser.step()
        schedule.step()
        if average is not None:
            average.update(network)
        log.add(step, loss)
        if stopping is not None and stopping.is_due(step) and stopping.check(averaged, step):
            break
    log.finish()
    if stopping is not None:
        stopping.restore_best(averaged)
    best_step = None if stopping is None else stopping.best_step
    return TrainedNetwork(averaged.eval(), network.eval(), log.losses, best_step)


def _make_stopping(
    items: TorchDataset[Any] | None,
    compute_loss: ComputeLoss,
    settings: TrainingSettings,
    compute: ComputeSettings,
    collate: Callable[[list[Any]], Any] | None,
) -> EarlyStopping | None:
    """Make what decides when to stop; None without held-out people."""
    if items is None:
        return None
    batches = [move_batch(batch, compute) for batch in load_batches(items, settings.batch_size, ON_CPU, collate)]
    return EarlyStopping(settings.steps, lambda network: measure_mean_loss(network, batches, compute_loss))


def load_batches(
    items: TorchDataset[Any],
    batch_size: int,
    compute: ComputeSettings,
    collate: Callable[[list[Any]], Any] | None = None,
) -> DataLoader[Any]:
    """Load batches of items in order, prepared by the workers of ``compute`` ahead of their use.

    Args:
        items: the items; none is shuffled.
        batch_size: items a batch.
        compute: device and workers. Batches for a GPU lie in pinned memory.
        collate: makes a batch from a list of items; PyTorch's own by default.

    Returns:
        The loader. The global random generators stay untouched.
    """
    return DataLoader(
        items,
        batch_size,
        shuffle=False,
        num_workers=compute.workers,
        collate_fn=collate,
        pin_memory=compute.is_cuda,
        prefetch_factor=PREFETCHED_BATCHES if compute.workers else None,
        # Nothing is shuffled, but a loader draws a seed for its workers: not from the global generator.
        generator=torch.Generator(),
        worker_init_fn=_use_one_thread,
    )


def _use_one_thread(worker: int) -> None:
    """Keep OpenCV in a worker from starting threads; PyTorch keeps itself to one there."""
    import cv2

    cv2.setNumThreads(0)


def move_batch(batch: Any, compute: ComputeSettings) -> Any:
    """Move the tensors of a batch to the device.

    Args:
        batch: a tensor, or a list, tuple or dictionary of batches.
        compute: names the device.
    """
    if isinstance(batch, Tensor):
        return compute.move_tensor(batch)
    if isinstance(batch, dict):
        return {name: move_batch(value, compute) for name, value in batch.items()}
    if isinstance(batch, list | tuple):
        return [move_batch(value, compute) for value in batch]
    return batch
