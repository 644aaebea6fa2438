"""Embeddings in the plane by t-SNE (van der Maaten and Hinton, 2008): what lies near what, by domain and by person."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from snr_keras.reid.visualization.figures import caption, save_figure
from snr_keras.reid.visualization.stages import PooledFeatures

PEOPLE = 8  # that are told apart by colour, as many as eyes tell apart; other colours than those of domains
PERSON_COLOURS = tuple(colormaps["Dark2"](n) for n in range(PEOPLE))
MARKERS = "os^Dvp*hX<>"


def scikit_learn() -> tuple[type[Any], Any]:
    """The class TSNE, and what bounds its threads.

    Raises:
        ModuleNotFoundError: If it is not installed; the message says how to.
    """
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'A t-SNE is made with scikit-learn. Install with: pip install "snr-reid[visualize]"'
        ) from error
    return TSNE, threadpool_limits


def tsne(features: ArrayLike, *, seed: int = 0) -> NDArray[np.float32]:
    """Places in the plane, neighbours near each other; distances further apart, and axes, mean nothing.

    Args:
        features: (n, D), n at least 4.
        seed: Equal seeds give equal places, on one machine.

    Returns:
        (n, 2).

    Raises:
        ValueError: If there are fewer than 4 rows.
        ModuleNotFoundError: Without scikit-learn.
    """
    features = np.asarray(features, np.float32)
    if features.ndim != 2 or len(features) < 4:
        raise ValueError(f"A t-SNE takes a matrix of at least 4 rows. Received: shape {features.shape}")
    perplexity = min(30.0, (len(features) - 1) / 3)  # about how many neighbours count; scikit-learn's default is 30
    TSNE, threadpool_limits = scikit_learn()
    with threadpool_limits(1):  # more of them wait for each other on a busy machine, for minutes
        places = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(features)
    return np.asarray(places, np.float32)


def feature_sets(domains: Sequence[PooledFeatures], stage: int) -> dict[str, NDArray[np.float32]]:
    """What is mapped, all domains one after another: f of F, f~+ if SNR follows, and embeddings of length 1.

    Embeddings are compared by the cosine, and of vectors of length 1 the Euclidean distance says the same.

    Raises:
        ValueError: If the network has no such stage.
    """
    if any(stage not in features.stages for features in domains):
        raise ValueError(f"`stage` must be one of {sorted(domains[0].stages)}. Received: stage={stage}")
    embedding = np.concatenate([features.embedding for features in domains])
    sets = {f"pooled $F$ of stage {stage}": np.concatenate([d.stages[stage].f for d in domains])}
    restituted = [d.stages[stage].f_plus for d in domains]
    if not any(f is None for f in restituted):
        sets[f"pooled $\\tilde F^+$ of stage {stage}"] = np.concatenate([f for f in restituted if f is not None])
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    return sets | {"embedding": embedding / np.maximum(length, np.finfo(np.float32).tiny)}


def save_embedding_map(
    domains: Mapping[str, PooledFeatures],
    identities: Mapping[str, NDArray[np.int64]],
    path: str | os.PathLike[str],
    *,
    stage: int = 3,
    seed: int = 0,
) -> Path:
    """Draw t-SNEs, a row before SNR, one after it and one of the embeddings, coloured by domain and by person.

    Args:
        domains: What `pooled_features` gives for images of each domain, by its name; of one model.
        identities: (n,) of the same images.
        path: The PNG to write.
        stage: Whose maps are pooled.
        seed: Of the t-SNE.

    Raises:
        ValueError: If there are fewer than 4 images, or no such stage.
        ModuleNotFoundError: Without scikit-learn.
    """
    of_domain = np.concatenate([np.full(len(d.embedding), n) for n, d in enumerate(domains.values())])
    of_person = coloured_people(list(identities.values()))
    sets = feature_sets(list(domains.values()), stage)
    figure = Figure(figsize=(7.2, 3.3 * len(sets) + 0.6), layout="constrained")
    axes = figure.subplots(len(sets), 2, squeeze=False)
    for (by_domain, by_person), (name, features) in zip(axes, sets.items(), strict=True):
        x, y = tsne(features, seed=seed).T
        for n in range(len(domains)):
            style = {"marker": MARKERS[n % len(MARKERS)], "s": 14, "linewidths": 0, "alpha": 0.75}
            here, others = of_domain == n, (of_domain == n) & (of_person < 0)
            by_domain.scatter(x[here], y[here], color=f"C{n}", **style)
            by_person.scatter(x[others], y[others], color="#c8c8c8", **style | {"s": 9})
        for n in range(len(domains)):
            shown = (of_domain == n) & (of_person >= 0)
            colours = [PERSON_COLOURS[person % PEOPLE] for person in of_person[shown]]
            by_person.scatter(x[shown], y[shown], color=colours, marker=MARKERS[n % len(MARKERS)], s=26, linewidths=0)
        for ax in (by_domain, by_person):
            ax.set_xticks([])
            ax.set_yticks([])
        by_domain.set_ylabel(name, fontsize=9)
    axes[0, 0].set_title("colour: domain", fontsize=9)
    axes[0, 1].set_title(f"colour: {of_person.max() + 1} people (others grey)", fontsize=9)
    keys = [
        Line2D([], [], linestyle="", marker=MARKERS[n % len(MARKERS)], color=f"C{n}", label=caption(name))
        for n, name in enumerate(domains)
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=min(4, len(keys)), fontsize=8, frameon=False)
    return save_figure(figure, path)


def coloured_people(identities: Sequence[NDArray[np.int64]], people: int = PEOPLE) -> NDArray[np.int64]:
    """Numbers 0, 1, ... for the first few people of every domain, with two images or more, and -1 for the others.

    Args:
        identities: Of the images of each domain; equal numbers in two domains are two people.
        people: How many over all domains, at most; the first of every domain if there are more domains.

    Returns:
        One number an image, the domains one after another.
    """
    each = max(1, people // len(identities))
    numbers, taken = [], 0
    for of_domain in identities:
        people_there, first, counts = np.unique(of_domain, return_index=True, return_counts=True)
        in_order = [people_there[i] for i in np.argsort(first) if counts[i] > 1][:each]
        number_of = {person: taken + n for n, person in enumerate(in_order)}
        numbers += [number_of.get(person, -1) for person in of_domain]
        taken += len(in_order)
    return np.array(numbers, np.int64)
