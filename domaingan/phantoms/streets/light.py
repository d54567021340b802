"""Light: the sky, the sun or its afterglow, street lamps, headlights, lit windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domaingan.phantoms.fields import Field
from domaingan.phantoms.streets.chance import look_up_noise
from domaingan.phantoms.streets.lens import Lens
from domaingan.phantoms.streets.street_plan import StreetPlan
from domaingan.phantoms.streets.traffic import choose_lamp_colour


@dataclass(frozen=True)
class Light:
    """A sequence's light; radiances are relative, a white sheet under an open sky at noon being about 1.

    Attributes:
        ambient: from the whole sky.
        sun: from the sun, or the bright part of the sky after it.
        shadow_shift: how far a shadow moves along s and d for each metre of height.
        zenith, horizon: of the sky.
        cloud_cover: how much of the sky they cover, from 0 to 1.
        lit_windows: the share of windows that are lit, and how brightly.
        headlights: of the camera's own car.
        lamps: of street lamps.
        air: what fog and haze shine with.
        haze: extinction, in 1/m.
        wetness: how much a wet road mirrors, 0 where it is dry.
        exposure: of the camera.
        noise_deviation: standard deviation of its noise at full dark.
        tint: of its white balance.
    """

    ambient: Field
    sun: Field
    shadow_shift: tuple[float, float]
    zenith: Field
    horizon: Field
    cloud_cover: float
    lit_windows: tuple[float, float]
    headlights: float
    lamps: Field
    air: Field
    haze: float
    wetness: float
    exposure: float
    noise_deviation: float
    tint: Field

    @property
    def sun_height(self) -> float:
        """Sine of the sun's elevation."""
        return float(1 / np.sqrt(1 + np.square(self.shadow_shift).sum()))

    def compute_sun_share(self, normal: Field) -> Field:
        """Compute the share of the sun, ``(N,)``, that walls with these ``(N, 2)`` normals get."""
        shift = np.array(self.shadow_shift, dtype=np.float32)
        return np.clip(-(normal @ shift), 0, None) * np.float32(self.sun_height)


_SKY_COLOURS = {
    #        ambient             sun               zenith              horizon             air
    "day": ((0.30, 0.36, 0.46), (1.45, 1.30, 1.05), (0.17, 0.35, 0.80), (0.70, 0.82, 0.95), (0.70, 0.78, 0.88)),
    "grey": ((0.50, 0.52, 0.55), (0.06, 0.06, 0.06), (0.62, 0.65, 0.70), (0.85, 0.87, 0.90), (0.74, 0.76, 0.78)),
    "warm": ((0.10, 0.095, 0.12), (0.24, 0.13, 0.06), (0.10, 0.15, 0.32), (0.85, 0.45, 0.20), (0.30, 0.24, 0.24)),
    "blue": ((0.055, 0.07, 0.11), (0.02, 0.015, 0.015), (0.06, 0.10, 0.24), (0.30, 0.32, 0.42), (0.13, 0.15, 0.21)),
    "night": ((0.010, 0.011, 0.016), (0, 0, 0), (0.004, 0.005, 0.010), (0.030, 0.022, 0.016), (0.03, 0.027, 0.025)),
}  # fmt: skip


def sample_light(plan: StreetPlan) -> Light:
    """Sample the light of a sequence from its lighting and weather."""
    rng = np.random.default_rng((*plan.key, 1))
    clear, late = plan.weather == "clear", plan.lighting != "day"
    warmth = float(rng.uniform(0, 1))
    overcast = not clear or rng.random() < 0.3
    if plan.lighting == "dusk":
        share = warmth * (0.3 if overcast else 1.0)
        sky = share * np.array(_SKY_COLOURS["warm"]) + (1 - share) * np.array(_SKY_COLOURS["blue"])
    else:
        sky = np.array(_SKY_COLOURS["night" if late else "grey" if overcast else "day"])
    sky = (sky * np.exp(rng.normal(0, 0.12, (5, 1)) + rng.normal(0, 0.03, (5, 3)))).astype(np.float32)
    steep = rng.uniform(0.5, 1.8) if not late else rng.uniform(3, 6)
    turn = rng.uniform(0, 2 * np.pi)
    gain = {"day": 1.35, "dusk": 3.2, "night": 3.6}[plan.lighting]
    haze = {"clear": 1 / 900, "rain": 1 / 180, "fog": 1 / float(rng.uniform(24, 55))}[plan.weather]
    return Light(
        ambient=sky[0],
        sun=sky[1],
        shadow_shift=(float(steep * np.cos(turn)), float(steep * np.sin(turn))),
        zenith=sky[2] if clear else sky[3] * np.float32(0.8) + sky[2] * np.float32(0.2),
        horizon=sky[3] if clear else sky[4],
        cloud_cover=float(rng.uniform(0.7, 1.0) if overcast else rng.uniform(0.0, 0.5)),
        lit_windows=(float(rng.uniform(0.2, 0.45)), {"day": 0.0, "dusk": 0.3, "night": 0.13}[plan.lighting]),
        headlights={"day": 0.0, "dusk": 0.12, "night": 1.0}[plan.lighting],
        lamps=np.array(choose_lamp_colour(plan), dtype=np.float32) * (0.3 if plan.lighting == "night" else 0.08),
        air=sky[4],
        haze=haze * float(rng.uniform(0.85, 1.2)),
        wetness=float(rng.uniform(0.35, 0.6)) if plan.weather == "rain" else 0.0,
        exposure=gain * float(np.exp(rng.normal(0, 0.13 if late else 0.1))),
        noise_deviation={"day": 0.003, "dusk": 0.006, "night": 0.013}[plan.lighting] * float(rng.uniform(0.7, 1.5)),
        tint=np.exp(rng.normal(0, 0.05, 3)).astype(np.float32),
    )


