"""The cross-entropy for training ReID models."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from snr_keras.losses._batches import matrix
from snr_keras.losses._checks import outside, outside_of_tensors, tensor_of_labels
from snr_keras.scalars import is_number, plain


@keras.saving.register_keras_serializable(package="snr_keras")
class CrossEntropyLoss(keras.losses.Loss):
    """Label-smoothed cross-entropy of logits, with integer labels.

        -sum_k q_k log p_k      q_k = (1 - s) [k = label] + s / K

    Args:
        label_smoothing: Label smoothing s, in [0, 1]; at 1 the labels have no effect. Defaults to `0.1`.
        reduction: Reduction, as in any Keras loss. Defaults to the mean over the batch.
        name: Optional name.
        dtype: Dtype of the computation; Keras' float type by default.

    Call arguments:
        labels: Class of each image, (N,) or (N, 1), integers in [0, K). The range is not checked for a tensor of the
            backend.
        logits: Logits, (N, K).
        sample_weight: Optional weights of the images, (N,).

    Returns:
        A scalar.

    Raises:
        ValueError: If the label smoothing is out of range, the labels are not integers in [0, K), or the logits are not
            a floating matrix.

    Reference:

    - [Szegedy et al., 2016](https://arxiv.org/abs/1512.00567), sec. 7
    """

    def __init__(
        self,
        label_smoothing: float = 0.1,
        reduction: str = "sum_over_batch_size",
        name: str = "cross_entropy_loss",
        dtype: Any = None,
    ) -> None:
        if not is_number(label_smoothing) or not 0 <= label_smoothing <= 1:
            raise ValueError(f"Argument `label_smoothing` must be in [0, 1]. Received: {label_smoothing=}")
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.label_smoothing = plain(label_smoothing)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss, without Keras' cast of labels to its float type, which merges large ones in half precision."""
        logits = matrix("logits", y_pred)
        numbers = outside_of_tensors(y_true)
        if numbers is not None and numbers.dtype.kind in "iu" and outside(numbers, logits.shape[-1]):
            raise ValueError(
                f"`labels` must be in [0, {logits.shape[-1]}) to match logits of shape {tuple(logits.shape)}. "
                f"Received: labels from {numbers.min()} to {numbers.max()}"
            )
        labels = tensor_of_labels("labels", y_true)
        dtype = keras.backend.standardize_dtype(labels.dtype)
        if "int" not in dtype:
            raise ValueError(f"`labels` must be integers. Received: dtype={dtype!r}, shape={tuple(labels.shape)}")
        one_hot = ops.one_hot(ops.reshape(labels, (-1,)), logits.shape[-1], dtype=logits.dtype)
        return super().__call__(one_hot, logits, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each image, (N,), for labels that are already one-hot."""
        return keras.losses.categorical_crossentropy(
            y_true, y_pred, from_logits=True, label_smoothing=self.label_smoothing
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the loss."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
