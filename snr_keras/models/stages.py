"""Ends of the stages of any network: for each stride, the last feature map through which all later ones flow."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
from keras import layers

from snr_keras.layers import SNR
from snr_keras.models.graph import calls, flows, graph_of, has_kernel

PROBE = 1024
"""The image size at which strides are measured: at a model's own size, 7 pixels may be a stride of 8 or of 16."""


@dataclass(frozen=True)
class StageEnd:
    """Where a stage ends.

    Attributes:
        path: Path of the layer, as `insert_snr` takes it.
        stride: Image pixels per pixel of the map, rounded to a power of two.
    """

    path: str
    stride: int


def stage_ends(model: keras.Model, data_format: str, last: int | None = None) -> list[StageEnd]:
    """For each stride of a network, in order, the last feature map through which everything after it flows.

    Feature maps are the outputs of convolutions of an image and of the operations after them, as long as they have more
    than one pixel. Padding, cropping, pooling and dropout do not end a stage; the operation before them does. If one of
    the maps is the output of an SNR layer, that one is chosen. Models within the model contribute only strides that do
    not occur outside. Each of several input images has its own stages.

    Args:
        model: A functional model; it is not changed. Its image size may be undefined.
        data_format: Data format of the model, `"channels_last"` or `"channels_first"`.
        last: Number of strides, counted from the largest; all by default. A network with fewer has only its own.

    Raises:
        ValueError: If no input is an image, no convolution is applied to it, or some stride has no such map; the
            message names candidates.
    """
    images = [tensor for tensor in model.inputs if len(tensor.shape) >= 3]
    ends: dict[str, StageEnd] = {}
    for image in images:
        for end in _ends_of(model, image, data_format, last):
            ends.setdefault(end.path, end)
    if not ends:
        raise ValueError(
            "Stages end in feature maps that convolutions make from an image. "
            f"Received: model {model.name!r} with inputs of shapes {[tuple(x.shape) for x in model.inputs]}, which has "
            "none: name the layers that SNR is to follow"
        )
    return list(ends.values())


@dataclass(frozen=True)
class _Map:
    path: str
    stride: int
    past: int  # tensors that bypass it; if there are none, everything flows through it
    joined: int  # tensors of the image from which it is made
    level: int  # depth of models within models, 0 for the outermost
    of_snr: bool


def _ends_of(model: keras.Model, image: Any, data_format: str, last: int | None) -> list[StageEnd]:
    maps = _maps_of(model, image, data_format)
    every = sorted({m.stride for m in maps})
    strides = every[-last:] if last else every
    found: list[StageEnd] = []
    missing: list[int] = []
    for stride in strides:
        through = [m for m in maps if m.stride == stride and not m.past]
        if not through:
            missing.append(stride)
            continue
        end = max(reversed(through), key=lambda m: (m.of_snr, -m.level))
        found.append(StageEnd(end.path, stride))
    if missing:
        raise ValueError(
            "A stage ends, for each stride, in a feature map through which everything after it flows, as in a residual "
            f"network. In model {model.name!r} other paths bypass every map of stride "
            f"{', '.join(map(str, missing))} (of {', '.join(map(str, every))}). Name the layers that SNR is to "
            f"follow, as in after={[_candidates(maps, stride)[-1] for stride in missing]}"
            + "".join(f" and, for stride {end.stride}, {end.path!r}" for end in found)
            + ". Candidates, with the fewest bypassing paths and the most joined ones: "
            + "; ".join(f"stride {stride}: {', '.join(_candidates(maps, stride))}" for stride in missing)
        )
    return found


def _candidates(maps: list[_Map], stride: int) -> list[str]:
    """The last of the maps that come nearest, where branches join, as at the end of a cell."""
    here = [m for m in maps if m.stride == stride]
    nearest = min((m.past, -m.joined) for m in here)
    return list(dict.fromkeys(m.path for m in here if (m.past, -m.joined) == nearest))[-3:]


