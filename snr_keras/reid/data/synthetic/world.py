"""The world: who is seen where. Every image depends only on its address."""

from functools import lru_cache

import numpy as np

from snr_keras.reid.data.synthetic.domains import domain_index, draw_camera, jitter
from snr_keras.reid.data.synthetic.drawing import draw_person
from snr_keras.reid.data.synthetic.identity import Identity, draw_identity
from snr_keras.reid.data.synthetic.pose import draw_pose
from snr_keras.reid.data.synthetic.style import Style, photograph
from snr_keras.scalars import is_integer

MINIMUM_SIZE = (32, 16)

_IDENTITY, _CAMERA, _IMAGE = range(3)
"""Separate streams of random numbers, so that draws of one kind do not shift those of another."""


def render_sample(
    domain: str,
    identity: int,
    camera: int,
    index: int,
    *,
    seed: int = 0,
    image_size: tuple[int, int] = (64, 32),
) -> tuple[np.ndarray, np.ndarray]:
    """Render one image of the world and its part mask.

    The result depends on the arguments only. Each domain has its own people: identity 5 of "day" and identity 5 of
    "night" are different people.

    Args:
        domain: One of `snr_keras.reid.data.synthetic.DOMAINS`.
        identity: Number of the person, at least 1.
        camera: Number of the camera, at least 1.
        index: Number of the image of this person by this camera, at least 0.
        seed: Seed of the world, at least 0.
        image_size: (height, width) in pixels, at least (32, 16).

    Returns:
        The image, (H, W, 3), uint8, RGB, and its part mask, (H, W), uint8, with positions in
        `snr_keras.reid.data.synthetic.PARTS`.

    Raises:
        ValueError: If an argument is out of range.
    """
    check_whole_numbers(at_least_1={"identity": identity, "camera": camera}, at_least_0={"index": index, "seed": seed})
    style = camera_style(domain, camera, seed=seed)
    rng = _stream(_IMAGE, seed, domain, identity, camera, index)
    return render(person(domain, identity, seed=seed), style, rng, check_image_size(image_size))


@lru_cache(maxsize=4096)
def person(domain: str, identity: int, *, seed: int) -> Identity:
    """The person with a number in a domain of a world."""
    return draw_identity(_stream(_IDENTITY, seed, domain, identity))


@lru_cache(maxsize=4096)
def camera_style(domain: str, camera: int, *, seed: int) -> Style:
    """The style of a camera of a domain of a world."""
    return draw_camera(domain, _stream(_CAMERA, seed, domain, camera))


def render(
    identity: Identity, style: Style, rng: np.random.Generator, image_size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Render one image of a person by a camera; see `render_sample` for the result."""
    pose = draw_pose(rng, heading=style.heading, tilt=style.tilt)
    drawing = draw_person(identity, pose, image_size, rng)
    return photograph(drawing, jitter(style, rng), rng), drawing.parts


def check_image_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """The image size as two integers; ValueError if it is too small or not a size."""
    sizes = tuple(image_size)
    whole = len(sizes) == 2 and all(float(size).is_integer() for size in sizes)
    if not whole or sizes[0] < MINIMUM_SIZE[0] or sizes[1] < MINIMUM_SIZE[1]:
        raise ValueError(
            f"image_size must be (height, width) in whole pixels, at least {MINIMUM_SIZE}. "
            f"Received: image_size={image_size}"
        )
    return int(sizes[0]), int(sizes[1])


def check_whole_numbers(*, at_least_1: dict[str, int], at_least_0: dict[str, int]) -> None:
    """Raise a ValueError for the first value that is not a whole number, or is too small."""
    for least, values in ((1, at_least_1), (0, at_least_0)):
        for name, value in values.items():
            if not is_integer(value) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}. Received: {name}={value!r}")


def _stream(kind: int, seed: int, domain: str, *address: int) -> np.random.Generator:
    return np.random.default_rng([kind, seed, domain_index(domain), *address])
