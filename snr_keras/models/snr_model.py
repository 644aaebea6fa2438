"""A functional model that `compile` and `fit` train with the losses of its SNR layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from snr_keras.layers import SNR, SNREmbeddings
from snr_keras.losses import DualCausalityLoss, DualRestitutionLoss
from snr_keras.models.graph import by_name, made_by
from snr_keras.models.network import SNRNetwork
from snr_keras.scalars import is_number


@keras.saving.register_keras_serializable(package="snr_keras")
class SNRModel(keras.Model):
    """A functional model whose training loss includes the dual causality loss of each of its SNR layers.

        L = L_task + sum over the layers of lambda_b (L+ + L-)

    `insert_snr` and `reid_model` build such models. In a model of your own, the output is a dictionary whose `"snr"` is
    one `SNREmbeddings`, a list of them or a dictionary; everything else in it belongs to the task. Any other output
    belongs to the task as a whole.

    The loss and the metrics of `compile` are those of the task and see its outputs only, as they would without SNR.
    With one output they see the output itself. With several, losses, metrics, labels and sample weights are
    dictionaries by the names of the outputs, or lists or tuples with one entry per output, in the order of
    `model.output`; a single tensor of labels applies to every output that has a loss. Two metrics for each SNR layer
    are added, `..._plus` (L+) and `..._minus` (L-), before weighting; they are 0 for a batch without a pair of images
    of one class.

    A batch must have several images of a class, and several classes. Sample and class weights apply to the task's loss
    only: the dual causality loss compares images and has none.

    Example:
    >>> model = insert_snr(keras.applications.MobileNetV3Small(weights=None, classes=10))
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> model.fit(images, labels)
    """

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        *,
        snr_weights: float | Sequence[float] | None = None,
        snr_loss: Any = None,
        identities: str | Callable[[Any], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Compile as any Keras model, and configure the training of its SNR layers.

        Args:
            optimizer: As in `keras.Model.compile`.
            loss: As in `keras.Model.compile`, for the task's outputs.
            loss_weights: As in `keras.Model.compile`.
            metrics: As in `keras.Model.compile`, for the task's outputs.
            weighted_metrics: As in `keras.Model.compile`, for the task's outputs.
            snr_weights: Weights lambda: one number for all SNR layers, or one for each, in order. Defaults to the
                paper's: 0.5 for the last two and 0.1 for those before.
            snr_loss: Loss of an SNR layer, with a method `terms(labels, embeddings)` that returns the scalars L+ and
                L-. Defaults to `DualCausalityLoss()`.
            identities: Labels of L_SNR. By default `y` of `fit`, which must then be integers, (N,) or (N, 1). A name
                selects `y[name]`, or from a list of labels those of the output with that name; a function computes them
                from `y`, for example from one-hot labels.
            **kwargs: As in `keras.Model.compile`.

        Raises:
            TypeError: If `snr_loss` or `identities` is none of these.
            ValueError: If the weights are not numbers of at least 0, one or as many as there are layers; if a list does
                not have one entry per output; if `"snr"` holds something other than embeddings; or if it lacks the
                embeddings of some SNR layers, which would train without their loss.
        """
        names = list(self._embeddings(self.output))
        self._check_all_have_losses(names)
        weights = dict(zip(names, _weights(snr_weights, names), strict=True))
        parts = {f"{name}_{part}": keras.metrics.Mean(f"{name}_{part}") for name in names for part in ("plus", "minus")}
        self._snr = _Settings(weights, _loss(snr_loss), _identities(identities), parts)
        self.output_names = list(self._of_task(self.output))  # the names of losses and metrics
        of_task = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
        }
        if len(self.output_names) > 1:
            of_task = {argument: self._by_output(argument, value) for argument, value in of_task.items()}
        super().compile(optimizer, **of_task, **kwargs)

    @property
    def network(self) -> SNRNetwork:
        """The network for inference, which shares the weights and returns no embeddings.

        Its output is the task's: the output itself if there is one, else a dictionary.
        """
        outputs = self._of_task(self.output)
        return SNRNetwork(self.input, _alone(outputs), name=f"{self.name}_network")

    def export(self, filepath: Any, format: str = "tf_saved_model", **kwargs: Any) -> None:
        """Export the `network`, without the embeddings: see `SNRNetwork.export`."""
        self.network.export(filepath, format, **kwargs)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics of the task, then L+ and L- of each SNR layer."""
        return [*super().metrics, *(self._snr.parts.values() if self.compiled else ())]

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The task's loss plus the weighted losses of the SNR layers: a scalar.

        Raises:
            ValueError: If the labels are not identities, see `compile`; if a list does not have one entry per output;
                or on a `tf.distribute` strategy of several replicas, each of which would compare only the images of its
                own part of a batch.
        """
        if getattr(getattr(self, "distribute_strategy", None), "num_replicas_in_sync", 1) > 1:
            raise ValueError(
                "With `fit`, each replica of a tf.distribute strategy would compare only the images of its own part of "
                "a batch: use `snr_keras.reid.training.step.make_train_step`, which compares the whole batch. "
                f"Received: a model in the scope of {self.distribute_strategy!r}"
            )
        total = super().compute_loss(x, *self._for_task(y, y_pred, sample_weight), training)
        embeddings_of = self._embeddings(y_pred)
        for name, weight in self._snr.weights.items():
            # A model loaded from a file returns plain sequences in place of named tuples.
            embeddings = SNREmbeddings(*embeddings_of[name])
            plus, minus = self._snr.loss.terms(self._labels(y), embeddings)
            for part, value in (("plus", plus), ("minus", minus)):
                count = ops.shape(embeddings.f_plus)[0]
                self._snr.parts[f"{name}_{part}"].update_state(ops.stop_gradient(value), sample_weight=count)
            if weight:
                total += ops.cast(weight * (plus + minus), total.dtype)
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """The metrics of `compile` on the task's outputs, and the parts of the loss."""
        return super().compute_metrics(x, *self._for_task(y, y_pred, sample_weight))

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile`."""
        config = super().get_compile_config()
        if config:
            own = {
                "snr_weights": list(self._snr.weights.values()),
                "snr_loss": self._snr.loss,
                "identities": self._snr.identities,
            }
            config |= {name: keras.saving.serialize_keras_object(value) for name, value in own.items()}
        return config

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile with the result of `get_compile_config`."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def _embeddings(self, outputs: Any) -> dict[str, Any]:
        """The embeddings by the names of the layers: the keys, or else the names of the layers that made them."""
        if not isinstance(outputs, Mapping) or "snr" not in outputs:
            return {}
        snr = outputs["snr"]
        found = list(snr.values()) if isinstance(snr, Mapping) else _listed(snr)
        if not isinstance(found, list | tuple) or not all(_is_triple(embeddings) for embeddings in found):
            raise ValueError(
                'The output "snr" must be the `SNREmbeddings` of an SNR layer, or a list or a dictionary of them. '
                f"Received: {snr}"
            )
        if isinstance(snr, Mapping):
            return dict(snr)
        return by_name([made_by(embeddings[0]).name for embeddings in _listed(self.output["snr"])], found)

    def _check_all_have_losses(self, names: Sequence[str]) -> None:
        layers = [layer.name for layer in self._flatten_layers() if isinstance(layer, SNR) and layer.trainable_weights]
        if len(layers) > len(names):
            raise ValueError(
                'SNR layers whose embeddings are not in the output "snr" would train without their loss: put them '
                "there, or freeze the layers (`trainable = False`). "
                f"Received: SNR layers {', '.join(layers)} and embeddings {', '.join(names) or 'of none'}"
            )

    def _of_task(self, outputs: Any) -> dict[str, Any]:
        """The task's outputs by their names: the keys, or else the names of the layers that made them."""
        if isinstance(outputs, Mapping):
            return {name: output for name, output in outputs.items() if name != "snr"}
        return by_name([made_by(tensor).name for tensor in self.outputs], keras.tree.flatten(outputs))

    def _by_output(self, argument: str, value: Any) -> Any:
        """A list or tuple as a dictionary by the names of the task's outputs; anything else unchanged."""
        if not isinstance(value, list | tuple):
            return value
        names = list(self._of_task(self.output))
        if len(value) != len(names):
            raise ValueError(
                f"`{argument}` must have one entry per output, in their order, if it is a list: {', '.join(names)}. "
                f"Received: {len(value)}"
            )
        return dict(zip(names, value, strict=True))

    def _for_task(self, y: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
        """Labels, outputs and sample weights in the form that the task's losses and metrics take."""
        outputs = self._of_task(y_pred)
        y, sample_weight = self._by_output("y", y), self._by_output("sample_weight", sample_weight)
        if len(outputs) == 1:
            (name,) = outputs
            y, sample_weight = (
                value[name] if isinstance(value, Mapping) and name in value else value for value in (y, sample_weight)
            )
        elif isinstance(y, Mapping):
            y = {name: y[name] for name in outputs if name in y}
        elif y is not None:
            y = dict.fromkeys(outputs, y)
        return y, _alone(outputs), sample_weight

    def _labels(self, y: Any) -> Any:
        """The labels of the dual causality loss."""
        identities = self._snr.identities
        if callable(identities):
            labels = identities(y)
        elif identities is None:
            labels = next(iter(y), None) if isinstance(y, list | tuple) and len(y) == 1 else y
        else:
            named = self._by_output("y", y)
            if not isinstance(named, Mapping) or identities not in named:
                there = f"{', '.join(named)}" if isinstance(named, Mapping) else "no dictionary and no list"
                raise ValueError(
                    "`identities` must name labels in `y`, or be a function of `y`. "
                    f"Received: identities={identities!r}, with y of {there}"
                )
            labels = named[identities]
        return _integers(labels, identities)


@dataclass(frozen=True)
class _Settings:
    weights: dict[str, float]  # by the names of the embeddings
    loss: Any
    identities: Any
    parts: dict[str, keras.metrics.Metric]


def _alone(outputs: dict[str, Any]) -> Any:
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def _listed(snr: Any) -> Any:
    """The embeddings of several layers, or of one, as a sequence of embeddings."""
    return [snr] if _is_triple(snr) else snr


def _is_triple(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 3
        and not any(keras.tree.is_nested(tensor) for tensor in value)
    )


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


def _loss(given: Any) -> Any:
    if given is None:
        return DualCausalityLoss()
    if isinstance(given, type | DualRestitutionLoss) or not callable(getattr(given, "terms", None)):
        raise TypeError(
            "`snr_loss` must have `terms(labels, embeddings)`, which returns two scalars, as in `DualCausalityLoss()`. "
            "`DualRestitutionLoss` takes logits, not embeddings: use it in a training loop of your own. "
            f"Received: snr_loss={given!r}"
        )
    return given


def _identities(given: Any) -> Any:
    if given is not None and not isinstance(given, str) and not callable(given):
        raise TypeError(
            "`identities` must be the name of labels in `y`, a function of `y`, or None. "
            f"Received: identities={given!r}"
        )
    return given


def _integers(labels: Any, identities: Any) -> Any:
    dtype, shape = getattr(labels, "dtype", None), getattr(labels, "shape", ())
    of_integers = dtype is not None and "int" in keras.backend.standardize_dtype(dtype)
    if not of_integers or len(shape) not in (1, 2) or tuple(shape[1:]) not in ((), (1,)):
        received = sorted(labels) if isinstance(labels, Mapping) else f"dtype {dtype}, shape {tuple(shape)}"
        raise ValueError(
            "L_SNR compares images by identity or class: its labels must be integers, (N,) or (N, 1). If `y` is "
            "different, set `identities` of `compile`: a name for y[name], or a function of y, such as the argmax of "
            "one-hot labels. "
            f"Received: {received if dtype or isinstance(labels, Mapping) else labels}, with identities={identities!r}"
        )
    return labels
