"""MAR's losses against the specification: values, gradients and what runs along, in every dtype.

The bounds are those of the conformance kit. What is half is computed in float32; a gradient is stored as its input is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from keras import ops

import snr_ref
from snr_keras import losses
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.precision import PRECISIONS
from snr_ref.conformance.running_error import Rounded
from tests.assertions import assert_parity, literal
from tests.multilabel_rounding import (
    agreements_are_decided,
    hard_agents_are_decided,
    order_is_decided,
)
from tests.snr_keras.backend import DTYPES, MODES, as_stored, to_tensor, value_and_gradients
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
#: One that is computed in as it is, and one that is not.
COMPILED_DTYPES = ("float32", "bfloat16")
RATIO, RATE = 0.4, 0.25

_COMPILED: dict[tuple[str, str], Callable[..., Any]] = {}

_SHAPES_ARE_FREE = keras.backend.backend() != "jax"

#: Magnitudes whose squares a dtype doesn't hold.
_EXTREMES = {
    "float64": [1e200, 1e-200], "float32": [1e30, 1e-30], "bfloat16": [1e30, 1e-30], "float16": [2.0**12, 2.0**-13],
}  # fmt: skip


@st.composite
def stored_batches(draw: DrawFn, mode: str, dtype: str) -> MultilabelBatch:
    """A batch as the dtype holds it; the threshold is in a gap between agreements, or an agreement without rounding."""
    shape = draw(EAGER_SHAPES) if mode == "eager" else COMPILED_SHAPE
    is_exact = draw(st.booleans())
    batch = draw((exact_multilabel_batches if is_exact else multilabel_batches)(shape=shape))
    stored = {name: as_stored(getattr(batch, name), dtype) for name in ("features", "agents", "multilabels")}
    batch = batch._replace(**stored)
    return batch if is_exact else batch._replace(threshold=draw(_thresholds(batch.multilabels)))


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_directions(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    images, dimensions, _ = data.draw(EAGER_SHAPES) if mode == "eager" else COMPILED_SHAPE
    magnitude = data.draw(st.sampled_from([1.0, 2.0**-8, 2.0**8, *_EXTREMES[dtype]]))
    x = as_stored(magnitude * data.draw(embeddings(images, dimensions)), dtype)
    G = as_stored(data.draw(generators()).normal(size=x.shape), dtype)
    own = PRECISIONS[dtype]._replace(u=PRECISIONS[dtype].stored_u)  # `unit` computes in the dtype itself
    arguments = {"x": x, "grad_u": G}

    step = _compiled(lambda rows: [losses.unit(rows)], "unit", mode)
    (u,), (gradient,) = step([to_tensor(x, dtype)], [to_tensor(G, dtype)])

    reproduce = _reproduce("unit", mode, dtype, x)
    # Numbers over the largest, their squares and the quotients may be too small for the dtype, next to a length of 1.
    lost = (dimensions + 3) * own.underflow
    bound = FUNCTIONS["unit"].bounds(arguments, own)["directions"] + lost
    assert_parity("unit", dtype, u, snr_ref.distances.unit(_wide(x)), bound, reproduce)
    length = snr_ref.elementary.norm(_wide(x))[:, np.newaxis]
    lost_of_gradient = lost + lost * (1 + np.abs(G).sum(axis=1, keepdims=True)) / np.where(length > 0, length, 1)
    bound = FUNCTIONS["unit_vjp"].bounds(arguments, own)["grad_x"] + lost_of_gradient
    assert_parity("gradient of unit", dtype, gradient, snr_ref.gradients.unit_vjp(_wide(x), _wide(G)), bound, reproduce)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_multilabels(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch, precision = data.draw(stored_batches(mode, dtype)), PRECISIONS[dtype]
    scale = data.draw(st.sampled_from([30.0, 0.0, 1000.0])) if mode == "eager" else 30.0
    G = as_stored(data.draw(generators()).normal(size=(len(batch.features), len(batch.agents))), "float32")
    arguments = {"features": batch.features, "agents": batch.agents, "scale": scale, "grad_log_multilabels": G}

    def function(features: Any, agents: Any) -> list[Any]:
        of = features, agents
        return [losses.log_multilabels(*of, scale=scale), losses.soft_multilabels(*of, scale=scale)]

    step = _compiled(function, "multilabels", mode)
    cotangents = [to_tensor(G, _wide_dtype(dtype)), to_tensor(np.zeros_like(G), _wide_dtype(dtype))]
    inputs = [to_tensor(batch.features, dtype), to_tensor(batch.agents, dtype)]
    (log_y, y), (gradient, of_agents) = step(inputs, cotangents)

    reproduce = _reproduce("log_multilabels", mode, dtype, batch.features, batch.agents, scale=scale)
    expected = snr_ref.log_multilabels(_wide(batch.features), _wide(batch.agents), scale=scale)
    bound = FUNCTIONS["log_multilabels"].bounds(arguments, precision)["log_multilabels"]
    assert_parity("log multilabels", dtype, log_y, expected, bound, reproduce)
    of_exponential = Rounded(expected.astype(float), bound, precision.u).exp()
    assert_parity("multilabels", dtype, y, of_exponential.value, of_exponential.error, reproduce)
    expected = snr_ref.log_multilabels_vjp(_wide(batch.features), _wide(batch.agents), _wide(G), scale=scale)
    bound = FUNCTIONS["log_multilabels_vjp"].bounds(arguments, precision)["grad_features"]
    _assert_gradient("gradient of log multilabels", dtype, gradient, expected, bound, reproduce)
    np.testing.assert_array_equal(of_agents, 0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_mined_pairs(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch, precision = data.draw(stored_batches(mode, dtype)), PRECISIONS[dtype]
    ratio = data.draw(st.sampled_from([RATIO, 0.005, 1.0])) if mode == "eager" else RATIO
    rate = data.draw(st.sampled_from([RATE, 1.0])) if mode == "eager" else RATE
    features, multilabels, threshold = batch.features, batch.multilabels, batch.threshold
    assume(order_is_decided(features, ratio, precision))
    assume(agreements_are_decided(multilabels, threshold, precision))

    def function(f: Any, y: Any, t: Any) -> list[Any]:
        pairs, positive = losses.mine_pairs(f, y, t, mining_ratio=ratio)
        return [
            losses.discriminative_loss(f, y, t, mining_ratio=ratio),
            ops.cast(pairs, _wide_dtype(dtype)),
            ops.cast(positive, _wide_dtype(dtype)),
            losses.multilabel_agreement(y, y),
            losses.initial_threshold(y, mining_ratio=ratio),
            losses.next_threshold(t, y, mining_ratio=ratio, rate=rate),
        ]

    step = _compiled(function, f"mined pairs in {dtype}", mode)
    images, count = len(features), snr_ref.mar.mining.mined_count(len(features) * (len(features) - 1) // 2, ratio)
    cotangents = _of_the_first(dtype, (), (count, 2), (count,), (images, images), (), ())
    inputs = [to_tensor(features, dtype), to_tensor(multilabels, dtype)]
    outputs, gradients = step(inputs, cotangents, to_tensor(np.array(threshold), _wide_dtype(dtype)))
    value, pairs, positive, agreement, own, moved = outputs

    extended = _wide(features), _wide(multilabels), threshold
    reproduce = _reproduce(
        "discriminative_loss", mode, dtype, features, multilabels, threshold=threshold, mining_ratio=ratio
    )
    expected_pairs = snr_ref.mine_pairs(*extended, mining_ratio=ratio)
    for kind, got in (("positives", pairs[positive == 1]), ("negatives", pairs[positive == 0])):
        assert_parity(kind, dtype, got, getattr(expected_pairs, kind), 0, reproduce)
    arguments = {
        "features": features, "multilabels": multilabels, "threshold": threshold, "mining_ratio": ratio, "rate": rate,
        "x": multilabels, "y": multilabels,
    }  # fmt: skip
    for name, got, expected, bound in (
        ("discriminative_loss", value, snr_ref.discriminative_loss(*extended, mining_ratio=ratio), "loss"),
        ("multilabel_agreement", agreement, snr_ref.multilabel_agreement(*extended[1:2] * 2), "agreement"),
        ("initial_threshold", own, snr_ref.initial_threshold(extended[1], mining_ratio=ratio), "threshold"),
        (
            "next_threshold",
            moved,
            snr_ref.next_threshold(threshold, extended[1], mining_ratio=ratio, rate=rate),
            "threshold",
        ),
    ):
        assert_parity(
            name, dtype, got, np.asarray(expected), FUNCTIONS[name].bounds(arguments, precision)[bound], reproduce
        )
    expected = snr_ref.discriminative_gradient(*extended, mining_ratio=ratio)
    bound = FUNCTIONS["discriminative_gradient"].bounds(arguments, precision)["grad_features"]
    _assert_gradient("gradient of L_MDL", dtype, gradients[0], expected, bound, reproduce)
    np.testing.assert_array_equal(gradients[1], 0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_consistency_across_views(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch, precision = data.draw(stored_batches(mode, dtype)), PRECISIONS[dtype]
    rate = data.draw(st.sampled_from([RATE, 1.0])) if mode == "eager" else RATE
    log_y, views = data.draw(_logarithms(batch, dtype)), batch.views
    is_paired = len(np.unique(views)) < len(views)
    past = snr_ref.ViewStatistics(
        *as_stored(data.draw(generators()).normal(size=(2, log_y.shape[1])), _wide_dtype(dtype))
    )
    arguments = {"log_multilabels": log_y, "views": views, "statistics": past, "rate": rate}
    assume(FUNCTIONS["consistency_gradient"].is_decided(arguments, precision))

    def function(x: Any, mean: Any, std: Any, views: Any) -> list[Any]:
        before = losses.ViewStatistics(mean, std)
        loss = losses.consistency_loss(x, views, before)
        moved = losses.next_statistics(before, x, views, rate=rate)
        own = losses.initial_statistics(ops.stop_gradient(x), views) if is_paired or mode != "eager" else moved
        return [loss, *moved, *own]

    step = _compiled(function, f"views in {dtype}", mode)
    cotangents = _of_the_first(dtype, (), *[past.mean.shape] * 4)
    inputs = [to_tensor(log_y, dtype), *(to_tensor(s, _wide_dtype(dtype)) for s in past)]
    (loss, *statistics), gradients = step(inputs, cotangents, ops.convert_to_tensor(views))

    extended = _wide(log_y), views, snr_ref.ViewStatistics(*map(_wide, past))
    reproduce = _reproduce("consistency_loss", mode, dtype, log_y, views, past)
    bound = FUNCTIONS["consistency_loss"].bounds(arguments, precision)["loss"]
    assert_parity("L_CML", dtype, loss, np.asarray(snr_ref.consistency_loss(*extended)), bound, reproduce)
    moved = snr_ref.next_statistics(extended[2], *extended[:2], rate=rate)
    bounds = FUNCTIONS["next_statistics"].bounds(arguments, precision)
    for name, got, expected in zip(past._fields, statistics, moved, strict=False):
        assert_parity(f"running {name}", dtype, got, expected, bounds[name], reproduce)
    if is_paired:
        bounds = FUNCTIONS["next_statistics"].bounds({**arguments, "rate": 1.0}, precision)
        for name, got, expected in zip(
            past._fields, statistics[2:], snr_ref.initial_statistics(*extended[:2]), strict=True
        ):
            assert_parity(f"initial {name}", dtype, got, expected, bounds[name], reproduce)
    bound = FUNCTIONS["consistency_gradient"].bounds(arguments, precision)["grad_log_multilabels"]
    expected = snr_ref.consistency_gradient(*extended)
    _assert_gradient("gradient of L_CML", dtype, gradients[0], expected, bound, reproduce)
    np.testing.assert_array_equal(np.concatenate(gradients[1:]), 0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_joint_embedding(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch, precision = data.draw(stored_batches(mode, dtype)), PRECISIONS[dtype]
    margin = data.draw(st.sampled_from([1.0, 0.0, 2.0, 4.5])) if mode == "eager" else 1.0
    features, labels, agents = batch.features, batch.labels, batch.agents
    images = data.draw(st.integers(0, len(features))) if mode == "eager" and _SHAPES_ARE_FREE else 2
    source, target = features[:images], features[images:]
    assume(hard_agents_are_decided(features, agents, margin, precision))

    def function(source: Any, target: Any, agents: Any, labels: Any) -> list[Any]:
        return [losses.joint_embedding_loss(source, labels, target, agents, margin=margin)]

    step = _compiled(function, "joint embedding", mode)
    inputs = [to_tensor(x, dtype) for x in (source, target, agents)]
    (value,), gradients = step(inputs, _of_the_first(dtype, ()), ops.convert_to_tensor(labels[:images]))

    extended = _wide(source), labels[:images], _wide(target), _wide(agents)
    reproduce = _reproduce("joint_embedding_loss", mode, dtype, source, labels[:images], target, agents, margin=margin)
    arguments = {
        "source_features": source, "source_labels": labels[:images], "target_features": target, "agents": agents,
        "margin": margin,
    }  # fmt: skip
    expected = np.asarray(snr_ref.joint_embedding_loss(*extended, margin=margin))
    assert_parity(
        "L_RJ",
        dtype,
        value,
        expected,
        FUNCTIONS["joint_embedding_loss"].bounds(arguments, precision)["loss"],
        reproduce,
    )
    bounds = FUNCTIONS["joint_embedding_gradients"].bounds(arguments, precision)
    for name, got, expected in zip(
        ("source", "target"), gradients, snr_ref.joint_embedding_gradients(*extended, margin=margin), strict=False
    ):
        bound = bounds[f"grad_{name}_features"]
        _assert_gradient(f"gradient of L_RJ in the {name}", dtype, got, expected, bound, reproduce)
    np.testing.assert_array_equal(gradients[2], 0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_memory(dtype: str, data: st.DataObject) -> None:
    mode = data.draw(_modes(dtype))
    batch, precision = data.draw(stored_batches(mode, dtype)), PRECISIONS[dtype]
    rate = data.draw(st.sampled_from([RATE, 1.0])) if mode == "eager" else RATE
    rng = data.draw(generators())
    images, classes = len(batch.multilabels), batch.multilabels.shape[1]
    past = as_stored(rng.dirichlet(np.ones(classes), images + 3), _wide_dtype(dtype))
    visited = rng.random(images + 3) < data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    indices = rng.permutation(images + 3)[:images]

    def function(y: Any, past: Any, visited: Any, indices: Any) -> list[Any]:
        after = losses.next_memory(losses.MultilabelMemory(past, visited), indices, y, rate=rate)
        return [after.multilabels, ops.cast(after.visited, after.multilabels.dtype)]

    step = _compiled(function, "memory", mode)
    inputs = [to_tensor(batch.multilabels, dtype), to_tensor(past, _wide_dtype(dtype))]
    cotangents = _of_the_first(dtype, past.shape, visited.shape)
    (rows, seen), _ = step(inputs, cotangents, ops.convert_to_tensor(visited), ops.convert_to_tensor(indices))

    memory = snr_ref.MultilabelMemory(past, visited)
    arguments = {"memory": memory, "indices": indices, "multilabels": batch.multilabels, "rate": rate}
    expected = snr_ref.next_memory(memory._replace(multilabels=_wide(past)), *list(arguments.values())[1:3], rate=rate)
    reproduce = _reproduce("next_memory", mode, dtype, memory, indices, batch.multilabels, rate=rate)
    bounds = FUNCTIONS["next_memory"].bounds(arguments, precision)
    assert_parity("memory", dtype, rows, expected.multilabels, bounds["multilabels"], reproduce)
    assert_parity("visited", dtype, seen, expected.visited.astype(float), bounds["visited"], reproduce)


def _modes(dtype: str) -> st.SearchStrategy[str]:
    return st.sampled_from([MODES[0], MODES[-1]] if dtype in COMPILED_DTYPES else MODES[:1])


def _thresholds(multilabels: np.ndarray) -> st.SearchStrategy[float]:
    """The middles of gaps between agreements, if they are wider than float32's rounding, and what none is above."""
    agreements = np.sort(snr_ref.multilabel_agreement(multilabels, multilabels).ravel())
    wide = np.flatnonzero(np.diff(agreements) > 1e-3)
    return st.sampled_from([*as_stored((agreements[wide] + agreements[wide + 1]) / 2, "float32").tolist(), 1.5])


