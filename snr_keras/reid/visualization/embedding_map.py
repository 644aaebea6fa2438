"""Embeddings in the plane by t-SNE (van der Maaten and Hinton, 2008), by domain and by person."""

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

PEOPLE = 8  # number of people with distinguishable colours, which differ from those of domains
PERSON_COLOURS = tuple(colormaps["Dark2"](n) for n in range(PEOPLE))
MARKERS = "os^Dvp*hX<>"


def scikit_learn() -> tuple[type[Any], Any]:
    """The class TSNE, and the function that limits its threads.

    Raises:
        ModuleNotFoundError: If it is not installed; the message says how to.
    """
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError('A t-SNE needs scikit-learn: pip install "snr-reid[visualize]"') from error
    return TSNE, threadpool_limits


def tsne(features: ArrayLike, *, seed: int = 0) -> NDArray[np.float32]:
    """Positions in the plane, with neighbours near each other; larger distances, and the axes, have no meaning.

    Args:
        features: Features, (n, D), n at least 4.
        seed: Seed; equal seeds give equal positions on one machine.

    Returns:
        Positions, (n, 2).

    Raises:
        ValueError: If there are fewer than 4 rows.
        ModuleNotFoundError: Without scikit-learn.
    """
    features = np.asarray(features, np.float32)
    if features.ndim != 2 or len(features) < 4:
        raise ValueError(f"A t-SNE needs a matrix of at least 4 rows. Received: shape {features.shape}")
    perplexity = min(
        30.0, (len(features) - 1) / 3
    )  # approximate number of neighbours that count; scikit-learn's default is 30
    TSNE, threadpool_limits = scikit_learn()
    with threadpool_limits(1):  # on a busy machine several threads wait for each other for minutes
        places = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(features)
    return np.asarray(places, np.float32)


def feature_sets(domains: Sequence[PooledFeatures], stage: int) -> dict[str, NDArray[np.float32]]:
    """The features to map, all domains one after another: f of F, f~+ if SNR follows, and embeddings of length 1.

    Embeddings are compared by the cosine, and the Euclidean distance of vectors of length 1 is equivalent.

    Raises:
        ValueError: If the network does not have that stage.
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
    """Plot t-SNEs, a row before SNR, one after it and one of the embeddings, coloured by domain and by person.

    Args:
        domains: Result of `pooled_features` for images of each domain, by its name; all from one model.
        identities: Identities of the same images, (n,).
        path: PNG file to write.
        stage: Stage whose maps are pooled.
        seed: Seed of the t-SNE.

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
    """Numbers 0, 1, ... for the first few people of every domain with at least two images, and -1 for the others.

    Args:
        identities: Identities of the images of each domain; equal numbers in two domains are two people.
        people: Maximal number of people over all domains; at least the first of every domain.

    Returns:
        One number per image, the domains one after another.
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
