"""SNR in any functional Keras model."""

from __future__ import annotations

import difflib
import math
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import Any, Literal

import keras

from snr_keras.layers import SNR, SNREmbeddings
from snr_keras.models.graph import by_name, free_name, graph_of, has_kernel, links, operations
from snr_keras.models.snr_model import SNRModel
from snr_keras.models.stages import stage_ends

IDENTITY_GATE = 0.9999
"""The gate a of every channel at `start="identity"`: F~+ = F - 0.0001 R."""

LAST_STRIDES = {"stages": 4, "strides": None}
"""Number of strides, counted from the largest, whose last map is followed by SNR; None means all."""


def insert_snr(
    model: keras.Model,
    after: str | Sequence[str] | Callable[[keras.Layer], bool] = "stages",
    *,
    start: Literal["paper", "identity"] = "paper",
    reduction: int = 16,
    verbose: bool = True,
) -> SNRModel:
    """Copy a model with SNR after some of its layers; the weights are kept.

    The layers are copied by their configuration, with their names, weights and `trainable`. `model` itself is neither
    changed nor shared. Every consumer of such a layer's output takes the output of SNR instead.

    - The output of the new model is a dictionary: the outputs of `model` by their names, and under `"snr"` a dictionary
      of the `SNREmbeddings` of each SNR layer, by the name of the layer before it with `_snr` appended. `compile` and
      `fit` take the losses, metrics and labels that `model` took, and also train the SNR layers with their own loss.
      `.network` is the model without the embeddings, for inference.
    - A layer that is called several times is followed by one SNR layer, called as often; the embeddings of the
      second call are `..._snr_1`, and so on.
    - Existing SNR layers are kept, with their weights, and trained with their loss like the others. A layer
      whose output goes only to SNR gets no second one. So `insert_snr(model.network, ...)` continues after an earlier
      call, and a model with SNR layers of its own becomes one that trains them.
    - Functional and sequential models within the model are opened: their layers are `"name of the model/layer"`.
      Layers inside any other composite (a wrapper, a subclassed model) cannot be reached; the composite itself can.
    - SNR has the data format of the model's own layers, and the precision of the map before it.

    Args:
        model: A functional model, or a sequential one whose input is known.
        after: Layers to follow: a list of names; a function of a layer that returns whether SNR follows it; `"stages"`,
            the ends of the last four stages, C2 to C5 of a ResNet; or `"strides"`, the ends of all stages, the stem's
            too. For each stride of the network, the stage ends with the last feature map through which everything after
            it flows. The graph shows where, with the image size known or not. In a network of fewer than five strides,
            both are the same.
        start: `"paper"`, SNR's own initial values; or `"identity"`, for fine-tuning: gates with biases that make every
            gate 0.9999 for any image, so that each SNR layer removes only a ten-thousandth of what instance
            normalization does: `|F~+ - F| = 0.0001 |F - F~|`.
        reduction: Reduction ratio r of the channel attention.
        verbose: Whether to print where SNR went. Defaults to `True`.

    Returns:
        A functional model, not compiled, which saves and loads as `.keras`.

    Raises:
        TypeError: If the model is not functional, or `after` is none of these.
        ValueError: If a layer does not exist, is named twice, has an output other than one feature map, or cannot be
            copied by its configuration; if no layer is chosen; if an output is already called `"snr"`; if an SNR layer
            is out of reach within a composite, and would train without its loss; if the layers of the model differ in
            data format; or if a stride has no such map (the message names candidates).
    """
    graph = graph_of(model)
    if graph is None:
        raise TypeError(
            "`model` must be a functional Keras model, or a sequential one whose input is known: the calls of any "
            f"other model are hidden in its code. Received: model={model!r}"
        )
    if start not in ("paper", "identity"):
        raise ValueError(f'`start` must be "paper" or "identity". Received: start={start!r}')
    names = list(graph.output) if isinstance(graph.output, dict) else graph.output_names
    if "snr" in names:
        raise ValueError(
            'The embeddings need the output "snr", which the model already has. If insert_snr made it, pass its '
            f"`.network`: the SNR layers in it keep their loss. Received: a model with the outputs {', '.join(names)}"
        )
    data_format = _data_format(graph)
    places = _chosen(graph, after, data_format)
    options: dict[str, Any] = {"reduction": reduction, "data_format": data_format}
    if start == "identity":
        bias = keras.initializers.Constant(math.log(IDENTITY_GATE / (1 - IDENTITY_GATE)))
        options |= {"use_bias": True, "w2_initializer": "zeros", "b2_initializer": bias}
    taken = {operation.name for _, operation in operations(graph)}
    copier = _Copier({id(operation): path for path, (operation, _) in places.items()}, options, taken)
    copy, embeddings = copier.copy(graph)
    copier.copy_states()
    outputs = _by_name(graph, copy)
    if verbose:
        for path, (operation, remark) in places.items():
            shape = "x".join("?" if size is None else str(size) for size in operation.output.shape[1:])
            print(f"SNR after {path}: {remark}{shape}")
        for path, operation in operations(graph):
            if isinstance(operation, SNR):
                print(f"SNR kept: {path}")
    return SNRModel(copy.input, {**outputs, "snr": embeddings}, name=f"{model.name}_snr")


