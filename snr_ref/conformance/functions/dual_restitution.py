"""The entropy form of the dual constraint, for images and per pixel, with gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact, log_softmax
from snr_ref.conformance.spoiled import first_row, one_more, plain
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array

dual_restitution_loss = Function("dual_restitution_loss", ("plus", "minus"), clause="8.2", after="re_ranking")
pixelwise_dual_restitution_loss = Function(
    "pixelwise_dual_restitution_loss", ("plus", "minus"), clause="8.3", after="dual_restitution_loss"
)
dual_restitution_gradients = Function(
    "dual_restitution_gradients",
    ("grad_f_tilde", "grad_f_plus", "grad_f_minus", "grad_w", "grad_b"),
    clause="8.4",
    after="pixelwise_dual_restitution_loss",
)
pixelwise_dual_restitution_gradients = Function(
    "pixelwise_dual_restitution_gradients",
    ("grad_F_tilde", "grad_F_plus", "grad_F_minus", "grad_w", "grad_b"),
    clause="8.4",
    after="dual_restitution_gradients",
)

_IMAGES = ("f_tilde", "f_plus", "f_minus")

_PIXELS = ("F_tilde", "F_plus", "F_minus")


@dual_restitution_loss.bound
def dual_restitution_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Softplus of differences of mean entropies."""
    tilde, plus, minus = (_mean(_Entropies(f, arguments, precision.u).h) for f in _rows(arguments, _IMAGES))
    return {"plus": (plus - tilde).softplus().error, "minus": (tilde - minus).softplus().error}


@pixelwise_dual_restitution_loss.bound
def pixelwise_dual_restitution_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Means of Softplus of differences of entropies."""
    tilde, plus, minus = (_Entropies(f, arguments, precision.u).h for f in _rows(arguments, _PIXELS))
    return {"plus": _mean((plus - tilde).softplus()).error, "minus": _mean((tilde - minus).softplus()).error}


@dual_restitution_gradients.bound
def dual_restitution_gradients_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A Sigmoid over N times the slope of the entropy, through f W + b."""
    return _gradients(arguments, _IMAGES, precision.u, mean=True)


@pixelwise_dual_restitution_gradients.bound
def pixelwise_dual_restitution_gradients_bounds(
    arguments: Mapping[str, Any], precision: Precision
) -> dict[str, np.ndarray]:
    """The same for every pixel."""
    return _gradients(arguments, _PIXELS, precision.u, mean=False)


class _Entropies:
    """The entropies of rows of features, and their slopes with respect to the logits."""

    def __init__(self, f: np.ndarray, arguments: Mapping[str, Any], u: float):
        self.f, self.w, b = exact(f, u), exact(arguments["w"], u), arguments.get("b")
        logits = self.f @ self.w
        self.log_p = log_softmax(logits if b is None else logits + exact(b, u))
        self.p = self.log_p.exp()
        self.h = -(self.p * self.log_p).sum(1)

    @property
    def slope(self) -> Rounded:
        """-p (log p + h).

        Automatic differentiation takes p (sum of p (log p + 1) - (log p + 1)), in which the ones cancel but for their
        rounding, and that of the sum of p.
        """
        slope = -(self.p * (self.log_p + self.h[:, None]))
        classes = self.p.value.shape[1]
        ones = 2 * (classes + 8) * self.p.u * (self.p.value + self.p.error) * (1 + self.h.value[:, None])
        of_p = self.p.error + (self.p.value + self.p.error) * self.p.error.sum(1, keepdims=True)
        return Rounded(slope.value, slope.error + ones + of_p, slope.u)