def _maps_of(model: keras.Model, image: Any, data_format: str) -> list[_Map]:
    """The feature maps of one input, in order, measured with a large image if the layers accept one."""
    axes = _spatial_axes(len(image.shape), data_format)

    def measured_with(sizes: Sequence[int]) -> list[_Map]:
        shape = list(image.shape)
        for axis, size in zip(axes, sizes, strict=True):
            shape[axis] = size
        inputs = [
            _Known(keras.KerasTensor(shape, tensor.dtype), True) if tensor is image else _Known(tensor, False)
            for tensor in model.inputs
        ]
        return list(_walk(model, inputs, axes, sizes[0]))

    try:
        return measured_with([PROBE] * len(axes))
    except Exception as error:  # some layers accept one image size only and may raise anything for others
        sizes = [image.shape[axis] for axis in axes]
        if None in sizes:
            raise ValueError(
                f"Strides are measured with an image of {PROBE} pixels a side, which {model.name!r} does not accept "
                f"({error}), and its image size is undefined: name the layers that SNR is to follow. "
                f"Received: input shape {tuple(image.shape)}"
            ) from error
        return measured_with(sizes)


class _Known(NamedTuple):
    """Properties of a tensor of the graph."""

    spec: Any  # shape and dtype for the given image
    of_image: bool
    convolved: bool = False
    ends: bool = False  # output of an operation that may end a stage


def _walk(
    model: keras.Model,
    inputs: Sequence[_Known],
    axes: tuple[int, ...],
    size: int,
    prefix: str = "",
    past: int = 0,
) -> Generator[_Map, None, list[_Known]]:
    known = dict(zip(map(id, model.inputs), inputs, strict=True))
    sources = [tensor for tensor in model.inputs if known[id(tensor)].of_image]
    passing = {id(call): past + others for call, others in flows(model, sources)}
    for call in calls(model):
        operation, path = call.operation, prefix + call.operation.name
        args, kwargs = call.arguments.fill_in({tensor: about.spec for tensor, about in known.items()})
        given = [known[id(tensor)] for tensor in call.input_tensors]
        of_image = id(call) in passing
        if (inner := graph_of(operation)) is not None:
            given = given[: len(inner.inputs)]
            outputs = yield from _walk(inner, given, axes, size, f"{path}/", passing.get(id(call), past))
        else:
            convolved = of_image and (any(about.convolved for about in given) or has_kernel(operation))
            specs = keras.tree.flatten(operation.compute_output_spec(*args, **kwargs))
            ends = not isinstance(operation, _NO_ENDS)
            outputs = [_Known(spec, of_image, convolved, ends) for spec in specs]
        known.update(zip(map(id, call.output_tensors), outputs, strict=True))
        of_snr = isinstance(operation, SNR)  # its output may include embeddings
        if of_image and (len(outputs) == 1 or of_snr) and _is_map(outputs[0], axes):
            stride = 2 ** max(0, round(math.log2(size / outputs[0].spec.shape[axes[0]])))
            joined = sum(about.of_image for about in given)
            yield _Map(path, stride, passing[id(call)], joined, prefix.count("/"), of_snr)
    return [known[id(tensor)] for tensor in model.outputs]


def _spatial_axes(rank: int, data_format: str) -> tuple[int, ...]:
    """The axes of pixels of a map of `rank` axes."""
    return tuple(range(1, rank - 1) if data_format == "channels_last" else range(2, rank))


def _is_map(about: _Known, axes: tuple[int, ...]) -> bool:
    shape = about.spec.shape
    return (
        about.convolved
        and about.ends
        and len(shape) == len(axes) + 2
        and "float" in keras.backend.standardize_dtype(about.spec.dtype)
        and any(shape[axis] != 1 for axis in axes)
    )


_NO_ENDS = (
    *(layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D),
    *(layers.Cropping1D, layers.Cropping2D, layers.Cropping3D),
    *(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D),
    *(layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D),
    *(layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D),
    *(layers.GaussianDropout, layers.GaussianNoise, layers.AlphaDropout),
)
