"""The dual restitution loss."""

from __future__ import annotations

import numpy as np

from snr_ref.conformance.steps.elementary import Array
from snr_ref.conformance.steps.gradients import Gradients
from snr_ref.elementary import affine


class Restitution(Gradients):
    """The entropies of a classifier, compared for a batch or per pixel."""

    def dual_restitution_loss(
        self, f_tilde: Array, f_plus: Array, f_minus: Array, w: Array, b: Array | None = None
    ) -> tuple[Array, Array]:
        """L+ and L- for images."""
        return self._halves(
            *(self._of_images(self._entropy(self._classify(f, w, b))) for f in (f_tilde, f_plus, f_minus))
        )

    def pixelwise_dual_restitution_loss(
        self, F_tilde: Array, F_plus: Array, F_minus: Array, w: Array, b: Array | None = None
    ) -> tuple[Array, Array]:
        """L+ and L- for pixels."""
        return self._halves(
            *(self._of_pixels(self._entropy(self._classify(F, w, b))) for F in (F_tilde, F_plus, F_minus))
        )

    def dual_restitution_gradients(
        self, f_tilde: Array, f_plus: Array, f_minus: Array, w: Array, b: Array | None = None
    ) -> tuple[Array | None, ...]:
        """The gradients for images."""
        return self._back((f_tilde, f_plus, f_minus), w, b, self._of_images)

    def pixelwise_dual_restitution_gradients(
        self, F_tilde: Array, F_plus: Array, F_minus: Array, w: Array, b: Array | None = None
    ) -> tuple[Array | None, ...]:
        """The gradients for pixels."""
        return self._back((F_tilde, F_plus, F_minus), w, b, self._of_pixels)

    def _classify(self, f: Array, w: Array, b: Array | None) -> Array:
        return affine(f, w, b)

    def _entropy(self, logits: Array) -> Array:
        return -self._p_log_p(self._log_softmax(logits)).sum(axis=-1)

    def _p_log_p(self, log_p: Array) -> Array:
        return np.exp(log_p) * log_p

    def _of_images(self, h: Array) -> Array:
        return h.mean(keepdims=True)

    def _of_pixels(self, h: Array) -> Array:
        return h

    def _halves(self, tilde: Array, plus: Array, minus: Array) -> tuple[Array, Array]:
        return self._softplus(plus - tilde).mean(), self._softplus(self._fall(tilde, minus)).mean()

    def _fall(self, tilde: Array, minus: Array) -> Array:
        return tilde - minus

    def _slope(self, logits: Array) -> Array:
        log_p = self._log_softmax(logits)
        return -np.exp(log_p) * (log_p + self._entropy(logits)[..., np.newaxis])

    def _back(
        self, features: tuple[Array, ...], w: Array, b: Array | None, compared: object
    ) -> tuple[Array | None, ...]:
        logits = [self._classify(f, w, b) for f in features]
        tilde, plus, minus = (compared(self._entropy(x)) for x in logits)  # type: ignore[operator]
        up, down = self._sigmoid(plus - tilde), self._sigmoid(tilde - minus)
        rows = logits[0].size // logits[0].shape[-1]
        in_logits = [
            weight[..., np.newaxis] / rows * self._slope(x)
            for weight, x in zip((down - up, up, -down), logits, strict=True)
        ]
        flat = [
            (f.reshape(-1, f.shape[-1]), x.reshape(-1, x.shape[-1])) for f, x in zip(features, in_logits, strict=True)
        ]
        by_w = sum(f.T @ x for f, x in flat)
        by_b = None if b is None else sum(x.sum(axis=0) for _, x in flat)
        return (*(x @ w.T for x in in_logits), by_w, by_b)
