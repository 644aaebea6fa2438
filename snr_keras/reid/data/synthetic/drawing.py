"""Drawing: a person in a pose becomes colours, coverage and a part mask. NumPy only.

Every part is a shape defined by a signed distance, so that edges are smooth at any size; parts are painted far to near.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from snr_keras.reid.data.synthetic.fields import smooth_field
from snr_keras.reid.data.synthetic.identity import Colour, Identity
from snr_keras.reid.data.synthetic.pose import ANKLE, HEAD, HIP, NECK, SHOULDER, Pose, Skeleton, skeleton

PARTS = ("background", "skin", "hair", "upper", "lower", "shoes", "bag")
"""The classes of a part mask, in the order of their labels; a hat counts as hair."""

BACKGROUND, SKIN, HAIR, UPPER, LOWER, SHOES, BAG = range(len(PARTS))

_NECKLINE, _WAIST = 0.845, 0.6


class Drawing(NamedTuple):
    """A person without surroundings or camera."""

    colour: np.ndarray
    """(H, W, 3) float32 linear RGB, multiplied by the coverage."""
    coverage: np.ndarray
    """(H, W) float32 in [0, 1]: how much of each pixel the person fills."""
    parts: np.ndarray
    """(H, W) uint8 labels, positions in `PARTS`."""


def draw_person(identity: Identity, pose: Pose, image_size: tuple[int, int], rng: np.random.Generator) -> Drawing:
    """Draw one person.

    Args:
        identity: The person.
        pose: Pose of the person in the frame.
        image_size: (height, width) in pixels. The frame is the largest centred box of aspect 2 : 1 inside it.
        rng: Source of randomness for the folds in the clothes.

    Returns:
        The drawing.
    """
    canvas = _Canvas(identity, pose, image_size)
    body = skeleton(identity, pose)
    layers: list[tuple[float, Callable[[], None]]] = [
        (0.0, lambda: _torso(canvas, identity, pose)),
        (0.03, lambda: _head(canvas, identity, body)),
        *_legs(canvas, identity, body),
        *_arms(canvas, identity, body),
        *_hair_behind(canvas, identity, body),
        *_bag(canvas, identity, body),
    ]
    for _, paint in sorted(layers, key=lambda layer: layer[0]):
        paint()
    folds = smooth_field(rng, (24, 10), image_size)
    return Drawing(canvas.colour * (1.0 + 0.06 * folds[..., None]), canvas.coverage, canvas.parts)


class _Canvas:
    """Pixels in the person's own units: x to the right, y up from the ground, 1 = the person's height."""

    def __init__(self, identity: Identity, pose: Pose, image_size: tuple[int, int]) -> None:
        height, width = image_size
        frame = min(height, 2 * width)
        stature = identity.stature * pose.scale
        self.pixel = 1.0 / (frame * stature)
        self.x = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / frame - pose.shift[0]) / stature
        self.y = ((height / 2 - np.arange(height, dtype=np.float32) - 0.5) / frame - pose.shift[1]) / stature + 0.5
        self.left, self.top = float(self.x[0]), float(self.y[0])
        self.light = pose.light
        self.colour = np.zeros((height, width, 3), np.float32)
        self.coverage = np.zeros((height, width), np.float32)
        self.parts = np.zeros((height, width), np.uint8)

    def window(self, left: float, right: float, low: float, high: float) -> tuple[slice, slice]:
        """The rows and columns that a box, enlarged by one pixel on each side, covers."""
        columns, rows = len(self.x), len(self.y)
        first, last = (left - self.left) / self.pixel - 1.0, (right - self.left) / self.pixel + 2.0
        upper, lower = (self.top - high) / self.pixel - 1.0, (self.top - low) / self.pixel + 2.0
        return (
            slice(int(min(max(upper, 0), rows)), int(min(max(lower, 0), rows))),
            slice(int(min(max(first, 0), columns)), int(min(max(last, 0), columns))),
        )

    def paint(
        self,
        window: tuple[slice, slice],
        distance: np.ndarray,
        colour: np.ndarray | Colour,
        part: int,
        normal: np.ndarray,
    ) -> None:
        """Paint where the signed `distance` is negative, shaded by the horizontal part of the surface normal."""
        alpha = _step(-distance, self.pixel)
        normal = np.minimum(np.maximum(normal, -1.0), 1.0)
        shade = 0.66 + 0.34 * np.sqrt(1.0 - normal * normal) + 0.13 * self.light * normal
        shaded = np.asarray(colour, np.float32) * shade[..., None]
        below = self.colour[window]
        below += alpha[..., None] * (shaded - below)
        covered = self.coverage[window]
        covered += alpha * (1.0 - covered)
        self.parts[window][alpha > 0.5] = part

    def limb(self, start: np.ndarray, end: np.ndarray, radii: tuple[float, float], colour: Colour, part: int) -> None:
        """A rounded stroke from `start` to `end` with a linearly changing radius."""
        (x0, y0), (x1, y1), reach = start[:2].tolist(), end[:2].tolist(), max(radii)
        window = self.window(min(x0, x1) - reach, max(x0, x1) + reach, min(y0, y1) - reach, max(y0, y1) + reach)
        along_x, along_y = x1 - x0, y1 - y0
        x, y = self.x[None, window[1]] - x0, self.y[window[0], None] - y0
        square = along_x**2 + along_y**2 + 1e-9
        fraction = np.minimum(np.maximum(x * (along_x / square) + y * (along_y / square), 0.0), 1.0)
        x, y = x - fraction * along_x, y - fraction * along_y
        radius = radii[0] + (radii[1] - radii[0]) * fraction
        self.paint(window, np.sqrt(x * x + y * y) - radius, colour, part, x / radius)

    def chain(self, joints: np.ndarray, radii: tuple[float, ...], colour: Colour, part: int) -> None:
        """Limbs from joint to joint."""
        for i in range(len(joints) - 1):
            self.limb(joints[i], joints[i + 1], (radii[i], radii[i + 1]), colour, part)

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        part: int,
        *,
        above: float = -np.inf,
        below: float = np.inf,
    ) -> None:
        """An ellipse, cut off outside the heights `above` to `below`."""
        (centre_x, centre_y), (radius_x, radius_y) = centre, radii
        window = self.window(
            centre_x - radius_x,
            centre_x + radius_x,
            max(above, centre_y - radius_y),
            min(below, centre_y + radius_y),
        )
        u = (self.x[None, window[1]] - centre_x) / radius_x
        height = self.y[window[0], None]
        v = (height - centre_y) / radius_y
        distance = (np.sqrt(u * u + v * v) - 1.0) * min(radius_x, radius_y)
        distance = np.maximum(distance, np.maximum(above - height, height - below))
        self.paint(window, distance, colour, part, np.broadcast_to(0.8 * u, distance.shape))

    def box(self, centre: np.ndarray, half: tuple[float, float], corner: float, colour: Colour, part: int) -> None:
        """A box with rounded corners."""
        window = self.window(centre[0] - half[0], centre[0] + half[0], centre[1] - half[1], centre[1] + half[1])
        x = self.x[None, window[1]] - float(centre[0])
        y = self.y[window[0], None] - float(centre[1])
        over_x, over_y = np.abs(x) - half[0] + corner, np.abs(y) - half[1] + corner
        outside = np.sqrt(np.maximum(over_x, 0) ** 2 + np.maximum(over_y, 0) ** 2)
        distance = outside + np.minimum(np.maximum(over_x, over_y), 0) - corner
        self.paint(window, distance, colour, part, np.broadcast_to(0.75 * x / half[0], distance.shape))

    def lathe(
        self,
        yaw: float,
        heights: tuple[float, ...],
        widths: tuple[float, ...],
        depths: tuple[float, ...],
        cloth: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
        part: int,
    ) -> None:
        """A body of elliptic cross-sections around the vertical axis, wrapped in cloth.

        `heights` rise; `widths` and `depths` are half-axes there. `cloth(angle, height, pixel)` gives the colours, with
        the angle around the body, 0 at the front, and the size of a pixel.
        """
        half = np.hypot(np.multiply(widths, np.cos(yaw)), np.multiply(depths, np.sin(yaw)))
        reach = float(half.max())
        window = self.window(-reach, reach, heights[0], heights[-1])
        y = self.y[window[0], None]
        x = self.x[None, window[1]]
        half = np.interp(y, heights, half).astype(np.float32)
        u = x / half
        distance = np.maximum(np.abs(x) - half, np.maximum(heights[0] - y, y - heights[-1]))
        angle = np.arcsin(np.clip(u, -1.0, 1.0)) - np.float32(yaw)
        self.paint(window, distance, cloth(angle, y, self.pixel), part, u)


def _torso(canvas: _Canvas, identity: Identity, pose: Pose) -> None:
    canvas.limb(np.array([0.0, SHOULDER]), np.array([0.0, NECK + 0.02]), (0.034, 0.03), identity.skin, SKIN)
    shoulders, hips, depth = identity.shoulders, identity.hips, identity.depth
    waist = 0.5 * (shoulders + hips) * 0.94
    if identity.lower != "skirt":
        canvas.lathe(
            pose.yaw,
            (HIP - 0.04, HIP + 0.03, _WAIST),
            (hips * 0.98, hips, waist * 0.98),
            (depth * 0.95, depth, depth * 0.9),
            lambda angle, y, pixel: np.asarray(identity.lower_colour),
            LOWER,
        )
    else:
        hem = HIP - (HIP - ANKLE) * identity.lower_length
        flare = identity.lower_width
        canvas.lathe(
            pose.yaw,
            (hem, HIP, _WAIST),
            (hips * (0.9 + 0.9 * (flare - 1.0)), hips * 1.03, waist * 0.97),
            (max(depth * flare, 0.05 + 0.35 * pose.stride * identity.lower_length), depth * 1.1, depth * 0.9),
            lambda angle, y, pixel: (
                np.asarray(identity.lower_colour)
                * (1.0 + 0.08 * np.sin(9 * angle) * np.clip((HIP - y) / 0.1, 0, 1))[..., None]
            ),
            LOWER,
        )
    hem = {"shirt": 0.535, "jacket": 0.51, "coat": 0.35}[identity.upper]
    bulk = 1.0 if identity.upper == "shirt" else 1.08
    canvas.lathe(
        pose.yaw,
        (hem, 0.55, 0.63, 0.745, SHOULDER, 0.825, _NECKLINE),
        tuple(
            bulk * width
            for width in (hips * 1.05, hips * 1.03, waist, shoulders * 0.95, shoulders * 0.97, shoulders * 0.8, 0.04)
        ),
        tuple(
            bulk * d for d in (depth * 1.06, depth * 1.04, depth * 0.96, depth * 1.05, depth * 0.9, depth * 0.7, 0.035)
        ),
        lambda angle, y, pixel: _cloth(identity, angle, y, pixel),
        UPPER,
    )


def _cloth(identity: Identity, angle: np.ndarray, y: np.ndarray, pixel: float) -> np.ndarray:
    """The colours of the upper garment at angles around the body and heights, (h, w, 3)."""
    second = _second_fraction(identity, angle, y, pixel)[..., None]
    return np.asarray(identity.upper_colour) * (1.0 - second) + np.asarray(identity.upper_second) * second


def _second_fraction(identity: Identity, angle: np.ndarray, y: np.ndarray, pixel: float) -> np.ndarray:
    """The fraction of the second colour at each point, (h, w), in [0, 1]."""
    period = identity.pattern_period
    radius = identity.shoulders
    around = (angle + np.pi) % (2 * np.pi) - np.pi  # 0 at the front, +-pi in the middle of the back
    rows = np.broadcast_to(_stripes(y, period, pixel), angle.shape)
    if identity.upper == "jacket":
        return _step(radius * (0.4 - np.abs(around)) + 0.12 * (y - 0.7), pixel)
    if identity.pattern == "horizontal stripes":
        return rows
    if identity.pattern == "vertical stripes":
        return _stripes(radius * angle, period, pixel)
    if identity.pattern == "checks":
        columns = _stripes(radius * angle, period, pixel)
        return rows + columns - 2.0 * rows * columns
    if identity.pattern == "blocks":
        return np.broadcast_to(_step(0.55 + 2.0 * period - y, pixel), angle.shape)
    if identity.pattern == "dots":
        u = (radius * angle / period + 0.5 * (np.floor(y / period) % 2)) % 1.0 - 0.5
        v = (y / period) % 1.0 - 0.5
        return _step((0.32 - np.hypot(u, v)) * period, pixel)
    if identity.pattern == "logo":
        front = np.hypot(radius * around, y - 0.73) - 0.55 * period
        back = np.maximum(radius * (np.pi - np.abs(around)) - 0.9 * period, np.abs(y - 0.72) - 0.45 * period)
        return _step(-np.minimum(front, back), pixel)
    return np.zeros(angle.shape, np.float32)


def _stripes(position: np.ndarray, period: float, pixel: float) -> np.ndarray:
    return _step((np.abs((position / period) % 1.0 - 0.5) - 0.25) * period, pixel)


def _step(inside: np.ndarray, pixel: float) -> np.ndarray:
    """1 where `inside` is positive, 0 where it is negative, smooth over one pixel."""
    return np.minimum(np.maximum(0.5 + inside / pixel, 0.0), 1.0)  # np.clip takes three times as long on so few pixels


def _head(canvas: _Canvas, identity: Identity, body: Skeleton) -> None:
    """Skull and hair as one shape, the face over it, then the hat."""
    x, y, _ = body.place(np.array([0.0, HEAD, 0.012]))
    front = np.cos(body.pose.yaw)
    face_x, _, _ = body.place(np.array([0.0, HEAD, 0.032]))
    volume = {"shaved": 0.0, "short": 0.004, "bob": 0.014, "long": 0.01, "ponytail": 0.004}[identity.hair]
    canvas.ellipse((x, y), (0.052 + volume, 0.07 + volume), identity.hair_colour, HAIR)
    if identity.hair == "bob":
        canvas.box(np.array([x, y - 0.035]), (0.058, 0.045), 0.025, identity.hair_colour, HAIR)
    if front > -0.4:
        width = 0.045 if front > 0.3 else 0.045 * (0.62 + 0.38 * (front + 0.4) / 0.7)
        hairline = 0.036 if identity.hair == "shaved" else 0.022
        canvas.ellipse((face_x, y - 0.012), (width, 0.06), identity.skin, SKIN, below=y + hairline)
        for side in (1, -1):
            eye_x, eye_y, near = body.place(np.array([side * 0.019, HEAD, 0.05]))
            if near > 0.012:
                canvas.ellipse((eye_x, eye_y - 0.002), (0.008, 0.005), (0.02, 0.015, 0.015), SKIN)
    if identity.hair == "ponytail" and front < 0.9:
        root, tip = body.place(np.array([[0.0, HEAD + 0.01, -0.05], [0.0, HEAD - 0.12, -0.075]]))
        canvas.limb(root, tip, (0.022, 0.014), identity.hair_colour, HAIR)
    if identity.hat != "none":
        brim = 0.018 if identity.hat == "cap" else 0.008
        canvas.ellipse((x, y + 0.005), (0.059, 0.076), identity.hat_colour, HAIR, above=y + brim)
    if identity.hat == "cap":
        back, tip = body.place(np.array([[0.0, HEAD + 0.024, 0.03], [0.0, HEAD + 0.02, 0.1]]))
        canvas.limb(back, tip, (0.016, 0.012), identity.hat_colour, HAIR)


def _hair_behind(canvas: _Canvas, identity: Identity, body: Skeleton) -> list[tuple[float, Callable[[], None]]]:
    """Long hair down the back: over the torso in a back view, hidden behind it in a front view."""
    if identity.hair != "long":
        return []
    top, bottom = body.place(np.array([[0.0, HEAD - 0.01, -0.03], [0.0, HEAD - 0.16, -0.06]]))
    spread = 0.045 + 0.02 * abs(np.cos(body.pose.yaw))
    return [
        (
            0.02 if bottom[2] > -0.02 else -0.02,
            lambda: canvas.limb(top, bottom, (spread, spread * 0.85), identity.hair_colour, HAIR),
        )
    ]


def _legs(canvas: _Canvas, identity: Identity, body: Skeleton) -> list[tuple[float, Callable[[], None]]]:
    thick = identity.limbs
    radii = (0.052 * thick, 0.038 * thick, 0.026 * thick)
    wide = tuple(
        radius * width for radius, width in zip(radii, (1.08, identity.lower_width, identity.lower_width), strict=True)
    )

    def paint(leg: np.ndarray) -> None:
        heel = leg[2] - np.array([0.0, 0.014, 0.0])
        canvas.chain(leg[:3], radii, identity.skin, SKIN)
        canvas.limb(heel, leg[3], (0.028, 0.02), identity.shoes, SHOES)
        if identity.lower != "skirt":
            joints, widths = _cut(leg[:3], wide, identity.lower_length)
            canvas.chain(joints, widths, identity.lower_colour, LOWER)

    # Legs come before everything else; between them the nearer one is painted last.
    return [(leg[2, 2] - 1.0, lambda leg=leg: paint(leg)) for leg in body.legs]  # type: ignore[misc]


def _arms(canvas: _Canvas, identity: Identity, body: Skeleton) -> list[tuple[float, Callable[[], None]]]:
    thick = identity.limbs * (1.0 if identity.upper == "shirt" else 1.12)
    radii = (0.034 * thick, 0.028 * thick, 0.022 * thick)

    def paint(arm: np.ndarray) -> None:
        hand = arm[2] + 0.16 * (arm[2] - arm[1])
        canvas.chain(arm, tuple(0.85 * radius for radius in radii), identity.skin, SKIN)
        canvas.limb(arm[2], hand, (0.019, 0.02), identity.skin, SKIN)
        joints, widths = _cut(arm, radii, identity.sleeves)
        canvas.chain(joints, widths, identity.sleeve_colour, UPPER)

    return [
        (0.04 if arm[1, 2] > -0.03 else -0.04, lambda arm=arm: paint(arm))  # type: ignore[misc]
        for arm in body.arms
    ]


def _cut(joints: np.ndarray, radii: tuple[float, ...], fraction: float) -> tuple[np.ndarray, tuple[float, ...]]:
    """The first part of a limb of three joints and two equally long bones; `fraction` is its part of the length."""
    whole, rest = divmod(min(2.0 * fraction, 2.0), 1.0)
    if rest < 1e-6:
        return joints[: int(whole) + 1], radii[: int(whole) + 1]
    first = int(whole)
    end = joints[first] + rest * (joints[first + 1] - joints[first])
    radius = radii[first] + rest * (radii[first + 1] - radii[first])
    return np.concatenate([joints[: first + 1], end[None]]), (*radii[: first + 1], radius)


def _bag(canvas: _Canvas, identity: Identity, body: Skeleton) -> list[tuple[float, Callable[[], None]]]:
    size, colour, side = identity.bag_size, identity.bag_colour, identity.bag_side
    yaw = body.pose.yaw
    if identity.bag == "backpack":
        centre = body.place(np.array([0.0, 0.7, -identity.depth - 0.035]))
        half = float(np.hypot(0.08 * size * np.cos(yaw), 0.05 * size * np.sin(yaw)))
        pocket = centre - np.array([0.0, 0.045 * size, 0.0])
        darker = (0.6 * colour[0], 0.6 * colour[1], 0.6 * colour[2])

        def pack() -> None:
            canvas.box(centre, (half, 0.115 * size), 0.035, colour, BAG)
            if centre[2] > 0:
                canvas.box(pocket, (0.7 * half, 0.045 * size), 0.02, darker, BAG)

        def straps() -> None:
            for left in (0.055, -0.055):
                top, bottom = body.place(np.array([[left, 0.825, 0.01], [left * 1.35, 0.66, identity.depth * 0.9]]))
                canvas.limb(top, bottom, (0.014, 0.012), colour, BAG)

        return [(0.035 if centre[2] > 0 else -0.05, pack)] + ([(0.01, straps)] if np.cos(yaw) > 0 else [])
    if identity.bag == "shoulder bag":
        centre = body.place(np.array([side * (identity.hips + 0.025), 0.52, 0.0]))
        half = float(np.hypot(0.03 * size * np.cos(yaw), 0.075 * size * np.sin(yaw))) + 0.012
        face = identity.depth if np.cos(yaw) > 0 else -identity.depth
        top, middle = body.place(np.array([[-side * 0.06, 0.83, 0.0], [side * identity.hips * 0.9, 0.57, 0.8 * face]]))
        return [
            (0.01, lambda: canvas.limb(top, middle, (0.011, 0.011), colour, BAG)),
            (0.05 if centre[2] > -0.02 else -0.05, lambda: canvas.box(centre, (half, 0.06 * size), 0.015, colour, BAG)),
        ]
    if identity.bag == "hand bag":
        arm = body.arms[0 if side > 0 else 1]
        hand = arm[2] + 0.16 * (arm[2] - arm[1])
        centre = hand - np.array([0.0, 0.085 * size, 0.0])
        half = float(np.hypot(0.025 * size * np.cos(yaw), 0.065 * size * np.sin(yaw)))

        def carry() -> None:
            canvas.limb(hand, centre, (0.008, 0.012), colour, BAG)
            canvas.box(centre, (half + 0.01, 0.055 * size), 0.012, colour, BAG)

        return [(0.045 if arm[1, 2] > -0.03 else -0.045, carry)]
    return []