@st.composite
def _logarithms(draw: DrawFn, batch: MultilabelBatch, dtype: str) -> np.ndarray:
    """Log multilabels, of the batch or with images that are all one, and numbers of any kind."""
    kind = draw(st.sampled_from(["multilabels", "saturated", "equal", "normal"]))
    scale = 1000.0 if kind == "saturated" else 30.0
    of_batch = to_tensor(batch.features, dtype), to_tensor(batch.agents, dtype)
    log_y = np.asarray(ops.convert_to_numpy(losses.log_multilabels(*of_batch, scale=scale)), np.float64)
    if kind == "equal":
        log_y[:] = log_y[0]
    elif kind == "normal":
        log_y = draw(generators()).normal(size=log_y.shape)
    return as_stored(log_y, dtype)


def _compiled(function: Callable[..., list[Any]], name: str, mode: str) -> Callable[..., Any]:
    """The function with its gradients: as it is eagerly, and else the first of its name, for all are one function."""
    step = value_and_gradients(function, mode=mode)
    return step if mode == "eager" else _COMPILED.setdefault((name, mode), step)


def _of_the_first(dtype: str, *shapes: tuple[int, ...]) -> list[Any]:
    """Cotangents that are 1 for the first output and 0 for the others."""
    return [to_tensor(np.full(shape, float(n == 0)), _wide_dtype(dtype)) for n, shape in enumerate(shapes)]


