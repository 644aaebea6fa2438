"""L+ and L-: the expectation over triplets, its symmetries, the collapse, and batches with nothing to say."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import DualCausality, cosine_distance, dual_causality_loss, euclidean_distance, sample_triplets, snr
from snr_ref.dual_causality import draws, expectation
from tests.assertions import rounding
from tests.strategies import (
    EmbeddingBatch,
    embedding_batches,
    generators,
    identity_labels,
    paired_labels,
    snr_cases,
)

DISTANCES = st.sampled_from([cosine_distance, euclidean_distance])
LOG_2 = math.log(2)


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def of_one_triplet(d_tilde, d_plus, d_minus, a, p, n):
    """The paper's two lines."""
    plus = softplus(d_plus[a, p] - d_tilde[a, p]) + softplus(d_tilde[a, n] - d_plus[a, n])
    minus = softplus(d_tilde[a, p] - d_minus[a, p]) + softplus(d_minus[a, n] - d_tilde[a, n])
    return plus, minus


def positives(labels, a):
    return [i for i in range(len(labels)) if labels[i] == labels[a] and i != a]


def negatives(labels, a):
    return [i for i in range(len(labels)) if labels[i] != labels[a]]


def bound(batch, distance=cosine_distance, triplets=None):
    """The results of two ways to compute the loss."""
    options = {"distance": distance.__name__.removesuffix("_distance"), "triplets": triplets}
    return 2 * rounding("dual_causality_loss", batch._asdict() | options)


@given(embedding_batches(min_images=4, labels=paired_labels), DISTANCES)
def test_the_default_is_the_expectation_of_the_papers_draw_when_every_anchor_has_both(batch, distance):
    """Every way to draw one triplet per anchor, enumerated anchor by anchor."""
    labels = batch.labels
    d = [distance(f, f) for f in batch[:3]]
    expected = np.mean(
        [
            np.mean(
                [of_one_triplet(*d, a, p, n) for p, n in product(positives(labels, a), negatives(labels, a))], axis=0
            )
            for a in range(len(labels))
        ],
        axis=0,
    )
    np.testing.assert_allclose(
        dual_causality_loss(*batch, distance=distance), expected, rtol=0, atol=bound(batch, distance)
    )


@given(embedding_batches(min_images=4, labels=paired_labels), DISTANCES, st.integers(0, 2**32 - 1))
def test_with_triplets_the_loss_is_their_mean(batch, distance, seed):
    triplets = sample_triplets(batch.labels, seed=seed)
    triplets = np.concatenate([triplets, triplets[:1]])  # a triplet drawn twice counts twice
    d = [distance(f, f) for f in batch[:3]]
    expected = np.mean([of_one_triplet(*d, *triplet) for triplet in triplets], axis=0)
    loss = dual_causality_loss(*batch, distance=distance, triplets=triplets)
    np.testing.assert_allclose(loss, expected, rtol=0, atol=bound(batch, distance, triplets))


@given(embedding_batches(), DISTANCES)
def test_l_minus_is_l_plus_with_the_contaminated_features_as_the_normalized_ones(batch, distance):
    f_tilde, f_plus, f_minus, labels = batch
    minus = dual_causality_loss(f_tilde, f_plus, f_minus, labels, distance=distance).minus
    swapped = dual_causality_loss(f_minus, f_tilde, f_plus, labels, distance=distance).plus
    assert minus == swapped


@given(embedding_batches(), DISTANCES)
def test_when_nothing_is_restituted_every_term_that_exists_is_softplus_of_zero(batch, distance):
    labels = batch.labels
    terms = any(positives(labels, a) for a in range(len(labels))) + any(
        negatives(labels, a) for a in range(len(labels))
    )
    plus, minus = dual_causality_loss(*(batch.f_plus,) * 3, labels, distance=distance)
    assert plus == pytest.approx(
        terms * LOG_2, abs=bound(batch._replace(f_tilde=batch.f_plus, f_minus=batch.f_plus), distance)
    )
    assert minus == plus


@given(embedding_batches(), generators())
def test_the_loss_of_cosines_is_blind_to_the_length_of_each_embedding(batch, rng):
    scaled = [f * rng.uniform(1e-3, 1e3, (len(f), 1)) for f in batch[:3]]
    scaled_batch = EmbeddingBatch(*scaled, batch.labels)
    np.testing.assert_allclose(
        dual_causality_loss(*scaled_batch), dual_causality_loss(*batch), rtol=0, atol=bound(batch) + bound(scaled_batch)
    )


