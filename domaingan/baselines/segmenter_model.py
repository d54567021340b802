"""A trained segmenter, or several of them: predicts masks, is saved to one file and loaded from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from domaingan.baselines.batches import CLIP_RANGE, list_class_values
from domaingan.baselines.segmentation_networks import NetworkPlan, read_plan
from domaingan.baselines.segmenters import build_seeded_network
from domaingan.baselines.weights import load_model, load_weights, save_model
from domaingan.baselines.window_prediction import predict_probabilities
from domaingan.core.devices import ON_CPU, ComputeSettings
from domaingan.data import Sample, Schema
from domaingan.imaging.intensity import get_intensity_range, to_scaled


@dataclass(frozen=True)
class Segmenter:
    """A trained network with what is needed to apply it.

    Attributes:
        network: maps ``(B, C, *patch)`` scaled images to class logits.
        plan: what the network was built from: its family, patch and schema.
        compute: device and precision of its forward pass.
        flip_axes: spatial axes along which images are mirrored; predictions are averaged over the mirror images.
        losses: mean training loss of each bin of steps, ``[(step, loss), …]``.
    """

    network: torch.nn.Module
    plan: NetworkPlan
    compute: ComputeSettings = ON_CPU
    flip_axes: tuple[int, ...] = ()
    losses: list[tuple[int, float]] = field(default_factory=list)

    @property
    def patch(self) -> tuple[int, ...]:
        """Spatial shape that it was trained on."""
        return self.plan.patch

    @property
    def schema(self) -> Schema:
        """Names the classes of its output."""
        return self.plan.schema

    def predict(self, sample: Sample, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """Predict the mask of a sample.

        Args:
            sample: at the grid that the network was trained on.
            shape: spatial shape of the mask; probabilities are resampled to it. The sample's own by default.

        Returns:
            A mask of that shape, in mask values.
        """
        return self.predict_batch([sample], [shape or sample.shape])[0]

    def predict_batch(self, samples: Sequence[Sample], shapes: Sequence[tuple[int, ...]]) -> list[NDArray[Any]]:
        """Predict the masks of samples of one shape.

        Args:
            samples: at the grid that the network was trained on.
            shapes: spatial shape of each mask.

        Returns:
            The masks, in mask values.
        """
        found = self.predict_probability_batch(samples, shapes)
        return [decide_mask(probabilities, self.schema) for probabilities in found]

    def predict_probability_batch(
        self, samples: Sequence[Sample], shapes: Sequence[tuple[int, ...]]
    ) -> Iterator[Tensor]:
        """Predict the class probabilities of samples of one shape, and resample them one sample after the other.

        Args:
            samples: at the grid that the network was trained on.
            shapes: spatial shape of each result.

        Yields:
            For each sample ``(classes, *shape)`` float32, in the order of :func:`list_class_values`.
        """
        images = [scale_image(sample, self.schema) for sample in samples]
        batch = self.compute.move_tensor(torch.from_numpy(np.stack(images)))
        yield from resample_probabilities(self.predict_probabilities(batch), shapes)

    def predict_probabilities(self, images: Tensor) -> Tensor:
        """Predict the class probabilities of scaled images of one shape, see :func:`predict_probabilities`."""
        return predict_probabilities(self.network, images, self.patch, self.compute, self.flip_axes)

    def get_metadata(self) -> dict[str, Any]:
        """Return what :meth:`Segmenter.load` needs beside the weights."""
        return self.plan.to_dict() | {"flip_axes": self.flip_axes}

    def save(self, path: Path) -> None:
        """Write weights and metadata to one ``.safetensors`` file, atomically."""
        save_model(path, self.network.state_dict(), "segmentation", self.get_metadata())

    @classmethod
    def load(cls, path: Path, compute: ComputeSettings = ON_CPU) -> Segmenter:
        """Load what :meth:`save` wrote; runs no code from the file.

        Args:
            path: the file.
            compute: device and precision; the CPU and float32 by default.

        Raises:
            DataError: the file is missing or damaged, or holds another kind of model.
        """
        state, metadata = load_model(path, "segmentation")
        plan = read_plan(metadata)
        network = build_seeded_network(plan, 0, is_pretrained=False)
        load_weights(network, _rename_weights(state, metadata["format"]), path)
        compute.place_network(network.eval(), plan.schema.spatial_dims)
        flip_axes = tuple(metadata.get("flip_axes", ()))  # models of before were not averaged
        return cls(network, plan, compute, flip_axes)


def _rename_weights(state: Mapping[str, Tensor], model_format: int) -> Mapping[str, Tensor]:
    """Rename the weights of a network for frames as it is called now; format 1 called its model ``unet``."""
    if model_format > 1:
        return state
    renamed = {}
    for name, tensor in state.items():
        is_old = name.startswith("unet.")
        renamed["model." + name.removeprefix("unet.") if is_old else name] = tensor
    return renamed


@dataclass(frozen=True)
class SegmenterEnsemble:
    """Several segmenters of one training set, which predict the mean of their probabilities.

    Attributes:
        members: segmenters trained with other seeds.
    """

    members: list[Segmenter]

    @property
    def schema(self) -> Schema:
        """What names the classes of its output."""
        return self.members[0].schema

    def predict_batch(self, samples: Sequence[Sample], shapes: Sequence[tuple[int, ...]]) -> list[NDArray[Any]]:
        """Predict the masks of samples of one shape, see :meth:`Segmenter.predict_batch`."""
        found = self.predict_probability_batch(samples, shapes)
        return [decide_mask(probabilities, self.schema) for probabilities in found]

    def predict_probability_batch(
        self, samples: Sequence[Sample], shapes: Sequence[tuple[int, ...]]
    ) -> Iterator[Tensor]:
        """Predict the class probabilities of samples of one shape, see :meth:`Segmenter.predict_probability_batch`."""
        first = self.members[0]
        images = [scale_image(sample, first.schema) for sample in samples]
        batch = first.compute.move_tensor(torch.from_numpy(np.stack(images)))
        total = first.predict_probabilities(batch)
        for member in self.members[1:]:
            total = total + member.predict_probabilities(batch)
        yield from resample_probabilities(total / len(self.members), shapes)


def scale_image(sample: Sample, schema: Schema) -> NDArray[np.float32]:
    """Bring a sample's image to what a network sees: scaled units, clipped to :data:`CLIP_RANGE`."""
    scaled = to_scaled(sample.image, get_intensity_range(sample, schema.domain))
    clipped: NDArray[np.float32] = np.clip(scaled, *CLIP_RANGE)
    return clipped


