"""The identity sampler: every batch is P x K, every identity has its turn, every step stands for itself."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_keras.reid.data.sampler import identity_batches, num_steps


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, int]]:
    """Labels of any numbers and any imbalance, with P and K that fit them."""
    identities = draw(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=12, unique=True))
    counts = draw(st.lists(st.integers(1, 25), min_size=len(identities), max_size=len(identities)))
    labels = draw(st.permutations(np.repeat(np.array(identities, np.int64), counts)))
    return np.array(labels, np.int64), {
        "identities_per_batch": draw(st.integers(1, len(identities))),
        "images_per_identity": draw(st.integers(1, 6)),
    }


seeds = st.integers(0, 2**32 - 1)


def epoch(labels: np.ndarray, shape: dict[str, int], *, seed: int, number: int = 0) -> list[np.ndarray]:
    steps = num_steps(labels, **shape)
    return list(islice(identity_batches(labels, **shape, seed=seed, start_step=number * steps), steps))


def groups(batch: np.ndarray, shape: dict[str, int]) -> np.ndarray:
    """One row of images per identity of the batch."""
    return batch.reshape(shape["identities_per_batch"], shape["images_per_identity"])


@given(problem=problems(), seed=seeds)
def test_every_batch_has_exactly_p_identities_with_k_images_each(problem, seed):
    labels, shape = problem
    for batch in epoch(labels, shape, seed=seed):
        identities, images = np.unique(labels[batch], return_counts=True)
        assert len(identities) == shape["identities_per_batch"]
        assert set(images) == {shape["images_per_identity"]}
        assert all(len(set(labels[group])) == 1 for group in groups(batch, shape))


@given(problem=problems(), seed=seeds)
def test_every_identity_is_in_every_epoch(problem, seed):
    labels, shape = problem
    assert set(labels[np.concatenate(epoch(labels, shape, seed=seed))]) == set(labels)


@given(problem=problems(), seed=seeds)
def test_an_identity_with_enough_images_never_repeats_one_within_a_batch(problem, seed):
    labels, shape = problem
    for batch in epoch(labels, shape, seed=seed):
        for group in groups(batch, shape):
            available = np.sum(labels == labels[group[0]])
            assert len(set(group)) == min(available, shape["images_per_identity"])


@given(problem=problems(), seed=seeds)
def test_an_identity_occurs_as_often_as_its_images_allow_but_for_less_than_one_batch(problem, seed):
    labels, shape = problem
    batches = epoch(labels, shape, seed=seed)
    off = 0
    for identity in np.unique(labels):
        occurs = sum(identity in labels[batch] for batch in batches)
        off += abs(occurs - min(len(batches), max(1, np.sum(labels == identity) // shape["images_per_identity"])))
    assert off < shape["identities_per_batch"]


@given(problem=problems(), seed=seeds)
def test_an_image_is_not_shown_twice_in_an_epoch_before_its_identity_has_run_out_of_others(problem, seed):
    labels, shape = problem
    shown = np.bincount(np.concatenate(epoch(labels, shape, seed=seed)), minlength=len(labels))
    for identity in np.unique(labels):
        images = np.flatnonzero(labels == identity)
        if shown[images].sum() <= len(images) // shape["images_per_identity"] * shape["images_per_identity"]:
            assert shown[images].max() <= 1


@given(problem=problems(), seed=seeds, start=st.integers(0, 60))
def test_a_sampler_started_at_a_step_continues_as_one_that_ran_up_to_it(problem, seed, start):
    labels, shape = problem
    ran = islice(identity_batches(labels, **shape, seed=seed), start, start + 5)
    started = islice(identity_batches(labels, **shape, seed=seed, start_step=start), 5)
    for expected, actual in zip(ran, started, strict=True):
        np.testing.assert_array_equal(expected, actual)


@given(problem=problems())
def test_no_longer_epoch_could_be_filled_without_showing_images_again(problem):
    labels, shape = problem
    steps, per_batch = num_steps(labels, **shape), shape["identities_per_batch"]
    identities, counts = np.unique(labels, return_counts=True)
    offered = np.maximum(1, counts // shape["images_per_identity"])
    fillable = [s for s in range(1, 400) if np.minimum(offered, s).sum() >= per_batch * s]
    assert steps == max(fillable[-1], -(-len(identities) // per_batch))


def test_an_epoch_of_balanced_data_shows_every_image_once():
    labels = np.repeat(np.arange(12), 8)
    shape = {"identities_per_batch": 4, "images_per_identity": 4}
    shown = np.bincount(np.concatenate(epoch(labels, shape, seed=3)), minlength=len(labels))
    np.testing.assert_array_equal(shown, 1)


def test_seeds_and_epochs_differ():
    labels = np.repeat(np.arange(12), 8)
    shape = {"identities_per_batch": 4, "images_per_identity": 4}
    first, other_epoch, other_seed = (
        np.concatenate(epoch(labels, shape, seed=seed, number=number)) for seed, number in ((0, 0), (0, 1), (1, 0))
    )
    assert not np.array_equal(first, other_epoch)
    assert not np.array_equal(first, other_seed)


def test_identities_meet_ever_other_identities():
    labels = np.repeat(np.arange(20), 16)
    shape = {"identities_per_batch": 4, "images_per_identity": 4}
    companies = {frozenset(labels[batch]) for batch in epoch(labels, shape, seed=0)}
    assert len(companies) == num_steps(labels, **shape) == 20


def test_fewer_identities_than_a_batch_needs_is_an_error_that_says_how_many_there_are():
    with pytest.raises(ValueError, match=r"identities_per_batch=4, a split of 6 images of 3 identities"):
        identity_batches(np.repeat([5, 7, 9], 2), identities_per_batch=4, images_per_identity=2, seed=0)


@pytest.mark.parametrize(
    "wrong",
    [{"identities_per_batch": 0}, {"images_per_identity": 0}, {"seed": -1}, {"seed": 2**63}, {"start_step": -1}],
)
def test_a_number_out_of_range_is_an_error_that_quotes_it(wrong):
    settings = {"identities_per_batch": 2, "images_per_identity": 2, "seed": 0} | wrong
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=rf"Received: .*{name}={value}"):
        identity_batches(np.repeat([5, 7, 9], 2), **settings)


@pytest.mark.parametrize("labels", [np.zeros((2, 3), int), np.zeros(6)])
def test_labels_that_are_no_vector_of_integers_are_an_error(labels):
    with pytest.raises(ValueError, match=r"integers of shape \(n,\)"):
        num_steps(labels, identities_per_batch=1, images_per_identity=1)
