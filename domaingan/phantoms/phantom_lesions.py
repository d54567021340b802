"""The lesions of a head phantom: deformed ellipsoids of oedema, some with a core that takes up contrast medium."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from domaingan.phantoms.fields import Field, paint_structure, sample_field
from domaingan.phantoms.head import Head

MAX_LESIONS = 3
"""The most lesions that a subject has; the fewest is one."""


def paint_lesions(rng: np.random.Generator, head: Head, *, has_core: bool) -> NDArray[np.uint8]:
    """Paint the lesions of a subject into its head.

    Args:
        rng: draws number, places, sizes, shapes, textures and contrasts.
        head: its image is changed in place.
        has_core: whether the first lesion, which is then a large one, has a core.

    Returns:
        ``(X, Y, Z)`` mask: 1 oedema, 2 enhancing core. The darker centre of a core belongs to it.
    """
    mask = np.zeros(head.grid.shape, dtype=np.uint8)
    for number in range(int(rng.integers(1, MAX_LESIONS + 1))):
        is_with_core = has_core and number == 0
        radius = rng.uniform(18, 26) if is_with_core else rng.uniform(6, 18)
        ellipsoid = _sample_ellipsoid(rng, head, radius, mask > 0)
        level = np.minimum(ellipsoid, np.minimum(head.depth - 1, -head.ventricles - 1))
        _paint_oedema(rng, head, level)
        mask[level > 0] = 1
        if is_with_core:
            mask[_paint_core(rng, head, level, radius) > 0] = 2
    return mask


def _sample_ellipsoid(rng: np.random.Generator, head: Head, radius: float, occupied: NDArray[np.bool_]) -> Field:
    """Sample a smoothly deformed ellipsoid around a free place in the brain: mm inside it, negative outside."""
    free = (head.depth > min(radius, 10)) & (head.ventricles < -3) & ~occupied
    places = np.flatnonzero(free if free.any() else head.depth > 0)
    centre = head.points.reshape(3, -1)[:, rng.choice(places)]
    turn = Rotation.random(random_state=rng).as_matrix()
    stretch = np.exp(rng.normal(0, 0.18, (3, 1)))
    away = (turn / stretch) @ (head.points.reshape(3, -1) - centre[:, None])
    distance = np.linalg.norm(away, axis=0).reshape(head.depth.shape)
    wobble = rng.uniform(0.1, 0.3) * radius
    bumps = sample_field(rng, head.grid, max(8.0, 0.8 * radius))
    return (radius - distance + wobble * bumps).astype(np.float32)


def _paint_oedema(rng: np.random.Generator, head: Head, level: Field) -> None:
    """Paint an oedema: bright in FLAIR, a little dark in T1. The tissue below it stays visible."""
    strength = rng.uniform(0.22, 0.5), rng.uniform(-0.16, -0.03)
    texture = 1 + 0.15 * sample_field(rng, head.grid, 9)
    change = np.stack([amount * texture for amount in strength]).astype(np.float32)
    paint_structure(head.image, level, head.image + change, softness=rng.uniform(1.0, 2.2))


def _paint_core(rng: np.random.Generator, head: Head, level: Field, radius: float) -> Field:
    """Paint a core of irregular outline: a bright rim around a darker centre. Where the rim is wide it is solid."""
    share = rng.uniform(0.1, 0.22)
    core = level - share * radius + 0.1 * radius * sample_field(rng, head.grid, 9)
    core = np.minimum(core, level - 1).astype(np.float32)
    texture = 1 + 0.2 * sample_field(rng, head.grid, 7)
    uptake = rng.uniform(0.5, 0.85)
    rim = np.stack([0.7 + 0.08 * texture, 0.62 + uptake * texture]).astype(np.float32)
    paint_structure(head.image, core, rim)
    width = rng.uniform(3.5, 9)
    centre = np.array([rng.uniform(0.5, 0.95), rng.uniform(0.4, 0.75)], dtype=np.float32)
    paint_structure(head.image, core - width, centre)
    return core