def resample_probabilities(probabilities: Tensor, shapes: Sequence[tuple[int, ...]]) -> Iterator[Tensor]:
    """Resample the class probabilities of a batch linearly, one sample after the other.

    Args:
        probabilities: ``(B, classes, *spatial)``.
        shapes: spatial shape of each result.

    Yields:
        For each sample ``(classes, *shape)``.
    """
    mode = "bilinear" if probabilities.ndim == 4 else "trilinear"
    for item, shape in zip(probabilities.split(1), shapes, strict=True):
        if tuple(shape) != tuple(item.shape[2:]):
            item = functional.interpolate(item, size=tuple(shape), mode=mode, align_corners=False)
        yield item[0]


def decide_mask(probabilities: Tensor, schema: Schema) -> NDArray[Any]:
    """Decide for the most probable class of every pixel.

    Args:
        probabilities: ``(classes, *spatial)``.
        schema: names the classes.

    Returns:
        ``(*spatial)`` mask, in mask values.
    """
    values = np.array(list_class_values(schema))
    values = values.astype(np.min_scalar_type(int(values.max())))
    mask: NDArray[Any] = values[find_largest(probabilities.cpu().numpy())]
    return mask


def find_largest(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Find the class index of the largest probability of every pixel; of equal ones the first.

    It is ``argmax(0)``, class by class: on a CPU seven times as fast as PyTorch's, and twice as fast as NumPy's.

    Args:
        probabilities: ``(classes, *spatial)``, at most 256 classes.

    >>> find_largest(np.array([[0.2, 0.4], [0.5, 0.4], [0.3, 0.2]], np.float32)).tolist()
    [1, 0]
    """
    largest = probabilities[0].copy()
    indices = np.zeros(largest.shape, np.uint8)
    for index in range(1, len(probabilities)):
        np.copyto(indices, index, where=probabilities[index] > largest)
        np.maximum(largest, probabilities[index], out=largest)
    return indices


def name_probabilities(probabilities: Tensor, schema: Schema) -> dict[int, NDArray[np.float32]]:
    """Return class probabilities by mask value, as scores read them; arrays of a CPU's tensor are not copied.

    Args:
        probabilities: ``(classes, *spatial)``.
        schema: names the classes.
    """
    return dict(zip(list_class_values(schema), probabilities.cpu().numpy(), strict=True))
