"""The dual restitution loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from snr_keras.losses._batches import refuse_weights


@keras.saving.register_keras_serializable(package="snr_keras")
class DualRestitutionLoss(keras.losses.Loss):
    """L_SNR = L+ + L- of one SNR layer, for classification and segmentation: the entropy form of the dual constraint.

    A classifier, shared by the three kinds of features, should be more certain of the restituted features than of the
    normalized ones, and less certain of the contaminated ones. With H the mean over the images of the entropy of
    softmax:

        L+ = softplus(H(l~+) - H(l~))
        L- = softplus(H(l~) - H(l~-))

    Per pixel, the entropies at each pixel are compared, and the mean is over all pixels of all images.

    Without `per_pixel` the logits are those of the embeddings, which a layer returns with `return_embeddings=True`.
    Since f~ is beta for every image, H(l~) does not depend on the images. With `per_pixel` the logits are those of the
    maps, which a layer returns with `return_maps=True`; classes are the last axis.

    Entropies make a classifier certain, not right. Add a cross-entropy on one of its outputs, or on all.

    Args:
        per_pixel: Whether the logits have spatial axes, and pixels are compared. Defaults to `False`.
        name: Optional name.

    Call arguments:
        labels: Ignored, may be `None`: entropies need no labels, but Keras' losses have them.
        logits: l~, l~+ and l~-, a sequence of three tensors, (N, K), or (N, *S, K) per pixel.

    Returns:
        A scalar, in float32 (float64 for float64 logits); 0 for an empty batch.

    Raises:
        ValueError: If the logits are not three floating tensors of one shape and of that rank, or there is a sample
            weight.

    Example:
    >>> maps = keras.random.normal((8, 16, 8, 64))
    >>> y, embeddings = SNR()(maps, return_embeddings=True)
    >>> classifier = keras.layers.Dense(10)
    >>> loss = DualRestitutionLoss()(None, [classifier(f) for f in embeddings])

    Reference:

    - [Jin et al., 2021](https://arxiv.org/abs/2101.00588)
    """

    def __init__(self, per_pixel: bool = False, name: str = "dual_restitution_loss") -> None:
        super().__init__(name=name)
        self.per_pixel = bool(per_pixel)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss, although Keras would take the three tensors for three predictions."""
        refuse_weights(sample_weight)
        return self.call(y_true, y_pred)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The scalar loss; see the class."""
        plus, minus = self.terms(y_true, y_pred)
        return plus + minus

    def terms(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        """L+ and L- separately.

        Args:
            labels: Ignored, as for a call.
            logits: Logits, as for a call.

        Returns:
            L+ and L-, two scalars.

        Raises:
            ValueError: As for a call.
        """
        tilde, plus, minus = (self._compared(_entropy(tensor)) for tensor in self._tensors(logits))
        return _mean(ops.softplus(plus - tilde)), _mean(ops.softplus(tilde - minus))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the loss."""
        return {"per_pixel": self.per_pixel, "name": self.name}

    def _tensors(self, logits: Any) -> list[Any]:
        """The three tensors of logits, in at least float32."""
        tensors = [ops.convert_to_tensor(tensor) for tensor in logits]
        dtypes = [keras.backend.standardize_dtype(tensor.dtype) for tensor in tensors]
        shapes = [tuple(tensor.shape) for tensor in tensors]
        ranks = {len(shape) for shape in shapes}
        of_the_rank = len(ranks) == 1 and (min(ranks) >= 3 if self.per_pixel else ranks == {2})
        if len(tensors) != 3 or not of_the_rank or not all("float" in dtype for dtype in dtypes):
            expected = "(N, *S, K) with at least one spatial axis" if self.per_pixel else "(N, K)"
            raise ValueError(
                f"`logits` must be three floating-point tensors of shape {expected}. "
                f"Received: dtypes {dtypes}, shapes {shapes}"
            )
        if len({shape for shape in shapes if None not in shape}) > 1:
            raise ValueError(f"`logits` must be three tensors of one shape. Received: shapes {shapes}")
        return [
            ops.cast(tensor, "float64" if dtype == "float64" else "float32")
            for tensor, dtype in zip(tensors, dtypes, strict=True)
        ]

    def _compared(self, entropies: Any) -> Any:
        """The entropies to compare: each one, or their mean in place of each."""
        return entropies if self.per_pixel else ops.broadcast_to(_mean(entropies), ops.shape(entropies))


def _entropy(logits: Any) -> Any:
    log_p = ops.log_softmax(logits, axis=-1)
    return -ops.sum(ops.exp(log_p) * log_p, axis=-1)


def _mean(x: Any) -> Any:
    """The mean, 0 if there is nothing; `ops.mean` computes in float32 on JAX."""
    return ops.sum(x) / ops.cast(ops.maximum(ops.size(x), 1), x.dtype)