def render_sky(light: Light, plan: StreetPlan, lens: Lens, rows: int) -> Field:
    """Render the ``(rows, W, 3)`` radiance of the sky in the upper rows: warmer around a low sun, with flat clouds."""
    up = np.maximum(-lens.drops[:rows], 0.0)[:, None]
    across = lens.slopes[None, :] + np.float32(plan.compute_heading(lens.s))
    share = np.exp(-up / np.float32(0.22))
    colour = light.zenith + share[..., None] * (light.horizon - light.zenith)
    colour = np.repeat(colour, len(lens.slopes), axis=1)
    if plan.lighting == "dusk":
        towards = float(np.arctan2(-light.shadow_shift[1], -light.shadow_shift[0]))
        glow = np.exp(-((np.clip(across - towards, -3, 3) / 0.7) ** 2) - up / 0.12)
        colour += np.float32(1.6) * glow[..., None] * light.sun
    far = np.minimum(1 / (up + np.float32(0.06)), 16)
    wisps = look_up_noise(14 * across * far + 3 * plan.bend_phase, 22 * far) + look_up_noise(
        40 * across * far, 60 * far
    ) * np.float32(0.4)
    cover = np.clip((wisps - 1.4 + 2.6 * light.cloud_cover) * 0.45, 0, 1) * np.float32(0.85)
    body = light.ambient * np.float32(1.5 if plan.lighting == "day" else 1.1)
    shade = body * (1 + np.clip(look_up_noise(9 * across * far, 15 * far), -2, 2) * np.float32(0.14))[..., None]
    mixed: Field = colour + (cover * (1 - 0.6 * share))[..., None] * (shade - colour)
    return mixed


def compute_received_light(
    light: Light, plan: StreetPlan, lens: Lens, z: Field, sun_share: Field, unshadowed: Field
) -> Field:
    """Compute the ``(H, W, 3)`` light that falls on what each pixel sees at depth ``z``.

    ``sun_share`` is how much of the sun a surface gets, ``unshadowed`` how much of that no shadow takes; both are
    ``(H, W)``.
    """
    found = (0.55 + 0.45 * unshadowed)[..., None] * light.ambient + (sun_share * unshadowed)[..., None] * light.sun
    slope, fall = lens.slopes[None], lens.drops[:, None]
    if light.headlights:
        beam = _compute_headlights(light.headlights, slope, fall, z)
        found += beam[..., None] * np.array((1.0, 0.95, 0.82), dtype=np.float32)
    if light.lamps.any():
        s, d = lens.to_street(slope, z)
        found += _compute_lamps(plan, s, d, np.float32(lens.y) - fall * z)[..., None] * light.lamps
    return found


def _compute_headlights(power: float, slope: Field, fall: Field, z: Field) -> Field:
    """Compute dipped beams: a wide cone that ends a little below the horizon, falling off with distance."""
    cut = 0.05 + 0.95 / (1 + np.exp((-0.012 - fall) * 90))
    beam = np.exp(-((slope / 0.42) ** 2)) * cut
    return np.float32(26 * power) * beam / (z + 5) ** 2


def _compute_lamps(plan: StreetPlan, s: Field, d: Field, up: Field) -> Field:
    """Compute the light of street lamps along both sides, each over the pool of light below it."""
    gap, height = plan.lamp_spacing
    total = np.zeros_like(s)
    above = np.maximum(height - up, 0.3)
    for side in (-1, 1):
        along = (s - gap * 0.25 * side + gap / 2) % gap - gap / 2
        across = d - side * (plan.get_kerb(side) - 1.4)
        square = along**2 + across**2 + above**2
        total += np.float32(height**2) * above / (square * np.sqrt(square))
    return total


def compute_window_light(light: Light, window: Field, seed: Field) -> Field:
    """Compute the ``(N, 3)`` light of windows: those whose ``window`` number is large enough are lit."""
    share, power = light.lit_windows
    on = (window > 1 - share) & (power > 0)
    tone = np.array((1.0, 0.72, 0.38), dtype=np.float32) + (seed % 1)[:, None] * np.array(
        (0, 0.2, 0.4), dtype=np.float32
    )
    return (np.float32(power) * on * (0.4 + 0.8 * seed))[:, None] * tone