def _gradients(arguments: Mapping[str, Any], names: tuple[str, ...], u: float, *, mean: bool) -> dict[str, np.ndarray]:
    shape = arguments[names[0]].shape
    features = [_Entropies(f, arguments, u) for f in _rows(arguments, names)]
    tilde, plus, minus = (_mean(x.h)[None] if mean else x.h for x in features)
    up, down = (plus - tilde).sigmoid(), (tilde - minus).sigmoid()
    rows = exact(len(features[0].f.value), u)
    in_logits = [(weight / rows)[:, None] * x.slope for weight, x in zip((down - up, up, -down), features, strict=True)]
    by_classifier = [x.f.T @ dl for x, dl in zip(features, in_logits, strict=True)]
    bounds = {
        f"grad_{name}": (dl @ x.w.T).error.reshape(shape)
        for name, dl, x in zip(names, in_logits, features, strict=True)
    }
    bounds["grad_w"] = (by_classifier[0] + by_classifier[1] + by_classifier[2]).error
    if arguments.get("b") is not None:
        by_bias = [dl.sum(0) for dl in in_logits]
        bounds["grad_b"] = (by_bias[0] + by_bias[1] + by_bias[2]).error
    return bounds


def _rows(arguments: Mapping[str, Any], names: tuple[str, ...]) -> list[np.ndarray]:
    return [arguments[name].reshape(-1, arguments[name].shape[-1]) for name in names]


def _mean(x: Rounded) -> Rounded:
    return x.sum(0) / exact(len(x.value), x.u)


def images(draw: Draw, N: int, C: int, K: int, *, bias: bool = True) -> dict[str, Any]:
    """Three embeddings and a classifier, in general position."""
    features = {name: draw.normal(N, C) for name in ("f_tilde", "f_plus", "f_minus")}
    return {**features, "w": draw.normal(C, K), **({"b": draw.normal(K)} if bias else {})}


def pixels(draw: Draw, *shape: int, K: int, bias: bool = True) -> dict[str, Any]:
    """Three maps and a classifier, in general position."""
    maps = {name: draw.normal(*shape) for name in ("F_tilde", "F_plus", "F_minus")}
    return {**maps, "w": draw.normal(shape[-1], K), **({"b": draw.normal(K)} if bias else {})}


@dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.2")
@dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Six images of four channels, five classes, with a bias."""
    return images(draw, 6, 4, 5)


@dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.2")
@dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def no_bias(draw: Draw) -> dict[str, Any]:
    """The classifier has no bias."""
    return images(draw, 5, 3, 4, bias=False)


@dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.2")
@dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def one_image(draw: Draw) -> dict[str, Any]:
    """A batch of a single image."""
    return images(draw, 1, 4, 3)


@dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.2")
@dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def one_class(draw: Draw) -> dict[str, Any]:
    """With one class there is nothing to be unsure of: each half is ln 2, and nothing has a gradient."""
    return images(draw, 4, 3, 1)


@dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.2")
@dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def nothing_restituted(draw: Draw) -> dict[str, Any]:
    """All three embeddings are the same, so that each half is ln 2."""
    case = images(draw, 4, 3, 5)
    return case | {"f_plus": case["f_tilde"], "f_minus": case["f_tilde"]}


@dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.2")
@dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def collapsed(draw: Draw) -> dict[str, Any]:
    """As in use: f~ is beta for every image."""
    case = images(draw, 5, 4, 3)
    return case | {"f_tilde": case["f_tilde"][:1].repeat(5, axis=0)}


@dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.2")
@dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def at_the_start(draw: Draw) -> dict[str, Any]:
    """As at the start: f~ is 0 and there is no bias, so that its entropy is ln K."""
    case = images(draw, 5, 4, 3, bias=False)
    return case | {"f_tilde": np.zeros((5, 4))}


@dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.2")
@dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def unlike_images(draw: Draw) -> dict[str, Any]:
    """Images of very unlike entropies, where a mean of Softplus is not the Softplus of means."""
    case = images(draw, 4, 3, 6)
    return case | {"f_plus": case["f_plus"] * np.array([0.0, 0.25, 4, 16])[:, None]}


@dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.2", "6.4")
@dual_restitution_gradients.case(groups.dual_restitution, "8.4", "6.4", prefix="gradients_")
def nearly_sure(draw: Draw) -> dict[str, Any]:
    """Classes of probabilities from 1e-3 to 1e-9: small, and not to be left out."""
    logits = np.array([[0.0, -7, -14, -18], [0, -15, -16, -20]])
    return {"f_tilde": logits[:, ::-1], "f_plus": logits, "f_minus": logits / 4, "w": np.eye(4)}


@dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.2", "6.4")
@dual_restitution_gradients.case(groups.dual_restitution, "8.4", "6.4", prefix="gradients_")
def huge_logits(draw: Draw) -> dict[str, Any]:
    """Logits of 1e4 and more: probabilities of exactly 0, whose p log p is 0 and not NaN."""
    case = images(draw, 4, 4, 4)
    return case | {"w": 2.0**14 * np.eye(4)}


@pixelwise_dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.3")
@pixelwise_dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def ordinary_pixels(draw: Draw) -> dict[str, Any]:
    """Two maps of 3x2 pixels and four channels, five classes, with a bias."""
    return pixels(draw, 2, 3, 2, 4, K=5)


@pixelwise_dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.3")
@pixelwise_dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def pixels_in_a_row(draw: Draw) -> dict[str, Any]:
    """One spatial axis, and no bias."""
    return pixels(draw, 3, 4, 3, K=2, bias=False)


@pixelwise_dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.3")
@pixelwise_dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def voxels(draw: Draw) -> dict[str, Any]:
    """Three spatial axes."""
    return pixels(draw, 1, 2, 2, 3, 2, K=3)


@pixelwise_dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.3")
@pixelwise_dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def one_pixel(draw: Draw) -> dict[str, Any]:
    """One image of one pixel."""
    return pixels(draw, 1, 1, 1, 4, K=3)


@pixelwise_dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.3")
@pixelwise_dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def pixels_of_one_class(draw: Draw) -> dict[str, Any]:
    """With one class each half is ln 2."""
    return pixels(draw, 2, 3, 2, K=1)


@pixelwise_dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.3")
@pixelwise_dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def constant_channels(draw: Draw) -> dict[str, Any]:
    """Every channel is constant, as where a map is normalized that has no contrast: all pixels say the same."""
    case = pixels(draw, 2, 3, 3, K=4)
    return case | {name: case[name][:, :1].repeat(3, axis=1) for name in ("F_tilde", "F_plus", "F_minus")}


@pixelwise_dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.3")
@pixelwise_dual_restitution_gradients.case(groups.dual_restitution, "8.4", prefix="gradients_")
def unlike_pixels(draw: Draw) -> dict[str, Any]:
    """Pixels of very unlike entropies, which a comparison of means would let cancel."""
    case = pixels(draw, 2, 4, 3, K=6)
    return case | {"F_plus": case["F_plus"] * np.array([0.0, 0.25, 4, 16])[None, :, None]}


@pixelwise_dual_restitution_loss.case(groups.dual_restitution, "8.1", "8.3", "6.4")
@pixelwise_dual_restitution_gradients.case(groups.dual_restitution, "8.4", "6.4", prefix="gradients_")
def huge_pixels(draw: Draw) -> dict[str, Any]:
    """Logits of 1e4 and more at every pixel."""
    case = pixels(draw, 2, 3, 4, K=4)
    return case | {"w": 2.0**14 * np.eye(4)}


@dual_restitution_loss.good
@dual_restitution_gradients.good
def _good(draw: Draw) -> dict[str, Any]:
    return plain(draw, "f_tilde", "f_plus", "f_minus", "w", "b")


@pixelwise_dual_restitution_loss.good
@pixelwise_dual_restitution_gradients.good
def _good_pixels(draw: Draw) -> dict[str, Any]:
    return plain(draw, "F_tilde", "F_plus", "F_minus", "w", "b")


for function in (dual_restitution_loss, dual_restitution_gradients):
    function.refuse("a_vector", "Features of one image need an axis for the images.", "8.2", f_tilde=first_row)
    function.refuse("channels", "f~+ has a channel more than f~.", "8.2", f_plus=one_more)
    function.refuse("classifier", "W is for fewer channels than there are.", "8.1", w=lambda w: w[1:])
    function.refuse("bias", "b is for more classes than there are.", "8.1", b=one_more)
for function in (pixelwise_dual_restitution_loss, pixelwise_dual_restitution_gradients):
    function.refuse(
        "no_pixels",
        "Maps without a spatial axis.",
        "8.3",
        **dict.fromkeys(("F_tilde", "F_plus", "F_minus"), lambda F: F[:, 0, 0]),
    )
    function.refuse("sizes", "F~- has fewer pixels than F~.", "8.3", F_minus=lambda F: F[:, 1:])
    function.refuse("classifier", "W is for fewer channels than there are.", "8.1", w=lambda w: w[1:])


@dual_restitution_loss.mistake("8.1", "plus", who="microsoft/SNR, which so avoids the logarithm of 0")
class SmallProbabilitiesLeftOut(Literal):
    """Probabilities below 1e-6 do not count."""

    def _p_log_p(self, log_p: Array) -> Array:
        return np.where(np.exp(log_p) < 1e-6, 0, super()._p_log_p(log_p))


@dual_restitution_loss.mistake("8.1", "plus", who="whoever knows entropy from the theory of information")
class EntropyInBits(Literal):
    """The logarithm has base 2."""

    def _p_log_p(self, log_p: Array) -> Array:
        return super()._p_log_p(log_p) / np.log(2).astype(log_p.dtype)


@dual_restitution_loss.mistake("6.4", "plus", who="whoever takes the logarithm of a softmax")
class LogarithmOfSoftmax(Literal):
    """Where a probability is 0 its logarithm is infinite, and their product NaN."""

    def _p_log_p(self, log_p: Array) -> Array:
        return np.exp(log_p) * np.log(np.exp(log_p))


@dual_restitution_loss.mistake("8.1", "plus", who="whoever takes the mean over an axis of classes")
class MeanOverClasses(Literal):
    """The entropy is over K."""

    def _entropy(self, logits: Array) -> Array:
        return super()._entropy(logits) / logits.shape[-1]


@dual_restitution_loss.mistake("8.1", "plus", who="whoever multiplies by the weights alone")
class BiasForgotten(Literal):
    """The classifier's bias is left out."""

    def _classify(self, f: Array, w: Array, b: Array | None) -> Array:
        return f @ w


@dual_restitution_loss.mistake("8.2", "plus", who="whoever reads the paper's formula image by image")
class SoftplusOfEachImage(Literal):
    """Each image is compared with itself, and Softplus averaged."""

    def _of_images(self, h: Array) -> Array:
        return h


@dual_restitution_loss.mistake("8.2", "minus", who="whoever copies L+ and puts f~- for f~+")
class ContaminationShouldHelp(Literal):
    """In L- the difference has the other sign."""

    def _fall(self, tilde: Array, minus: Array) -> Array:
        return minus - tilde


@pixelwise_dual_restitution_loss.mistake("8.3", "plus", who="whoever takes the loss for images to pixels as it is")
class PixelsByTheirMean(Literal):
    """The mean entropies of all pixels are compared."""

    def _of_pixels(self, h: Array) -> Array:
        return h.mean(keepdims=True)


@dual_restitution_gradients.mistake("8.4", "grad_f_tilde", who="whoever differentiates -p log p term by term")
class ProbabilitiesThatDoNotSumToOne(Literal):
    """The gradient is -p (log p + 1), as if the probabilities were free."""

    def _slope(self, logits: Array) -> Array:
        log_p = self._log_softmax(logits)
        return -np.exp(log_p) * (log_p + 1)
