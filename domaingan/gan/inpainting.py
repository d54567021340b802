"""Generators that paint into a host: what they are shown of it, and how what they paint becomes part of it.

*inpaint* is shown a new mask and the host around it, its *ring*, and paints what is inside. *refine* is shown a real
crop pasted into the host, and paints what must be added to it. Both change a host only where :func:`weight` is above 0.

What is given (:attr:`domaingan.gan.conditions.Condition.image`) has the mask's channels, the host's and the weight.
In training, real and generated crop share mask and surroundings, so that the discriminator can judge nothing but what
was painted: a crop that is to be painted is a real one with its inside taken away (inpaint), or with that of another
real one put there (refine).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, max_pool2d, max_pool3d

from domaingan.banks import BOUND_REACH_PIXELS
from domaingan.gan.config import RING, GANConfig
from domaingan.imaging.intensity import find_nonzero, find_ring

MAX_POOL: dict[int, Any] = {2: max_pool2d, 3: max_pool3d}


def blend_weight(bodies: Tensor) -> Tensor:
    """How much of a pixel is painted: 1 in a body and next to it, falling to 0 beyond
    :data:`~domaingan.banks.BOUND_REACH_PIXELS` pixels.

    Args:
        bodies: ``(B, *size)``, anything but 0 is in the body.

    Returns:
        ``(B, 1, *size)`` float32.

    >>> weight(torch.tensor([[[0, 0, 0, 0, 1]]]))
    tensor([[[[0.0000, 0.3333, 0.6667, 1.0000, 1.0000]]]])
    """
    grown, total = (bodies != 0).float()[:, None], torch.zeros(())
    for _ in range(BOUND_REACH_PIXELS):
        grown = MAX_POOL[bodies.ndim - 1](grown, 3, stride=1, padding=1)
        total = total + grown
    return total / BOUND_REACH_PIXELS


def stack_conditioning(masks: Tensor, host: Tensor, bodies: Tensor) -> Tensor:
    """What a generator is given: mask channels ``(B, M, *size)``, host ``(B, C, *size)``, and the weight of bodies."""
    return torch.cat([masks, host, blend_weight(bodies)], dim=1)


def is_healthy(codes: Tensor, config: GANConfig) -> Tensor:
    """``(B, 1, …)``: whether what is asked for by condition codes ``(B, K)`` is healthy, so that masks hold nothing."""
    wanted = torch.tensor(config.healthy_codes, device=codes.device, dtype=codes.dtype)
    return (codes == wanted).any(dim=1).reshape(-1, *[1] * config.spatial_dims)


def mask_out_inside(image: Tensor, config: GANConfig) -> Tensor:
    """What is given, as the networks see it: for inpaint nothing of the host where it is to be painted."""
    if RING not in config.given:
        return image
    host, inside = _host_channels(config), (image[:, -1:] > 0).to(image.dtype)
    return torch.cat([image[:, : host.start], image[:, host] * (1 - inside), image[:, -1:]], dim=1)


def composite(generated: Tensor, image: Tensor, config: GANConfig) -> Tensor:
    """Whole stacks ``(B, C + M, *size)``: the host with what was painted in it, and the mask."""
    host, share = image[:, _host_channels(config)], image[:, -1:]
    whole = host + share * (generated - host if RING in config.given else generated)
    return torch.cat([whole.clamp(-1, 1), image[:, : _host_channels(config).start]], dim=1)


def _host_channels(config: GANConfig) -> slice:
    masks = len(config.mask_channels)
    return slice(masks, masks + len(config.channels))


# -------------------------------------------------------------------- a real crop's inside in the place of another's


@dataclass(frozen=True)
class ObjectTexture:
    """A real object, continued beyond its mask, to be put where another one is.

    Attributes:
        image: ``(C, *size)`` differences to its own ring's mean.
        contrast: their mean over its mask, ``(C,)``.
        centre: of its mask, ``(d,)``, in coordinates from -1 to 1.
        radius: of a disc or ball as large, in the same unit.
    """

    image: Tensor
    contrast: Tensor
    centre: Tensor
    radius: float

    @classmethod
    def from_crop(cls, image: NDArray[Any], mask: NDArray[Any]) -> ObjectTexture:
        """That of a crop: ``(C, *size)`` in scaled units, its mask not empty."""
        image, body = np.asarray(image, np.float32), np.asarray(mask) > 0
        around = find_ring(body, inside=find_nonzero(image))
        level = image[:, around if around.any() else body].mean(axis=1)
        nearest = ndimage.distance_transform_edt(~body, return_distances=False, return_indices=True)
        continued = image[(slice(None), *nearest)] - level.reshape(-1, *[1] * body.ndim)
        centre, radius = _measure_moments(torch.from_numpy(body)[None])
        contrast = torch.from_numpy(continued[:, body].mean(axis=1))
        return cls(torch.from_numpy(continued), contrast, centre[0], float(radius))


def _measure_moments(bodies: Tensor) -> tuple[Tensor, Tensor]:
    """Centres ``(B, d)`` and radii ``(B,)`` in coordinates from -1 to 1; those of nothing are 0."""
    dims, pixels = bodies.ndim - 1, (bodies != 0).float()
    count = pixels.flatten(1).sum(1).clamp(min=1)
    axes = [(2 * torch.arange(n, device=bodies.device) + 1) / n - 1 for n in bodies.shape[1:]]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    centre = (pixels[:, None] * grid).flatten(2).sum(2) / count[:, None]
    share = count / float(np.prod(bodies.shape[1:])) * 2**dims
    return centre, (share / np.pi).sqrt() if dims == 2 else (share * 3 / (4 * np.pi)) ** (1 / 3)


def paste_textures(images: Tensor, bodies: Tensor, textures: Sequence[ObjectTexture], rotations: Tensor) -> Tensor:
    """Crops whose objects are replaced by others, each with its own contrast to the ring that it gets.

    An object that is too small for its mask is enlarged; of one that is too large the middle is seen. Where it does
    not reach, its edge is continued, which is paler than the rest: so all of it is shifted to its contrast. What lies
    beyond the mask stays that of the object which was there, as faint as it is in :class:`domaingan.Paste`'s.

    Args:
        images: ``(B, C, *size)`` in scaled units.
        bodies: ``(B, *size)``.
        textures: ``B`` of them.
        turns: ``(B, d, d)`` orthogonal matrices that they are turned by.

    Returns:
        ``(B, C, *size)``.
    """
    device, within, dims = images.device, (bodies != 0)[:, None], bodies.ndim - 1
    centre, radius = _measure_moments(bodies)
    theirs = torch.stack([texture.centre for texture in textures]).to(device)
    size = torch.tensor([texture.radius for texture in textures], device=device)
    linear = rotations.to(device) * (size / radius.clamp(min=1e-6)).clamp(max=1)[:, None, None]
    shift = theirs - (linear @ centre[..., None]).squeeze(2)
    theta = torch.cat([linear.flip(1, 2), shift.flip(1)[..., None]], dim=2)  # x comes first there
    source = torch.stack([texture.image for texture in textures]).to(device)
    grid = affine_grid(theta, list(source.shape), align_corners=False)
    sharp = "bicubic" if dims == 2 else "bilinear"  # of volumes there is no sharper one
    inside = grid_sample(source, grid, mode=sharp, padding_mode="border", align_corners=False)
    contrast = (
        torch.stack([texture.contrast for texture in textures]).to(device).reshape(*images.shape[:2], *[1] * dims)
    )
    inside = inside + contrast - _mean_inside(inside, within)
    around = (blend_weight(bodies) > 0) & ~within & (images > 0).any(dim=1, keepdim=True)
    return torch.where(within, inside + _mean_inside(images, around), images)


def _mean_inside(images: Tensor, where: Tensor) -> Tensor:
    """The mean ``(B, C, 1, …)`` of each image over what is chosen ``(B, 1, …)``; over all of it where nothing is."""
    axes = tuple(range(2, images.ndim))
    chosen = torch.where(where.any(dim=axes, keepdim=True), where, True).to(images.dtype)
    return (images * chosen).sum(axes, keepdim=True) / chosen.sum(axes, keepdim=True)


def random_rotations(n: int, config: GANConfig, rng: torch.Generator) -> Tensor:
    """``(n, d, d)``: of scans any rotation or reflection, of frames objects keep upright and half are mirrored."""
    dims = config.spatial_dims
    noise = torch.randn(n, dims, dims, generator=rng)
    if config.domain.has_body:
        return torch.linalg.qr(noise)[0] * torch.sign(torch.randn(n, 1, dims, generator=rng))
    return torch.diag_embed(torch.stack([torch.ones(n), noise[:, 0, 0].sign()], dim=1))
