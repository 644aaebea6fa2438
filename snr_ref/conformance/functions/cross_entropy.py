"""The cross-entropy with label smoothing, and its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact, log_softmax, mean
from snr_ref.conformance.spoiled import always, first_row, integers, one_more, plain
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.reid_losses import smoothed_targets

cross_entropy = Function("cross_entropy", ("loss",), clause="3.1", after="dual_causality_loss")
cross_entropy_gradient = Function(
    "cross_entropy_gradient", ("grad_logits",), clause="5.4", after="dual_causality_gradients"
)

#: The error of a smoothed target (1 - s) onehot + s / K, where a port may round s first.
_TARGET_ROUNDINGS = 4


@cross_entropy.bound
def cross_entropy_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `cross_entropy`."""
    logits = exact(arguments["logits"], precision.u)
    return {"loss": rounded_cross_entropy(logits, arguments["labels"], arguments.get("label_smoothing", 0.1)).error}


def rounded_cross_entropy(logits: Rounded, labels: np.ndarray, label_smoothing: float) -> Rounded:
    """A mean of -sum of q log softmax."""
    q = targets(labels, logits.value.shape[1], label_smoothing, logits.u)
    return mean(-(q * log_softmax(logits)).sum(1))


def targets(labels: np.ndarray, classes: int, label_smoothing: float, u: float) -> Rounded:
    """(1 - s) onehot + s / K."""
    q = smoothed_targets(labels, classes, label_smoothing)
    return Rounded(q, np.where(q == 1, 0, _TARGET_ROUNDINGS * u * q), u)


@cross_entropy_gradient.bound
def cross_entropy_gradient_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """(softmax - q) / N."""
    logits = exact(arguments["logits"], precision.u)
    q = targets(arguments["labels"], logits.value.shape[1], arguments.get("label_smoothing", 0.1), precision.u)
    gradient = (log_softmax(logits).exp() - q) / exact(len(logits.value), precision.u)
    return {"grad_logits": gradient.error}


@cross_entropy.case(groups.cross_entropy, "3.1")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Six rows of five logits, with the usual smoothing, which isn't named: 0.1."""
    return {"logits": draw.normal(6, 5), "labels": draw.integers(0, 5, 6)}


@cross_entropy.case(groups.cross_entropy, "3.1")
def smoothing(draw: Draw) -> dict[str, Any]:
    """Smoothing of a half among three classes, where s / K, s / (K - 1) and s are far apart."""
    return {"logits": draw.normal(4, 3) * 4, "labels": np.array([2, 0, 1, 1]), "label_smoothing": 0.5}


@cross_entropy.case(groups.cross_entropy, "3.1")
def no_smoothing(draw: Draw) -> dict[str, Any]:
    """The plain cross-entropy, of the labels alone."""
    return {"logits": draw.normal(5, 4), "labels": draw.integers(0, 4, 5), "label_smoothing": 0.0}


@cross_entropy.case(groups.cross_entropy, "3.1")
def all_smoothing(draw: Draw) -> dict[str, Any]:
    """The targets are uniform, and labels play no part."""
    return {"logits": draw.normal(5, 4), "labels": draw.integers(0, 4, 5), "label_smoothing": 1.0}


@cross_entropy.case(groups.cross_entropy, "3.1")
def one_row(draw: Draw) -> dict[str, Any]:
    """A batch of a single image."""
    return {"logits": draw.normal(1, 6), "labels": np.array([4])}


@cross_entropy.case(groups.cross_entropy, "3.1")
def two_classes(draw: Draw) -> dict[str, Any]:
    """Two classes, smoothed: K / (K - 1) is 2."""
    return {"logits": draw.normal(4, 2), "labels": np.array([0, 1, 1, 0])}


@cross_entropy.case(groups.cross_entropy, "3.1")
def one_class(draw: Draw) -> dict[str, Any]:
    """With one class there is nothing to be wrong about: the loss is 0."""
    return {"logits": draw.normal(3, 1), "labels": np.zeros(3, np.int64)}


@cross_entropy.case(groups.cross_entropy, "3.1")
def equal_logits(draw: Draw) -> dict[str, Any]:
    """A network that knows nothing: the loss is ln K, whatever the smoothing."""
    return {"logits": np.full((4, 7), 2.5), "labels": draw.integers(0, 7, 4)}


@cross_entropy.case(groups.cross_entropy, "3.1")
def many_classes(draw: Draw) -> dict[str, Any]:
    """As many classes as Market-1501 has identities to train on: 751."""
    return {"logits": draw.normal(3, 751), "labels": draw.integers(0, 751, 3)}


@cross_entropy.case(groups.cross_entropy, "3.1", "6.4")
def huge_logits(draw: Draw) -> dict[str, Any]:
    """Logits of 1e4 and more, of either sign: no exponential overflows, no logarithm of 0 is taken."""
    return {"logits": draw.normal(4, 5) * 2.0**14, "labels": draw.integers(0, 5, 4)}


