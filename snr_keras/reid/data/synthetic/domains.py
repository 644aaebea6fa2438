"""Domains: distributions over camera styles. A camera draws its style once; each image jitters around it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from snr_keras.reid.data.synthetic.background import draw_background
from snr_keras.reid.data.synthetic.identity import Colour
from snr_keras.reid.data.synthetic.style import Style
from snr_keras.reid.settings.datasets import DOMAINS

Range = tuple[float, float]


@dataclass(frozen=True)
class Domain:
    """A distribution over `Style`: each camera's value is uniform within the range of the same name.

    Attributes:
        exposure: Gain on the light; for this and all ranges below see `Style`.
        gradient: Strength of the uneven illumination.
        cast: The hue of the domain's light.
        cast_spread: Standard deviation of the logarithm of each camera's gains around `cast`.
        haze: Fraction of the air's light.
        haze_colour: The light of the air.
        blur: Defocus.
        detail: Resolution.
        noise: Sensor noise.
        contrast: Slope of the tone curve.
        saturation: Colourfulness.
        gamma: Tone curve.
    """

    exposure: Range
    gradient: Range
    cast: Colour
    cast_spread: float
    haze: Range
    haze_colour: Colour
    blur: Range
    detail: Range
    noise: Range
    contrast: Range
    saturation: Range
    gamma: Range


_DOMAINS: Mapping[str, Domain] = {
    "day": Domain(
        exposure=(0.8, 1.5),
        gradient=(0.1, 0.45),
        cast=(1.0, 1.0, 1.0),
        cast_spread=0.1,
        haze=(0.0, 0.06),
        haze_colour=(0.75, 0.8, 0.85),
        blur=(0.003, 0.01),
        detail=(0.5, 1.0),
        noise=(0.01, 0.035),
        contrast=(0.85, 1.2),
        saturation=(0.7, 1.15),
        gamma=(0.95, 1.05),
    ),
    "dusk": Domain(
        exposure=(0.5, 1.05),
        gradient=(0.2, 0.55),
        cast=(1.13, 0.98, 0.83),
        cast_spread=0.1,
        haze=(0.02, 0.08),
        haze_colour=(0.6, 0.46, 0.36),
        blur=(0.004, 0.01),
        detail=(0.7, 1.0),
        noise=(0.01, 0.03),
        contrast=(1.0, 1.25),
        saturation=(0.8, 1.15),
        gamma=(0.95, 1.1),
    ),
    "night": Domain(
        exposure=(0.15, 0.35),
        gradient=(0.3, 0.7),
        cast=(0.9, 1.0, 1.08),
        cast_spread=0.1,
        haze=(0.0, 0.03),
        haze_colour=(0.05, 0.06, 0.08),
        blur=(0.005, 0.014),
        detail=(0.5, 0.9),
        noise=(0.01, 0.025),
        contrast=(0.9, 1.2),
        saturation=(0.55, 0.9),
        gamma=(1.0, 1.25),
    ),
    "fog": Domain(
        exposure=(0.7, 1.0),
        gradient=(0.0, 0.15),
        cast=(0.95, 1.0, 1.04),
        cast_spread=0.1,
        haze=(0.22, 0.44),
        haze_colour=(0.62, 0.66, 0.7),
        blur=(0.005, 0.014),
        detail=(0.6, 0.9),
        noise=(0.008, 0.02),
        contrast=(0.8, 1.05),
        saturation=(0.6, 0.95),
        gamma=(0.95, 1.1),
    ),
}


def domain_index(name: str) -> int:
    """The position of a domain in `DOMAINS`; a ValueError that names all for any other name."""
    if name not in DOMAINS:
        raise ValueError(f"domain must be one of {', '.join(DOMAINS)}. Received: domain={name!r}")
    return DOMAINS.index(name)


def draw_camera(domain: str, rng: np.random.Generator) -> Style:
    """Draw the style of one camera of a domain.

    Args:
        domain: One of `DOMAINS`.
        rng: Source of randomness.

    Returns:
        The camera's style.
    """
    ranges = _DOMAINS[DOMAINS[domain_index(domain)]]
    return Style(
        exposure=_within(rng, ranges.exposure),
        gradient=_within(rng, ranges.gradient),
        gradient_angle=float(rng.uniform(-np.pi, np.pi)),
        cast=_scaled(rng, ranges.cast, ranges.cast_spread),
        haze=_within(rng, ranges.haze),
        haze_colour=_scaled(rng, ranges.haze_colour, 0.04),
        blur=_within(rng, ranges.blur),
        detail=_within(rng, ranges.detail),
        noise=_within(rng, ranges.noise),
        contrast=_within(rng, ranges.contrast),
        saturation=_within(rng, ranges.saturation),
        gamma=_within(rng, ranges.gamma),
        background=draw_background(rng),
        heading=float(rng.uniform(-np.pi, np.pi)),
        tilt=float(rng.uniform(0.05, 0.25)),
    )


def jitter(style: Style, rng: np.random.Generator) -> Style:
    """Draw the style of one image around its camera's: the sun moves, the camera adapts."""
    return replace(
        style,
        exposure=style.exposure * float(np.exp(rng.normal(0.0, 0.25))),
        gradient=style.gradient * float(rng.uniform(0.4, 1.5)),
        gradient_angle=style.gradient_angle + float(rng.normal(0.0, 0.8)),
        cast=_scaled(rng, style.cast, 0.08),
        haze=style.haze * float(rng.uniform(0.6, 1.4)),
        blur=style.blur * float(rng.uniform(0.5, 1.6)),
        contrast=style.contrast * float(np.exp(rng.normal(0.0, 0.07))),
        saturation=style.saturation * float(np.exp(rng.normal(0.0, 0.12))),
    )


def _within(rng: np.random.Generator, limits: Range) -> float:
    return float(rng.uniform(*limits))


def _scaled(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    red, green, blue = np.asarray(colour) * np.exp(rng.normal(0.0, spread, 3))
    return float(red), float(green), float(blue)
