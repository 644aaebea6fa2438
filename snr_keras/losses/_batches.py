"""Common parts of the metric losses: labels, pairs and the precision of the computation."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from snr_keras.losses._checks import numbered, tensor_of_labels


def floating(name: str, value: Any, axes: str = "(N, C)") -> Any:
    """A floating matrix in at least float32; `axes` names its axes.

    Raises:
        ValueError: If it is not a floating matrix.
    """
    value = matrix(name, value, axes)
    return ops.cast(value, "float64" if keras.backend.standardize_dtype(value.dtype) == "float64" else "float32")


def matrix(name: str, value: Any, axes: str = "(N, C)") -> Any:
    """A floating matrix in its own dtype; `axes` names its axes.

    Raises:
        ValueError: If it is not a floating matrix.
    """
    value = ops.convert_to_tensor(value)
    dtype = keras.backend.standardize_dtype(value.dtype)
    if len(value.shape) != 2 or "float" not in dtype:
        raise ValueError(
            f"`{name}` must be floating-point, of shape {axes}. Received: dtype={dtype!r}, shape={tuple(value.shape)}"
        )
    return value


def pairs(labels: Any, length: int | None) -> tuple[Any, Any]:
    """Positive pairs (two images of one identity) and negative pairs (two identities), both (N, N), bool.

    Args:
        labels: Identities, (N,) or (N, 1), of any integer dtype and size, unless they are a tensor of the backend.
        length: Number of images N, if it is known.

    Raises:
        ValueError: If the labels are not integers, or not one per row.
    """
    labels = tensor_of_labels("labels", numbered(labels))
    dtype, shape = keras.backend.standardize_dtype(labels.dtype), tuple(labels.shape)
    if "int" not in dtype or len(shape) not in (1, 2) or shape[1:] not in ((), (1,)) or _differ(shape[0], length):
        raise ValueError(
            f"`labels` must be integers of shape (N,) or (N, 1), with N={length} as in the embeddings. "
            f"Received: dtype={dtype!r}, shape={shape}"
        )
    labels = ops.reshape(labels, (-1,))
    same = ops.expand_dims(labels, 1) == ops.expand_dims(labels, 0)
    self = ops.eye(ops.shape(labels)[0], dtype="bool")
    return ops.logical_and(same, ops.logical_not(self)), ops.logical_not(same)


def refuse_weights(sample_weight: Any) -> None:
    """Refuse a `sample_weight`, which has no meaning for a loss of pairs of samples or of means over a batch.

    Raises:
        ValueError: If there is a sample weight.
    """
    if sample_weight is not None:
        raise ValueError(
            "`sample_weight` must be None: this loss is defined for the batch as a whole. Received: a sample weight"
        )


def _differ(a: int | None, b: int | None) -> bool:
    return a is not None and b is not None and a != b