@given(embedding_batches(), DISTANCES, generators())
def test_the_order_of_the_images_and_the_names_of_the_identities_do_not_matter(batch, distance, rng):
    order = rng.permutation(len(batch.labels))
    renamed = dual_causality_loss(*(f[order] for f in batch[:3]), -7 * batch.labels[order] - 13, distance=distance)
    expected = dual_causality_loss(*batch, distance=distance)
    np.testing.assert_allclose(renamed, expected, rtol=0, atol=bound(batch, distance))


@given(snr_cases(shapes=st.tuples(st.just(4), st.integers(1, 4), st.integers(1, 5))), DISTANCES)
def test_the_collapse_leaves_only_the_distances_of_the_restituted_and_contaminated(case, distance):
    """By (i), d(f~_a, .) = 0: L+ = Softplus(d+_ap) + Softplus(-d+_an) and L- = Softplus(-d-_ap) + Softplus(d-_an)."""
    out = snr(case.F, case.params, epsilon=case.epsilon)
    np.testing.assert_array_equal(distance(out.f_tilde, out.f_tilde), 0)
    labels = [0, 0, 1, 1]
    d_plus, d_minus = distance(out.f_plus, out.f_plus), distance(out.f_minus, out.f_minus)
    partner, strangers = [1, 0, 3, 2], [(2, 3), (2, 3), (0, 1), (0, 1)]
    plus = np.mean([softplus(d_plus[a, partner[a]]) for a in range(4)])
    plus += np.mean([softplus(-d_plus[a, n]) for a in range(4) for n in strangers[a]])
    minus = np.mean([softplus(-d_minus[a, partner[a]]) for a in range(4)])
    minus += np.mean([softplus(d_minus[a, n]) for a in range(4) for n in strangers[a]])
    loss = dual_causality_loss(out.f_tilde, out.f_plus, out.f_minus, labels, distance=distance)
    np.testing.assert_allclose(loss, (plus, minus), rtol=1e-14)


@given(st.floats(-30, 30))
def test_the_softplus_of_a_number_and_of_its_negative_is_even_and_flat_at_zero(d):
    """2 ln(2 cosh(d/2)), which is between its first two terms and its first three."""
    both = softplus(d) + softplus(-d)
    assert both == pytest.approx(2 * math.log(2 * math.cosh(d / 2)), rel=1e-14)
    assert 2 * LOG_2 + d**2 / 4 - d**4 / 96 - 1e-14 * both <= both <= 2 * LOG_2 + d**2 / 4 + 1e-14 * both


@given(embedding_batches(), DISTANCES)
def test_at_a_gate_of_one_half_positives_and_negatives_contribute_alike(batch, distance):
    """There f~+ = f~- = (beta + mu) / 2: a pair contributes Softplus(d) + Softplus(-d), whatever its labels are."""
    f, labels = batch.f_plus, batch.labels
    at_half = EmbeddingBatch(np.broadcast_to(batch.f_tilde[:1], f.shape), f, f, labels)
    P, Q = draws(labels)
    d = distance(f, f)
    expected = expectation(np.vectorize(softplus)(d) + np.vectorize(softplus)(-d), P + Q)
    assert dual_causality_loss(*at_half, distance=distance).total == pytest.approx(
        expected, abs=2 * bound(at_half, distance)
    )


@given(embedding_batches(min_images=3, max_images=3), DISTANCES)
def test_at_a_gate_of_one_half_the_positive_and_the_negative_may_change_places(batch, distance):
    f, f_tilde = batch.f_plus, np.broadcast_to(batch.f_tilde[:1], batch.f_plus.shape)
    one = dual_causality_loss(f_tilde, f, f, [0, 0, 1], distance=distance, triplets=[[0, 1, 2]]).total
    other = dual_causality_loss(f_tilde, f, f, [0, 1, 0], distance=distance, triplets=[[0, 2, 1]]).total
    assert one == pytest.approx(other, rel=1e-14)


@pytest.mark.parametrize("labels", [[], [3]])
def test_a_batch_without_a_pair_has_loss_zero(labels):
    f = np.ones((len(labels), 2))
    assert dual_causality_loss(f, f, f, labels) == DualCausality(0.0, 0.0)
    assert dual_causality_loss(f, f, f, labels).total == 0


def test_no_triplets_give_loss_zero():
    f = np.random.default_rng(0).normal(size=(3, 2))
    assert dual_causality_loss(f, f, f, [1, 2, 3], triplets=sample_triplets([1, 2, 3], seed=0)).total == 0


@given(st.integers(1, 8).flatmap(identity_labels), st.integers(0, 100))
def test_the_sampler_draws_one_valid_triplet_for_each_anchor_that_has_both(labels, seed):
    triplets = sample_triplets(labels, seed=seed)
    assert triplets.shape == (len(triplets), 3)
    able = [a for a in range(len(labels)) if positives(labels, a) and negatives(labels, a)]
    assert triplets[:, 0].tolist() == able
    for a, p, n in triplets:
        assert p in positives(labels, a)
        assert n in negatives(labels, a)
    np.testing.assert_array_equal(triplets, sample_triplets(labels, seed=seed))


