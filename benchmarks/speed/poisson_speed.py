"""Poisson blending timed beside named peers, each pair on the same patch in the same run.

    python -m benchmarks.speed.poisson_speed

In 2D: the equation of ``cv2.seamlessClone`` (normal clone of a disc; the crop's gradients in the mask, which OpenCV
erodes by three pixels, the host's elsewhere; solved on the mask's rectangle), 8-bit RGB in and out on both sides, and
beside them domaingan's own ``poisson``, which solves on the mask alone and leaves all else as it is. In 3D: −Δu = f on
a cube against ``scipy.sparse.linalg.cg`` on the same system, stopped at the same residual, and the same on a ball. As
many threads as each library takes, as in a user's process; repeats interleaved, medians. At the end two processes blend
at once, as a DataLoader's workers do. Writes results/poisson.json and prints tables.
"""

from __future__ import annotations

import multiprocessing
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import cg

from benchmarks.lib.machine import describe_machine
from benchmarks.lib.turns import RESULTS, format_table, time_in_turns
from domaingan.blend.methods.poisson import Poisson
from domaingan.blend.methods.poisson_solver import apply_minus_laplacian, solve_on_box, solve_poisson
from domaingan.core.files import write_json

OUT = RESULTS / "poisson.json"
EDGES = (32, 64, 128, 256)
REPEATS = 31
CUBE = 64
WORKERS = 2

Array = NDArray[Any]


