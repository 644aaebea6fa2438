"""Whatever the embeddings and labels, a port in single precision stays within what rounding explains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from snr_ref.conformance.assertion import assert_conforms, is_decided
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.precision import PRECISIONS
from snr_ref.conformance.running_error import Rounded
from snr_ref.conformance.steps import Literal, Retrieval
from snr_ref.distances import unit
from snr_ref.mar.losses import ViewStatistics
from snr_ref.mar.multilabels import MultilabelMemory
from snr_ref.restitution import SNRParams
from tests.strategies import (
    EmbeddingBatch,
    MultilabelBatch,
    RetrievalCase,
    classified_cases,
    embedding_batches,
    embeddings,
    feature_shapes,
    generators,
    identity_labels,
    multilabel_batches,
    retrieval_cases,
)

BOTH = pytest.mark.parametrize("dtype", ["float64", "float32"])


def assert_within(dtype: str, function: str, **arguments: Any) -> None:
    """The port's answer in the dtype is within the bound."""
    assert_conforms(Retrieval() if function == "evaluate_retrieval" else Literal(), function, arguments, dtype=dtype)


@BOTH
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@given(data=st.data())
def test_distances_and_their_gradients(distance: str, dtype: str, data: st.DataObject) -> None:
    channels = data.draw(st.integers(1, 6))
    x, y = data.draw(embeddings(5, channels)), data.draw(embeddings(4, channels))
    rng = data.draw(generators())
    if data.draw(st.booleans()):
        y[0] = x[1] + rng.normal(size=channels) * 1e-3
    assert_within(dtype, f"{distance}_distance", x=x, y=y)
    assert_within(dtype, f"{distance}_distance_vjp", x=x, y=y, grad_d=rng.normal(size=(5, 4)))


@BOTH
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@given(batch=embedding_batches(), strength=st.sampled_from([1.0, 30.0, 1e4]))
def test_the_dual_causality_loss(distance: str, dtype: str, batch: EmbeddingBatch, strength: float) -> None:
    stretched = {name: strength * f for name, f in batch._asdict().items() if name != "labels"}
    for function in ("dual_causality_loss", "dual_causality_gradients"):
        assert_within(dtype, function, **stretched, labels=batch.labels, distance=distance)


@BOTH
@given(data=st.data(), smoothing=st.sampled_from([0.0, 0.1, 0.3, 1.0]), strength=st.sampled_from([0.1, 1.0, 30.0, 1e4]))
def test_the_cross_entropy(dtype: str, data: st.DataObject, smoothing: float, strength: float) -> None:
    rows, classes, rng = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 6)), data.draw(generators())
    logits = strength * (rng.normal(size=(rows, classes)) + rng.normal())
    labels = rng.integers(0, classes, rows)
    for function in ("cross_entropy", "cross_entropy_gradient"):
        assert_within(dtype, function, logits=logits, labels=labels, label_smoothing=smoothing)


@BOTH
@given(data=st.data(), margin=st.sampled_from([0.0, 0.3, "soft"]))
def test_the_batch_hard_triplet_loss(dtype: str, data: st.DataObject, margin: Any) -> None:
    images = data.draw(st.integers(1, 7))
    features, labels = data.draw(embeddings(images, data.draw(st.integers(1, 5)))), data.draw(identity_labels(images))
    arguments = {"features": features, "labels": labels, "margin": margin}
    assert_within(dtype, "batch_hard_triplet_loss", **arguments)
    assume(is_decided("batch_hard_triplet_gradient", arguments, dtype=dtype))
    assert_within(dtype, "batch_hard_triplet_gradient", **arguments)


@BOTH
@given(data=st.data(), rng=generators())
def test_the_whole_objective(dtype: str, data: st.DataObject, rng: np.random.Generator) -> None:
    images, channels = data.draw(st.integers(2, 6)), data.draw(st.integers(2, 5))
    shapes = {"gamma": (channels,), "beta": (channels,), "w1": (channels, 2), "w2": (2, channels)}
    weights = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    if data.draw(st.booleans()):
        weights["beta"] = np.zeros(channels)
    F = rng.normal(size=(images, 3, 2, channels)) + 2 * rng.normal(size=(images, 1, 1, channels))
    labels = rng.integers(0, 3, images)
    logits = rng.normal(size=(images, 3))
    assert_within(dtype, "objective", F=F, params=SNRParams(**weights), logits=logits, labels=labels, weight=0.3)


@BOTH
@given(case=retrieval_cases(), max_rank=st.integers(1, 30), protocol=st.sampled_from(["market1501", "no_camera"]))
def test_the_retrieval_metrics(dtype: str, case: RetrievalCase, max_rank: int, protocol: str) -> None:
    assert_within(dtype, "evaluate_retrieval", **case._asdict(), max_rank=max_rank, protocol=protocol)