def test_the_sampler_draws_every_triplet_about_equally_often():
    """1200 draws from anchor 0's 2 x 3 triplets: 200 each, within five standard deviations of a fair draw."""
    labels = [0, 0, 0, 1, 1, 2]
    drawn = [tuple(sample_triplets(labels, seed=seed)[0]) for seed in range(1200)]
    counts = [drawn.count(triplet) for triplet in product([0], [1, 2], [3, 4, 5])]
    assert sum(counts) == 1200
    assert all(abs(count - 200) < 5 * math.sqrt(1200 * 1 / 6 * 5 / 6) for count in counts)


def test_where_lone_identities_exist_sampler_and_expectation_differ():
    """The lone image still has negatives, which the expectation counts and the sampler never draws."""
    f = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    labels = [0, 0, 1]
    f_plus = np.array([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    drawn = dual_causality_loss(f, f_plus, f, labels, triplets=sample_triplets(labels, seed=0))
    np.testing.assert_array_equal(sample_triplets(labels, seed=0), [[0, 1, 2], [1, 0, 2]])
    f_lone_moves = np.array([[1.0, 0.0], [0.8, 0.6], [-1.0, 0.0]])
    assert drawn.plus == pytest.approx(LOG_2 + softplus(-0.5))
    expected = dual_causality_loss(f, f_lone_moves, f, labels).plus
    d_01, d_02, d_12 = 0.1, 1.0, 0.9
    negatives_of_each = [softplus(0.5 - d_02), softplus(0.5 - d_12), (softplus(0.5 - d_02) + softplus(0.5 - d_12)) / 2]
    assert expected == pytest.approx(softplus(d_01) + np.mean(negatives_of_each))


@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
def test_longdouble_and_complex128_pass_through(dtype):
    f = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    loss = dual_causality_loss(f, f + 1, f - 1, [0, 0, 1, 1])
    assert np.asarray(loss.plus).dtype == np.asarray(loss.minus).dtype == dtype


F2 = np.ones((3, 2))


@pytest.mark.parametrize(
    ("f_tilde", "f_plus", "f_minus", "labels", "message"),
    [
        (F2, np.ones((3, 4)), F2, [0, 0, 1], r"`f_plus`.*f_tilde of shape \(3, 2\). Received: shape \(3, 4\)"),
        (F2, F2, np.ones((2, 2)), [0, 0, 1], r"`f_minus`.*f_tilde of shape \(3, 2\). Received: shape \(2, 2\)"),
        (np.ones(2), F2, F2, [0, 0, 1], r"`f_tilde` must have shape \(N, C\). Received: shape \(2,\)"),
        (F2, F2, F2, [0, 0], r"`labels` must have shape \(3,\).*shape \(3, 2\). Received: shape \(2,\)"),
        (F2, F2, F2, [0.0, 0.0, 1.0], r"`labels` must hold integers. Received: dtype float64 with shape \(3,\)"),
        (F2, F2.astype(int), F2, [0, 0, 1], r"`f_plus` must hold floating.*Received: dtype int64"),
    ],
)
def test_embeddings_that_do_not_fit_are_refused_by_shape(f_tilde, f_plus, f_minus, labels, message):
    with pytest.raises(ValueError, match=message):
        dual_causality_loss(f_tilde, f_plus, f_minus, labels)


@pytest.mark.parametrize(
    ("triplets", "message"),
    [
        ([[0, 1, 3]], r"index the 3 labels. Received: triplet \(0, 1, 3\)"),
        ([[0, -2, 2]], r"index the 3 labels. Received: triplet \(0, -2, 2\)"),
        ([[0, 2, 1]], r"agree with `labels`.*Received: triplet \(0, 2, 1\)"),
        ([[0, 0, 2]], r"agree with `labels`.*Received: triplet \(0, 0, 2\)"),
        ([[0, 1]], r"shape \(T, 3\).*Received: dtype int64 with shape \(1, 2\)"),
        ([[0.0, 1.0, 2.0]], r"shape \(T, 3\).*Received: dtype float64 with shape \(1, 3\)"),
    ],
)
def test_triplets_that_are_none_are_refused(triplets, message):
    with pytest.raises(ValueError, match=message):
        dual_causality_loss(F2, F2, F2, [0, 0, 1], triplets=triplets)


def test_the_sampler_refuses_labels_that_are_no_vector_of_integers():
    with pytest.raises(ValueError, match="Received: dtype float64"):
        sample_triplets([0.5, 1.0], seed=0)
    with pytest.raises(ValueError, match=r"Received: shape \(1, 2\)"):
        sample_triplets([[0, 1]], seed=0)
