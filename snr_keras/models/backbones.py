"""Backbones of four stages: functions that offer the places in them to the model's `Modules`."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from keras import layers

from snr_keras.files.hdf5 import expecting, open_hdf5
from snr_keras.models.modules import Modules
from snr_keras.models.pytorch_resnet import PYTORCH_BACKBONES


def resnet_small(
    image_size: tuple[int | None, int | None],
    modules: Modules,
    *,
    batch_norm_momentum: float = 0.9,
    last_stride: int = 1,
    weights: str | None = None,
) -> keras.Model:
    """A residual net for 64x32 crops: a stem and one basic block (He et al., 2015) per stage.

    The widths are 24, 40, 80, 128, the strides 2 (stem), 1, 2, 2 and `last_stride`. With last stride 1 the final map is
    1/8 of the image: 8x4 at 64x32.

    Returns:
        A functional model from RGB images in [0, 255], `(N, H, W, 3)`, to the map `(N, H/8, W/8, 128)` with last stride
        1.
    """
    if weights is not None:
        raise ValueError(
            '`weights` must be None with backbone="resnet_small", which has no pretrained weights. '
            f"Received: weights={weights!r}"
        )

    def convolution(x: keras.KerasTensor, width: int, size: int, stride: int, place: tuple[int, int]) -> Any:
        stage, position = place
        name = f"stage{stage}_{position}" if stage else "stem"
        x = layers.Conv2D(
            width,
            size,
            strides=stride,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_conv",
        )(x)
        plain = layers.BatchNormalization(momentum=batch_norm_momentum, epsilon=1e-5, name=f"{name}_bn")
        return modules.batch_norm(plain, stage, position)(x)

    def block(x: keras.KerasTensor, width: int, stride: int, stage: int) -> keras.KerasTensor:
        name = f"stage{stage}"
        y = layers.ReLU(name=f"{name}_1_relu")(convolution(x, width, 3, stride, (stage, 1)))
        y = convolution(y, width, 3, 1, (stage, 2))
        if stride != 1 or x.shape[-1] != width:
            x = convolution(x, width, 1, stride, (stage, 0))
        x = modules.before_last_relu(layers.Add(name=f"{name}_add")([x, y]), stage)
        return layers.ReLU(name=f"{name}_out")(x)

    images = keras.Input((*image_size, 3), name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")(images)
    x = layers.ReLU(name="stem_relu")(convolution(x, 24, 3, 2, (0, 0)))
    for stage, (width, stride) in enumerate(((24, 1), (40, 2), (80, 2), (128, last_stride)), start=1):
        x = modules.after_stage(block(x, width, stride, stage), stage)
    return keras.Model(images, x, name="resnet_small")


def resnet50(
    image_size: tuple[int | None, int | None],
    modules: Modules,
    *,
    batch_norm_momentum: float = 0.9,
    last_stride: int = 1,
    weights: str | None = None,
) -> keras.Model:
    """`keras.applications.ResNet50`; with last stride 1 the final map is 16x8 at 256x128.

    Stages 1 to 4 are the paper's conv2_x to conv5_x. Layer names and weights are those of Keras, so its weight files
    fit. These expect BGR minus the ImageNet mean, which the first two layers compute.

    Returns:
        A functional model from RGB images in [0, 255], `(N, H, W, 3)`, to the map `(N, H/16, W/16, 2048)` with last
        stride 1.
    """
    source = _keras_resnet50(image_size, weights)

    def clone(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if layer.name in ("conv5_block1_0_conv", "conv5_block1_1_conv"):
            config["strides"] = (last_stride, last_stride)
        if isinstance(layer, layers.BatchNormalization):
            config["momentum"] = batch_norm_momentum
        copy = layer.__class__.from_config(config)
        place = re.fullmatch(r"conv(\d)_(?:block\d+_(\d)_)?bn", layer.name)
        return modules.batch_norm(copy, int(place[1]) - 1, int(place[2] or 0)) if place else copy

    last_blocks = {"conv2_block3": 1, "conv3_block4": 2, "conv4_block6": 3, "conv5_block3": 4}

    def call(layer: keras.Layer, x: Any, **_: Any) -> Any:  # other arguments: only the mask of batch norms, None
        if layer.name == "conv1_pad":
            x = layers.Normalization(mean=IMAGENET_BGR_MEAN, variance=(1.0, 1.0, 1.0), name="scaling")(
                keras.ops.flip(x, axis=-1)
            )
        x = layer(x)
        block, _, kind = layer.name.rpartition("_")
        if block in last_blocks and kind == "add":
            return modules.before_last_relu(x, last_blocks[block])
        if block in last_blocks and kind == "out":
            return modules.after_stage(x, last_blocks[block])
        return x

    images = keras.Input((*image_size, 3), name="images")
    trunk = keras.models.clone_model(source, images, clone_function=clone, call_function=call)
    if weights is not None:
        for layer in filter(lambda layer: layer.weights, source.layers):
            ours = {weight.name: weight for weight in trunk.get_layer(layer.name).weights}
            for weight in layer.weights:
                if weight.name in ours:  # an instance norm in the stem has no moving statistics
                    ours[weight.name].assign(weight)
    return trunk


IMAGENET_BGR_MEAN = (103.939, 116.779, 123.68)

_NOTOP = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
_NOTOP_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{_NOTOP}"


def _keras_resnet50(image_size: tuple[int | None, int | None], weights: str | None) -> keras.Model:
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise FileNotFoundError(
            '`weights` must be None, "imagenet" or the path of a .weights.h5 or .h5 file. '
            f"Received: weights={weights!r}, which is not a file"
        )
    if weights not in (None, "imagenet"):
        with expecting("weights of Keras' ResNet-50", weights):
            open_hdf5(weights).close()
            return keras.applications.ResNet50(include_top=False, weights=weights, input_shape=(*image_size, 3))
    try:
        return keras.applications.ResNet50(include_top=False, weights=weights, input_shape=(*image_size, 3))
    except Exception as error:  # Keras raises a bare `Exception` when a download fails
        if weights == "imagenet" and "URL fetch failure" in str(error):
            raise ConnectionError(
                f"The ImageNet weights could not be downloaded ({error}). Fetch {_NOTOP_URL} on another machine "
                f"and put the file at {Path.home() / '.keras' / 'models' / _NOTOP} (under $KERAS_HOME where that is "
                f'set), or pass its path. Received: weights="imagenet"'
            ) from error
        raise


BACKBONES: dict[str, Callable[..., keras.Model]] = {
    "resnet_small": resnet_small,
    "resnet50": resnet50,
    **PYTORCH_BACKBONES,
}
