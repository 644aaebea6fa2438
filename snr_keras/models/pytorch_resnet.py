"""ResNets with PyTorch's topology, for weights trained in PyTorch; Keras' own ResNet is a different network."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
from keras import layers

from snr_keras.models.modules import Modules

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Mean and standard deviation of RGB in [0, 1], with which every network of this topology is trained."""

WIDTHS = (64, 128, 256, 512)


@dataclass(frozen=True)
class Depth:
    """The architecture of a ResNet of some depth.

    Attributes:
        blocks: Number of blocks in each of the four stages.
        bottleneck: Whether a block is 1x1, 3x3, 1x1 to four times the width, rather than two 3x3.
    """

    blocks: tuple[int, int, int, int]
    bottleneck: bool

    @property
    def expansion(self) -> int:
        """Number of channels of a stage divided by its width."""
        return 4 if self.bottleneck else 1


DEPTHS = {
    18: Depth((2, 2, 2, 2), bottleneck=False),
    34: Depth((3, 4, 6, 3), bottleneck=False),
    50: Depth((3, 4, 6, 3), bottleneck=True),
    101: Depth((3, 4, 23, 3), bottleneck=True),
}

#: Padding of the stem's 3x3 pooling with stride 2: at the top and bottom, and at the left and right.
POOLINGS = {"torchvision": ((1, 1), (1, 1)), "fastreid": ((0, 1), (0, 1))}


def pytorch_resnet(
    depth: Depth,
    pooling: tuple[tuple[int, int], tuple[int, int]],
    image_size: tuple[int | None, int | None],
    modules: Modules,
    *,
    batch_norm_momentum: float = 0.9,
    last_stride: int = 1,
    weights: str | None = None,
) -> keras.Model:
    """A residual network (He et al., 2015) as in PyTorch's model zoo, "v1.5".

    Strides are in the 3x3 convolutions, paddings are symmetric, convolutions have no biases, epsilon is 1e-5. The
    stem's pooling pads with zeros, which after a ReLU is the same as PyTorch's minus infinity. fast-reid's has
    `ceil_mode` instead of a padding, which amounts to one more row and column at the end.

    Args:
        depth: Number of layers, one of `DEPTHS`.
        pooling: Padding of the stem's pooling, one of `POOLINGS`.
        image_size: `(height, width)` in pixels; either may be `None`.
        modules: Modules in and after the stages.
        batch_norm_momentum: Momentum as Keras counts it: 0.9 is PyTorch's 0.1.
        last_stride: Stride of the fourth stage, 1 or 2.
        weights: Must be None; the whole model takes the weights of a file, see `reid_model`.

    Returns:
        A functional model from RGB images in [0, 255], `(N, H, W, 3)`, to the map `(N, H/16, W/16, C)` with last stride
        1.
    """
    if weights is not None:
        raise ValueError(f"PyTorch weights must be given to the whole `reid_model`. Received: weights={weights!r}")

    def convolution(x: Any, width: int, size: int, stride: int, name: str, place: tuple[int, int]) -> Any:
        if size > 1:
            x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        x = layers.Conv2D(
            width, size, strides=stride, use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
        )(x)
        plain = layers.BatchNormalization(momentum=batch_norm_momentum, epsilon=1e-5, name=f"{name}_bn")
        return modules.batch_norm(plain, *place)(x)

    def block(x: Any, width: int, stride: int, stage: int, number: int, *, last: bool) -> Any:
        name = f"stage{stage}_block{number}"
        convolutions = [(width, 3, stride), (width, 3, 1)]
        if depth.bottleneck:
            convolutions = [(width, 1, 1), (width, 3, stride), (width * depth.expansion, 1, 1)]
        y = x
        for position, (channels, size, step) in enumerate(convolutions, start=1):
            if position > 1:
                y = layers.ReLU(name=f"{name}_{position - 1}_relu")(y)
            y = convolution(y, channels, size, step, f"{name}_{position}", (stage, position))
        if stride != 1 or x.shape[-1] != y.shape[-1]:
            x = convolution(x, y.shape[-1], 1, stride, f"{name}_0", (stage, 0))
        x = layers.Add(name=f"{name}_add")([x, y])
        return layers.ReLU(name=f"{name}_out")(modules.before_last_relu(x, stage) if last else x)

    images = keras.Input((*image_size, 3), name="images")
    x = layers.Normalization(
        mean=[255 * mean for mean in IMAGENET_MEAN],
        variance=[(255 * deviation) ** 2 for deviation in IMAGENET_DEVIATION],
        name="scaling",
    )(images)
    x = layers.ReLU(name="stem_relu")(convolution(x, 64, 7, 2, "stem", (0, 0)))
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(layers.ZeroPadding2D(pooling, name="stem_pool_pad")(x))
    for stage, (width, blocks, stride) in enumerate(zip(WIDTHS, depth.blocks, (1, 2, 2, last_stride), strict=True), 1):
        for number in range(1, blocks + 1):
            x = block(x, width, stride if number == 1 else 1, stage, number, last=number == blocks)
        x = modules.after_stage(x, stage)
    return keras.Model(images, x, name="pytorch_resnet")


PYTORCH_BACKBONES: dict[str, Callable[..., keras.Model]] = {
    f"{family}_resnet{number}": partial(pytorch_resnet, depth, pooling)
    for family, pooling in POOLINGS.items()
    for number, depth in DEPTHS.items()
}