def _assert_gradient(
    quantity: str, dtype: str, got: np.ndarray, expected: np.ndarray, bound: np.ndarray, reproduce: Callable[[], str]
) -> None:
    """As `assert_parity`, of what is computed in at least float32 and then stored."""
    precision = PRECISIONS[dtype]
    stored = Rounded(np.asarray(expected, np.float64), bound, precision.u).stored(
        precision.stored_u, precision.underflow
    )
    assert_parity(quantity, dtype, got, expected, stored.error, reproduce)


def _wide_dtype(dtype: str) -> str:
    return "float64" if dtype == "float64" else "float32"


def _wide(x: np.ndarray) -> np.ndarray:
    return x.astype(np.longdouble)


def _reproduce(name: str, mode: str, dtype: str, *arguments: Any, **options: Any) -> Callable[[], str]:
    """A snippet that calls the function of that name of both packages."""

    def of(argument: Any) -> str:
        if isinstance(argument, tuple):
            return f"snr_ref.{type(argument).__name__}({', '.join(map(of, argument))})"
        return literal(argument) if argument.dtype.kind == "f" else f"np.array({argument.tolist()})"

    def source() -> str:
        given = ", ".join([*map(of, arguments), *(f"{key}={value!r}" for key, value in options.items())])
        return (
            f"# KERAS_BACKEND={keras.backend.backend()}, {mode}, of floats in {dtype}\n"
            "import numpy as np\nimport snr_ref\nfrom snr_keras import losses\n"
            f"for package in (losses, snr_ref):\n    print(package.{name}({given}))\n"
        )

    return source
