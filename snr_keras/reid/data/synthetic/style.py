"""Camera styles: everything between the scene and the stored pixels that is independent of the person."""

from dataclasses import dataclass

import numpy as np

from snr_keras.reid.data.synthetic.background import Background, paint_background
from snr_keras.reid.data.synthetic.drawing import Drawing
from snr_keras.reid.data.synthetic.fields import averaging, blurring, enlarging
from snr_keras.reid.data.synthetic.identity import Colour, linear


@dataclass(frozen=True)
class Style:
    """How one camera sees the world; each field is a cause of domain shift.

    Attributes:
        exposure: Gain on the light of the whole scene.
        gradient: Strength of the uneven illumination; 0.5 means 1.5 times the light on one side and 0.5 on the other.
        gradient_angle: Direction of the light, in radians: 0 from the right, pi/2 from the top.
        cast: Gains of red, green and blue: the light's hue and the camera's white balance.
        haze: Fraction of the light that the air replaces by its own, between person and camera.
        haze_colour: The light of the air.
        blur: Standard deviation of the defocus, as a fraction of the image's height.
        detail: Fraction of the rows and columns that the sensor resolves.
        noise: Standard deviation of the sensor's noise in linear light.
        contrast: Slope of the tone curve around mid-grey.
        saturation: Factor on the distance of a colour from grey.
        gamma: Exponent from linear light to stored values is 1 / (2.2 gamma); above 1 brightens the shadows.
        background: Background of the camera.
        heading: Direction in which most people walk before this camera, in radians.
        tilt: How far the camera looks down.
    """

    exposure: float
    gradient: float
    gradient_angle: float
    cast: Colour
    haze: float
    haze_colour: Colour
    blur: float
    detail: float
    noise: float
    contrast: float
    saturation: float
    gamma: float
    background: Background
    heading: float
    tilt: float


def photograph(drawing: Drawing, style: Style, rng: np.random.Generator) -> np.ndarray:
    """Put a drawn person in front of the camera's background and take the picture.

    The order is that of the light: background, illumination, air, lens, sensor, tone curve.

    Args:
        drawing: The person.
        style: The camera.
        rng: Source of randomness for the background's texture and the sensor's noise.

    Returns:
        The picture, (H, W, 3), uint8, display RGB.
    """
    height, width = drawing.coverage.shape
    scene = paint_background(style.background, (height, width), rng)
    scene *= 1.0 - drawing.coverage[..., None]
    scene += drawing.colour
    return _take(scene, drawing.coverage, style, rng)


def rephotograph(image: np.ndarray, style: Style, rng: np.random.Generator) -> np.ndarray:
    """Take a picture of a picture: the camera's light, air, lens, sensor and tone curve, and the picture's background.

    Args:
        image: The picture, (H, W, 3), uint8, display RGB.
        style: The camera.
        rng: Source of randomness for the sensor's noise.

    Returns:
        The new picture, of the same shape and dtype.
    """
    return _take(linear(image).astype(np.float32), np.ones(image.shape[:2], np.float32), style, rng)


def _take(scene: np.ndarray, coverage: np.ndarray, style: Style, rng: np.random.Generator) -> np.ndarray:
    """The picture of a scene in linear light, of which a fraction of each pixel, (H, W), is near."""
    height, width = coverage.shape
    scene *= _illumination(style, height, width)
    air = 1.0 - style.haze * (1.0 - 0.3 * coverage[..., None])  # less air before the person than behind
    scene = scene * air + (1.0 - air) * np.asarray(style.haze_colour, np.float32)
    scene = _lens(scene, style)
    scene += style.noise * np.sqrt(0.25 + np.clip(scene, 0, 1)) * rng.standard_normal(scene.shape, np.float32)
    return _develop(scene, style)


def _illumination(style: Style, height: int, width: int) -> np.ndarray:
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None]
    y = np.linspace(1.0, -1.0, height, dtype=np.float32)[:, None]
    slope = np.clip(x * np.cos(style.gradient_angle) + y * np.sin(style.gradient_angle), -1.0, 1.0)
    light = style.exposure * (1.0 + style.gradient * slope)
    return (light[..., None] * np.asarray(style.cast)).astype(np.float32)


def _lens(scene: np.ndarray, style: Style) -> np.ndarray:
    height, width, _ = scene.shape
    return _along(_sampled(height, style), _along(_sampled(width, style, height), scene.swapaxes(0, 1)).swapaxes(0, 1))


def _sampled(size: int, style: Style, height: int | None = None) -> np.ndarray:
    """The blur and then the loss of resolution of one axis of `size` pixels, as one matrix."""
    resolved = max(8, round(size * style.detail))
    matrix = blurring(size, style.blur * (height or size))
    if resolved < size:
        matrix = enlarging(resolved, size) @ averaging(size, resolved) @ matrix
    return matrix


def _along(matrix: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Apply a matrix to the first axis."""
    return (matrix @ image.reshape(image.shape[0], -1)).reshape(-1, *image.shape[1:])


def _develop(light: np.ndarray, style: Style) -> np.ndarray:
    tone = np.clip(light, 1e-4, None) ** np.float32(1.0 / (2.2 * style.gamma))
    grey = tone @ np.array([0.299, 0.587, 0.114], np.float32)
    tone = grey[..., None] + style.saturation * (tone - grey[..., None])
    tone = 0.5 + style.contrast * (tone - 0.5)
    return np.round(255.0 * np.clip(tone, 0.0, 1.0)).astype(np.uint8)
