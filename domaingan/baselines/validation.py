"""Early stopping: people held out of the training part decide which weights are taken; never those of the test."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from domaingan.banks import Bank
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.unlabelled_hosts import list_labelled
from domaingan.blend import Paste
from domaingan.core.errors import DataError
from domaingan.data import Sample

N_CHECKS = 10
"""How often the loss on the held-out people is measured in a training, at equal distances."""

MAX_CHECKS_WITHOUT_GAIN = 4
"""A training stops after this many checks without a smaller loss."""

VALIDATION_BATCHES = 8
"""Batches of the held-out people that each check measures; the same at every check and for every arm."""

SEED_OFFSET = 7919
"""Who is held out is drawn by a generator of its own, so that batches do not depend on it."""

MAX_DRAWS = 20
"""How often people are drawn again where those that are left lack a label."""


def hold_out_people(
    samples: Sequence[Sample], share: float, seed: int, read_labels: Callable[[Sample], set[Any]] | None = None
) -> tuple[list[Sample], list[Sample]]:
    """Hold out a share of the training people for validation; the same for every arm of a seed.

    Args:
        samples: training samples; unlabelled hosts decide nothing.
        share: share of their people, in (0, 1); at least one is held out and at least one left.
        seed: of the training; draws the people.
        read_labels: reads the labels of a sample. People are drawn again until those that are left have all labels.

    Returns:
        The samples that are trained on, and those that are held out.

    Raises:
        DataError: there are too few people, or none can be spared.
    """
    groups = sorted({sample.group for sample in list_labelled(samples)})
    n_held = min(max(1, round(share * len(groups))), len(groups) - 1)
    if n_held < 1:
        found = f"{len(groups)} training people for validation"
        raise DataError(found, expected="at least two; or no validation: --validate 0")
    all_labels = _collect_labels(samples, read_labels)
    rng = np.random.default_rng((seed, SEED_OFFSET))
    for _ in range(MAX_DRAWS):
        held = {groups[position] for position in rng.permutation(len(groups))[:n_held].tolist()}
        trained = [sample for sample in samples if sample.group not in held]
        if _collect_labels(trained, read_labels) == all_labels:
            return trained, [sample for sample in list_labelled(samples) if sample.group in held]
    found = f"validation on {share:.0%} of {len(groups)} people, without whom a label is missing"
    raise DataError(found, expected="more people with each label; or no validation: --validate 0")


def _collect_labels(samples: Sequence[Sample], read_labels: Callable[[Sample], set[Any]] | None) -> set[Any]:
    labels: set[Any] = set()
    if read_labels is not None:
        for sample in samples:
            labels |= read_labels(sample)
    return labels


def exclude_donors(augment: TrainingAugmentation, samples: Sequence[Sample]) -> TrainingAugmentation:
    """Leave the crops of held-out people out of what an arm pastes.

    Generated crops stay: their generator has learned from all training people.

    Args:
        augment: what the arm does.
        samples: the samples of the held-out people.
    """
    units = {sample.statistical_unit for sample in samples}
    pastes = {}
    for source, paste in augment.pastes.items():
        restricted = _exclude_from_paste(paste, units)
        if restricted is not None:
            pastes[source] = restricted
    return replace(augment, pastes=pastes)


def _exclude_from_paste(paste: Paste, units: set[str]) -> Paste | None:
    bank: Bank = paste.bank
    if bank.info.generated:
        return paste
    is_held = np.array([subject in units for subject in bank.info.subjects], dtype=bool)
    is_allowed = ~is_held[bank.entries["subject"]]
    if is_allowed.all():
        return paste
    return paste.restrict_to(is_allowed) if is_allowed.any() else None


@dataclass
class EarlyStopping:
    """Takes the weights with the smallest loss on held-out people, and stops a training that gains nothing.

    Attributes:
        steps: number of steps of the training.
        measure_loss: measures the loss of a network on the held-out people.
        best_step: the step of the smallest loss; None before the first check.
    """

    steps: int
    measure_loss: Callable[[nn.Module], float]
    best_step: int | None = None
    _best_loss: float = float("inf")
    _best_state: dict[str, Tensor] = field(default_factory=dict)
    _n_without_gain: int = 0

    def is_due(self, step: int) -> bool:
        """Return whether the loss is to be measured after a step, counted from 1."""
        return step == self.steps or step % max(1, self.steps // N_CHECKS) == 0

    def check(self, network: nn.Module, step: int) -> bool:
        """Measure the loss, and remember the weights where it is the smallest.

        Args:
            network: as it would predict.
            step: counted from 1.

        Returns:
            Whether the training is to stop.
        """
        loss = self.measure_loss(network)
        if loss < self._best_loss:
            self._best_loss, self.best_step, self._n_without_gain = loss, step, 0
            self._best_state = copy.deepcopy(network.state_dict())
        else:
            self._n_without_gain += 1
        return self._n_without_gain >= MAX_CHECKS_WITHOUT_GAIN

    def restore_best(self, network: nn.Module) -> None:
        """Give a network the weights of the smallest loss."""
        if self._best_state:
            network.load_state_dict(self._best_state)


def measure_mean_loss(network: nn.Module, batches: Any, compute_loss: Callable[[nn.Module, Any, int], Tensor]) -> float:
    """Measure the mean loss of a network on batches, without learning from them.

    Detectors return losses in training mode alone. So the network is in that mode, but for normalisation and dropout.

    Args:
        network: its mode stays as it was.
        batches: on its device.
        compute_loss: see :data:`domaingan.baselines.training_loop.ComputeLoss`.
    """
    was_training = network.training
    network.train()
    for module in network.modules():
        if isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)):
            module.eval()
    losses = []
    with torch.no_grad():
        for number, batch in enumerate(batches):
            losses.append(float(compute_loss(network, batch, number)))
    network.train(was_training)
    return float(np.mean(losses))
