"""From radiance to the photograph: air, wet ground, glare, rain, exposure, noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.phantoms.fields import Field
from domaingan.phantoms.streets.chance import look_up_noise
from domaingan.phantoms.streets.lens import Lens
from domaingan.phantoms.streets.light import Light
from domaingan.phantoms.streets.shapes import Thing


def apply_haze(radiance: Field, depth: Field, light: Light) -> Field:
    """Apply Koschmieder's law: I = J t + A (1 - t) with t = exp(-haze * depth) (Middleton 1952)."""
    kept = np.exp(-np.float32(light.haze) * np.minimum(depth, 600))[..., None]
    return light.air + kept * (radiance - light.air)


def add_wet_reflections(
    radiance: Field, is_ground: NDArray[np.bool_], things: list[Thing], lens: Lens, light: Light
) -> Field:
    """Add the reflections of wet ground: what is above the horizon, upside down, and streaks below every light."""
    height = lens.shape[0]
    rows = np.clip(np.rint(2 * lens.horizon - np.arange(height)).astype(int), 0, height - 1)
    upside = cv2.blur(radiance[rows], (3, 2 * (height // 24) + 1))
    streaks = np.zeros_like(radiance)
    lamps = [lamp for thing in things for lamp in thing.lamps]
    for point, colour in lamps:
        right, down, ahead = lens.to_rays(np.array([(point[0], point[1], -point[2])]))[0].tolist()
        if ahead < 2:
            continue
        column, row = lens.project_rays(np.array([(right, down, ahead)]))[0].tolist()
        reach = lens.focal * (0.15 + 0.3 * point[2]) / ahead
        wide = max(1, round(lens.focal * 0.08 / ahead))
        top, low = (round(column) - wide, round(row - reach)), (round(column) + wide, round(row + reach))
        if -9999 < top[0] < 9999 and -9999 < low[1] < 9999:
            cv2.rectangle(streaks, top, low, colour, -1)
    streaks = cv2.GaussianBlur(streaks, (0, 0), sigmaX=0.006 * height, sigmaY=0.03 * height)
    s, d = lens.to_street(lens.slopes[None], lens.ground_depth[:, None])
    film = np.clip(0.85 + 0.35 * look_up_noise(1.5 * s, 5 * d), 0.3, 1.2) * np.float32(light.wetness)
    grazing = (film * np.exp(-3.2 * np.maximum(lens.drops, 0))[:, None])[..., None]
    wet = radiance * np.float32(0.65) + grazing * (upside - np.float32(0.3) * radiance) + np.float32(1.4) * streaks
    return np.where(is_ground[..., None], wet, radiance)


def halve_resolution(image: Field) -> Field:
    """Halve the resolution of a map: a tent over each pixel, centred on the sample that its label comes from."""
    soft = cv2.sepFilter2D(image, -1, TENT_KERNEL, TENT_KERNEL)
    return np.ascontiguousarray(soft[::2, ::2])


TENT_KERNEL = np.array([0.25, 0.5, 0.25], dtype=np.float32)


def add_glare(radiance: Field, light: Light) -> Field:
    """Add the light that the lens, and fog or rain, scatter around what is bright."""
    height = radiance.shape[0]
    bright = np.maximum(radiance - np.float32(1.0 / light.exposure), 0)
    if bright.max() <= 0:
        return radiance
    thick = min(0.5, 9 * light.haze)
    near = cv2.GaussianBlur(bright, (0, 0), 0.012 * height)
    far = cv2.GaussianBlur(bright, (0, 0), 0.06 * height)
    return radiance + np.float32(0.22) * near + np.float32(0.1 + thick) * far


def add_rain(radiance: Field, rng: np.random.Generator, light: Light) -> Field:
    """Add streaks of drops near the lens, which shine with the air's light, and the veil of those farther away."""
    height, width = radiance.shape[:2]
    drops = np.zeros((height, width), dtype=np.float32)
    slant = float(rng.normal(0, 0.12))
    n = int(0.011 * height * width)
    starts = rng.uniform(0, 1, (n, 2)) * (width, 1.1 * height) - (0, 0.1 * height)
    lengths = rng.uniform(0.03, 0.14, n) * height
    strengths = rng.uniform(0.1, 0.6, n)
    for (x, y), length, strength in zip(starts.tolist(), lengths.tolist(), strengths.tolist(), strict=True):
        ends = [(round(16 * x), round(16 * y)), (round(16 * (x + slant * length)), round(16 * (y + length)))]
        cv2.line(drops, ends[0], ends[1], strength, 1, cv2.LINE_8, 4)
    drops = cv2.GaussianBlur(drops, (0, 0), max(0.5, height / 220))
    behind = 0.5 * light.air + np.float32(0.5) * cv2.blur(radiance, (9, 9))
    return radiance + (np.float32(0.5) * drops)[..., None] * (np.float32(1.25) * behind - radiance * np.float32(0.6))


def develop_image(radiance: Field, rng: np.random.Generator, light: Light) -> NDArray[np.float32]:
    """Develop the stored image: exposure with a soft shoulder, vignetting, shot and read noise, gamma, 8 bits."""
    height, width = radiance.shape[:2]
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    vignette = (1 - 0.16 * (x**2 + y**2))[..., None].astype(np.float32)
    exposed = radiance * (vignette * np.float32(light.exposure)) * light.tint
    exposed = 1 - np.exp(-np.float32(1.1) * np.maximum(exposed, 0))
    spread = np.sqrt(np.float32(light.noise_deviation**2) + np.float32(0.03 * light.noise_deviation) * exposed)
    exposed += spread * rng.standard_normal(exposed.shape, dtype=np.float32)
    levels = np.rint(255 * np.clip(exposed, 0, 1) ** np.float32(1 / 2.2))
    return (levels / 255).astype(np.float32)
