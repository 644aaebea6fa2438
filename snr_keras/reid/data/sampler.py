"""The images of each training batch: P identities with K images each, from a seed, in NumPy.

The semantics are those of `RandomIdentitySampler` in person re-identification libraries (FaceNet, arXiv:1503.03832;
Hermans et al., arXiv:1703.07737): in an epoch the images of an identity are shuffled and divided into groups of K, and
batches are filled with groups of P different identities as long as possible. Here the number of batches is known in
advance, and every batch depends only on the seed and its step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def identity_batches(
    labels: np.ndarray,
    *,
    identities_per_batch: int,
    images_per_identity: int,
    seed: int,
    start_step: int = 0,
) -> Iterator[np.ndarray]:
    """Yield without end the image indices of batch `start_step`, `start_step + 1`, ...

    In an epoch (`num_steps` batches):

    - every identity occurs at least once, and at most once in a batch;
    - an identity with n images occurs max(1, n // K) times, except for what is needed to fill the batches: fewer than P
      groups in total are left out or drawn again, at random, different ones in every epoch;
    - no image of an identity that has K images or more occurs twice in a batch, nor twice in an epoch unless its
      identity was drawn again to fill a batch;
    - an identity with fewer than K images shows each of them at least once wherever it occurs, and repeats some.

    Args:
        labels: Identity of each image, (n,), integers, any numbers.
        identities_per_batch: Number P of identities, at least 1.
        images_per_identity: Number K of images of each, at least 1.
        seed: Seed, from 0 to 2^63 - 1.
        start_step: Step of the first batch; the batches are the same as those of a sampler started at 0.

    Yields:
        Indices into `labels`, (P * K,), int64, with the K images of an identity adjacent.

    Raises:
        ValueError: If there are fewer than P identities, or an argument is out of range.
    """
    labels = _checked(labels, identities_per_batch, images_per_identity)
    if not 0 <= seed < 2**63 or start_step < 0:
        raise ValueError(
            "`seed` must be between 0 and 2^63 - 1, and `start_step` not negative. "
            f"Received: seed={seed}, start_step={start_step}"
        )
    images_of = _images_of_each_identity(labels)
    steps = num_steps(labels, identities_per_batch=identities_per_batch, images_per_identity=images_per_identity)

    def batches() -> Iterator[np.ndarray]:
        epoch, skipped = divmod(start_step, steps)
        while True:
            rng = np.random.default_rng((seed, epoch))
            for batch in _epoch(images_of, steps, identities_per_batch, images_per_identity, rng):
                if skipped:
                    skipped -= 1
                else:
                    yield batch
            epoch += 1

    return batches()


def domain_balanced_batches(
    labels: np.ndarray,
    domains: np.ndarray,
    *,
    identities_per_batch: int,
    images_per_identity: int,
    seed: int,
    start_step: int = 0,
) -> Iterator[np.ndarray]:
    """Batches as from `identity_batches`, with equal numbers of identities from every domain, whatever its size.

    Each of D domains is sampled separately, P / D identities per batch, and starts again when it is exhausted. In an
    epoch, `num_steps` of all labels together, people of a small domain are therefore shown more often.

    Args:
        labels: Identity of each image, (n,), integers; nobody is in two domains.
        domains: Domain of each image, (n,), integers.
        identities_per_batch: Number P of identities, a multiple of the number of domains.
        images_per_identity: Number K of images of each.
        seed: Seed, from 0 to 2^63 - 1.
        start_step: Step of the first batch.

    Yields:
        Indices into `labels`, (P * K,), int64, domain after domain, with the K images of an identity adjacent.

    Raises:
        ValueError: If P is not a multiple of the number of domains, a domain has fewer than P / D identities, or an
            argument is out of range.
    """
    share = share_of_domain(labels, domains, identities_per_batch)
    images_of = [np.flatnonzero(domains == domain) for domain in np.unique(domains)]
    streams = [
        identity_batches(
            labels[images],
            identities_per_batch=share,
            images_per_identity=images_per_identity,
            seed=int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0] >> np.uint64(1)),
            start_step=start_step,
        )
        for number, images in enumerate(images_of)
    ]

    def batches() -> Iterator[np.ndarray]:
        while True:
            yield np.concatenate([images[next(stream)] for images, stream in zip(images_of, streams, strict=True)])

    return batches()


def share_of_domain(labels: np.ndarray, domains: np.ndarray, identities_per_batch: int) -> int:
    """The number of identities of each domain in a domain-balanced batch: P / D.

    Args:
        labels: Identity of each image, (n,), integers.
        domains: Domain of each image, (n,), integers.
        identities_per_batch: Number P of identities.

    Raises:
        ValueError: If P is not a multiple of the number of domains, or a domain has fewer identities than that.
    """
    found = np.unique(domains)
    share, rest = divmod(identities_per_batch, len(found))
    people = [len(np.unique(labels[domains == domain])) for domain in found]
    if rest or share > min(people):
        raise ValueError(
            f"With equal numbers of identities from {len(found)} domains in every batch, set "
            f"`identities_per_batch` to a multiple of {len(found)}, of at most {len(found) * min(people)}. Received: "
            f"identities_per_batch={identities_per_batch}, domains of {', '.join(map(str, people))} identities"
        )
    return share


def num_steps(labels: np.ndarray, *, identities_per_batch: int, images_per_identity: int) -> int:
    """Number of batches in an epoch: approximately `len(labels) / (P * K)`.

    Identity i offers g_i = max(1, n_i // K) groups. S batches of P different identities can be filled from them exactly
    if sum_i min(g_i, S) >= P S. The result is the largest such S, or ceil(identities / P) if that is larger, so that
    every identity occurs. (An identity with most of the images can occur only once per batch: its surplus is shown in
    other epochs.)

    Args:
        labels: Identity of each image, (n,), integers.
        identities_per_batch: Number P of identities.
        images_per_identity: Number K of images of each.

    Raises:
        ValueError: If there are fewer than P identities, or an argument is out of range.
    """
    labels = _checked(labels, identities_per_batch, images_per_identity)
    groups = _groups(np.unique(labels, return_counts=True)[1], images_per_identity)
    fits, too_many = 1, int(groups.sum()) // identities_per_batch + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if np.minimum(groups, middle).sum() >= identities_per_batch * middle:
            fits = middle
        else:
            too_many = middle
    return max(fits, -(-len(groups) // identities_per_batch))


def _epoch(
    images_of: list[np.ndarray], steps: int, per_batch: int, per_identity: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the batches of one epoch; `remaining[i]` is how often identity i still has to occur."""
    counts = np.array([len(images) for images in images_of])
    remaining = _quotas(_groups(counts, per_identity), steps, per_batch, rng)
    shuffled: list[np.ndarray] = [np.empty(0, np.int64)] * len(images_of)
    for steps_left in range(steps, 0, -1):
        # The batches can be completed exactly if sum(remaining) = P * steps_left and no identity has more than
        # steps_left occurrences left. Identities with that many must be in this batch; the others are drawn in
        # proportion to their remaining occurrences (exponential races: Efraimidis and Spirakis, 2006).
        turn = np.full(len(remaining), np.inf)
        waiting = remaining > 0
        turn[waiting] = rng.exponential(size=waiting.sum()) / remaining[waiting]
        turn[remaining == steps_left] = -1.0
        chosen = rng.permutation(np.argpartition(turn, per_batch - 1)[:per_batch])
        remaining[chosen] -= 1
        batch = []
        for identity in chosen:
            if len(shuffled[identity]) < per_identity:
                shuffled[identity] = _shuffled(images_of[identity], per_identity, rng)
            batch.append(shuffled[identity][:per_identity])
            shuffled[identity] = shuffled[identity][per_identity:]
        yield np.concatenate(batch)


def _quotas(groups: np.ndarray, steps: int, per_batch: int, rng: np.random.Generator) -> np.ndarray:
    """How often each identity occurs in an epoch: `groups`, corrected to fill the batches; 1 to `steps` each."""
    quotas = np.minimum(groups, steps)
    surplus = int(quotas.sum()) - steps * per_batch
    room = np.minimum(quotas - 1 if surplus > 0 else steps - quotas, abs(surplus))
    changed = rng.choice(np.repeat(np.arange(len(quotas)), room), size=abs(surplus), replace=False)
    return quotas - np.sign(surplus) * np.bincount(changed, minlength=len(quotas))


def _shuffled(images: np.ndarray, per_identity: int, rng: np.random.Generator) -> np.ndarray:
    """The images in random order; fewer than K are repeated to make K."""
    shuffled = rng.permutation(images)
    return shuffled if len(images) >= per_identity else np.resize(shuffled, per_identity)


def _groups(counts: np.ndarray, per_identity: int) -> np.ndarray:
    return np.maximum(1, counts // per_identity)


def _images_of_each_identity(labels: np.ndarray) -> list[np.ndarray]:
    """The image indices of each identity, identities in ascending order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def _checked(labels: np.ndarray, per_batch: int, per_identity: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or (labels.size and not np.issubdtype(labels.dtype, np.integer)):
        raise ValueError(
            f"`labels` must be integers of shape (n,). Received: dtype {labels.dtype}, shape {labels.shape}"
        )
    if per_batch < 1 or per_identity < 1:
        raise ValueError(
            "`identities_per_batch` and `images_per_identity` must be at least 1. "
            f"Received: identities_per_batch={per_batch}, images_per_identity={per_identity}"
        )
    identities = len(np.unique(labels))
    if identities < per_batch:
        raise ValueError(
            f"A batch of {per_batch} identities needs at least as many in the training split: set "
            f"`identities_per_batch` to {identities} or fewer. Received: "
            f"identities_per_batch={per_batch}, a split of {len(labels)} images of {identities} identities"
        )
    return labels
