"""The graph of a functional Keras model: its calls, the models within it, and the paths that bypass a call.

Only this module depends on Keras' own bookkeeping (nodes and their tensors).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from typing import Any

import keras


def graph_of(layer: Any) -> keras.Model | None:
    """The functional model of the layers in `layer`, if it is a functional or a sequential model; else None.

    Its layers are those of `layer`, not copies, and the model is not compiled.
    """
    if isinstance(layer, keras.Sequential):
        try:
            return keras.Model(layer.inputs[0], layer.outputs[0], name=layer.name)
        except AttributeError:  # its input is unknown, or its layers take no symbolic tensors
            return None
    if not isinstance(layer, keras.Model) or not hasattr(layer, "operations"):
        return None
    graph = keras.Model(layer.input, layer.output, name=layer.name)
    return graph if type(layer).call is type(graph).call else None  # a custom `call` does more than the graph


def calls(model: keras.Model) -> Iterator[Any]:
    """The calls of a functional model's operations, each after those on which it depends, without the calls of inputs.

    Each has `operation`, `arguments`, `input_tensors` and `output_tensors`. A shared operation is called more than
    once.
    """
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def operations(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every operation of a functional model, in order, with its path, `"name"` or `"name of the model within/name"`."""
    seen = set()
    for call in calls(model):
        operation = call.operation
        if id(operation) not in seen:
            seen.add(id(operation))
            if (inner := graph_of(operation)) is not None:
                yield from operations(inner, f"{prefix}{operation.name}/")
            yield f"{prefix}{operation.name}", operation


def links(model: keras.Model) -> Iterator[tuple[Any, Any]]:
    """Each operation of a functional model with each consumer of its output; None stands for an output of the model.

    The same for models within the model.
    """
    for call in calls(model):
        if (inner := graph_of(call.operation)) is not None:
            yield from links(inner)
        yield from ((made_by(tensor), call.operation) for tensor in call.input_tensors)
    yield from ((made_by(tensor), None) for tensor in model.outputs)


def made_by(tensor: Any) -> Any:
    """The operation whose output is this tensor of a functional model."""
    return tensor._keras_history.operation


def by_name(names: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    """Values by their names; a name that occurs again gets a number."""
    named: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        named[free_name(name, named)] = value
    return named


def free_name(name: str, taken: Container[str]) -> str:
    """A name; with a number if it is taken."""
    names = itertools.chain([name], (f"{name}_{n}" for n in itertools.count(1)))
    return next(free for free in names if free not in taken)


def flows(model: keras.Model, sources: Iterable[Any]) -> Iterator[tuple[Any, int]]:
    """The calls that depend on some inputs of a model, and the number of other tensors that bypass each.

    If none does, there is no path from `sources` to an output that avoids the call. Every other call comes before it or
    depends on it, and its output is all that the rest of the model receives from the sources.
    """
    wanted = Counter(id(tensor) for call in calls(model) for tensor in _distinct(call.input_tensors))
    wanted.update(id(tensor) for tensor in _distinct(model.outputs))
    reached = {id(tensor) for tensor in sources}
    still_wanted = set(reached)
    for call in calls(model):
        inputs = {id(tensor) for tensor in call.input_tensors} & reached
        if not inputs:
            continue
        wanted.subtract(inputs)
        outputs = {id(tensor) for tensor in call.output_tensors}
        reached |= outputs
        still_wanted = {tensor for tensor in still_wanted | outputs if wanted[tensor]}
        yield call, len(still_wanted - outputs)


def has_kernel(operation: Any) -> bool:
    """Whether an operation has a weight with more than one axis, as convolutions and dense layers do."""
    return any(len(weight.shape) > 1 for weight in getattr(operation, "weights", ()))


def _distinct(tensors: Iterable[Any]) -> list[Any]:
    return list({id(tensor): tensor for tensor in tensors}.values())