def _data_format(graph: keras.Model) -> str:
    """The data format of the convolutions; that of Keras' configuration if there are none."""
    found: dict[str, str] = {}
    for path, operation in operations(graph):
        for layer in _layers_in(operation):
            if hasattr(layer, "data_format") and has_kernel(layer):
                found.setdefault(layer.data_format, path)
    if len(found) > 1:
        raise ValueError(
            "SNR takes the data format of the layers around it, and these differ: insert SNR into models with one data "
            f"format each. Received: {', '.join(f'{path!r} with {form!r}' for form, path in found.items())}"
        )
    return next(iter(found), keras.config.image_data_format())


def _chosen(graph: keras.Model, after: Any, data_format: str) -> dict[str, tuple[Any, str]]:
    """The operations that new SNR layers follow, by their paths, each with a remark."""
    every = dict(operations(graph))
    if callable(after):
        paths = {path: "" for path, layer in every.items() if isinstance(layer, keras.Layer) and after(layer)}
    elif isinstance(after, str) and after in LAST_STRIDES:
        ends = stage_ends(graph, data_format, LAST_STRIDES[after])
        paths = {end.path: f"stride {end.stride}, " for end in ends}
    elif isinstance(after, Iterable) and not isinstance(after, str):
        paths = {path: "" for path in after}
        if len(paths) < len(list(after)):
            raise ValueError(f"`after` must name each layer once. Received: after={list(after)}")
    else:
        raise TypeError(
            '`after` must be "stages", "strides", a list of names of layers or a function of a layer. '
            f"Received: after={after!r}"
        )
    if not paths:
        raise ValueError(f"`after` must choose at least one layer. Received: after={after!r}, which chooses none")
    for path in paths:
        if path not in every:
            like = [other for other in every if other.endswith(f"/{path}")]
            like = like or difflib.get_close_matches(str(path), every)
            raise ValueError(
                f"`after` must name layers of model {graph.name!r} other than its inputs; those of a functional or "
                'sequential model within it are "model/layer", and those of other composites cannot be reached. '
                f"Received: {path!r}" + (f"; did you mean {' or '.join(map(repr, like))}?" if like else "")
            )
    first = {id(every[path]): path for path in reversed(paths)}  # a layer of a shared model may have several paths
    takers = defaultdict(list)
    for operation, taker in links(graph):
        takers[id(operation)].append(taker)
    return {
        path: (every[path], remark)
        for path, remark in paths.items()
        if first[id(every[path])] == path
        and not isinstance(every[path], SNR)
        and not all(isinstance(taker, SNR) for taker in takers[id(every[path])])
    }


