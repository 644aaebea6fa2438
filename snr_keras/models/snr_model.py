"""A functional model that `compile` and `fit` train with the losses of its SNR layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from snr_keras.layers import SNREmbeddings
from snr_keras.losses import DualCausalityLoss
from snr_keras.models.graph import made_by
from snr_keras.scalars import is_number


@keras.saving.register_keras_serializable(package="snr_keras")
class SNRModel(keras.Model):
    """A functional model whose training adds the dual causality loss of each of its SNR layers to the task's.

        L = L_task + sum over the layers of lambda_b (L+ + L-)

    What `insert_snr` and `reid_model` build are such models. In your own, the output is a dictionary whose `"snr"`
    holds the `SNREmbeddings`, a list of them or a dictionary; everything else in it is the task's.

    The loss and the metrics of `compile` are those of the task and see its outputs only, so that they are what they
    would be for the network without SNR: with one output that is the output itself. With several, labels that are a
    single tensor are those of every output that has a loss. Two metrics for each SNR layer are added, `..._plus` (L+)
    and `..._minus` (L-), before their weight; they are 0 for a batch without a pair of images of one class.

    A batch has to have several images of a class, and several classes. Weights of samples and classes are those of the
    task's loss: the dual causality loss compares images, and has none.

    Example:
    >>> model = insert_snr(keras.applications.MobileNetV3Small(weights=None, classes=10))
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> model.fit(images, labels)
    """

    def compile(
        self,
        *args: Any,
        snr_weights: float | Sequence[float] | None = None,
        snr_loss: keras.losses.Loss | None = None,
        identities: str | Callable[[Any], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """As for any Keras model, and how its SNR layers are trained.

        Args:
            *args: As in `keras.Model.compile`: optimizer, loss, loss_weights, metrics, ...
            snr_weights: lambda: one number for all SNR layers, or one for each, in order. By default those of the
                paper: 0.5 for the last two and 0.1 for those before.
            snr_loss: Of an SNR layer: has `terms(labels, embeddings)`, the two scalars L+ and L-. Defaults to
                `DualCausalityLoss()`.
            identities: What L_SNR takes for the labels: by default `y` of `fit`, which must then be integers, (N,) or
                (N, 1). A name takes `y[name]`; a function makes them of `y`, as of one-hot labels.
            **kwargs: As in `keras.Model.compile`.

        Raises:
            ValueError: If the weights are not numbers of at least 0, one or as many as there are layers.
        """
        names = list(self._embeddings(self.output))
        weights = _weights(snr_weights, names)
        parts = {f"{name}_{part}": keras.metrics.Mean(f"{name}_{part}") for name in names for part in ("plus", "minus")}
        self._snr = _Settings(weights, snr_loss or DualCausalityLoss(), identities, parts)
        self.output_names = list(self._of_task(self.output))  # those that losses and metrics are named for
        super().compile(*args, **kwargs)

    @property
    def network(self) -> keras.Model:
        """The network for use: it shares the weights, and puts out no embeddings.

        Its output is the task's: the output itself if there is one, else a dictionary.
        """
        outputs = self._of_task(self.output)
        return keras.Model(self.input, _alone(outputs), name=f"{self.name}_network")

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Those of the task, then L+ and L- of each SNR layer."""
        return [*super().metrics, *(self._snr.parts.values() if self.compiled else ())]

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The task's loss plus the weighted losses of the SNR layers: a scalar.

        Raises:
            ValueError: If the labels are no identities, see `compile`; or on a `tf.distribute` strategy of several
                replicas, each of which would compare the images of its own part of a batch.
        """
        if getattr(getattr(self, "distribute_strategy", None), "num_replicas_in_sync", 1) > 1:
            raise ValueError(
                "With `fit`, each replica of a tf.distribute strategy would compare the images of its own part of a "
                "batch: `snr_keras.training.make_train_step` compares those of the whole batch. "
                f"Received: a model in the scope of {self.distribute_strategy!r}"
            )
        labels, outputs = self._for_task(y, y_pred)
        total = super().compute_loss(x, labels, outputs, sample_weight, training)
        for (name, triple), weight in zip(self._embeddings(y_pred).items(), self._snr.weights, strict=True):
            # A model that was loaded from a file puts out plain sequences where it had named tuples.
            embeddings = SNREmbeddings(*triple)
            plus, minus = self._snr.loss.terms(_labels(y, self._snr.identities), embeddings)
            for part, value in (("plus", plus), ("minus", minus)):
                count = ops.shape(embeddings.f_plus)[0]
                self._snr.parts[f"{name}_{part}"].update_state(ops.stop_gradient(value), sample_weight=count)
            if weight:
                total += ops.cast(weight * (plus + minus), total.dtype)
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """The metrics of `compile` on the task's outputs, and the parts of the loss."""
        return super().compute_metrics(x, *self._for_task(y, y_pred), sample_weight)

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was called with."""
        config = super().get_compile_config()
        if config:
            own = {"snr_weights": self._snr.weights, "snr_loss": self._snr.loss, "identities": self._snr.identities}
            config |= {name: keras.saving.serialize_keras_object(value) for name, value in own.items()}
        return config

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile with what `get_compile_config` gave."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def _embeddings(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """By names that are those of the layers: the keys, or where there are none, what made them."""
        embeddings = outputs.get("snr", {})
        if isinstance(embeddings, Mapping):
            return dict(embeddings)
        names = [made_by(triple[0]) for triple in self.output["snr"]]
        return dict(zip(names, embeddings, strict=True))

    def _of_task(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        return {name: output for name, output in outputs.items() if name != "snr"}

    def _for_task(self, y: Any, y_pred: Mapping[str, Any]) -> tuple[Any, Any]:
        """Labels and outputs as the task's losses and metrics take them."""
        outputs = self._of_task(y_pred)
        if isinstance(y, Mapping):
            return {name: y[name] for name in outputs if name in y}, outputs
        if len(outputs) == 1 or y is None:
            return y, _alone(outputs)
        return dict.fromkeys(outputs, y), outputs


@dataclass(frozen=True)
class _Settings:
    weights: list[float]
    loss: Any
    identities: Any
    parts: dict[str, keras.metrics.Metric]


def _alone(outputs: dict[str, Any]) -> Any:
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def _weights(given: float | Sequence[float] | None, names: Sequence[str]) -> list[float]:
    if given is None:
        return [0.1 if later > 2 else 0.5 for later in range(len(names), 0, -1)]
    weights = list(given) if isinstance(given, Iterable) else [given] * len(names)
    if len(weights) != len(names) or not all(is_number(weight) and weight >= 0 for weight in weights):
        raise ValueError(
            "`snr_weights` must be a number of at least 0, or one for each SNR layer. "
            f"Received: snr_weights={given!r} for {len(names)} layers: {', '.join(names)}"
        )
    return [float(weight) for weight in weights]


def _labels(y: Any, identities: str | Callable[[Any], Any] | None) -> Any:
    labels = y if identities is None else y[identities] if isinstance(identities, str) else identities(y)
    dtype = getattr(labels, "dtype", None)
    if dtype is None or "int" not in keras.backend.standardize_dtype(dtype):
        received = sorted(labels) if isinstance(labels, Mapping) else f"dtype {dtype}" if dtype else labels
        raise ValueError(
            "L_SNR compares images of one identity or class with others: its labels must be integers, (N,) or (N, 1). "
            "Where `y` is something else, `identities` of `compile` says what they are: a name for y[name], or a "
            "function of y, such as one that takes the argmax of one-hot labels. "
            f"Received: {received}, with identities={identities!r}"
        )
    return labels
