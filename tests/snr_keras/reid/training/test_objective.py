"""The objective has the reference's numbers."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snr_ref
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.training import reid_objective

REFERENCE_DISTANCE = {"cosine": snr_ref.cosine_distance, "euclidean": snr_ref.euclidean_distance}


def random_outputs(seed: int, modules: int = 4, scale: float = 1.0):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return (scale * rng.standard_normal(shape)).astype("float32")

    labels = rng.integers(0, 4, 8).astype("int32")
    outputs = {"features": draw(8, 5), "logits": draw(8, 6)}
    if modules:
        outputs["snr"] = [(np.broadcast_to(draw(1, 3), (8, 3)), draw(8, 3), draw(8, 3)) for _ in range(modules)]
    return labels, outputs


def reference_terms(labels, outputs, config, stages):
    terms = {
        "cross_entropy": snr_ref.cross_entropy(outputs["logits"], labels, label_smoothing=config.label_smoothing),
        "triplet": snr_ref.batch_hard_triplet_loss(outputs["features"], labels, margin=config.triplet_margin),
    }
    losses = [
        snr_ref.dual_causality_loss(*e, labels, distance=REFERENCE_DISTANCE[config.distance])
        for e in outputs.get("snr", ())
    ]
    for stage, loss in zip(stages, losses, strict=True):
        terms[f"snr{stage}_plus"], terms[f"snr{stage}_minus"] = loss.plus, loss.minus
    weights = [config.snr_weights[stage - 1] for stage in stages]
    terms["total"] = snr_ref.total_objective(
        terms["cross_entropy"] + terms["triplet"], [loss.total for loss in losses], weights
    )
    return terms


@given(
    seed=st.integers(0, 2**32 - 1),
    stages=st.sets(st.integers(1, 4)).map(sorted).map(tuple),
    label_smoothing=st.sampled_from([0.0, 0.1]),
    margin=st.sampled_from([0.3, "soft"]),
    distance=st.sampled_from(["cosine", "euclidean"]),
    weights=st.tuples(*[st.sampled_from([0.0, 0.1, 0.5])] * 4),
    scale=st.sampled_from([1e-2, 1.0, 30.0]),
)
def test_every_term_is_that_of_the_reference(seed, stages, label_smoothing, margin, distance, weights, scale):
    config = TrainingConfig(
        stages=stages,
        label_smoothing=label_smoothing,
        triplet_margin=margin,
        distance=distance,
        snr_weights=weights,
    )
    labels, outputs = random_outputs(seed, len(stages), scale)
    actual = {k: float(v) for k, v in reid_objective(config)(labels, outputs).items()}
    expected = reference_terms(labels, outputs, config, stages)
    assert list(actual) == list(expected)
    for name, value in expected.items():
        # float32 sums of 8 examples: a few dozen roundings of numbers up to the scale
        np.testing.assert_allclose(actual[name], value, rtol=1e-5, atol=1e-5 * max(1, scale), err_msg=name)


@pytest.mark.parametrize(("terms", "counted"), [("both", (1, 1)), ("plus", (1, 0)), ("minus", (0, 1))])
def test_a_term_that_is_left_out_is_still_logged(terms, counted):
    labels, outputs = random_outputs(3, modules=2)
    config = TrainingConfig(stages=(1, 4), snr_terms=terms)
    actual = {k: float(v) for k, v in reid_objective(config)(labels, outputs).items()}
    expected = reference_terms(labels, outputs, config, (1, 4))
    weights = {1: config.snr_weights[0], 4: config.snr_weights[3]}
    total = expected["cross_entropy"] + expected["triplet"]
    for stage, weight in weights.items():
        plus, minus = expected[f"snr{stage}_plus"], expected[f"snr{stage}_minus"]
        np.testing.assert_allclose((actual[f"snr{stage}_plus"], actual[f"snr{stage}_minus"]), (plus, minus), rtol=1e-5)
        total += weight * (counted[0] * plus + counted[1] * minus)
    np.testing.assert_allclose(actual["total"], total, rtol=1e-5)


def test_without_modules_there_is_nothing_but_the_reid_loss():
    labels, outputs = random_outputs(0, modules=0)
    terms = reid_objective(TrainingConfig(normalization="none"))(labels, outputs)
    assert list(terms) == ["cross_entropy", "triplet", "total"]
    np.testing.assert_allclose(terms["total"], terms["cross_entropy"] + terms["triplet"], rtol=1e-6)


def test_a_module_without_embeddings_is_an_error_and_not_a_smaller_loss():
    labels, outputs = random_outputs(0, modules=3)
    with pytest.raises(ValueError, match="zip"):
        reid_objective(TrainingConfig())(labels, outputs)


def test_float16_outputs_are_compared_in_float32():
    labels, outputs = random_outputs(0)
    terms = reid_objective(TrainingConfig())(labels, {**outputs, "logits": np.float32(60000) * outputs["logits"]})
    assert all(keras.backend.standardize_dtype(t.dtype) == "float32" for t in terms.values())
    assert np.isfinite(terms["total"])
