"""The cross-entropy with label smoothing."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw

cases = Catalogue("cross_entropy", "the cross-entropy of logits with smoothed labels")


@cases.case("cross_entropy", "3.1")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Six rows of five logits, with the usual smoothing, which isn't named: 0.1."""
    return {"logits": draw.normal(6, 5), "labels": draw.integers(0, 5, 6)}


@cases.case("cross_entropy", "3.1")
def smoothing(draw: Draw) -> dict[str, Any]:
    """Smoothing of a half among three classes, where s / K, s / (K - 1) and s are far apart."""
    return {"logits": draw.normal(4, 3) * 4, "labels": np.array([2, 0, 1, 1]), "label_smoothing": 0.5}


@cases.case("cross_entropy", "3.1")
def no_smoothing(draw: Draw) -> dict[str, Any]:
    """The plain cross-entropy, of the labels alone."""
    return {"logits": draw.normal(5, 4), "labels": draw.integers(0, 4, 5), "label_smoothing": 0.0}


@cases.case("cross_entropy", "3.1")
def all_smoothing(draw: Draw) -> dict[str, Any]:
    """The targets are uniform, and labels play no part."""
    return {"logits": draw.normal(5, 4), "labels": draw.integers(0, 4, 5), "label_smoothing": 1.0}


@cases.case("cross_entropy", "3.1")
def one_row(draw: Draw) -> dict[str, Any]:
    """A batch of a single image."""
    return {"logits": draw.normal(1, 6), "labels": np.array([4])}


@cases.case("cross_entropy", "3.1")
def two_classes(draw: Draw) -> dict[str, Any]:
    """Two classes, smoothed: K / (K - 1) is 2."""
    return {"logits": draw.normal(4, 2), "labels": np.array([0, 1, 1, 0])}


@cases.case("cross_entropy", "3.1")
def one_class(draw: Draw) -> dict[str, Any]:
    """With one class there is nothing to be wrong about: the loss is 0."""
    return {"logits": draw.normal(3, 1), "labels": np.zeros(3, np.int64)}


@cases.case("cross_entropy", "3.1")
def equal_logits(draw: Draw) -> dict[str, Any]:
    """A network that knows nothing: the loss is ln K, whatever the smoothing."""
    return {"logits": np.full((4, 7), 2.5), "labels": draw.integers(0, 7, 4)}


@cases.case("cross_entropy", "3.1")
def many_classes(draw: Draw) -> dict[str, Any]:
    """As many classes as Market-1501 has identities to train on: 751."""
    return {"logits": draw.normal(3, 751), "labels": draw.integers(0, 751, 3)}


@cases.case("cross_entropy", "3.1", "6.4")
def huge_logits(draw: Draw) -> dict[str, Any]:
    """Logits of 1e4 and more, of either sign: no exponential overflows, no logarithm of 0 is taken."""
    return {"logits": draw.normal(4, 5) * 2.0**14, "labels": draw.integers(0, 5, 4)}


@cases.case("cross_entropy", "3.1", "6.4")
def far_from_zero(draw: Draw) -> dict[str, Any]:
    """Ordinary logits with 4096 added to all: softmax doesn't see it, l - logsumexp(l) loses three digits."""
    return {"logits": draw.normal(4, 5, bits=4) + 4096, "labels": draw.integers(0, 5, 4)}
