"""Backgrounds: the scene behind the person. One layout per camera, shifted a little in each image."""

from dataclasses import dataclass

import numpy as np

from snr_keras.reid.data.synthetic.fields import smooth_field
from snr_keras.reid.data.synthetic.identity import Colour, linear

KINDS = ("plaza", "buildings", "trees", "road")

_GROUND_SRGB = {
    "plaza": (176, 168, 156),
    "buildings": (142, 138, 134),
    "trees": (120, 126, 98),
    "road": (86, 88, 92),
}
_WALL_SRGB = {
    "plaza": (188, 190, 190),
    "buildings": (150, 136, 126),
    "trees": (84, 100, 76),
    "road": (160, 164, 168),
}


@dataclass(frozen=True)
class Background:
    """The layout behind one camera's people.

    Attributes:
        kind: One of `KINDS`.
        horizon: Height where the ground ends, as a fraction of the frame from its top.
        wall: Colour above the horizon.
        ground: Colour below it.
        accent: Colour of windows, trunks, kerbs.
        period: Spacing of the windows, trunks and joints, as a fraction of the frame's height.
        texture: Strength of the random texture.
    """

    kind: str
    horizon: float
    wall: Colour
    ground: Colour
    accent: Colour
    period: float
    texture: float


def draw_background(rng: np.random.Generator) -> Background:
    """Draw the layout of one camera."""
    kind = KINDS[rng.integers(len(KINDS))]
    brightness = rng.uniform(0.7, 1.2)
    return Background(
        kind=kind,
        horizon=float(rng.uniform(0.3, 0.7)),
        wall=_near(rng, _WALL_SRGB[kind], brightness),
        ground=_near(rng, _GROUND_SRGB[kind], brightness),
        accent=_near(rng, (90, 92, 98), rng.uniform(0.5, 2.0)),
        period=float(rng.uniform(0.14, 0.3)),
        texture=float(rng.uniform(0.08, 0.25)),
    )


def paint_background(background: Background, image_size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Paint the background of one image.

    Args:
        background: The camera's layout.
        image_size: (height, width) in pixels.
        rng: Source of randomness, for the position in the scene and the texture.

    Returns:
        The background, (H, W, 3), float32, linear RGB.
    """
    height, width = image_size
    x = (np.arange(width, dtype=np.float32)[None] + 0.5) / height + np.float32(rng.uniform(0.0, 2.0))
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    horizon = background.horizon + rng.normal(0.0, 0.03)
    pixel = 1.0 / height
    ground = np.clip(0.5 + (y - horizon) / (2 * pixel), 0.0, 1.0)
    accent = _accent(background, x, y, horizon, pixel)
    wall = np.asarray(background.wall, np.float32) * (1.15 - 0.3 * y / max(horizon, 0.1))[..., None]
    wall = wall + accent[..., None] * (np.asarray(background.accent, np.float32) - wall)
    floor = np.asarray(background.ground, np.float32) * (0.8 + 0.35 * (y - horizon))[..., None]
    scene = wall + ground[..., None] * (floor - wall)
    coarse = smooth_field(rng, (6, 4), image_size)
    fine = smooth_field(rng, (32, 16), image_size)
    return scene * np.clip(1.0 + background.texture * (coarse + 0.7 * fine), 0.2, 2.0)[..., None]


def _accent(background: Background, x: np.ndarray, y: np.ndarray, horizon: float, pixel: float) -> np.ndarray:
    """The fraction of the accent colour at each point, (H, W), in [0, 1]."""
    across = np.abs((x / background.period) % 1.0 - 0.5) * background.period
    if background.kind == "buildings":
        down = np.abs((y / (0.8 * background.period)) % 1.0 - 0.5) * 0.8 * background.period
        inside = np.minimum(0.26 * background.period - across, 0.22 * background.period - down)
    elif background.kind == "trees":
        inside = np.broadcast_to(0.1 * background.period - across, (y.shape[0], x.shape[1]))
    elif background.kind == "road":
        inside = np.broadcast_to(0.03 - np.abs(y - horizon + 0.03), (y.shape[0], x.shape[1]))
    else:
        inside = np.broadcast_to(0.02 - across, (y.shape[0], x.shape[1]))
    return np.clip(0.5 + inside / pixel, 0.0, 1.0).astype(np.float32)


def _near(rng: np.random.Generator, srgb: tuple[int, int, int], brightness: float) -> Colour:
    red, green, blue = linear(np.clip(np.array(srgb) * brightness + rng.normal(0.0, 6.0, 3), 8, 245))
    return float(red), float(green), float(blue)
