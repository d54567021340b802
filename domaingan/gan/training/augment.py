"""Differentiable augmentation of the discriminator's input, so that it does not overfit to few crops.

After DiffAugment (Zhao et al. 2020, https://arxiv.org/abs/2006.10738), with one probability for all operations as in
ADA (Karras et al. 2020, https://arxiv.org/abs/2006.06676), in 2D and 3D. Geometry moves image and mask together,
intensity changes image channels alone. The parameters are drawn in one place and applied in another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import affine_grid

from domaingan.data import Domain
from domaingan.gan.config import GANConfig
from domaingan.gan.training.affine_resample import resample

MAX_SHIFT = 1 / 8
"""Largest translation, as a share of the size."""
MAX_LOG_SCALE = 0.2
"""Largest change of size, as the logarithm of a factor."""
MAX_ANGLE = math.radians(20)
"""Largest rotation about any axis, in radians."""
CUTOUT_EDGE = 0.4
"""Edge of the part that cutout blanks, as a share of the size."""
MAX_BRIGHTNESS_SHIFT = 0.3
"""Largest shift of an image channel, where -1 is black and 1 is white."""
MAX_LOG_CONTRAST = 0.35
"""Largest change of an image channel's contrast, as the logarithm of a factor."""

NO_CUTOUT = -1e6
"""Centre of the blanked part where nothing is blanked: far outside."""


@dataclass(frozen=True)
class AugmentationParameters:
    """The parameters of one batch.

    Attributes:
        theta: ``(B, d, d + 1)`` affine maps from output to input, as ``affine_grid`` takes them.
        hole: ``(B, d)`` centres of the blanked parts as shares of the size; far outside where there is none.
        gain: ``(B, C)`` factors of the image channels' contrast.
        shift: ``(B, C)`` shifts of the image channels.
    """

    theta: Tensor
    hole: Tensor
    gain: Tensor
    shift: Tensor

    def to(self, device: torch.device) -> AugmentationParameters:
        """Move the parameters to a device."""
        return AugmentationParameters(*(part.to(device) for part in self._parts))

    def take(self, rows: slice) -> AugmentationParameters:
        """Return the parameters of some items."""
        return AugmentationParameters(*(part[rows] for part in self._parts))

    @property
    def _parts(self) -> tuple[Tensor, ...]:
        return self.theta, self.hole, self.gain, self.shift


