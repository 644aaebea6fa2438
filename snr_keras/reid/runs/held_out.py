"""People of the source held out of training, to select the best epoch without using a target."""

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np

from snr_keras.models import embedder
from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.settings.training import TrainingConfig
from snr_keras.reid.targets import check_target, embed_dataset, score


def hold_out(source: ReIDDataset, config: TrainingConfig) -> tuple[Split, ReIDDataset | None]:
    """Divide the training images by identity, as `held_out` and `seed` of a config determine.

    As in Market-1501, the first image of each held-out person and camera is a query and the others are the gallery;
    without camera labels one image is the query.

    Returns:
        The images to train on, and the held-out ones as a query and a gallery, None if there are none.

    Raises:
        ValueError: If fewer than two people remain, or no held-out query has a match.
    """
    images = source.train
    people = np.unique(images.identities)
    number = number_held_out(len(people), config.held_out)
    if not number:
        return images, None
    if len(people) - number < 2:
        raise ValueError(
            "With people held out, at least two must remain to train on. Received: "
            f"held_out={config.held_out}, {len(people)} identities"
        )
    chosen = np.random.default_rng((config.seed, number)).choice(people, number, replace=False)
    out = np.isin(images.identities, chosen)
    # Identities from 1: in a gallery 0 is a distractor.
    test = replace(_taken(images, out), identities=np.unique(images.identities[out], return_inverse=True)[1] + 1)
    places = [test.identities] if test.cameras is None else [test.identities, test.cameras]
    is_query = np.zeros(len(test), bool)
    is_query[np.unique(np.stack(places), axis=1, return_index=True)[1]] = True
    held_out = ReIDDataset(
        f"{source.name}, held out", Split.empty(), _taken(test, is_query), _taken(test, ~is_query), source.report
    )
    check_target(held_out)
    return _taken(images, ~out), held_out


def number_held_out(identities: int, fraction: float) -> int:
    """The number of identities to hold out: none for a fraction of 0, else at least two."""
    return max(2, round(fraction * identities)) if fraction else 0


def held_out_test(model: keras.Model, held_out: ReIDDataset) -> Callable[[], float]:
    """A function that returns the mAP of a `reid_model`'s current weights on the held-out people, by the cosine."""
    part = embedder(model)
    return lambda: score(embed_dataset(part, held_out)).mAP


def _taken(split: Split, chosen: np.ndarray) -> Split:
    """The images of a split that a mask selects."""
    cameras, domains = (labels if labels is None else labels[chosen] for labels in (split.cameras, split.domains))
    paths = tuple(path for path, it_is in zip(split.paths, chosen, strict=True) if it_is)
    return Split(paths, split.identities[chosen], cameras, domains)
