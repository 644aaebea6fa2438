"""The person re-identification model: one code path, one switch for the normalization."""

from collections.abc import Sequence

import keras

from snr_keras.models.backbones import BACKBONES
from snr_keras.models.modules import Modules, module_stages
from snr_keras.models.snr_model import SNRModel


def reid_model(
    num_identities: int,
    *,
    backbone: str = "resnet_small",
    normalization: str = "snr",
    stages: Sequence[int] | None = None,
    image_size: tuple[int | None, int | None] = (64, 32),
    reduction: int = 16,
    batch_norm_momentum: float = 0.9,
    weights: str | None = None,
) -> SNRModel:
    """Build backbone with normalization in or after its stages + global average pooling + BNNeck + classifier.

    The model takes RGB images `(N, H, W, 3)` in [0, 255] (the scaling the backbone wants is inside) and returns

    | key           | shape                 | meaning                                                     |
    |---------------|-----------------------|-------------------------------------------------------------|
    | `"features"`  | `(N, D)`              | pooled, before the BNNeck: the triplet loss works here      |
    | `"embedding"` | `(N, D)`              | after the BNNeck: retrieval compares these with the cosine  |
    | `"logits"`    | `(N, num_identities)` | of the bias-free classifier on the embedding                |
    | `"snr"`       | one triple per module | `(f_tilde, f_plus, f_minus)`, with `normalization="snr"`    |

    Features, embedding, logits and the SNR embeddings are float32 under every mixed precision policy.
    The BNNeck (Luo et al., "Bag of Tricks", 2019) has no beta, so that embeddings stay centred at the origin, where
    both the classifier and the cosine look from.

    Args:
        num_identities: Number of training identities, the width of the classifier.
        backbone: `"resnet_small"` (for 64x32 crops) or `"resnet50"`.
        normalization: `"none"`, `"snr"`, or what SNR is compared with: `"in"` (instance norm after stages), `"ibn_a"`
            and `"ibn_b"` (IBN-Net), `"bin"` (batch-instance norm), `"mixstyle"`, `"efdmix"`, `"dualnorm"`, `"aibn"`
            (statistics mixed inside the norm) or `"gate"` (SNR's attention without its instance norm).
        stages: Which of the stages 1 to 4 have it, the stem counting as part of stage 1. By default all four with
            `"snr"`, `"bin"`, `"aibn"` and `"gate"`, all but the last with `"in"`, `"ibn_a"` and `"dualnorm"`, and
            the first two with `"ibn_b"`, `"mixstyle"` and `"efdmix"`.
        image_size: `(height, width)` in pixels; either may be `None`.
        reduction: The reduction ratio r of the channel attention of SNR and of the gate.
        batch_norm_momentum: Momentum of the moving statistics of every BatchNormalization. Keras' 0.99 needs
            several hundred steps to forget its start, which is a good part of a short run; 0.9 needs about forty.
        weights: Weights of the backbone: `None` (random), `"imagenet"` or the path of a weights file; the latter
            two for `"resnet50"` only.

    Returns:
        A functional model that saves and loads as `.keras`, to be trained by `fit` or by `make_train_step`.

    Raises:
        ValueError: If a name is unknown, a stage does not exist, or instance norm is asked for after the last stage.
    """
    if num_identities < 1:
        raise ValueError(f"`num_identities` must be at least 1. Received: num_identities={num_identities}")
    if backbone not in BACKBONES:
        raise ValueError(f"`backbone` must be one of {sorted(BACKBONES)}. Received: backbone={backbone!r}")
    modules = Modules(normalization, module_stages(normalization, stages), reduction)
    trunk = BACKBONES[backbone](image_size, modules, batch_norm_momentum=batch_norm_momentum, weights=weights)
    # float32 from here on: sums over pixels and over the batch are where half precision loses its digits.
    features = keras.layers.GlobalAveragePooling2D(dtype="float32", name="features")(trunk.output)
    embedding = keras.layers.BatchNormalization(
        center=False, momentum=batch_norm_momentum, epsilon=1e-5, dtype="float32", name="embedding"
    )(features)
    logits = keras.layers.Dense(
        num_identities,
        use_bias=False,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        dtype="float32",
        name="logits",
    )(embedding)
    outputs = {"features": features, "embedding": embedding, "logits": logits}
    if modules.embeddings:
        outputs["snr"] = modules.embeddings
    return SNRModel(trunk.input, outputs, name=f"{backbone}_{normalization}")


def embedder(model: keras.Model) -> keras.Model:
    """The part of a `reid_model` that retrieval needs: images `(N, H, W, 3)` to embeddings `(N, D)`.

    The weights are shared with `model`, not copied.
    """
    return keras.Model(model.input, model.output["embedding"], name=f"{model.name}_embedder")