@cross_entropy.case(groups.cross_entropy, "3.1", "6.4")
def far_from_zero(draw: Draw) -> dict[str, Any]:
    """Ordinary logits with 4096 added to all: softmax doesn't see it, l - logsumexp(l) loses three digits."""
    return {"logits": draw.normal(4, 5, bits=4) + 4096, "labels": draw.integers(0, 5, 4)}


@cross_entropy_gradient.case(groups.loss_gradients, "5.4")
def loss_gradients_cross_entropy(draw: Draw) -> dict[str, Any]:
    """Six rows of five logits, with the usual smoothing, which isn't named: 0.1."""
    return {"logits": draw.normal(6, 5), "labels": draw.integers(0, 5, 6)}


@cross_entropy_gradient.case(groups.loss_gradients, "5.4")
def loss_gradients_cross_entropy_no_smoothing(draw: Draw) -> dict[str, Any]:
    """Of the labels alone."""
    return {"logits": draw.normal(4, 3), "labels": draw.integers(0, 3, 4), "label_smoothing": 0.0}


@cross_entropy_gradient.case(groups.loss_gradients, "5.4", "6.4")
def loss_gradients_cross_entropy_huge_logits(draw: Draw) -> dict[str, Any]:
    """Logits of 1e4 and more: softmax is 0 or 1, and nothing overflows."""
    return {"logits": draw.normal(4, 5) * 2.0**14, "labels": draw.integers(0, 5, 4)}


@cross_entropy_gradient.case(groups.loss_gradients, "5.4")
def loss_gradients_cross_entropy_one_row(draw: Draw) -> dict[str, Any]:
    """A batch of a single image."""
    return {"logits": draw.normal(1, 6), "labels": np.array([4])}


@cross_entropy.good
@cross_entropy_gradient.good
def _good(draw: Draw) -> dict[str, Any]:
    return plain(draw, "logits") | {"labels": np.array([0, 0, 1, 1]), "label_smoothing": 0.1}


for function in (cross_entropy, cross_entropy_gradient):
    function.refuse("integers", "Logits of integers.", logits=integers)
    function.refuse("a_vector", "The logits of one image need an axis for the images.", logits=first_row)
    function.refuse("no_row", "A mean over no image.", logits=lambda x: x[:0], labels=lambda y: y[:0])
    function.refuse("length_of_labels", "There is one label more than there are rows.", labels=one_more)
    function.refuse("one_label", "One label for all rows, which would broadcast.", labels=lambda y: y[:1])
    function.refuse("float_labels", "Labels that are no integers.", labels=lambda labels: labels + 0.5)
    function.refuse(
        "negative_label", "A label below 0, which some languages count from the end.", labels=lambda y: y - 1
    )
    function.refuse("label_too_large", "A label of K, one beyond the last class.", labels=lambda y: y + 4)
    function.refuse("negative_smoothing", "Smoothing below 0.", "3.1", label_smoothing=always(-0.1))
    function.refuse("smoothing_above_one", "Smoothing above 1.", "3.1", label_smoothing=always(1.5))


@cross_entropy.mistake("3.1", "loss", who="codes that spread s over the other classes only")
class SmoothingOverTheOthers(Literal):
    """The target of another class is s / (K - 1), that of the own class 1 - s."""

    def _targets(self, labels: Array, classes: int, smoothing: float) -> Array:
        return np.where(np.eye(classes, dtype=bool)[labels], 1 - smoothing, smoothing / max(1, classes - 1))


@cross_entropy.mistake("3.1", "loss", who="the cross-entropy of a framework, whose default is no smoothing")
class SmoothingIgnored(Literal):
    """The labels are not smoothed."""

    def _targets(self, labels: Array, classes: int, smoothing: float) -> Array:
        return np.eye(classes)[labels]


@cross_entropy.mistake("3.1", "loss", who="whoever gives reduction='sum', or leaves out the mean")
class SummedCrossEntropy(Literal):
    """The rows are summed instead of averaged."""

    def _over_rows(self, losses: Array) -> Array:
        return losses.sum()


@cross_entropy.mistake("6.4", "loss", who="whoever takes the logarithm of a softmax")
class LogOfSoftmax(Literal):
    """The softmax is computed before its logarithm, so that small probabilities are 0 and large logits overflow."""

    def _log_softmax(self, logits: Array) -> Array:
        return np.log(np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True))


@cross_entropy.mistake("6.4", "loss", who="whoever subtracts the logsumexp from the logits")
class LogsumexpSubtracted(Literal):
    """The largest logit is added to the logarithm before that is subtracted, which takes the digits of both."""

    def _log_softmax(self, logits: Array) -> Array:
        largest = logits.max(axis=-1, keepdims=True)
        return logits - (largest + np.log(np.exp(logits - largest).sum(axis=-1, keepdims=True)))


@cross_entropy_gradient.mistake("5.4", "grad_logits", who="whoever forgets that the loss is a mean")
class SummedCrossEntropyGradient(Literal):
    """The gradient is not divided by the number of rows."""

    def _rows_to_divide_by(self, logits: Array) -> int:
        return 1
