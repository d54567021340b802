"""Seamless blending: the crop's gradients with the host's values around them, in 2D and 3D.

P. Pérez, M. Gangnet and A. Blake, "Poisson image editing", ACM Transactions on Graphics 22 (2003). The result is
f = host + u. The discrete equation is −Δu = −div w, where w is the difference between the wanted gradients and the
host's, and u is 0 around the domain.

The domain is the object and ``reach`` pixels around it, so that everything else stays bit-identical.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domaingan.blend.methods.base import BlendMethod, Image, Mask, compute_ramp
from domaingan.blend.methods.poisson_boundary import solve_for_difference
from domaingan.blend.methods.poisson_rim import find_rim
from domaingan.blend.methods.poisson_solver import (
    MAX_SOLVER_STEPS,
    SOLVER_TOLERANCE,
    iterate_neighbours,
    solve_poisson,
)


@dataclass(frozen=True)
class Poisson(BlendMethod):
    """Keeps the crop's gradients and joins them to the host ``reach`` pixels around the object.

    Attributes:
        reach: pixels around the mask that are solved for. With 0 an object loses most of its contrast to its
            surroundings, because its own edge lies outside the domain.
        is_mixed: whether each pixel gets the steeper gradient of crop and host. The host's texture shows through.
    """

    reach: int = 4
    is_mixed: bool = False

    def compute_weight(self, body: Mask) -> Image:
        """Return 1 in the body, and less the farther a pixel is from it. The equation holds wherever it is not 0."""
        return compute_ramp(body, self.reach)

    def mix(self, host: Image, crop: Image, weight: Image, free: Mask) -> Image:
        """Return the solution where the weight is not 0, and the host elsewhere; see :meth:`BlendMethod.mix`.

        Pixels that are not ``free`` say nothing about their neighbours: they are not the object's surroundings.
        """
        domain = weight > 0
        if not domain.any():
            return host
        difference = crop - host
        rim = None if self.is_mixed else find_rim(domain, free | domain)
        if rim is not None:
            blended = host.copy()
            solution = solve_for_difference(difference, rim, SOLVER_TOLERANCE, MAX_SOLVER_STEPS)
            blended[(slice(None), *rim.box)] += solution
            return blended
        return host + solve_poisson(self._compute_divergence(host, crop, difference, free), domain, free)

    def _compute_divergence(self, host: Image, crop: Image, difference: Image, free: Mask) -> Image:
        """Compute −div w, ``(C, *patch)``, where w is the difference between the wanted gradients and the host's."""
        divergence = np.zeros_like(host)
        is_all_free = bool(free.all())
        for before, after in iterate_neighbours(host.ndim):
            flow = difference[after] - difference[before]
            if self.is_mixed:
                crop_gradient = np.abs(crop[after] - crop[before])
                host_gradient = np.abs(host[after] - host[before])
                flow *= crop_gradient > host_gradient
            if not is_all_free:
                flow *= free[after[1:]] & free[before[1:]]
            divergence[before] -= flow
            divergence[after] += flow
        return divergence