def make_pictures(edge: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Crop and host, 8-bit ``(H, W, 3)``, of smooth shapes with grain, and a disc whose rectangle has that edge."""
    rows = edge + 8
    images = ndimage.gaussian_filter(rng.normal(size=(2, rows, rows, 3)), (0, edge / 8, edge / 8, 0))
    images = 127 + 40 * images / images.std() + rng.normal(scale=4, size=images.shape)
    distance = np.hypot(*(np.mgrid[:rows, :rows] - (rows - 1) / 2))
    mask = np.where(distance <= edge / 2, 255, 0).astype(np.uint8)
    crop, host = np.clip(images, 0, 255).astype(np.uint8)
    return crop, host, mask


def erode(mask: Array) -> Array:
    """The part of the mask in which OpenCV takes the crop's gradients."""
    return cv2.erode(mask, np.ones((3, 3), dtype=np.uint8), iterations=3) > 0


def find_rectangle(mask: Array) -> tuple[slice, slice]:
    """The mask's bounding box."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def compute_right_side(crop: Array, host: Array, inside: Array) -> Array:
    """−div of what the wanted gradients differ from the host's: ``(C, H, W)``; forward differences, as OpenCV takes."""
    difference, right = crop - host, np.zeros_like(host)
    flow = (difference[:, 1:] - difference[:, :-1]) * inside[:-1]
    right[:, :-1] -= flow
    right[:, 1:] += flow
    flow = (difference[:, :, 1:] - difference[:, :, :-1]) * inside[:, :-1]
    right[:, :, :-1] -= flow
    right[:, :, 1:] += flow
    return right


def to_planes(image: Array) -> Array:
    """8-bit ``(H, W, 3)`` to float32 ``(3, H, W)``."""
    return np.ascontiguousarray(np.moveaxis(image, -1, 0), dtype=np.float32)


def to_pixels(image: Array) -> Array:
    """And back, rounded."""
    return np.moveaxis(np.clip(np.rint(image), 0, 255).astype(np.uint8), 0, -1)


def solve_on_rectangle(crop: Array, host: Array, mask: Array) -> tuple[Array, Array]:
    """The same as seamlessClone; the result, and the rectangle before it is rounded."""
    box = find_rectangle(mask)
    there, source = to_planes(host[box]), to_planes(crop[box])
    right = compute_right_side(source, there, erode(mask)[box])
    there[:, 1:-1, 1:-1] += solve_on_box(right[:, 1:-1, 1:-1])
    result = host.copy()
    result[box] = to_pixels(there)
    return result, there


def solve_on_mask(crop: Array, host: Array, mask: Array) -> Array:
    """domaingan's ``poisson`` with the mask's inner part as its object, so that the domain is the mask."""
    box, method = find_rectangle(mask), Poisson(reach=3)
    weight = method.compute_weight(erode(mask)[box])
    mixed = method.mix(to_planes(host[box]), to_planes(crop[box]), weight, np.ones(weight.shape, dtype=bool))
    result = host.copy()
    result[box] = to_pixels(mixed)
    return result


def compute_residual(result: Array, crop: Array, host: Array, mask: Array) -> float:
    """Root mean square of the equation's residual inside the rectangle, in grey levels."""
    box = find_rectangle(mask)
    there, source = to_planes(host[box]).astype(float), to_planes(crop[box]).astype(float)
    right = compute_right_side(source, there, erode(mask)[box])
    left = apply_minus_laplacian(result.astype(float) - there, 4)
    return float(np.sqrt(np.mean((left - right)[:, 1:-1, 1:-1] ** 2)))


def measure_frame(edge: int, rng: np.random.Generator) -> dict[str, Any]:
    """2D: one patch, three ways."""
    crop, host, mask = make_pictures(edge, rng)
    middle, box = (host.shape[1] // 2, host.shape[0] // 2), find_rectangle(mask)

    def theirs() -> Array:
        return cv2.seamlessClone(crop, host, mask.copy(), middle, cv2.NORMAL_CLONE)  # it writes into the mask

    their, (our, exact), tight = theirs(), solve_on_rectangle(crop, host, mask), solve_on_mask(crop, host, mask)
    calls = {
        "seamlessClone": theirs,
        "rectangle": lambda: solve_on_rectangle(crop, host, mask),
        "mask": lambda: solve_on_mask(crop, host, mask),
    }
    times = time_in_turns(calls, REPEATS)
    images = {
        "seamlessClone": to_planes(their[box]),
        "rectangle, 8 bit": to_planes(our[box]),
        "rectangle, float32": exact,
    }
    results = {"seamlessClone": their, "rectangle": our, "mask": tight}
    return {
        "edge": edge,
        "ms": times,
        "faster": times["seamlessClone"] / times["rectangle"],
        "faster_on_mask": times["seamlessClone"] / times["mask"],
        "residual": {name: compute_residual(image, crop, host, mask) for name, image in images.items()},
        "mean_difference": float(np.abs(our.astype(float) - their)[mask > 0].mean()),
        "changed_outside_mask": {name: measure_change(result, host, mask) for name, result in results.items()},
    }


def measure_change(result: Array, host: Array, mask: Array) -> dict[str, float]:
    """Grey levels by which pixels outside the mask, in its rectangle, changed."""
    box = find_rectangle(mask)
    change = np.abs(result.astype(float) - host)[box][mask[box] == 0]
    return {"mean": float(change.mean()), "max": float(change.max())}


def build_system(domain: Array) -> sparse.csr_array:
    """−Δ on the pixels of a domain, 0 around it."""
    number = np.full(domain.shape, -1)
    number[domain] = np.arange(domain.sum())
    pairs = []
    for axis in range(domain.ndim):
        one, two = (np.take(number, range(a, number.shape[axis] - 1 + a), axis).ravel() for a in (0, 1))
        both = (one >= 0) & (two >= 0)
        pairs += [np.stack([one, two])[:, both], np.stack([two, one])[:, both]]
    rows, columns = np.concatenate(pairs, axis=1)
    n = int(domain.sum())
    return sparse.csr_array(
        sparse.eye_array(n) * (2 * domain.ndim) - sparse.coo_array((np.ones(len(rows)), (rows, columns)), (n, n))
    )


def measure_volume(domain: Array, rng: np.random.Generator) -> dict[str, Any]:
    """3D: one domain, one channel; their solver in the type in which it is faster."""
    images = ndimage.gaussian_filter(rng.normal(size=(2, *[n + 2 for n in domain.shape])), (0, 4, 4, 4))
    images = images / images.std() + 0.1 * rng.normal(size=images.shape)
    inner = (slice(None), *[slice(1, -1)] * 3)
    right = apply_minus_laplacian(images[:1] - images[1:], 6)[inner].astype(np.float32) * domain
    padded, wide = np.pad(right, [(0, 0)] + [(1, 1)] * 3), np.pad(domain, 1)
    matrix, flat = build_system(domain), right[0][domain].astype(float)

    def left_over(x: Array) -> float:
        return float(np.linalg.norm(matrix @ x.astype(float) - flat) / np.linalg.norm(flat))

    reached = left_over(solve_poisson(padded, wide)[inner][0][domain])
    tolerance = max(reached, 2e-6)
    tries: list[dict[str, Any]] = []
    for kind in ("float64", "float32"):
        system_, flat_ = matrix.astype(kind), flat.astype(kind)
        steps: list[Array] = []
        x = cg(system_, flat_, rtol=tolerance, callback=steps.append)[0]
        calls = {"ours": partial(solve_poisson, padded, wide), "cg": partial(cg, system_, flat_, rtol=tolerance)}
        tries.append(
            {"ms": time_in_turns(calls, 5), "cg_steps": len(steps), "cg_type": kind, "residual_cg": left_over(x)}
        )
    best = min(tries, key=lambda row: row["ms"]["cg"])
    faster = best["ms"]["cg"] / best["ms"]["ours"]
    return {"unknowns": len(flat), **best, "residual_ours": reached, "faster": faster}


def measure_worker(edge: int) -> dict[str, float]:
    """What one of several workers measures: the same patch by both, ms."""
    crop, host, mask = make_pictures(edge, np.random.default_rng(0))
    middle = host.shape[1] // 2, host.shape[0] // 2
    calls = {
        "seamlessClone": lambda: cv2.seamlessClone(crop, host, mask.copy(), middle, cv2.NORMAL_CLONE),
        "mask": lambda: solve_on_mask(crop, host, mask),
    }
    return time_in_turns(calls, REPEATS)


def measure_workers() -> list[dict[str, Any]]:
    """Two processes at once, started anew; the slower one's medians."""
    rows = []
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        for edge in EDGES:
            both = pool.map(measure_worker, [edge] * WORKERS, chunksize=1)
            rows.append({"edge": edge, "ms": {name: max(one[name] for one in both) for name in both[0]}})
    return rows


def main() -> None:
    """Time, print and write."""
    rng = np.random.default_rng(0)
    cube = np.ones((CUBE,) * 3, dtype=bool)
    ball = np.linalg.norm(np.indices(cube.shape) - (CUBE - 1) / 2, axis=0) <= CUBE / 2
    patches = [measure_frame(edge, rng) for edge in EDGES]
    domains = {f"cube {CUBE}³": measure_volume(cube, rng), f"ball {CUBE}³": measure_volume(ball, rng)}
    about = {**describe_machine("numpy", "scipy", "opencv-python-headless"), "threads": "as each library takes"}
    at_once = measure_workers()
    kept = {"machine": about, "repeats": REPEATS, "frames": patches, "volumes": domains, "workers": at_once}
    write_json(OUT, kept)
    head = ["patch", "seamlessClone ms", "ours ms", "ratio", "on the mask ms", "ratio", "residual", "ours", "unrounded"]
    rows: list[list[object]] = []
    for row in patches:
        ms, left = row["ms"], list(row["residual"].values())
        times = f"{ms['seamlessClone']:.2f}", f"{ms['rectangle']:.2f}", f"{row['faster']:.1f}", f"{ms['mask']:.2f}"
        rows.append([f"{row['edge']}²", *times, f"{row['faster_on_mask']:.1f}", *[f"{value:.2g}" for value in left]])
    print(format_table(head, rows) + "\n")
    rows = []
    for name, row in domains.items():
        ms, left = row["ms"], [row["residual_cg"], row["residual_ours"]]
        times = f"{ms['cg']:.0f}", row["cg_steps"], f"{ms['ours']:.1f}", f"{row['faster']:.0f}"
        rows.append([name, *times, *[f"{value:.1e}" for value in left]])
    print(format_table(["domain", "cg ms", "cg steps", "ours ms", "ratio", "residual", "ours"], rows) + "\n")
    rows = [[f"{row['edge']}²", *(f"{value:.2f}" for value in row["ms"].values())] for row in at_once]
    print(format_table(["two processes", "seamlessClone ms", "on the mask ms"], rows))


if __name__ == "__main__":
    main()
