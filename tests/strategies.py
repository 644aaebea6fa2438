"""The inputs of all tests: feature maps, parameters, labels, embeddings, rankings.

The numbers come from a drawn seed, their shapes and defects from drawn choices. A failing example therefore shrinks to
the smallest shape and the mildest defect that still fail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from snr_ref import SNRParams, multilabel_agreement, soft_multilabels
from snr_ref.distances import unit

#: What can be wrong with a feature map while it stays legal.
DEFECTS = ("none", "large mean", "constant channel", "constant map", "zero", "tiny", "one bright pixel")


def generators() -> SearchStrategy[np.random.Generator]:
    """Random number generators that shrink towards seed 0."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


@st.composite
def feature_shapes(
    draw: DrawFn,
    *,
    max_images: int = 4,
    max_side: int = 4,
    max_channels: int = 6,
    spatial_ranks: tuple[int, ...] = (1, 2, 3),
) -> tuple[int, ...]:
    """(N, *S, C), maps of a single pixel included."""
    rank = draw(st.sampled_from(spatial_ranks))
    sides = [draw(st.integers(1, max_side)) for _ in range(rank)]
    return (draw(st.integers(1, max_images)), *sides, draw(st.integers(1, max_channels)))


@st.composite
def feature_maps(
    draw: DrawFn,
    *,
    shapes: SearchStrategy[tuple[int, ...]] | None = None,
    dtype: Any = np.float64,
    defects: tuple[str, ...] = DEFECTS,
) -> np.ndarray:
    """Feature maps of any legal shape, with one of the defects."""
    shape = draw(feature_shapes() if shapes is None else shapes)
    rng = draw(generators())
    F = rng.normal(size=shape) + rng.normal(size=(shape[0], *(1,) * (len(shape) - 2), shape[-1]))
    defect = draw(st.sampled_from(defects))
    if defect == "large mean":
        F += draw(st.sampled_from([1e2, 1e4, -1e4]))
    elif defect == "constant channel":
        F[..., rng.integers(shape[-1])] = rng.normal()
    elif defect == "constant map":
        F[:] = rng.normal(size=shape[-1])
    elif defect == "zero":
        F[:] = 0
    elif defect == "tiny":
        F *= 1e-4
    elif defect == "one bright pixel":
        F[tuple(rng.integers(shape))] = 1e3
    return F.astype(dtype)


@st.composite
def snr_params(draw: DrawFn, channels: int, *, dtype: Any = np.float64) -> SNRParams:
    """Parameters with any hidden width, with both biases, one or none, and gamma of either sign."""
    rng = draw(generators())
    hidden = draw(st.integers(1, max(1, channels)))
    strength = draw(st.sampled_from([1.0, 0.1, 4.0]))
    biases = draw(st.sampled_from(["none", "both", "b1", "b2"]))
    at_start = draw(st.booleans())
    params = SNRParams(
        gamma=np.ones(channels) if at_start else rng.normal(size=channels),
        beta=np.zeros(channels) if at_start else rng.normal(size=channels),
        w1=strength * rng.normal(size=(channels, hidden)) / np.sqrt(channels),
        w2=strength * rng.normal(size=(hidden, channels)) / np.sqrt(hidden),
        b1=rng.normal(size=hidden) if biases in ("both", "b1") else None,
        b2=rng.normal(size=channels) if biases in ("both", "b2") else None,
    )
    return SNRParams(*(None if p is None else p.astype(dtype) for p in params))


class SNRCase(NamedTuple):
    """A feature map with parameters that fit it."""

    F: np.ndarray
    params: SNRParams
    epsilon: float


@st.composite
def snr_cases(
    draw: DrawFn,
    *,
    shapes: SearchStrategy[tuple[int, ...]] | None = None,
    dtype: Any = np.float64,
    defects: tuple[str, ...] = DEFECTS,
    epsilons: tuple[float, ...] = (1e-5, 1e-3),
) -> SNRCase:
    """A feature map, parameters that fit it, and an epsilon."""
    F = draw(feature_maps(shapes=shapes, dtype=dtype, defects=defects))
    return SNRCase(F, draw(snr_params(F.shape[-1], dtype=dtype)), draw(st.sampled_from(epsilons)))


