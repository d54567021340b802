"""Differentiable augmentation of what the discriminator sees, so that few crops are not learned by heart.

After DiffAugment (Zhao et al. 2020, https://arxiv.org/abs/2006.10738), with one probability for every operation
as in ADA (Karras et al. 2020, https://arxiv.org/abs/2006.06676), in 2D and 3D: geometry moves image and mask
together, intensity changes image channels alone. Parameters are drawn in one place and applied in another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn.functional import affine_grid

from domaingan.data import Domain
from domaingan.gan.training.affine_resample import resample

MAX_SHIFT = 1 / 8
"""Largest translation, as a share of the size."""
MAX_LOG_SCALE = 0.2
"""Largest change of size, as the logarithm of a factor."""
MAX_ANGLE = math.radians(20)
"""Largest rotation about any axis."""
CUTOUT_EDGE = 0.4
"""Edge of the part that cutout blanks, as a share of the size."""
MAX_BRIGHTNESS_SHIFT = 0.3
"""Largest shift of an image channel, where -1 is black and 1 is white."""
MAX_LOG_CONTRAST = 0.35
"""Largest change of an image channel's contrast, as the logarithm of a factor."""


ADAPTATION_CROPS = 50_000
"""Crops in which the probability can go from 0 to 1. The paper's is ten times that, of trainings that are longer."""
MAX_PROBABILITY = 0.8
"""Largest probability: above it the augmentations leak into what is generated (Karras et al. 2020, figure 4)."""


@dataclass(frozen=True)
class AugmentationParameters:
    """The parameters of one batch.

    Attributes:
        theta: ``(B, d, d + 1)`` affine maps from output to input, as ``affine_grid`` wants them.
        hole: ``(B, d)`` centres of the blanked parts as shares of the size; far outside where there is none.
        gain: ``(B, C)`` factors of the image channels' contrast.
        shift: ``(B, C)`` shifts of the image channels.
    """

    theta: Tensor
    hole: Tensor
    gain: Tensor
    shift: Tensor

    def to(self, device: torch.device) -> AugmentationParameters:
        """The same parameters on another device."""
        return AugmentationParameters(*(part.to(device) for part in self._parts))

    def take(self, rows: slice) -> AugmentationParameters:
        """The parameters of some items."""
        return AugmentationParameters(*(part[rows] for part in self._parts))

    @property
    def _parts(self) -> tuple[Tensor, ...]:
        return self.theta, self.hole, self.gain, self.shift


