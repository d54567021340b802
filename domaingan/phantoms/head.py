"""The healthy part of a head phantom: scalp, skull, fluid, folded cortex, white matter, ventricles, vessels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from domaingan.phantoms.fields import Field, VoxelGrid, paint_structure, sample_field

TISSUE_SIGNAL = {
    #             flair  t1c
    "air": (0.0, 0.0),
    "scalp": (0.55, 0.85),
    "skull": (0.08, 0.08),
    "fluid": (0.12, 0.18),
    "grey": (0.70, 0.48),
    "white": (0.54, 0.72),
    "nuclei": (0.62, 0.60),
    "cap": (0.80, 0.66),
    "vessel": (0.45, 1.20),
    "choroid": (0.55, 1.00),
}
"""Signal of each tissue in the two contrasts before a subject's own deviation; white matter in T1 is 0.7."""

SKULL_DEPTH_MM, BRAIN_DEPTH_MM = 5.0, 15.0
"""Mean depth below the skin, in mm, at which the skull and the brain begin."""


@dataclass(frozen=True)
class Head:
    """A head before it is scanned.

    Attributes:
        image: ``(2, X, Y, Z)`` signal of the tissues.
        depth: ``(X, Y, Z)`` mm below the brain's surface, negative outside the brain.
        ventricles: ``(X, Y, Z)`` mm inside the ventricles, negative outside.
        points: ``(3, X, Y, Z)`` mm from the head's centre, along its own axes.
        grid: the voxel grid.
    """

    image: Field
    depth: Field
    ventricles: Field
    points: Field
    grid: VoxelGrid


def sample_head(rng: np.random.Generator, grid: VoxelGrid) -> Head:
    """Sample a healthy head.

    Args:
        rng: source of all draws.
        grid: the voxels.
    """
    points = _place_head(rng, grid)
    signal = {name: np.array(pair) * np.exp(rng.normal(0, 0.06, 2)) for name, pair in TISSUE_SIGNAL.items()}
    size = np.array([74.0, 89.0, 83.0]) * np.exp(rng.normal(0, 0.035, 3))
    below_skin = _measure_depth(points, size)
    bone = 1 + 0.08 * np.tanh(sample_field(rng, grid, 40))
    depth = below_skin - BRAIN_DEPTH_MM * bone
    ventricles = _measure_ventricles(rng, points)

    image = np.zeros((2, *grid.shape), dtype=np.float32)
    paint_structure(image, below_skin, signal["scalp"])
    paint_structure(image, below_skin - SKULL_DEPTH_MM * bone, signal["skull"], softness=0.8)
    paint_structure(image, depth + 2.0, signal["fluid"])
    _paint_brain(rng, image, points, depth, signal, grid)
    caps = ventricles + rng.uniform(0, 3) + sample_field(rng, grid, 14)
    paint_structure(image, np.minimum(caps, 14 - np.abs(np.abs(points[1]) - 30)), signal["cap"])
    paint_structure(image, ventricles, signal["fluid"])
    plexus = np.minimum(ventricles - 1, 2.2 * sample_field(rng, grid, 8) - 1)
    paint_structure(image, np.minimum(plexus, 6 - np.abs(points[1] + 18)), signal["choroid"])
    _paint_vessels(rng, image, depth, signal, grid)
    return Head(image, depth, ventricles, points, grid)


def _place_head(rng: np.random.Generator, grid: VoxelGrid) -> Field:
    """Place the head: the position of each voxel along its own axes, tilted, shifted and gently deformed."""
    points = grid.compute_points().reshape(3, -1)
    turn = Rotation.from_euler("xyz", rng.normal(0, 4, 3), degrees=True).as_matrix().astype(np.float32)
    shift = rng.normal(0, 3, (3, 1)).astype(np.float32)
    bend = np.stack([sample_field(rng, grid, 60) for _ in range(3)]).reshape(3, -1)
    return (turn @ (points - shift) + 2.5 * bend).reshape(3, *grid.shape)


def _measure_depth(points: Field, size: Field) -> Field:
    """Measure about how many mm below the skin each point lies. The head is an egg, narrower in front."""
    x, y, z = points / size.reshape(3, 1, 1, 1).astype(np.float32)
    radius = np.sqrt((x * (1 + 0.12 * y)) ** 2 + y**2 + z**2)
    return (1 - radius) * np.float32(size.mean())


def _paint_brain(
    rng: np.random.Generator, image: Field, points: Field, depth: Field, signal: dict[str, Field], grid: VoxelGrid
) -> None:
    """Paint the brain: cortex that dips along the sulci (where a smooth field crosses 0), white matter, nuclei."""
    crease = np.abs(sample_field(rng, grid, rng.uniform(8.5, 11))) * 5.5
    reach, gap = rng.uniform(11, 16), rng.uniform(0.3, 1.3)
    sulcus = gap - crease - np.clip(depth - reach, 0, None) * 0.7
    thickness = rng.uniform(2.6, 3.6)
    mottle = 1 + 0.03 * sample_field(rng, grid, 7)
    paint_structure(image, depth, signal["grey"].reshape(2, 1, 1, 1) * mottle)
    paint_structure(
        image, np.minimum(depth - thickness, -sulcus - thickness + 1), signal["white"].reshape(2, 1, 1, 1) * mottle
    )
    paint_structure(image, np.minimum(sulcus, depth + 2), signal["fluid"])
    x, y, z = points
    fissure = np.minimum(1.2 - np.abs(x + sample_field(rng, grid, 30)), 24 - depth)
    paint_structure(image, np.minimum(fissure, depth + 2), signal["fluid"])
    side, front = rng.uniform(19, 23), rng.uniform(-2, 6)
    nuclei = 1 - np.sqrt(((np.abs(x) - side) / 8) ** 2 + ((y - front) / 17) ** 2 + ((z - 2) / 12) ** 2)
    paint_structure(image, nuclei * 9 + 0.7 * sample_field(rng, grid, 12), signal["nuclei"])


def _measure_ventricles(rng: np.random.Generator, points: Field) -> Field:
    """Measure how deep a point lies in the ventricles: two bent horns that drift apart, and the third between them."""
    x, y, z = points
    width, length, height = rng.uniform(4.5, 9), rng.uniform(25, 34), rng.uniform(9, 14)
    skew = rng.normal(0, 1.0)
    spread = 6 + width / 2 + 7 * (y / 30) ** 2
    arch = 8 + rng.normal(0, 2) - 6 * (y / 30) ** 2
    lateral = np.sqrt(((np.abs(x - skew) - spread) / width) ** 2 + (y / length) ** 2 + ((z - arch) / height) ** 2)
    third = np.sqrt(((x - skew) / 2) ** 2 + ((y + 2) / 12) ** 2 + ((z + 6) / 10) ** 2)
    return np.maximum((1 - lateral) * width, (1 - third) * 2).astype(np.float32)


def _paint_vessels(
    rng: np.random.Generator, image: Field, depth: Field, signal: dict[str, Field], grid: VoxelGrid
) -> None:
    """Paint vessels: tubes where two smooth fields cross 0 together."""
    bend = np.hypot(sample_field(rng, grid, 22), sample_field(rng, grid, 22))
    bore = rng.uniform(0.9, 1.6)
    paint_structure(image, np.minimum(bore - 14 * bend, depth), signal["vessel"], softness=0.6)
