"""Generators that change a host: the input that they get, and how their output becomes part of the host.

*inpaint* gets a new mask and the host around it, its *ring*, and generates what is inside. *refine* gets a real crop
that was pasted into the host, and generates what must be added to it. Both change a host only where
:func:`blend_weight` is above 0.

The conditioning image (:attr:`domaingan.gan.conditions.Condition.image`) holds the mask's channels, the host's channels
and the blend weight. In training, a real and a generated crop have the same mask and surroundings, so that the
discriminator can judge only what was generated. The host is a real crop without its inside (inpaint), or with the
object of another real crop inside (refine).
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
from domaingan.data import Domain
from domaingan.gan.config import RING, GANConfig
from domaingan.imaging.intensity import find_nonzero, find_ring

MAX_POOL: dict[int, Any] = {2: max_pool2d, 3: max_pool3d}

MIN_RADIUS = 1e-6
"""Radius that is used for the mask of a crop without an object."""


def blend_weight(bodies: Tensor) -> Tensor:
    """Compute how much of each pixel is generated.

    The weight is 1 in an object and next to it, and falls to 0 beyond :data:`~domaingan.banks.BOUND_REACH_PIXELS`.

    Args:
        bodies: ``(B, *size)``, not 0 in the object.

    Returns:
        ``(B, 1, *size)`` float32.

    >>> blend_weight(torch.tensor([[[0, 0, 0, 0, 1]]]))
    tensor([[[[0.0000, 0.3333, 0.6667, 1.0000, 1.0000]]]])
    """
    grown, total = (bodies != 0).float()[:, None], torch.zeros(())
    for _ in range(BOUND_REACH_PIXELS):
        grown = MAX_POOL[bodies.ndim - 1](grown, 3, stride=1, padding=1)
        total = total + grown
    return total / BOUND_REACH_PIXELS


def stack_conditioning(masks: Tensor, host: Tensor, bodies: Tensor) -> Tensor:
    """Build the conditioning image of a generator that changes hosts.

    Args:
        masks: mask channels ``(B, M, *size)`` in [-1, 1].
        host: ``(B, C, *size)`` in [-1, 1].
        bodies: ``(B, *size)``, not 0 in the object.

    Returns:
        ``(B, M + C + 1, *size)``.
    """
    return torch.cat([masks, host, blend_weight(bodies)], dim=1)


def is_healthy(codes: Tensor, config: GANConfig) -> Tensor:
    """Tell which items are to be healthy, so that their masks are empty.

    Args:
        codes: condition codes ``(B, K)``.
        config: the model's.

    Returns:
        Booleans ``(B, 1, …)``, one axis for each spatial axis.
    """
    healthy_codes = torch.tensor(config.healthy_codes, device=codes.device, dtype=codes.dtype)
    return (codes == healthy_codes).any(dim=1).reshape(-1, *config.network.unit_axes)


def mask_out_inside(image: Tensor, config: GANConfig) -> Tensor:
    """For inpaint, set the host to 0 where it is generated; other conditioning images stay unchanged.

    Args:
        image: conditioning image ``(B, G, *size)``.
        config: the model's.
    """
    if RING not in config.network.conditioning:
        return image
    host, is_inside = _host_channels(config), (image[:, -1:] > 0).to(image.dtype)
    return torch.cat([image[:, : host.start], image[:, host] * (1 - is_inside), image[:, -1:]], dim=1)


def composite(generated: Tensor, image: Tensor, config: GANConfig) -> Tensor:
    """Put what was generated into the host.

    Args:
        generated: image channels ``(B, C, *size)`` in [-1, 1]: new values (inpaint), or differences (refine).
        image: conditioning image ``(B, G, *size)``.
        config: the model's.

    Returns:
        Stacks ``(B, C + M, *size)``: the changed host, then the mask.
    """
    host, weight = image[:, _host_channels(config)], image[:, -1:]
    difference = generated - host if RING in config.network.conditioning else generated
    whole = host + weight * difference
    return torch.cat([whole.clamp(-1, 1), image[:, : _host_channels(config).start]], dim=1)


def _host_channels(config: GANConfig) -> slice:
    masks = len(config.mask_channels)
    return slice(masks, masks + len(config.data.channels))


# ------------------------------------------------------------------ an object of a real crop in the place of another


@dataclass(frozen=True)
class ObjectTexture:
    """A real object, continued beyond its mask, that can be pasted in the place of another one.

    Attributes:
        image: ``(C, *size)`` differences to the mean of the object's ring.
        contrast: their mean over its mask, ``(C,)``.
        centre: centre of its mask, ``(d,)``, in coordinates from -1 to 1.
        radius: radius of a disc or ball of the object's size, in the same coordinates.
    """

    image: Tensor
    contrast: Tensor
    centre: Tensor
    radius: float

    @classmethod
    def from_crop(cls, image: NDArray[Any], mask: NDArray[Any]) -> ObjectTexture:
        """Take the texture of a crop's object.

        Args:
            image: ``(C, *size)`` in scaled units.
            mask: ``(*size)``, not empty.
        """
        image, body = np.asarray(image, np.float32), np.asarray(mask) > 0
        around = find_ring(body, inside=find_nonzero(image))
        reference = around if around.any() else body
        level = image[:, reference].mean(axis=1)
        nearest = ndimage.distance_transform_edt(~body, return_distances=False, return_indices=True)
        continued = image[(slice(None), *nearest)] - level.reshape(-1, *[1] * body.ndim)
        centre, radius = _measure_moments(torch.from_numpy(body)[None])
        contrast = torch.from_numpy(continued[:, body].mean(axis=1))
        return cls(torch.from_numpy(continued), contrast, centre[0], float(radius))


def _measure_moments(bodies: Tensor) -> tuple[Tensor, Tensor]:
    """Measure centres ``(B, d)`` and radii ``(B,)`` in coordinates from -1 to 1; 0 for an empty mask."""
    dims, pixels = bodies.ndim - 1, (bodies != 0).float()
    count = pixels.flatten(1).sum(1).clamp(min=1)
    axes = [(2 * torch.arange(n, device=bodies.device) + 1) / n - 1 for n in bodies.shape[1:]]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    centre = (pixels[:, None] * grid).flatten(2).sum(2) / count[:, None]
    volume = count / float(np.prod(bodies.shape[1:])) * 2**dims
    if dims == 2:
        return centre, (volume / np.pi).sqrt()
    return centre, (volume * 3 / (4 * np.pi)) ** (1 / 3)


def paste_textures(images: Tensor, bodies: Tensor, textures: Sequence[ObjectTexture], rotations: Tensor) -> Tensor:
    """Replace the objects of crops by others; each keeps its contrast to the ring.

    An object that is smaller than the mask is enlarged. Of one that is larger, the middle is used. Where the object
    does not reach, its edge is continued, which is paler than the rest; so all of it is shifted to its contrast.
    Outside the mask the image stays that of the former object, as :class:`domaingan.Paste` leaves it.

    Args:
        images: ``(B, C, *size)`` in scaled units.
        bodies: ``(B, *size)``, not 0 in the object.
        textures: ``B`` objects.
        rotations: ``(B, d, d)`` orthogonal matrices that the objects are rotated by.

    Returns:
        ``(B, C, *size)``.
    """
    device, is_inside, dims = images.device, (bodies != 0)[:, None], bodies.ndim - 1
    theta = _map_to_textures(bodies, textures, rotations)
    source = torch.stack([texture.image for texture in textures]).to(device)
    grid = affine_grid(theta, list(source.shape), align_corners=False)
    mode = "bicubic" if dims == 2 else "bilinear"  # grid_sample has no sharper one for volumes
    inside = grid_sample(source, grid, mode=mode, padding_mode="border", align_corners=False)
    contrast = torch.stack([texture.contrast for texture in textures]).to(device)
    contrast = contrast.reshape(*images.shape[:2], *[1] * dims)
    inside = inside + contrast - _mean_inside(inside, is_inside)
    is_foreground = (images > 0).any(dim=1, keepdim=True)
    is_around = (blend_weight(bodies) > 0) & ~is_inside & is_foreground
    return torch.where(is_inside, inside + _mean_inside(images, is_around), images)


def _map_to_textures(bodies: Tensor, textures: Sequence[ObjectTexture], rotations: Tensor) -> Tensor:
    """Compute the affine maps ``(B, d, d + 1)`` from the place of each object to the texture that replaces it."""
    device = bodies.device
    centre, radius = _measure_moments(bodies)
    texture_centre = torch.stack([texture.centre for texture in textures]).to(device)
    texture_radius = torch.tensor([texture.radius for texture in textures], device=device)
    factor = (texture_radius / radius.clamp(min=MIN_RADIUS)).clamp(max=1)
    linear = rotations.to(device) * factor[:, None, None]
    shift = texture_centre - (linear @ centre[..., None]).squeeze(2)
    return torch.cat([linear.flip(1, 2), shift.flip(1)[..., None]], dim=2)  # affine_grid takes x first


def _mean_inside(images: Tensor, where: Tensor) -> Tensor:
    """Compute the mean ``(B, C, 1, …)`` of each image where ``(B, 1, …)`` is true; everywhere if it is true nowhere."""
    axes = tuple(range(2, images.ndim))
    is_chosen = torch.where(where.any(dim=axes, keepdim=True), where, True).to(images.dtype)
    return (images * is_chosen).sum(axes, keepdim=True) / is_chosen.sum(axes, keepdim=True)


def random_rotations(n: int, spatial_dims: int, domain: Domain, rng: torch.Generator) -> Tensor:
    """Draw ``n`` orthogonal matrices ``(n, d, d)``.

    In scans these are any rotations and reflections. In frames objects stay upright, and half of them are mirrored.

    Args:
        n: how many.
        spatial_dims: ``d``, 2 or 3.
        domain: of the images.
        rng: draws the matrices.
    """
    noise = torch.randn(n, spatial_dims, spatial_dims, generator=rng)
    if domain.has_body:
        return torch.linalg.qr(noise)[0] * torch.sign(torch.randn(n, 1, spatial_dims, generator=rng))
    return torch.diag_embed(torch.stack([torch.ones(n), noise[:, 0, 0].sign()], dim=1))