@BOTH
@given(data=st.data())
def test_the_dual_restitution_loss(dtype: str, data: st.DataObject) -> None:
    images = data.draw(classified_cases(st.tuples(st.integers(1, 5), st.integers(1, 4))))
    pixels = data.draw(classified_cases(feature_shapes(max_images=3, max_side=3, max_channels=4)))
    for form, f, drawn in (("", "f", images), ("pixelwise_", "F", pixels)):
        arguments = dict(zip((f"{f}_tilde", f"{f}_plus", f"{f}_minus", "w", "b"), drawn, strict=True))
        assert_within(dtype, f"{form}dual_restitution_loss", **arguments)
        assert_within(dtype, f"{form}dual_restitution_gradients", **arguments)


@BOTH
@given(batch=multilabel_batches(), ratio=st.sampled_from([0.005, 0.2, 0.5, 1.0]), rng=generators())
def test_what_adaptation_makes_of_multilabels(
    dtype: str, batch: MultilabelBatch, ratio: float, rng: np.random.Generator
) -> None:
    y, images = batch.multilabels, len(batch.multilabels)
    statistics = ViewStatistics(*rng.normal(size=(2, y.shape[1])))
    memory = MultilabelMemory(rng.dirichlet(np.ones(y.shape[1]), images + 2), rng.random(images + 2) < 0.5)
    by_views = {"log_multilabels": rng.normal(size=y.shape), "views": batch.views, "statistics": statistics}
    assert_within(dtype, "log_multilabels", features=batch.features, agents=batch.agents)
    assert_within(dtype, "multilabel_agreement", x=y, y=y)
    assert_within(dtype, "initial_threshold", multilabels=y, mining_ratio=ratio)
    assert_within(dtype, "next_threshold", threshold=batch.threshold, multilabels=y, mining_ratio=ratio)
    assert_within(dtype, "next_memory", memory=memory, indices=rng.permutation(images + 2)[:images], multilabels=y)
    assert_within(dtype, "next_statistics", **by_views, rate=0.25)
    assert_within(dtype, "consistency_loss", **by_views)


@BOTH
@given(batch=multilabel_batches(), ratio=st.sampled_from([0.2, 0.5]), margin=st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_what_adaptation_mines(dtype: str, batch: MultilabelBatch, ratio: float, margin: float) -> None:
    mined = {"features": batch.features, "multilabels": batch.multilabels, "threshold": 0.625, "mining_ratio": ratio}
    joint = {
        "source_features": batch.features[:1],
        "source_labels": batch.labels[:1],
        "target_features": batch.features[1:],
        "agents": batch.agents,
        "margin": margin,
    }
    for function, arguments in (("discriminative_loss", mined), ("joint_embedding_loss", joint)):
        if is_decided(function, arguments, dtype=dtype):
            assert_within(dtype, function, **arguments)


@given(rng=generators(), off=st.sampled_from([1e-12, 1e-6, 1e-3]))
def test_what_is_made_of_numbers_that_are_off_is_off_by_no_more_than_the_bound(
    rng: np.random.Generator, off: float
) -> None:
    f, agents = unit(rng.normal(size=(6, 3))), unit(rng.normal(size=(4, 3)))
    x, y, memory = rng.normal(size=(6, 4)), rng.dirichlet(np.ones(4), 6), rng.dirichlet(np.ones(4), 8)
    views = {"views": np.array([0, 1, 0, 2, 0, 1]), "statistics": ViewStatistics(*rng.normal(size=(2, 4)))}
    remembered = MultilabelMemory(memory, rng.random(8) < 0.5)
    arguments: list[tuple[str, str, np.ndarray, dict[str, Any]]] = [
        ("unit_vjp", "grad_u", rng.normal(size=(6, 3)), {"x": f}),
        ("log_multilabels_vjp", "grad_log_multilabels", x, {"features": f, "agents": agents}),
        ("next_threshold", "multilabels", y, {"threshold": 0.5, "mining_ratio": 0.4}),
        ("next_memory", "multilabels", y, {"memory": remembered, "indices": rng.permutation(8)[:6]}),
        ("next_statistics", "log_multilabels", x, {**views, "rate": 0.1}),
        ("consistency_loss", "log_multilabels", x, views),
        ("consistency_gradient", "log_multilabels", x, views),
        ("cross_entropy", "logits", x, {"labels": np.array([0, 1, 2, 3, 0, 1])}),
        ("cross_entropy_gradient", "logits", x, {"labels": np.array([0, 1, 2, 3, 0, 1])}),
    ]
    for function, name, value, others in arguments:
        kit, wrong = FUNCTIONS[function], value + off * rng.uniform(-1, 1, value.shape)
        carrying = {**others, name: Rounded(value, np.abs(wrong - value), PRECISIONS["float64"].u)}
        assume(kit.is_decided(carrying, PRECISIONS["float64"]))
        bounds = kit.bounds(carrying, PRECISIONS["float64"])
        exact, answer = (kit.reference({**others, name: numbers}) for numbers in (value, wrong))
        for output, bound in bounds.items():
            assert (np.abs(answer[output] * 1.0 - exact[output]) <= bound).all(), (function, output)