class _Copier:
    """Copies graphs layer by layer, with SNR after some of their operations.

    Args:
        places: Paths of those operations, by their ids.
        options: Arguments of every new SNR layer.
        taken: Names that no new SNR layer may have.
    """

    def __init__(self, places: Mapping[int, str], options: Mapping[str, Any], taken: Container[str]) -> None:
        self._places = places
        self._options = options
        self._taken = taken
        self._copies: dict[int, Any] = {}  # by the id of the original
        self._originals: dict[int, Any] = {}  # by the id of the copy
        self._snr: dict[int, SNR] = {}  # by the id of the original that it follows
        self._owners: dict[int, Any] = {}  # by the id of a layer, the operation that contains it
        self._opened: set[int] = set()  # ids of copies that return embeddings too

    def copy(self, graph: keras.Model) -> tuple[keras.Model, dict[str, SNREmbeddings]]:
        """A copy of a functional model, still without its weights, and the embeddings within it by name."""
        embeddings: dict[str, SNREmbeddings] = {}

        def call(copy: Any, *args: Any, **kwargs: Any) -> Any:
            original = self._originals[id(copy)]
            if isinstance(copy, SNR):
                outputs, triple = _with_embeddings(copy, *args, **kwargs)
                embeddings[free_name(original.name, embeddings)] = triple
                return outputs
            outputs = copy(*args, **kwargs)
            if id(copy) in self._opened:
                for name, triple in outputs["snr"].items():
                    embeddings[free_name(f"{original.name}/{name}", embeddings)] = triple
                outputs = outputs["outputs"]
            if id(original) in self._places:
                snr = self._snr_after(original, outputs)
                outputs, triple = snr(outputs, return_embeddings=True)
                embeddings[free_name(snr.name, embeddings)] = triple
            return outputs

        return keras.models.clone_model(graph, clone_function=self._copied, call_function=call), embeddings

    def copy_states(self) -> None:
        """Copy the learned state of the originals."""
        for copy in (copy for copy in self._copies.values() if graph_of(copy) is None):
            for old, new in zip(_layers_in(self._originals[id(copy)]), _layers_in(copy), strict=True):
                state: dict[str, Any] = {}
                old.save_own_variables(state)
                new.load_own_variables(state)
                if hasattr(old, "save_assets"):  # vocabularies
                    with TemporaryDirectory() as folder:
                        old.save_assets(folder)
                        new.load_assets(folder)

    def _copied(self, operation: Any) -> Any:
        if id(operation) not in self._copies:
            copy = self._new(operation)
            self._copies[id(operation)], self._originals[id(copy)] = copy, operation
        return self._copies[id(operation)]

    def _new(self, operation: Any) -> Any:
        if (graph := graph_of(operation)) is not None:
            copy, embeddings = self.copy(graph)
            if not embeddings:
                return copy
            copy = keras.Model(copy.input, {"outputs": copy.output, "snr": embeddings}, name=copy.name)
            self._opened.add(id(copy))
            return copy
        for layer in _layers_in(operation):
            if isinstance(layer, SNR) and layer is not operation and layer.trainable_weights:
                raise ValueError(
                    "An SNR layer within a composite cannot be reached and would train without its loss: call it in "
                    "the functional model itself, or freeze it (`trainable = False`). "
                    f"Received: layer {layer.name!r} within {operation.name!r}, a {type(operation).__name__}"
                )
            if (owner := self._owners.setdefault(id(layer), operation)) is not operation:
                raise ValueError(
                    f"Layer {layer.name!r} is part of both {owner.name!r} and {operation.name!r}; copies of the two "
                    f"would not share it. Received: a model with layers {type(owner).__name__} and "
                    f"{type(operation).__name__} that share a layer within"
                )
        try:
            return type(operation).from_config(operation.get_config())
        except Exception as error:  # a layer may raise anything
            raise ValueError(
                f"insert_snr copies layers by their configuration, as saving and loading does, which layer "
                f"{operation.name!r} does not allow: {error}. Received: a {type(operation).__name__}"
            ) from error

    def _snr_after(self, operation: Any, outputs: Any) -> SNR:
        path = self._places[id(operation)]
        is_map = isinstance(outputs, keras.KerasTensor) and len(outputs.shape) >= 3 and "float" in outputs.dtype
        if not is_map:
            raise ValueError(
                "SNR follows layers whose output is one floating-point feature map, (N, *S, C) or (N, C, *S). "
                f"Received: {path!r}, whose output is {outputs}"
            )
        if id(operation) not in self._snr:
            dtype = {"float16": "mixed_float16", "bfloat16": "mixed_bfloat16"}.get(outputs.dtype, outputs.dtype)
            name = free_name(f"{operation.name}_snr", self._taken)
            self._snr[id(operation)] = SNR(**self._options, dtype=dtype, name=name)
        return self._snr[id(operation)]


def _with_embeddings(snr: SNR, inputs: Any, return_embeddings: bool = False, **kwargs: Any) -> Any:
    """The output of an SNR layer's call, and its embeddings, whether or not the output includes them."""
    F_plus, embeddings, *maps = snr(inputs, return_embeddings=True, **kwargs)
    outputs = (F_plus, *([embeddings] if return_embeddings else []), *maps)
    return outputs if len(outputs) > 1 else F_plus, embeddings


def _layers_in(operation: Any) -> list[keras.Layer]:
    """A layer and its parts, in the order of its copy; nothing for an operation without state."""
    return list(operation._flatten_layers()) if isinstance(operation, keras.Layer) else []


def _by_name(graph: keras.Model, copy: keras.Model) -> dict[str, Any]:
    """The outputs of a copy by the names that they have in the original."""
    return dict(copy.output) if isinstance(copy.output, dict) else by_name(graph.output_names, copy.outputs)
