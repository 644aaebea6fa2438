"""Poses: how a person stands before the camera in one image, and the positions of the joints."""

from dataclasses import dataclass

import numpy as np

from snr_keras.reid.data.synthetic.identity import Identity

HIP, KNEE, ANKLE = 0.5, 0.27, 0.04
SHOULDER, NECK, HEAD = 0.8, 0.86, 0.925
"""Heights above the ground, as fractions of the person's height."""

_UPPER_ARM, _FOREARM = 0.165, 0.15


@dataclass(frozen=True)
class Pose:
    """The attributes of a person that change from image to image.

    Attributes:
        yaw: Heading in radians; 0 faces the camera, pi shows the back, pi/2 walks to the image's right.
        tilt: How far the camera looks down: the drop on the image of a point one unit nearer to it.
        stride: Amplitude of the walk, in radians at the hip.
        phase: Phase of the walk in radians.
        elbows: Bend of the left and of the right elbow in radians.
        shift: Offset of the person from the frame's centre, (right, up), as fractions of the frame's height.
        scale: Size in the frame, 1 for a well-fitted box; with `shift`, the jitter of a detector.
        light: Direction that the light comes from, -1 (the image's left) to 1 (its right).
    """

    yaw: float
    tilt: float
    stride: float
    phase: float
    elbows: tuple[float, float]
    shift: tuple[float, float]
    scale: float
    light: float


def draw_pose(rng: np.random.Generator, *, heading: float, tilt: float) -> Pose:
    """Draw a pose as one camera sees it.

    Args:
        rng: Source of randomness.
        heading: Direction in which most people walk before this camera, in radians.
        tilt: How far this camera looks down.

    Returns:
        The pose: usually along the camera's heading, sometimes in another direction.
    """
    yaw = heading + rng.normal(0.0, 0.55) if rng.random() < 0.7 else rng.uniform(-np.pi, np.pi)
    elbows = rng.uniform(0.1, 0.5, 2)
    if rng.random() < 0.15:  # a telephone, a cup, a handle
        elbows[rng.integers(2)] = rng.uniform(1.2, 1.9)
    return Pose(
        yaw=float(yaw),
        tilt=tilt,
        stride=float(rng.uniform(0.05, 0.5)),
        phase=float(rng.uniform(-np.pi, np.pi)),
        elbows=(float(elbows[0]), float(elbows[1])),
        shift=(float(rng.normal(0.0, 0.024)), float(rng.normal(0.0, 0.024))),
        scale=float(rng.uniform(0.86, 1.06)),
        light=float(rng.uniform(-1.0, 1.0)),
    )


@dataclass(frozen=True)
class Skeleton:
    """Joints on the image: each (right, up, towards the camera), in units of the person's height.

    Limbs are (left, right) pairs. The origin lies on the ground under the hips.
    """

    arms: tuple[np.ndarray, np.ndarray]
    """Shoulder, elbow and wrist, (3, 3) each."""
    legs: tuple[np.ndarray, np.ndarray]
    """Hip, knee, ankle and toe, (4, 3) each."""
    pose: Pose

    def place(self, points: np.ndarray) -> np.ndarray:
        """Convert points of the body (left, up, forward) to points on the image; (..., 3) to (..., 3)."""
        return _turn(np.asarray(points, float), self.pose)


def skeleton(identity: Identity, pose: Pose) -> Skeleton:
    """Compute the positions of a person's joints on the image.

    Args:
        identity: The person.
        pose: The pose.

    Returns:
        The joints.
    """
    arms, legs = [], []
    for side, elbow_bend in zip((1, -1), pose.elbows, strict=True):
        swing = side * pose.stride * np.sin(pose.phase)
        arms.append(_turn(_arm(side, identity.shoulders, -0.9 * swing, elbow_bend), pose))
        lift = 0.9 * pose.stride * max(0.0, side * np.cos(pose.phase)) + 0.05
        legs.append(_turn(_leg(side, identity.hips, swing, lift), pose))
    return Skeleton(arms=(arms[0], arms[1]), legs=(legs[0], legs[1]), pose=pose)


def _arm(side: int, shoulders: float, swing: float, bend: float) -> np.ndarray:
    shoulder = np.array([side * (shoulders - 0.018), SHOULDER, 0.0])
    elbow = shoulder + _UPPER_ARM * np.array([side * 0.14, -np.cos(swing), np.sin(swing)])
    wrist = elbow + _FOREARM * np.array([side * 0.04, -np.cos(swing + bend), np.sin(swing + bend)])
    return np.stack([shoulder, elbow, wrist])


def _leg(side: int, hips: float, swing: float, lift: float) -> np.ndarray:
    hip = np.array([side * hips * 0.5, HIP, 0.0])
    knee = hip + (HIP - KNEE) * np.array([0.0, -np.cos(swing), np.sin(swing)])
    ankle = knee + (KNEE - ANKLE) * np.array([0.0, -np.cos(swing - lift), np.sin(swing - lift)])
    toe = ankle + np.array([side * 0.012, -0.022, 0.075])
    return np.stack([hip, knee, ankle, toe])


def _turn(points: np.ndarray, pose: Pose) -> np.ndarray:
    left, up, forward = np.moveaxis(points, -1, 0)
    cos, sin = np.cos(pose.yaw), np.sin(pose.yaw)
    near = forward * cos - left * sin
    # Facing the camera, the person's left is the image's right.
    return np.stack([left * cos + forward * sin, up - pose.tilt * near, near], axis=-1)
