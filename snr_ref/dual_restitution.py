"""The dual restitution loss: the follow-up paper's dual constraint, on the entropies of a classifier.

A classifier should be more certain of the restituted features than of the normalized ones, and less certain of the
contaminated ones. The loss needs no positives and negatives, so it applies to classification and, pixel by pixel, to
segmentation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from snr_ref._checks import feature_map, matrix, shaped
from snr_ref.elementary import affine, log_softmax, sigmoid, softplus


class DualRestitution(NamedTuple):
    """The two halves of the loss.

    Attributes:
        plus: L+, small where the restituted features have less entropy than the normalized ones.
        minus: L-, small where the contaminated features have more.
    """

    plus: float
    minus: float

    @property
    def total(self) -> float:
        """L_SNR = L+ + L-."""
        return self.plus + self.minus


@np.errstate(invalid="ignore")  # infinite features have no probabilities: the loss is NaN
def dual_restitution_loss(
    f_tilde: np.ndarray, f_plus: np.ndarray, f_minus: np.ndarray, w: np.ndarray, b: np.ndarray | None = None
) -> DualRestitution:
    """L+ and L- of one module over a batch of images to classify.

    The module has one auxiliary classifier phi(f) = softmax(f W + b), shared by the three embeddings. With H(f) the
    mean over the images of the entropy of phi(f):

        L+ = Softplus(H(f~+) - H(f~))
        L- = Softplus(H(f~) - H(f~-))

    Note the collapse: f~ is beta for every image, so H(f~) does not depend on the images.

    Args:
        f_tilde: f~, (N, C), N at least 1.
        f_plus: f~+, (N, C).
        f_minus: f~-, (N, C).
        w: Weights W of the classifier, (C, K).
        b: Bias of the classifier, (K,), or None.

    Returns:
        L+ and L-, in nats, and their sum as `.total`.

    Raises:
        ValueError: If an argument is not floating, there is no image, or a shape does not fit the others.

    Source:
        Jin et al., "Style Normalization and Restitution for Domain Generalization and Adaptation", arXiv 2101.00588.
        The comparison of means is from its public code.
    """
    embeddings, w, b = check_classified("f", matrix("f_tilde", f_tilde, "(N, C)"), f_plus, f_minus, w, b)
    return compared(*(entropy(affine(f, w, b)).mean() for f in embeddings))


@np.errstate(invalid="ignore")
def pixelwise_dual_restitution_loss(
    F_tilde: np.ndarray, F_plus: np.ndarray, F_minus: np.ndarray, w: np.ndarray, b: np.ndarray | None = None
) -> DualRestitution:
    """L+ and L- of one module over a batch of images whose pixels to classify.

    With h the entropy of phi(F) = softmax(F W + b) at a pixel:

        L+ = mean over images and pixels of Softplus(h(F~+) - h(F~))
        L- = mean over images and pixels of Softplus(h(F~) - h(F~-))

    Each pixel is compared with itself. Nothing collapses here: F~ differs between pixels.

    Args:
        F_tilde: F~, (N, *S, C), N at least 1.
        F_plus: F~+, (N, *S, C).
        F_minus: F~-, (N, *S, C).
        w: Weights W of the classifier, (C, K).
        b: Bias of the classifier, (K,), or None.

    Returns:
        L+ and L-, in nats, and their sum as `.total`.

    Raises:
        ValueError: If an argument is not floating, there is no image, or a shape does not fit the others.

    Source:
        Jin et al., arXiv 2101.00588. Its public code has a loss of this name, which is never called and fails when
        called; it sums the entropies of all pixels before one softplus.
    """
    maps, w, b = check_classified("F", feature_map("F_tilde", F_tilde), F_plus, F_minus, w, b)
    return compared(*(entropy(affine(F, w, b)) for F in maps))


def compared(H_tilde: np.ndarray, H_plus: np.ndarray, H_minus: np.ndarray) -> DualRestitution:
    """L+ = Softplus(H(f~+) - H(f~)) and L- = Softplus(H(f~) - H(f~-)); means over the pixels where H has many."""
    return DualRestitution(plus=softplus(H_plus - H_tilde).mean(), minus=softplus(H_tilde - H_minus).mean())


def entropy(logits: np.ndarray) -> np.ndarray:
    """The entropy h = -sum over k of p_k log p_k, p = softmax(logits), in [0, ln K] nats."""
    log_p = log_softmax(logits)
    return (np.exp(log_p) * -log_p).sum(axis=-1)


def entropy_slope(logits: np.ndarray) -> np.ndarray:
    """The gradient of `entropy` with respect to the logits: dh/dl_k = -p_k (log p_k + h)."""
    log_p = log_softmax(logits)
    return -np.exp(log_p) * (log_p + entropy(logits)[..., np.newaxis])


@np.errstate(invalid="ignore")
def dual_restitution_gradients(
    f_tilde: np.ndarray, f_plus: np.ndarray, f_minus: np.ndarray, w: np.ndarray, b: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """The gradients of L+ + L- of `dual_restitution_loss`.

    With N images, each row of the logits of f~+ has the gradient

        Sigmoid(H(f~+) - H(f~)) / N dh/dl

    and each row of f~- has -Sigmoid(H(f~) - H(f~-)) / N dh/dl. For f~ the factor of dh/dl is the negative sum of the
    two. From the logits the gradients go back through f W + b.

    Args:
        f_tilde: f~, (N, C), N at least 1.
        f_plus: f~+, (N, C).
        f_minus: f~-, (N, C).
        w: Weights of the classifier, (C, K).
        b: Bias of the classifier, (K,), or None.

    Returns:
        The gradients of f~, f~+, f~-, w and b, each with the shape of its argument; None for an absent bias.

    Raises:
        ValueError: As for `dual_restitution_loss`.
    """
    embeddings, w, b = check_classified("f", matrix("f_tilde", f_tilde, "(N, C)"), f_plus, f_minus, w, b)
    return gradients(embeddings, w, b, lambda h: h.mean())


@np.errstate(invalid="ignore")
def pixelwise_dual_restitution_gradients(
    F_tilde: np.ndarray, F_plus: np.ndarray, F_minus: np.ndarray, w: np.ndarray, b: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """The gradients of L+ + L- of `pixelwise_dual_restitution_loss`.

    As for `dual_restitution_gradients`, with h of the pixel in place of H, and the number of all pixels in place of N.

    Args:
        F_tilde: F~, (N, *S, C), N at least 1.
        F_plus: F~+, (N, *S, C).
        F_minus: F~-, (N, *S, C).
        w: Weights of the classifier, (C, K).
        b: Bias of the classifier, (K,), or None.

    Returns:
        The gradients of F~, F~+, F~-, w and b, each with the shape of its argument; None for an absent bias.

    Raises:
        ValueError: As for `pixelwise_dual_restitution_loss`.
    """
    maps, w, b = check_classified("F", feature_map("F_tilde", F_tilde), F_plus, F_minus, w, b)
    *by_pixel, dw, db = gradients([F.reshape(-1, F.shape[-1]) for F in maps], w, b, lambda h: h)
    dF_tilde, dF_plus, dF_minus = (dF.reshape(maps[0].shape) for dF in by_pixel)
    return dF_tilde, dF_plus, dF_minus, dw, db


def gradients(
    features: list[np.ndarray], w: np.ndarray, b: np.ndarray | None, statistic: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """The gradients for rows of features, (T, C), whose entropies are compared by `statistic`."""
    logits = [affine(f, w, b) for f in features]
    H_tilde, H_plus, H_minus = (statistic(entropy(rows)) for rows in logits)
    plus, minus = sigmoid(H_plus - H_tilde), sigmoid(H_tilde - H_minus)
    dl_tilde, dl_plus, dl_minus = (
        np.reshape(dH / len(rows), (-1, 1)) * entropy_slope(rows)
        for dH, rows in zip((minus - plus, plus, -minus), logits, strict=True)
    )
    dw = sum(f.T @ dl for f, dl in zip(features, (dl_tilde, dl_plus, dl_minus), strict=True))
    db = None if b is None else (dl_tilde + dl_plus + dl_minus).sum(axis=0)
    return dl_tilde @ w.T, dl_plus @ w.T, dl_minus @ w.T, dw, db


def check_classified(
    letter: str, tilde: np.ndarray, plus: np.ndarray, minus: np.ndarray, w: np.ndarray, b: np.ndarray | None
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray | None]:
    """The three floating embeddings (f) or maps (F), w and b; ValueError if a shape does not fit."""
    if len(tilde) == 0:
        raise ValueError(f"`{letter}_tilde` must have at least one image. Received: shape {tilde.shape}")
    because = f"{letter}_tilde of shape {tilde.shape}"
    plus = shaped(f"{letter}_plus", plus, tilde.shape, because)
    minus = shaped(f"{letter}_minus", minus, tilde.shape, because)
    w = matrix("w", w, "(C, K)")
    w = shaped("w", w, (tilde.shape[-1], w.shape[1]), because)
    return [tilde, plus, minus], w, None if b is None else shaped("b", b, w.shape[1:], f"w of shape {w.shape}")
