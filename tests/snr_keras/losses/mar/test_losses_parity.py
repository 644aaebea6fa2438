"""MAR's losses against the specification: values, gradients and the state carried between steps, in every dtype."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from keras import ops

import snr_ref
from snr_keras import losses
from snr_keras.conformance.adapter import KerasAdapter
from snr_ref.conformance.assertion import is_decided
from tests.assertions import assert_parity
from tests.snr_keras.backend import (
    DTYPES,
    MODES,
    as_stored,
    to_numpy,
    to_tensor,
    value_and_gradients,
)
from tests.strategies import (
    MultilabelBatch,
    embeddings,
    exact_multilabel_batches,
    generators,
    multilabel_batches,
)

#: The (N, D, K) for which the losses are compiled; eagerly they take any, but on JAX, which compiles each operation.
COMPILED_SHAPE = (6, 4, 3)
EAGER_SHAPES = (
    st.sampled_from([(2, 1, 1), (3, 2, 4), COMPILED_SHAPE])
    if keras.backend.backend() == "jax"
    else st.tuples(st.integers(2, 7), st.integers(1, 4), st.integers(1, 5))
)
RATIO, RATE = 0.4, 0.25

#: Magnitudes whose squares a dtype doesn't hold.
_EXTREMES = {
    "float64": [1e200, 1e-200], "float32": [1e30, 1e-30], "bfloat16": [1e30, 1e-30], "float16": [2.0**12, 2.0**-13],
}  # fmt: skip

each_dtype = pytest.mark.parametrize("dtype", DTYPES)


@st.composite
def stored_batches(draw: DrawFn, mode: str, dtype: str) -> MultilabelBatch:
    """A batch as the dtype holds it; the threshold is in a gap between agreements, or an agreement without rounding."""
    shape = draw(EAGER_SHAPES) if mode == "eager" else COMPILED_SHAPE
    is_exact = draw(st.booleans())
    batch = draw((exact_multilabel_batches if is_exact else multilabel_batches)(shape=shape))
    stored = {name: as_stored(getattr(batch, name), dtype) for name in ("features", "agents", "multilabels")}
    batch = batch._replace(**stored)
    return batch if is_exact else batch._replace(threshold=draw(_thresholds(batch.multilabels)))


@st.composite
def directions(draw: DrawFn, mode: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of any magnitude, and the gradient that reaches their directions."""
    images, dimensions, _ = draw(EAGER_SHAPES) if mode == "eager" else COMPILED_SHAPE
    magnitude = draw(st.sampled_from([1.0, 2.0**-8, 2.0**8, *_EXTREMES[dtype]]))
    x = as_stored(magnitude * draw(embeddings(images, dimensions)), dtype)
    return x, as_stored(draw(generators()).normal(size=x.shape), dtype)


