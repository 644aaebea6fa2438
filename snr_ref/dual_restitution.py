"""The dual restitution loss: the follow-up paper's dual constraint, on the entropies of a classifier.

Restitution should make a classifier surer than normalization alone leaves it, and contamination less sure. Images have
no positives and negatives here, which is why it serves classification, and pixel by pixel segmentation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from snr_ref._checks import feature_map, matrix, shaped
from snr_ref.elementary import log_softmax, sigmoid, softplus


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
    """L+ and L- of one module, over a batch of images to be classified.

    With one auxiliary classifier phi(f) = softmax(f W + b) of the module, the same for all three embeddings, and
    H(f) the mean over the images of the entropy of phi:

        L+ = Softplus(H(f~+) - H(f~))
        L- = Softplus(H(f~) - H(f~-))

    Mind the collapse: f~ is beta for every image, so H(f~) says nothing about any of them.

    Args:
        f_tilde: f~, (N, C), N at least 1.
        f_plus: f~+, (N, C).
        f_minus: f~-, (N, C).
        w: W of the classifier, (C, K).
        b: Its bias, (K,), or None.

    Returns:
        L+ and L-, in nats, and their sum as `.total`.

    Raises:
        ValueError: If an argument is not floating, there is no image, or a shape does not fit the others.

    Source:
        Jin et al., "Style Normalization and Restitution for Domain Generalization and Adaptation", arXiv 2101.00588;
        that means are compared is from its public code.
    """
    embeddings, w, b = check_embeddings(f_tilde, f_plus, f_minus, w, b)
    H_tilde, H_plus, H_minus = (entropy(classifier_logits(f, w, b)).mean() for f in embeddings)
    return DualRestitution(plus=loss_plus(H_tilde, H_plus), minus=loss_minus(H_tilde, H_minus))


@np.errstate(invalid="ignore")
def pixelwise_dual_restitution_loss(
    F_tilde: np.ndarray, F_plus: np.ndarray, F_minus: np.ndarray, w: np.ndarray, b: np.ndarray | None = None
) -> DualRestitution:
    """L+ and L- of one module, over a batch of images whose pixels are to be classified.

    With h the entropy at a pixel of phi(F) = softmax(F W + b):

        L+ = mean over images and pixels of Softplus(h(F~+) - h(F~))
        L- = mean over images and pixels of Softplus(h(F~) - h(F~-))

    Each pixel is compared with itself. No collapse here: F~ is not the same at every pixel.

    Args:
        F_tilde: F~, (N, *S, C), N at least 1.
        F_plus: F~+, of the same shape.
        F_minus: F~-, of the same shape.
        w: W of the classifier, (C, K).
        b: Its bias, (K,), or None.

    Returns:
        L+ and L-, in nats, and their sum as `.total`.

    Raises:
        ValueError: If an argument is not floating, there is no image, or a shape does not fit the others.

    Source:
        Jin et al., arXiv 2101.00588. Its public code has a loss of this name that is never called, fails if it is, and
        sums the entropies of all pixels before one softplus.
    """
    maps, w, b = check_maps(F_tilde, F_plus, F_minus, w, b)
    h_tilde, h_plus, h_minus = (entropy(classifier_logits(F, w, b)) for F in maps)
    return DualRestitution(plus=loss_plus(h_tilde, h_plus), minus=loss_minus(h_tilde, h_minus))


def loss_plus(H_tilde: np.ndarray, H_plus: np.ndarray) -> float:
    """L+ = Softplus(H(f~+) - H(f~)), a mean where entropies of many pixels are compared.

    Args:
        H_tilde: H(f~): one number, or (N, *S).
        H_plus: H(f~+), likewise.

    Returns:
        L+.
    """
    return softplus(H_plus - H_tilde).mean()


def loss_minus(H_tilde: np.ndarray, H_minus: np.ndarray) -> float:
    """L- = Softplus(H(f~) - H(f~-)), a mean where entropies of many pixels are compared.

    Args:
        H_tilde: H(f~): one number, or (N, *S).
        H_minus: H(f~-), likewise.

    Returns:
        L-.
    """
    return softplus(H_tilde - H_minus).mean()


def classifier_logits(f: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """The logits f W + b of the auxiliary classifier.

    Args:
        f: (..., C).
        w: (C, K).
        b: (K,) or None.

    Returns:
        (..., K).
    """
    return f @ w if b is None else f @ w + b


def entropy(logits: np.ndarray) -> np.ndarray:
    """The entropy h = -sum over k of p_k log p_k, p = softmax(logits), in [0, ln K].

    Args:
        logits: (..., K), finite.

    Returns:
        (...), in nats.

    Raises:
        ValueError: If the logits are not floating.
    """
    log_p = log_softmax(logits)
    return (np.exp(log_p) * -log_p).sum(axis=-1)


def entropy_slope(logits: np.ndarray) -> np.ndarray:
    """The gradient of `entropy` in the logits: dh/dl_k = -p_k (log p_k + h).

    Args:
        logits: (..., K), finite.

    Returns:
        (..., K).

    Raises:
        ValueError: If the logits are not floating.
    """
    log_p = log_softmax(logits)
    return -np.exp(log_p) * (log_p + entropy(logits)[..., np.newaxis])


@np.errstate(invalid="ignore")
def dual_restitution_gradients(
    f_tilde: np.ndarray, f_plus: np.ndarray, f_minus: np.ndarray, w: np.ndarray, b: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """The gradients of L+ + L- of `dual_restitution_loss`.

    With N images, every row of the logits of f~+ gets

        Sigmoid(H(f~+) - H(f~)) / N dh/dl

    those of f~- get -Sigmoid(H(f~) - H(f~-)) / N dh/dl, and those of f~ the negative sum of the two factors; from
    there through f W + b.

    Args:
        f_tilde: f~, (N, C), N at least 1.
        f_plus: f~+, (N, C).
        f_minus: f~-, (N, C).
        w: (C, K).
        b: (K,) or None.

    Returns:
        The gradients of f~, f~+, f~-, w and b; that of an absent bias is None.

    Raises:
        ValueError: As `dual_restitution_loss`.
    """
    embeddings, w, b = check_embeddings(f_tilde, f_plus, f_minus, w, b)
    return _gradients(embeddings, w, b, lambda h: h.mean())


@np.errstate(invalid="ignore")
def pixelwise_dual_restitution_gradients(
    F_tilde: np.ndarray, F_plus: np.ndarray, F_minus: np.ndarray, w: np.ndarray, b: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """The gradients of L+ + L- of `pixelwise_dual_restitution_loss`.

    As `dual_restitution_gradients`, with h at the pixel in place of H, and the number of all pixels in place of N.

    Args:
        F_tilde: F~, (N, *S, C), N at least 1.
        F_plus: F~+, of the same shape.
        F_minus: F~-, of the same shape.
        w: (C, K).
        b: (K,) or None.

    Returns:
        The gradients of F~, F~+, F~-, w and b; that of an absent bias is None.

    Raises:
        ValueError: As `pixelwise_dual_restitution_loss`.
    """
    maps, w, b = check_maps(F_tilde, F_plus, F_minus, w, b)
    *by_pixel, dw, db = _gradients([F.reshape(-1, F.shape[-1]) for F in maps], w, b, lambda h: h)
    dF_tilde, dF_plus, dF_minus = (dF.reshape(maps[0].shape) for dF in by_pixel)
    return dF_tilde, dF_plus, dF_minus, dw, db


def check_embeddings(
    f_tilde: np.ndarray, f_plus: np.ndarray, f_minus: np.ndarray, w: np.ndarray, b: np.ndarray | None
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray | None]:
    """The embeddings and the classifier, once their shapes are known to fit.

    Args:
        f_tilde: f~, (N, C).
        f_plus: f~+, (N, C).
        f_minus: f~-, (N, C).
        w: (C, K).
        b: (K,) or None.

    Returns:
        The three embeddings, w and b, floating.

    Raises:
        ValueError: If a shape does not fit; it names the shapes.
    """
    f_tilde = matrix("f_tilde", f_tilde, "(N, C)")
    return _check("f", f_tilde, f_plus, f_minus, w, b)


def check_maps(
    F_tilde: np.ndarray, F_plus: np.ndarray, F_minus: np.ndarray, w: np.ndarray, b: np.ndarray | None
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray | None]:
    """The maps and the classifier, once their shapes are known to fit.

    Args:
        F_tilde: F~, (N, *S, C).
        F_plus: F~+, of the same shape.
        F_minus: F~-, of the same shape.
        w: (C, K).
        b: (K,) or None.

    Returns:
        The three maps, w and b, floating.

    Raises:
        ValueError: If a shape does not fit; it names the shapes.
    """
    return _check("F", feature_map("F_tilde", F_tilde), F_plus, F_minus, w, b)


def _check(
    letter: str, tilde: np.ndarray, plus: np.ndarray, minus: np.ndarray, w: np.ndarray, b: np.ndarray | None
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray | None]:
    if len(tilde) == 0:
        raise ValueError(f"`{letter}_tilde` must have at least one image. Received: shape {tilde.shape}")
    because = f"{letter}_tilde of shape {tilde.shape}"
    plus = shaped(f"{letter}_plus", plus, tilde.shape, because)
    minus = shaped(f"{letter}_minus", minus, tilde.shape, because)
    w = matrix("w", w, "(C, K)")
    w = shaped("w", w, (tilde.shape[-1], w.shape[1]), because)
    return [tilde, plus, minus], w, None if b is None else shaped("b", b, w.shape[1:], f"w of shape {w.shape}")


def _gradients(
    features: list[np.ndarray], w: np.ndarray, b: np.ndarray | None, compared: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """The gradients for rows of features, (T, C), of which `compared` makes what is compared of their entropies."""
    logits = [classifier_logits(f, w, b) for f in features]
    H_tilde, H_plus, H_minus = (compared(entropy(rows)) for rows in logits)
    plus, minus = sigmoid(H_plus - H_tilde), sigmoid(H_tilde - H_minus)
    dl_tilde, dl_plus, dl_minus = (
        np.reshape(dH / len(rows), (-1, 1)) * entropy_slope(rows)
        for dH, rows in zip((minus - plus, plus, -minus), logits, strict=True)
    )
    dw = sum(f.T @ dl for f, dl in zip(features, (dl_tilde, dl_plus, dl_minus), strict=True))
    db = None if b is None else (dl_tilde + dl_plus + dl_minus).sum(axis=0)
    return dl_tilde @ w.T, dl_plus @ w.T, dl_minus @ w.T, dw, db