@dataclass(frozen=True)
class DifferentiableAugmentation:
    """Flips, shifts, scale, rotation, cutout, brightness and contrast, each with the same probability.

    Args:
        images: how many of the channels, the first ones, are the image's.
        size: the spatial shape.
        flips: spatial axes along which a mirrored crop is as plausible.
        probability: of each operation on each item, unless another is asked for; 0 is the identity, to the bit.
        intensity: how much of brightness and contrast is changed. 0 for scenes: their colours are what is conditioned
            on, and a generator whose discriminator sees them shifted mixes the looks (augmentations leak).
        angle: largest rotation about any axis. 0 for scenes: a street is never seen askew.
    """

    images: int
    size: tuple[int, ...]
    flips: tuple[int, ...] = ()
    probability: float = 0.6
    intensity: float = 1.0
    angle: float = MAX_ANGLE

    def draw_parameters(self, n: int, rng: torch.Generator, probability: float | None = None) -> AugmentationParameters:
        """Parameters for ``n`` items, on the CPU."""
        if probability is not None and probability != self.probability:
            return replace(self, probability=probability).draw_parameters(n, rng)
        hole = torch.rand(n, len(self.size), generator=rng)
        return AugmentationParameters(
            theta=self._draw_theta(n, rng),
            hole=torch.where(self._draw_switches(n, 1, rng), hole, torch.full_like(hole, -1e6)),
            gain=torch.exp(
                _draw_symmetric(n, self.images, rng)
                * self.intensity
                * MAX_LOG_CONTRAST
                * self._draw_switches(n, self.images, rng)
            ),
            shift=_draw_symmetric(n, self.images, rng)
            * self.intensity
            * MAX_BRIGHTNESS_SHIFT
            * self._draw_switches(n, self.images, rng),
        )

    def _draw_switches(self, n: int, k: int, rng: torch.Generator) -> Tensor:
        return torch.rand(n, k, generator=rng) < self.probability

    def _draw_theta(self, n: int, rng: torch.Generator) -> Tensor:
        dims = len(self.size)
        pixels = torch.tensor(self.size, dtype=torch.float32)
        # Whole pixels: where nothing but shifts and flips is drawn, no value is interpolated.
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

    def __call__(self, x: Tensor, drawn: AugmentationParameters) -> Tensor:
        """Augment a stack ``(B, C + M, *size)``, or one of another size alike; gradients flow back to ``x``."""
        drawn = drawn.to(x.device)
        x = self._apply_geometry(x, drawn.theta)
        image, mask = x[:, : self.images], x[:, self.images :]
        axes = tuple(range(2, x.ndim))
        shape = (*drawn.gain.shape, *[1] * len(axes))
        gain, shift = drawn.gain.reshape(shape), drawn.shift.reshape(shape)
        image = image + image.mean(dim=axes, keepdim=True).sub(image) * (1 - gain) + shift
        return torch.cat([image, mask], dim=1) * self._make_cutout_mask(drawn.hole, x.shape[2:])

    def _apply_geometry(self, x: Tensor, theta: Tensor) -> Tensor:
        moved = (theta != torch.eye(*theta.shape[1:], device=x.device)).flatten(1).any(dim=1)
        if not moved.any():
            return x
        grid = affine_grid(theta[moved], [int(moved.sum()), *x.shape[1:]], align_corners=False)
        # The border repeated, not blackness: a border of its own colour would be learned by the generator.
        out = resample(x[moved], grid)
        return x.index_put((moved.nonzero().squeeze(1),), out)

    def _make_cutout_mask(self, centre: Tensor, size: Sequence[int]) -> Tensor:
        """``(B, 1, *size)``: 0 in the hole, 1 elsewhere."""
        inside = torch.ones(len(centre), 1, *[1] * len(size), dtype=torch.bool, device=centre.device)
        for axis, edge in enumerate(size):
            distance = ((torch.arange(edge, device=centre.device) + 0.5) / edge - centre[:, axis, None]).abs()
            shape = [len(centre), 1, *[1] * len(size)]
            shape[2 + axis] = edge
            inside = inside & (distance <= CUTOUT_EDGE / 2).reshape(shape)
        return (~inside).float()


@dataclass
class AdaptiveProbability:
    """Drives the probability of augmentation so that the discriminator does not learn the crops by heart.

    ADA (Karras et al. 2020, https://arxiv.org/abs/2006.06676): where r_t, the mean sign of the scores of real crops, is
    above its target, the probability grows, and shrinks where it is below. r_t is of all batches since the last change.

    Attributes:
        target: of r_t; the paper's is 0.6.
        probability: as it stands.
        signs: the sum of the batches' r_t since the last change.
        batches: how many there were.
    """

    target: float
    probability: Tensor
    sign_sum: Tensor = field(default_factory=lambda: torch.zeros(()))
    batches: int = 0

    def add_batch(self, r_t: Tensor) -> None:
        """Take in r_t of a batch."""
        self.sign_sum += r_t
        self.batches += 1

    def update(self, r_t: float, crops: int) -> None:
        """Change the probability by r_t of so many crops, and forget the batches that were taken in."""
        change = math.copysign(crops / ADAPTATION_CROPS, r_t - self.target)
        self.probability.add_(change).clamp_(0, MAX_PROBABILITY)
        self.sign_sum.zero_()
        self.batches = 0


def choose_flip_axes(domain: Domain, dims: int) -> tuple[int, ...]:
    """The axes along which a mirrored crop is as plausible: all in a scan, left and right alone in a frame."""
    return tuple(range(dims)) if domain.has_body else (dims - 1,)


def _draw_symmetric(n: int, k: int, rng: torch.Generator) -> Tensor:
    """``(n, k)`` uniform in [-1, 1]."""
    return torch.rand(n, k, generator=rng) * 2 - 1