@dataclass(frozen=True)
class DifferentiableAugmentation:
    """Flips, shifts, scale, rotation, cutout, brightness and contrast, each with the same probability.

    Attributes:
        images: number of image channels; they come first.
        size: the spatial shape.
        flips: spatial axes along which a mirrored crop is as plausible.
        probability: of each operation on each item; 0 changes not a single bit.
        intensity: how much of the range of brightness and contrast is used. It is 0 for scenes: their colours are what
            they are conditioned on, and a generator would reproduce the augmented colours.
        angle: largest rotation about any axis, in radians. It is 0 for scenes: streets are never tilted.
    """

    images: int
    size: tuple[int, ...]
    flips: tuple[int, ...] = ()
    probability: float = 0.6
    intensity: float = 1.0
    angle: float = MAX_ANGLE

    def draw_parameters(self, n: int, rng: torch.Generator, probability: float | None = None) -> AugmentationParameters:
        """Draw the parameters of ``n`` items, on the CPU.

        Args:
            n: number of items.
            rng: the random draws.
            probability: of each operation, instead of the one of this object.
        """
        if probability is not None and probability != self.probability:
            return replace(self, probability=probability).draw_parameters(n, rng)
        # The order of these draws decides the bytes of a training.
        hole = torch.rand(n, len(self.size), generator=rng)
        theta = self._draw_theta(n, rng)
        has_hole = self._draw_switches(n, 1, rng)
        log_gain = _draw_symmetric(n, self.images, rng) * self.intensity * MAX_LOG_CONTRAST
        gain = torch.exp(log_gain * self._draw_switches(n, self.images, rng))
        shift = _draw_symmetric(n, self.images, rng) * self.intensity * MAX_BRIGHTNESS_SHIFT
        shift = shift * self._draw_switches(n, self.images, rng)
        hole = torch.where(has_hole, hole, torch.full_like(hole, NO_CUTOUT))
        return AugmentationParameters(theta, hole, gain, shift)

    def __call__(self, x: Tensor, parameters: AugmentationParameters) -> Tensor:
        """Augment a stack; gradients flow back to it.

        Args:
            x: ``(B, C + M, *size)`` of any size.
            parameters: as of :meth:`draw_parameters`.
        """
        parameters = parameters.to(x.device)
        x = self._apply_geometry(x, parameters.theta)
        image, mask = x[:, : self.images], x[:, self.images :]
        axes = tuple(range(2, x.ndim))
        shape = (*parameters.gain.shape, *[1] * len(axes))
        gain, shift = parameters.gain.reshape(shape), parameters.shift.reshape(shape)
        image = image + image.mean(dim=axes, keepdim=True).sub(image) * (1 - gain) + shift
        return torch.cat([image, mask], dim=1) * self._make_cutout_mask(parameters.hole, x.shape[2:])

    def _draw_switches(self, n: int, k: int, rng: torch.Generator) -> Tensor:
        """Draw ``(n, k)``: whether each operation is applied."""
        return torch.rand(n, k, generator=rng) < self.probability

    def _draw_theta(self, n: int, rng: torch.Generator) -> Tensor:
        dims = len(self.size)
        pixels = torch.tensor(self.size, dtype=torch.float32)
        # Whole pixels: shifts and flips alone interpolate no values.
        shift = torch.round(_draw_symmetric(n, dims, rng) * MAX_SHIFT * pixels) * 2 / pixels
        shift = shift * self._draw_switches(n, 1, rng)
        scale = torch.exp(_draw_symmetric(n, 1, rng) * MAX_LOG_SCALE * self._draw_switches(n, 1, rng))
        skew = torch.triu(_draw_symmetric(n, dims * dims, rng).reshape(n, dims, dims), diagonal=1) * self.angle
        skew = skew * self._draw_switches(n, 1, rng)[..., None]
        may_flip = torch.tensor([axis in self.flips for axis in range(dims)])
        half = torch.rand(n, dims, generator=rng) < 0.5
        flip = 1 - 2 * (half & may_flip & self._draw_switches(n, 1, rng)).float()
        # The exponential of an antisymmetric matrix is a rotation, in any number of dimensions.
        linear = torch.linalg.matrix_exp(skew - skew.mT) * scale[..., None] * flip[:, None]
        # affine_grid counts axes from the last one.
        return torch.cat([linear.flip(1, 2), shift.flip(1)[..., None]], dim=2)

    def _apply_geometry(self, x: Tensor, theta: Tensor) -> Tensor:
        is_moved = (theta != torch.eye(*theta.shape[1:], device=x.device)).flatten(1).any(dim=1)
        if not is_moved.any():
            return x
        grid = affine_grid(theta[is_moved], [int(is_moved.sum()), *x.shape[1:]], align_corners=False)
        # The border is repeated. A black border would be learned by the generator.
        moved = resample(x[is_moved], grid)
        return x.index_put((is_moved.nonzero().squeeze(1),), moved)

    def _make_cutout_mask(self, centre: Tensor, size: Sequence[int]) -> Tensor:
        """Make ``(B, 1, *size)``: 0 in the blanked part, 1 elsewhere."""
        inside = torch.ones(len(centre), 1, *[1] * len(size), dtype=torch.bool, device=centre.device)
        for axis, edge in enumerate(size):
            position = (torch.arange(edge, device=centre.device) + 0.5) / edge
            distance = (position - centre[:, axis, None]).abs()
            shape = [len(centre), 1, *[1] * len(size)]
            shape[2 + axis] = edge
            inside = inside & (distance <= CUTOUT_EDGE / 2).reshape(shape)
        return (~inside).float()


def make_augmentation(config: GANConfig) -> DifferentiableAugmentation:
    """Make the augmentation of a discriminator's input. That of scenes changes no intensities and does not rotate."""
    limits = {"intensity": 0.0, "angle": 0.0} if config.data.kind == "scenes" else {}
    flips = choose_flip_axes(config.data.domain, config.network.spatial_dims)
    images, probability = len(config.data.channels), config.training.augment
    return DifferentiableAugmentation(images, config.network.shape, flips, probability, **limits)


def choose_flip_axes(domain: Domain, dims: int) -> tuple[int, ...]:
    """Return the axes along which a mirrored crop is as plausible: all in a scan, only left and right in a frame."""
    return tuple(range(dims)) if domain.has_body else (dims - 1,)


def _draw_symmetric(n: int, k: int, rng: torch.Generator) -> Tensor:
    """Draw ``(n, k)`` uniformly from [-1, 1]."""
    return torch.rand(n, k, generator=rng) * 2 - 1