@st.composite
def identity_labels(draw: DrawFn, images: int) -> np.ndarray:
    """P x K batches, lone identities, a single identity, nobody twice; identities of any sign and size."""
    kind = draw(st.sampled_from(["P x K", "random", "one lone", "single identity", "all lone"]))
    rng = draw(generators())
    if kind == "P x K":
        labels = np.arange(images) // 2
    elif kind == "random":
        labels = rng.integers(0, max(1, images // 2), images)
    elif kind == "one lone":
        labels = np.concatenate([[99], np.zeros(images - 1, int)])
    elif kind == "single identity":
        labels = np.full(images, 7)
    else:
        labels = np.arange(images)
    names = draw(st.sampled_from([lambda k: k, lambda k: -3 * k - 1, lambda k: k * 10**12 + 5]))
    return names(rng.permutation(labels).astype(np.int64))


@st.composite
def paired_labels(draw: DrawFn, images: int) -> np.ndarray:
    """Every identity at least twice and at least two of them, so that every anchor has a positive and a negative."""
    rng = draw(generators())
    return rng.permutation(np.minimum(np.arange(images) // 2, images // 2 - 1))


@st.composite
def embeddings(draw: DrawFn, images: int, channels: int, *, defects: bool = True) -> np.ndarray:
    """(N, C), with duplicated rows, zero vectors, opposite rows, and rows on a grid (whose distances tie)."""
    rng = draw(generators())
    f = rng.normal(size=(images, channels))
    kind = (
        draw(st.sampled_from(["none", "duplicates", "zeros", "opposite", "grid", "collapsed"])) if defects else "none"
    )
    first, second = rng.integers(images), rng.integers(images)
    if kind == "duplicates":
        f[first] = f[second]
    elif kind == "zeros":
        f[[first, second]] = 0
    elif kind == "opposite":
        f[first] = -f[second]
    elif kind == "grid":
        f = rng.integers(-1, 2, size=f.shape).astype(float)
    elif kind == "collapsed":
        f[:] = f[0]
    return f


class EmbeddingBatch(NamedTuple):
    """Arguments of the dual causality loss."""

    f_tilde: np.ndarray
    f_plus: np.ndarray
    f_minus: np.ndarray
    labels: np.ndarray


@st.composite
def embedding_batches(
    draw: DrawFn,
    *,
    min_images: int = 1,
    max_images: int = 7,
    max_channels: int = 5,
    labels: Callable[[int], SearchStrategy[np.ndarray]] = identity_labels,
) -> EmbeddingBatch:
    """Three embeddings of one batch, and its labels."""
    images, channels = draw(st.integers(min_images, max_images)), draw(st.integers(1, max_channels))
    f_tilde, f_plus, f_minus = (draw(embeddings(images, channels)) for _ in range(3))
    return EmbeddingBatch(f_tilde, f_plus, f_minus, draw(labels(images)))


class RetrievalCase(NamedTuple):
    """Arguments of `evaluate_retrieval`, with at least one valid query under either protocol."""

    distances: np.ndarray
    query_ids: np.ndarray
    gallery_ids: np.ndarray
    query_cameras: np.ndarray
    gallery_cameras: np.ndarray


@st.composite
def retrieval_cases(
    draw: DrawFn, *, max_queries: int = 6, max_gallery: int = 20, ties: bool | None = None
) -> RetrievalCase:
    """Few identities, junk (-1), distractors (0), queries without a match, ties (always, never or by chance)."""
    queries, gallery = draw(st.integers(1, max_queries)), draw(st.integers(2, max_gallery))
    rng = draw(generators())
    tied = draw(st.booleans()) if ties is None else ties
    query_ids, gallery_ids = rng.integers(1, 6, queries), rng.integers(-1, 5, gallery)
    query_cameras, gallery_cameras = rng.integers(0, 3, queries), rng.integers(0, 3, gallery)
    gallery_ids[0], gallery_cameras[0] = query_ids[0], query_cameras[0] + 1
    order = rng.permutation(gallery)
    shape = (queries, gallery)
    return RetrievalCase(
        rng.integers(0, 4, shape).astype(float)
        if tied
        else rng.permuted(np.arange(queries * gallery)).reshape(shape) / 7,
        query_ids,
        gallery_ids[order],
        query_cameras,
        gallery_cameras[order],
    )


class MultilabelBatch(NamedTuple):
    """Arguments of MAR's losses; features have length 1 or 0, multilabels are those of a memory."""

    features: np.ndarray
    agents: np.ndarray
    multilabels: np.ndarray
    threshold: float
    labels: np.ndarray
    views: np.ndarray


@st.composite
def multilabel_batches(
    draw: DrawFn, *, shape: tuple[int, int, int] | None = None, defects: bool = True
) -> MultilabelBatch:
    """Duplicates, features of length 0, a threshold that equals one of the agreements, views of one image."""
    N, D, K = shape or draw(st.tuples(st.integers(2, 7), st.integers(1, 4), st.integers(1, 5)))
    rng = draw(generators())
    agents = unit(rng.normal(size=(K, D)))
    labels = rng.integers(0, K, N)
    near_an_agent = rng.random((N, 1)) < 0.5
    features = unit(draw(embeddings(N, D, defects=defects)) + 2 * near_an_agent * agents[labels])
    multilabels = soft_multilabels(unit(rng.normal(size=(N, D)) + agents[rng.integers(0, K, N)]), agents)
    agreements = multilabel_agreement(multilabels, multilabels)[~np.eye(N, dtype=bool)]
    threshold = draw(st.sampled_from([0.0, 0.5, 1.0, float(rng.choice(agreements)), float(np.median(agreements))]))
    views = draw(st.sampled_from(["random", "one", "all lone"]))
    cameras = {"random": rng.integers(0, 3, N), "one": np.full(N, -4), "all lone": rng.permutation(N)}[views]
    return MultilabelBatch(features, agents, multilabels, threshold, labels, cameras)


@st.composite
def exact_directions(draw: DrawFn, rows: int, dimensions: int) -> np.ndarray:
    """Rows of length 1 or 0, along an axis or, in four dimensions, of halves: products are exact."""
    rng = draw(generators())
    signs = rng.choice([-1.0, 1.0], (rows, dimensions))
    x = np.eye(dimensions)[rng.integers(0, dimensions, rows)]
    if dimensions == 4:
        x = np.where(rng.random((rows, 1)) < 0.5, 0.5, x)
    return signs * x * (rng.random((rows, 1)) < draw(st.sampled_from([1.0, 0.8])))


@st.composite
def exact_multilabel_batches(draw: DrawFn, *, shape: tuple[int, int, int]) -> MultilabelBatch:
    """Exact directions, multilabels in sixty-fourths, a threshold that equals an agreement: exact ties."""
    N, D, K = shape
    rng = draw(generators())
    multilabels = rng.multinomial(64, np.full(K, 1 / K), N)[rng.integers(0, N, N)] / 64
    i, j = draw(st.sampled_from([(0, 1), (N - 2, N - 1)]))
    threshold = multilabel_agreement(multilabels, multilabels)[i, j]
    features, agents = draw(exact_directions(N, D)), draw(exact_directions(K, D))
    labels = rng.integers(0, K, N)
    return MultilabelBatch(features, agents, multilabels, float(threshold), labels, rng.integers(0, 3, N))


class ClassifiedCase(NamedTuple):
    """Arguments of the dual restitution loss: three arrays (N, C) or (N, *S, C), and a classifier of K classes."""

    tilde: np.ndarray
    plus: np.ndarray
    minus: np.ndarray
    w: np.ndarray
    b: np.ndarray | None


@st.composite
def classified_cases(
    draw: DrawFn, shapes: SearchStrategy[tuple[int, ...]], *, magnitudes: tuple[float, ...] = (1.0, 0.0, 30.0, 1e4)
) -> ClassifiedCase:
    """One to five classes, with logits of any magnitude; nothing restituted, constant channels, a collapsed f~."""
    shape, classes = draw(shapes), draw(st.integers(1, 5))
    rng = draw(generators())
    tilde, plus, minus = rng.normal(size=(3, *shape))
    defect = draw(st.sampled_from(["none", "nothing restituted", "constant channel", "collapsed", "zero"]))
    if defect == "nothing restituted":
        plus, minus = tilde.copy(), tilde.copy()
    elif defect == "constant channel":
        for f in (tilde, plus, minus):
            f[..., rng.integers(shape[-1])] = rng.normal()
    elif defect == "collapsed":
        tilde[:] = rng.normal(size=shape[-1])
    elif defect == "zero":
        plus[:] = 0
    w = draw(st.sampled_from(magnitudes)) * rng.normal(size=(shape[-1], classes))
    return ClassifiedCase(tilde, plus, minus, w, rng.normal(size=classes) if draw(st.booleans()) else None)
