"""The exponential moving average of a network's weights, which predicts with less noise than the last weights."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

TensorList = tuple[Tensor, ...] | list[Tensor]

AVERAGED_SHARE = 0.1
"""The average reaches back over about this share of all steps."""


def compute_average_decay(step: int, steps: int, share: float = AVERAGED_SHARE) -> float:
    """Compute how much of the average stays at a step.

    The average reaches back over ``share × steps`` steps: ``1 - 1 / reach``. In the beginning it reaches back
    over a tenth of the steps that are over, so that the random first weights are soon forgotten.

    Args:
        step: number of steps that are averaged already, from 1.
        steps: number of all steps.
        share: share of them that the average reaches back over.

    Returns:
        A factor in [0, 1).

    >>> compute_average_decay(500, 500)
    0.98
    """
    reach = max(1.0, share * steps)
    return min(1 - 1 / reach, (1 + step) / (10 + step))


class WeightAverage:
    """An exponential moving average of weights and buffers (Polyak and Juditsky 1992).

    It follows a training at hardly any cost, and its predictions vary less from seed to seed
    (Izmailov et al. 2018, https://arxiv.org/abs/1803.05407, average over a training's end as well).

    Args:
        network: the network that is trained; it is copied.
        steps: number of steps that the training has.
        share: share of them that the average reaches back over.
    """

    def __init__(self, network: nn.Module, steps: int, share: float = AVERAGED_SHARE) -> None:
        self.steps, self.share = steps, share
        self._n_updates = 0  # the library's own count would be moved to the device, which the step would wait for
        self._average = AveragedModel(network, multi_avg_fn=self._average_tensors, use_buffers=True)

    @property
    def network(self) -> nn.Module:
        """The network with averaged weights."""
        network: nn.Module = self._average.module
        return network

    def update(self, network: nn.Module) -> None:
        """Take the weights of a step into the average; the first ones are taken as they are."""
        self._average.update_parameters(network)
        self._n_updates += 1

    def _average_tensors(self, averages: TensorList, current: TensorList, n_averaged: Tensor | int) -> None:
        decay = compute_average_decay(self._n_updates, self.steps, self.share)
        get_ema_multi_avg_fn(decay)(averages, current, n_averaged)
