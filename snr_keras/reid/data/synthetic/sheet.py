"""The contact sheet: the world at a glance."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from snr_keras.reid.data.synthetic.domains import domain_index
from snr_keras.reid.data.synthetic.drawing import PARTS
from snr_keras.reid.data.synthetic.world import (
    camera_style,
    check_image_size,
    check_whole_numbers,
    person,
    render,
)
from snr_keras.reid.settings.datasets import DOMAINS

_PART_COLOURS = np.array(
    [(24, 24, 30), (240, 190, 160), (120, 72, 40), (66, 133, 244), (52, 168, 83), (234, 67, 53), (251, 188, 4)],
    np.uint8,
)
assert len(_PART_COLOURS) == len(PARTS)


def contact_sheet(
    *,
    domains: Sequence[str] = DOMAINS,
    people: int = 4,
    cameras: int = 3,
    seed: int = 0,
    image_size: tuple[int, int] = (64, 32),
    enlarge: int = 1,
) -> np.ndarray:
    """Show the same people, in the same poses, in every domain: rows differ only in style.

    There is one row for each domain, then one with the part masks. A person's images by the cameras 1, 2, ... are
    adjacent, then come the next person's. (In the folders of `synthesize`, each domain has its own people.)

    Args:
        domains: Names of the domains, one row each.
        people: Number of people.
        cameras: Number of cameras.
        seed: Seed of the world.
        image_size: (height, width) of each image in pixels, at least (32, 16).
        enlarge: Factor by which to repeat each pixel in both directions.

    Returns:
        The sheet, (height, width, 3), uint8, RGB.

    Raises:
        ValueError: If an argument is out of range.
    """
    check_whole_numbers(
        at_least_1={"people": people, "cameras": cameras, "enlarge": enlarge, "len(domains)": len(domains)},
        at_least_0={"seed": seed},
    )
    size = check_image_size(image_size)
    walkers = [person("day", identity, seed=seed) for identity in range(1, people + 1)]
    views = [camera_style("day", camera, seed=seed) for camera in range(1, cameras + 1)]
    rows = []
    for domain in domains:
        styles = [
            replace(camera_style(domain, camera, seed=seed), heading=view.heading, tilt=view.tilt)
            for camera, view in enumerate(views, start=1)
        ]
        cells = [
            render(walker, style, np.random.default_rng([domain_index("day"), seed, i, j]), size)
            for i, walker in enumerate(walkers)
            for j, style in enumerate(styles)
        ]
        rows.append([image for image, _ in cells])
    rows.append([_PART_COLOURS[mask] for _, mask in cells])
    return _tile(rows, enlarge)


def _tile(rows: list[list[np.ndarray]], enlarge: int) -> np.ndarray:
    framed = [[np.pad(cell, ((1, 1), (1, 1), (0, 0)), constant_values=255) for cell in row] for row in rows]
    sheet = np.concatenate([np.concatenate(row, axis=1) for row in framed], axis=0)
    return sheet.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
