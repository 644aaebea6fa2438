"""A whole step of MAR against the specification, several in a row: losses, what runs along, gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from keras import ops

import snr_ref
from snr_keras import losses
from snr_ref.conformance.precision import PRECISIONS
from snr_ref.conformance.running_error import Rounded
from snr_ref.distances import unit
from tests.assertions import assert_within
from tests.snr_keras.backend import DTYPES, MODES, as_stored, to_tensor, value_and_gradients
from tests.snr_keras.losses.mar.step_rounding import UndecidedError, step_bounds
from tests.strategies import generators

SOURCE, TARGET, DOMAIN, D, K = 5, 6, 9, 4, 3

#: The first epoch, and a first visit and a second of some images in the others.
EPOCHS = (0, 1, 1)

#: As a loop runs a step: not eagerly, where there is another way. By XLA, which takes seconds, in one dtype.
STEP_MODES = {dtype: (MODES[1:] if dtype == "float32" else MODES[1:2]) or MODES for dtype in DTYPES}

#: With the usual 30, the log y of the class that an image is most like is so near 0 that float32 sees no deviation.
SCALES = {"float64": 30.0}


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data(), rng=generators(), lone=st.booleans())
def test_steps_are_those_of_the_specification(
    dtype: str, data: st.DataObject, rng: np.random.Generator, lone: bool
) -> None:
    mode = data.draw(st.sampled_from(STEP_MODES[dtype]))
    precision = PRECISIONS[dtype]
    agents, state = _domain(rng, dtype)
    for epoch in EPOCHS:
        batch = _batch(rng, agents, dtype, lone)
        options: dict[str, Any] = {"epoch": epoch, "mining_ratio": 0.3, "margin": 1.0, "scale": SCALES.get(dtype, 5.0)}
        try:
            bounds = step_bounds(state, batch, precision, **options)
        except UndecidedError:
            reject()
        extended = _extended(state), *map(_wide, batch.values())
        expected, after = snr_ref.adaptation_step(*extended, **options)
        expected_gradients = snr_ref.adaptation_gradients(*extended, **options)

        values, gradients, visited = _run(state, batch, dtype, mode, options)

        for name, bound in bounds.losses.items():
            assert_within(f"step: {name}", dtype, values[name], getattr(expected, name), bound)
        following = {
            "threshold": after.threshold,
            **after.statistics._asdict(),
            "multilabels": after.memory.multilabels,
        }
        for name, bound in bounds.state.items():
            assert_within(f"step: {name}", dtype, values[name], following[name], bound)
        np.testing.assert_array_equal(visited, after.memory.visited)
        of_inputs, of_state = gradients[:3], gradients[3:]
        names = ("source", "target", "agents")
        for name, gradient, exact, bound in zip(names, of_inputs, expected_gradients, bounds.gradients, strict=True):
            stored = Rounded(exact.astype(np.float64), bound, precision.u).stored(*precision[1:])
            assert_within(f"step: gradient, {name}", dtype, gradient, exact, stored.error)
        for gradient in of_state:
            np.testing.assert_array_equal(gradient, 0)

        state = snr_ref.AdaptationState(
            float(values["threshold"]),
            snr_ref.ViewStatistics(*(values[name].astype(np.float64) for name in ("mean", "std"))),
            snr_ref.MultilabelMemory(values["multilabels"].astype(np.float64), visited),
        )


def _domain(rng: np.random.Generator, dtype: str) -> tuple[np.ndarray, snr_ref.AdaptationState]:
    """A classifier, and the state before the first step, as a run begins with."""
    wide = "float64" if dtype == "float64" else "float32"
    agents = as_stored(unit(rng.normal(size=(K, D))), dtype)
    log_y = snr_ref.log_multilabels(unit(rng.normal(size=(DOMAIN, D))), agents, scale=SCALES.get(dtype, 5.0))
    statistics = snr_ref.initial_statistics(log_y, np.arange(DOMAIN) % 3)
    threshold = as_stored(np.asarray(snr_ref.initial_threshold(np.exp(log_y), mining_ratio=0.3)), wide)
    return agents, snr_ref.AdaptationState(
        float(threshold),
        snr_ref.ViewStatistics(*(as_stored(s, wide) for s in statistics)),
        snr_ref.initial_memory(DOMAIN, K),
    )


def _batch(rng: np.random.Generator, agents: np.ndarray, dtype: str, lone: bool) -> dict[str, np.ndarray]:
    """The arguments of a step after its state, in their order; the views of images can be all lone."""
    labels = rng.integers(0, K, SOURCE)
    near = agents[rng.integers(0, K, TARGET)] * (rng.random((TARGET, 1)) < 0.5)
    return {
        "source_features": as_stored(unit(agents[labels] + 0.5 * rng.normal(size=(SOURCE, D))), dtype),
        "source_labels": labels,
        "target_features": as_stored(unit(near + 0.7 * rng.normal(size=(TARGET, D))), dtype),
        "target_views": rng.permutation(TARGET) if lone else rng.integers(0, 3, TARGET),
        "target_indices": rng.permutation(DOMAIN)[:TARGET],
        "agents": agents,
    }


_NAMES = ("total", *snr_ref.AdaptationLosses._fields, "threshold", "mean", "std", "multilabels")


def _run(
    state: snr_ref.AdaptationState, batch: dict[str, np.ndarray], dtype: str, mode: str, options: dict[str, Any]
) -> tuple[dict[str, np.ndarray], list[np.ndarray], np.ndarray]:
    """The port's losses and next state by name, the gradients of the total in all floats, and what is visited."""
    wide = "float64" if dtype == "float64" else "float32"
    floats = [to_tensor(batch[name], dtype) for name in ("source_features", "target_features", "agents")]
    floats += [to_tensor(x, wide) for x in (np.asarray(state.threshold), *state.statistics, state.memory.multilabels)]
    others = [batch[name] for name in ("source_labels", "target_views", "target_indices")]
    shapes = [(), (), (), (), (), (), (K,), (K,), (DOMAIN, K), (DOMAIN,)]
    cotangents = [to_tensor(np.full(shape, float(n == 0)), wide) for n, shape in enumerate(shapes)]
    step = _step(mode, tuple(options.items()))
    outputs, gradients = step(floats, cotangents, *map(ops.convert_to_tensor, (state.memory.visited, *others)))
    return dict(zip(_NAMES, outputs, strict=False)), gradients, outputs[-1] == 1


@cache
def _step(mode: str, options: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    def function(
        source: Any, target: Any, agents: Any, threshold: Any, mean: Any, std: Any, multilabels: Any, visited: Any,
        labels: Any, views: Any, indices: Any,
    ) -> list[Any]:  # fmt: skip
        state = losses.AdaptationState(
            threshold, losses.ViewStatistics(mean, std), losses.MultilabelMemory(multilabels, visited)
        )
        of_step, after = losses.adaptation_step(state, source, labels, target, views, indices, agents, **dict(options))
        seen = ops.cast(after.memory.visited, after.memory.multilabels.dtype)
        return [of_step.total, *of_step, after.threshold, *after.statistics, after.memory.multilabels, seen]

    return value_and_gradients(function, mode=mode)


def _extended(state: snr_ref.AdaptationState) -> snr_ref.AdaptationState:
    return snr_ref.AdaptationState(
        state.threshold,
        snr_ref.ViewStatistics(*map(_wide, state.statistics)),
        state.memory._replace(multilabels=_wide(state.memory.multilabels)),
    )


def _wide(x: np.ndarray) -> np.ndarray:
    return x.astype(np.longdouble) if x.dtype.kind == "f" else x
