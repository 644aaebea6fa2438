"""The person re-identification model: one code path, one switch for the normalization."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from snr_keras.keras_config import own_configuration, widest
from snr_keras.layers import SNR
from snr_keras.models.backbones import BACKBONES
from snr_keras.models.modules import Modules
from snr_keras.models.network import SNRNetwork
from snr_keras.models.pytorch.importing import import_state_dict
from snr_keras.models.pytorch.state_dict import StateDict, read_state_dict
from snr_keras.models.pytorch_resnet import PYTORCH_BACKBONES
from snr_keras.models.snr_model import SNRModel
from snr_keras.networks import SNR_GATES, gate_reduction, module_stages

IMAGENET_FILE = "https://download.pytorch.org/models/resnet50-0676ba61.pth"


def reid_model(
    num_identities: int,
    *,
    backbone: str = "resnet_small",
    normalization: str = "snr",
    stages: Sequence[int] | None = None,
    image_size: tuple[int | None, int | None] = (64, 32),
    last_stride: int = 1,
    reduction: int | None = None,
    snr_bias: bool = False,
    snr_gate: str = "learned",
    batch_norm_momentum: float = 0.9,
    weights: str | None = None,
    dtype: Any = None,
) -> SNRModel:
    """Build a backbone with a normalization in or after its stages + global average pooling + BNNeck + classifier.

    The model takes RGB images `(N, H, W, 3)` in [0, 255] (it contains the scaling of the backbone) and returns

    | key           | shape                 | meaning                                                     |
    |---------------|-----------------------|-------------------------------------------------------------|
    | `"features"`  | `(N, D)`              | pooled, before the BNNeck: the input of the triplet loss    |
    | `"embedding"` | `(N, D)`              | after the BNNeck: retrieval compares these by the cosine    |
    | `"logits"`    | `(N, num_identities)` | the bias-free classifier's, on the embedding                |
    | `"snr"`       | one triple per module | `(f_tilde, f_plus, f_minus)`, with `normalization="snr"`    |

    It is channels-last under every Keras configuration, and every layer has an explicit `epsilon`. Features, embedding,
    logits and the SNR embeddings are float32, or float64 if the weights are. The BNNeck (Luo et al., "Bag of Tricks",
    2019) has no beta, so embeddings stay centred at the origin, from which both the classifier and the cosine measure
    directions.

    Args:
        num_identities: Number of training identities, the width of the classifier.
        backbone: `"resnet_small"` (for 64x32 crops), `"resnet50"` (Keras' own), or one for PyTorch weights:
            `"torchvision_resnet50"` or `"fastreid_resnet50"`, also with 18, 34 and 101.
        normalization: `"none"`, `"snr"`, or a baseline: `"in"` (instance norm after stages), `"ibn_a"`
            and `"ibn_b"` (IBN-Net), `"bin"` (batch-instance norm), `"mixstyle"`, `"efdmix"`, `"dualnorm"`, `"aibn"`
            (statistics mixed inside the norm) or `"gate"` (SNR's attention without its instance norm).
        stages: Stages, of 1 to 4, that have its modules; the stem is part of stage 1. By default all four with
            `"snr"`, `"bin"`, `"aibn"` and `"gate"`, all but the last with `"in"`, `"ibn_a"` and `"dualnorm"`, and
            the first two with `"ibn_b"`, `"mixstyle"` and `"efdmix"`.
        image_size: `(height, width)` in pixels; either may be `None`.
        last_stride: Stride of the last stage: 1, as in most ReID networks, or 2, as in classification networks.
        reduction: Reduction ratio r of the channel attention of SNR and of the gate. By default 16, the paper's, and 2
            with `"resnet_small"`, whose few channels need it for at least 12 hidden units.
        snr_bias: Whether SNR's attention has biases, as in public codes; the paper's has none.
        snr_gate: `"learned"`; or one of two controls, whose attention is not trained: `"fixed"`, a = 1/2 for every
            channel of every image, or `"random"`, as it was initialized.
        batch_norm_momentum: Momentum of the moving statistics of every BatchNormalization. Keras' 0.99 needs several
            hundred steps to forget its start, a large part of a short run; 0.9 needs about forty.
        weights: Initial weights: `None` (random); for `"resnet50"` `"imagenet"` or the path of a Keras weights file,
            for the backbone; for PyTorch's topology the path of a PyTorch file, for everything that it has, see
            `import_state_dict`.
        dtype: Dtype or dtype policy, such as `"mixed_float16"`. Defaults to the dtype policy of Keras.

    Returns:
        A functional model that saves and loads as `.keras`, for training by `fit` or by `make_train_step`.

    Raises:
        ValueError: If a name is unknown, a stage does not exist, instance norm is requested after the last stage, the
            weights are those of another network, or they have gates that are not the fixed ones.
        FileNotFoundError: If the weights file does not exist.
        ConnectionError: If Keras' weights cannot be downloaded.
    """
    if num_identities < 1:
        raise ValueError(f"`num_identities` must be at least 1. Received: num_identities={num_identities}")
    if backbone not in BACKBONES:
        raise ValueError(f"`backbone` must be one of {sorted(BACKBONES)}. Received: backbone={backbone!r}")
    if last_stride not in (1, 2):
        raise ValueError(f"`last_stride` must be 1 or 2. Received: last_stride={last_stride!r}")
    if snr_gate not in SNR_GATES:
        raise ValueError(f"`snr_gate` must be one of {SNR_GATES}. Received: snr_gate={snr_gate!r}")
    from_pytorch = weights if backbone in PYTORCH_BACKBONES else None
    state_dict = _pytorch_weights(from_pytorch, backbone) if from_pytorch else None
    modules = Modules(
        normalization,
        module_stages(normalization, stages),
        gate_reduction(backbone, reduction),
        snr_bias=snr_bias,
        snr_gate=snr_gate,
    )
    policy = keras.dtype_policies.get(dtype) if dtype is not None else keras.config.dtype_policy()
    with own_configuration(policy):
        trunk = BACKBONES[backbone](
            image_size,
            modules,
            batch_norm_momentum=batch_norm_momentum,
            last_stride=last_stride,
            weights=None if from_pytorch else weights,
        )
        outputs = _head(trunk.output, num_identities, batch_norm_momentum, widest(policy))
        if modules.embeddings:
            outputs["snr"] = modules.embeddings
        model = SNRModel(trunk.input, outputs, name=f"{backbone}_{normalization}")
    if state_dict:
        import_state_dict(model, state_dict)
    if snr_gate == "fixed" and any(ops.any(layer.w2 != 0) for layer in model.layers if isinstance(layer, SNR)):
        raise ValueError(
            'With snr_gate="fixed" every gate is 1/2, and these weights have gates of their own: use "learned", or '
            f'"random" to keep them as they are. Received: weights={weights!r}'
        )
    return model


def _head(maps: Any, num_identities: int, batch_norm_momentum: float, dtype: str) -> dict[str, Any]:
    """Pooling, BNNeck and classifier, in which half precision would lose digits in sums over pixels and the batch."""
    features = keras.layers.GlobalAveragePooling2D(dtype=dtype, name="features")(maps)
    embedding = keras.layers.BatchNormalization(
        center=False, momentum=batch_norm_momentum, epsilon=1e-5, dtype=dtype, name="embedding"
    )(features)
    logits = keras.layers.Dense(
        num_identities,
        use_bias=False,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        dtype=dtype,
        name="logits",
    )(embedding)
    return {"features": features, "embedding": embedding, "logits": logits}


def _pytorch_weights(weights: str, backbone: str) -> StateDict:
    if weights == "imagenet":
        raise ValueError(
            f'Keras has no ImageNet weights for backbone="{backbone}": torchvision has, and timm. Fetch a file of '
            f"theirs, such as {IMAGENET_FILE}, and pass its path. Received: weights={weights!r}"
        )
    return read_state_dict(weights)


def embedder(model: keras.Model) -> SNRNetwork:
    """The part of a `reid_model` for retrieval: images `(N, H, W, 3)` to embeddings `(N, D)`.

    It shares the weights of `model`.
    """
    return SNRNetwork(model.input, model.output["embedding"], name=f"{model.name}_embedder")