@each_dtype
@given(data=st.data())
def test_directions(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    x, G = data.draw(directions(mode, dtype))
    assert_parity(KerasAdapter(mode), "unit", {"x": x}, dtype=dtype)
    assume(dtype != "float16" or np.abs(snr_ref.unit_vjp(x, G)).max() < 6e4)  # more is infinite there, rightly so
    assert_parity(KerasAdapter(mode), "unit_vjp", {"x": x, "grad_u": G}, dtype=dtype)


@each_dtype
@given(data=st.data())
def test_multilabels(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch = data.draw(stored_batches(mode, dtype))
    scale = data.draw(st.sampled_from([30.0, 0.0, 1000.0])) if mode == "eager" else 30.0
    G = data.draw(generators()).normal(size=(len(batch.features), len(batch.agents)))
    arguments = {"features": batch.features, "agents": batch.agents, "scale": scale}
    assert_parity(KerasAdapter(mode), "log_multilabels", arguments, dtype=dtype)
    assert_parity(KerasAdapter(mode), "log_multilabels_vjp", arguments | {"grad_log_multilabels": G}, dtype=dtype)
    tensors = [to_tensor(x, dtype) for x in (batch.features, batch.agents)]
    np.testing.assert_array_equal(
        to_numpy(losses.soft_multilabels(*tensors, scale=scale)),
        to_numpy(ops.exp(losses.log_multilabels(*tensors, scale=scale))),
    )


@each_dtype
@given(data=st.data())
def test_mined_pairs(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch = data.draw(stored_batches(mode, dtype))
    ratio = data.draw(st.sampled_from([RATIO, 0.005, 1.0])) if mode == "eager" else RATIO
    mined = {"features": batch.features, "multilabels": batch.multilabels, "threshold": batch.threshold}
    assume(is_decided("discriminative_loss", mined | {"mining_ratio": ratio}, dtype=dtype))
    for function in ("discriminative_loss", "discriminative_gradient"):
        assert_parity(KerasAdapter(mode), function, mined | {"mining_ratio": ratio}, dtype=dtype)

    expected = snr_ref.mine_pairs(**mined, mining_ratio=ratio)
    features, multilabels = (to_tensor(x, dtype) for x in (batch.features, batch.multilabels))
    found = losses.mine_pairs(features, multilabels, batch.threshold, mining_ratio=ratio)
    pairs, positive = np.asarray(ops.convert_to_numpy(found.pairs)), np.asarray(ops.convert_to_numpy(found.positive))
    for ours, theirs in ((pairs[positive], expected.positives), (pairs[~positive], expected.negatives)):
        assert set(map(tuple, ours.tolist())) == set(map(tuple, theirs.tolist()))


@each_dtype
@given(data=st.data())
def test_agreements_and_thresholds(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch = data.draw(stored_batches(mode, dtype))
    ratio = data.draw(st.sampled_from([RATIO, 0.005, 1.0])) if mode == "eager" else RATIO
    rate = data.draw(st.sampled_from([RATE, 1.0])) if mode == "eager" else RATE
    y = batch.multilabels
    own = {"multilabels": y, "mining_ratio": ratio}
    assert_parity(KerasAdapter(mode), "multilabel_agreement", {"x": y, "y": y}, dtype=dtype)
    assert_parity(KerasAdapter(mode), "initial_threshold", own, dtype=dtype)
    assert_parity(KerasAdapter(mode), "next_threshold", own | {"threshold": batch.threshold, "rate": rate}, dtype=dtype)


@each_dtype
@given(data=st.data())
def test_consistency_across_views(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch = data.draw(stored_batches(mode, dtype))
    rate = data.draw(st.sampled_from([RATE, 1.0])) if mode == "eager" else RATE
    log_y, views = data.draw(_logarithms(batch, dtype)), batch.views
    past = snr_ref.ViewStatistics(*data.draw(generators()).normal(size=(2, log_y.shape[1])))
    arguments = {"log_multilabels": log_y, "views": views, "statistics": past}
    assert_parity(KerasAdapter(mode), "next_statistics", arguments | {"rate": rate}, dtype=dtype)
    assert_parity(KerasAdapter(mode), "consistency_loss", arguments, dtype=dtype)
    assume(is_decided("consistency_gradient", arguments, dtype=dtype))
    assert_parity(KerasAdapter(mode), "consistency_gradient", arguments, dtype=dtype)
    if len(np.unique(views)) < len(views):
        own = losses.initial_statistics(to_tensor(log_y, dtype), views)
        assert_parity(tuple(map(to_numpy, own)), "next_statistics", arguments | {"rate": 1.0}, dtype=dtype)


@each_dtype
@given(data=st.data())
def test_joint_embedding(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch = data.draw(stored_batches(mode, dtype))
    margin = data.draw(st.sampled_from([1.0, 0.0, 2.0, 4.5])) if mode == "eager" else 1.0
    any_shape = mode == "eager" and keras.backend.backend() != "jax"
    images = data.draw(st.integers(0, len(batch.features))) if any_shape else 2
    arguments = {
        "source_features": batch.features[:images],
        "source_labels": batch.labels[:images],
        "target_features": batch.features[images:],
        "agents": batch.agents,
        "margin": margin,
    }
    assume(is_decided("joint_embedding_loss", arguments, dtype=dtype))
    for function in ("joint_embedding_loss", "joint_embedding_gradients"):
        assert_parity(KerasAdapter(mode), function, arguments, dtype=dtype)


@each_dtype
@given(data=st.data())
def test_memory(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch = data.draw(stored_batches(mode, dtype))
    rate = data.draw(st.sampled_from([RATE, 1.0])) if mode == "eager" else RATE
    rng = data.draw(generators())
    images, classes = batch.multilabels.shape
    visited = rng.random(images + 3) < data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    memory = snr_ref.MultilabelMemory(rng.dirichlet(np.ones(classes), images + 3), visited)
    arguments = {"memory": memory, "indices": rng.permutation(images + 3)[:images], "multilabels": batch.multilabels}
    assert_parity(KerasAdapter(mode), "next_memory", arguments | {"rate": rate}, dtype=dtype)


def test_nothing_is_learnt_by_way_of_agents_multilabels_and_running_statistics() -> None:
    rng = np.random.default_rng(0)
    f, agents = (to_tensor(snr_ref.distances.unit(rng.normal(size=shape)), "float32") for shape in ((6, 4), (3, 4)))
    y = to_tensor(rng.dirichlet(np.ones(3), 6), "float32")
    labels, views = np.arange(6) % 3, np.arange(6) % 2

    def function(agents: object, y: object, mean: object, std: object) -> list[object]:
        log_y = ops.log(to_tensor(rng.dirichlet(np.ones(3), 6), "float32"))
        return [
            ops.sum(losses.log_multilabels(f, agents)[:, 0]),
            losses.discriminative_loss(f, y, 0.5, mining_ratio=0.5),
            losses.consistency_loss(log_y, views, losses.ViewStatistics(mean, std)),
            losses.joint_embedding_loss(f[:2], labels[:2], f[2:], agents),
        ]

    running = [to_tensor(x, "float32") for x in rng.uniform(size=(2, 3))]
    _, gradients = value_and_gradients(function)([agents, y, *running], 4 * [ops.ones(())])
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, 0)


def _modes(dtype: str) -> st.SearchStrategy[str]:
    return st.sampled_from([MODES[0], MODES[-1]] if dtype in ("float32", "bfloat16") else MODES[:1])


def _thresholds(multilabels: np.ndarray) -> st.SearchStrategy[float]:
    """The middles of gaps between agreements, if they are wider than float32's rounding, and what none is above.

    In bfloat16 rows may sum to more than 1, and then agree less than 0, which is no threshold.
    """
    agreements = np.sort(snr_ref.multilabel_agreement(multilabels, multilabels).ravel()).clip(min=0)
    wide = np.flatnonzero(np.diff(agreements) > 1e-3)
    return st.sampled_from([*as_stored((agreements[wide] + agreements[wide + 1]) / 2, "float32").tolist(), 1.5])


@st.composite
def _logarithms(draw: DrawFn, batch: MultilabelBatch, dtype: str) -> np.ndarray:
    """Log multilabels, of the batch or with images that are all one, and numbers of any kind."""
    kind = draw(st.sampled_from(["multilabels", "saturated", "equal", "normal"]))
    log_y = snr_ref.log_multilabels(batch.features, batch.agents, scale=1000.0 if kind == "saturated" else 30.0)
    if kind == "equal":
        log_y[:] = log_y[0]
    elif kind == "normal":
        log_y = draw(generators()).normal(size=log_y.shape)
    return as_stored(log_y, dtype)
