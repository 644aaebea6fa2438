"""A sample of a domain's images: enough to inspect a network, few enough to wait for."""

import numpy as np

from snr_keras.reid.data.dataset import DISTRACTOR, ReIDDataset, Split

IMAGES_PER_IDENTITY = 8


def sample_images(dataset: ReIDDataset, number: int, *, seed: int = 0) -> Split:
    """Images of randomly chosen people from queries and gallery, up to 8 of each, evenly spaced over theirs.

    Args:
        dataset: Data set, whose junk and distractors are left out.
        number: Maximal number of images.
        seed: Seed of the choice of people.

    Returns:
        The images, with those of one person adjacent.

    Raises:
        ValueError: If `number` is not positive.
    """
    if number < 1:
        raise ValueError(f"`number` must be at least 1. Received: number={number}")
    images_of: dict[int, dict[str, None]] = {}
    for split in (dataset.query, dataset.gallery):
        for path, identity in zip(split.paths, split.identities.tolist(), strict=True):
            if identity > DISTRACTOR:
                images_of.setdefault(identity, {})[path] = None
    chosen: list[tuple[str, int]] = []
    for identity in np.random.default_rng(seed).permutation(sorted(images_of)).tolist():
        paths = sorted(images_of[identity])
        places = np.linspace(0, len(paths) - 1, min(IMAGES_PER_IDENTITY, len(paths))).round().astype(int)
        chosen += [(paths[place], identity) for place in places]
        if len(chosen) >= number:
            break
    del chosen[number:]
    return Split(tuple(path for path, _ in chosen), np.array([who for _, who in chosen], np.int64), None)
