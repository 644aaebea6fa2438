"""The inside of a trained network: the map F of every stage, and the maps that SNR computes from it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from snr_keras.layers import SNR
from snr_keras.models.cost import stage_of
from snr_keras.reid.data.dataset import Progress, Split
from snr_keras.reid.data.pipeline import evaluation_batches
from snr_ref import SNROutputs

BATCH = 16  # number of images whose maps are in memory, of one stage at a time


@dataclass(frozen=True)
class Stage:
    """A stage of a `reid_model`.

    Attributes:
        number: Number of the stage, 1 to 4.
        F: Output of its last block, (N, H, W, C).
        snr: The SNR layer that follows; None if there is none.
    """

    number: int
    F: keras.KerasTensor
    snr: SNR | None

    def decompose(self, F: Any) -> SNROutputs | None:
        """Every map of eqs. 1 to 5, as arrays; None if no SNR follows."""
        return None if self.snr is None else SNROutputs(*map(_array, self.snr.decompose(F)))


def stages_of(model: keras.Model) -> tuple[Stage, ...]:
    """The stages of a `reid_model`, in order.

    Raises:
        ValueError: If it has none, since it is another kind of model.
    """
    found: dict[int, Stage] = {}
    for layer in model.layers:
        part = stage_of(layer.name)
        if not part.startswith("stage ") or isinstance(layer, keras.layers.GroupNormalization):
            continue
        number = int(part.removeprefix("stage "))
        if isinstance(layer, SNR):
            found[number] = Stage(number, layer.input, layer)
        else:
            found[number] = Stage(number, layer.output, None)
    if not found:
        raise ValueError(f"Expected a `reid_model`, which has stages. Received: {model.name!r}, without any")
    return tuple(found[number] for number in sorted(found))


@dataclass(frozen=True, eq=False)
class StageFeatures:
    """The maps of a stage averaged over their pixels, each (n, C).

    Attributes:
        f: Means of F.
        f_plus: f~+, the means of the restituted map; None without SNR.
        a: Gate of the channel attention; None without SNR.
    """

    f: NDArray[np.float32]
    f_plus: NDArray[np.float32] | None
    a: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class PooledFeatures:
    """The features of images in a network, as vectors.

    Attributes:
        embedding: Embeddings, (n, D), which retrieval compares.
        stages: Features of each stage, by its number.
    """

    embedding: NDArray[np.float32]
    stages: Mapping[int, StageFeatures]


def pooled_features(model: keras.Model, images: Split, *, progress: Progress | None = None) -> PooledFeatures:
    """The features of images at every stage and at the end.

    Args:
        model: A `reid_model`.
        images: Images, n of them.
        progress: Function called with the number of images done and the total.
    """
    rows: dict[tuple[int, str], list[NDArray]] = {}

    def add(stage: int, name: str, values: NDArray) -> None:
        rows.setdefault((stage, name), []).append(values)

    done = 0
    for embedding, stages in _through(model, images):
        add(0, "embedding", embedding)
        for stage, F in stages:
            add(stage.number, "f", _array(ops.mean(ops.cast(F, "float32"), axis=(1, 2))))
            if (out := stage.decompose(F)) is not None:
                add(stage.number, "f_plus", out.f_plus)
                add(stage.number, "a", out.a)
        done += len(embedding)
        if progress is not None:
            progress(done, len(images))

    def whole(stage: int, name: str) -> NDArray | None:
        return np.concatenate(rows[stage, name]) if (stage, name) in rows else None

    numbers = sorted({stage for stage, _ in rows} - {0})
    return PooledFeatures(
        np.concatenate(rows[0, "embedding"]),
        {n: StageFeatures(np.concatenate(rows[n, "f"]), whole(n, "f_plus"), whole(n, "a")) for n in numbers},
    )


def activation_maps(model: keras.Model, images: Split) -> dict[int, dict[str, NDArray[np.float32]]]:
    """Where a network is active: |F|, and with SNR also |F~|, |F~+| and |F~-|, averaged over the channels.

    Args:
        model: A `reid_model`.
        images: Images, n of them.

    Returns:
        The maps, (n, H, W), by the stage's number and the map's name ("F", "F_tilde", "F_plus" or "F_minus").
    """
    batches: dict[int, dict[str, list[NDArray]]] = {}
    for _, stages in _through(model, images):
        for stage, F in stages:
            maps = {"F": _array(F)}
            if (out := stage.decompose(F)) is not None:
                maps |= {"F_tilde": out.F_tilde, "F_plus": out.F_plus, "F_minus": out.F_minus}
            for name, values in maps.items():
                activation = np.abs(values).mean(axis=-1, dtype=np.float32)
                batches.setdefault(stage.number, {}).setdefault(name, []).append(activation)
    return {
        number: {name: np.concatenate(parts) for name, parts in maps.items()}
        for number, maps in sorted(batches.items())
    }


def _through(model: keras.Model, images: Split) -> Iterator[tuple[NDArray, Iterator[tuple[Stage, Any]]]]:
    """The embeddings of one batch at a time, and each stage with its F."""
    stages = stages_of(model)
    network = keras.Model(model.input, [model.output["embedding"], *(stage.F for stage in stages)])
    height, width = model.input_shape[1:3]
    for batch in evaluation_batches(images, image_size=(height, width), batch_size=BATCH):
        embedding, *maps = network(batch, training=False)
        yield _array(embedding), zip(stages, maps, strict=True)


def _array(tensor: Any) -> NDArray[np.float32]:
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))
