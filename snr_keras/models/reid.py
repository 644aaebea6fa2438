"""The person re-identification model: one code path, one switch for the normalization."""

from collections.abc import Sequence

import keras

from snr_keras.layers import SNR
from snr_keras.models.backbones import BACKBONES

NORMALIZATIONS = ("none", "in", "snr")
STAGES = (1, 2, 3, 4)


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
) -> keras.Model:
    """Build backbone + normalization after each stage + global average pooling + BNNeck + classifier.

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
        normalization: What follows the stages: `"none"`, `"in"` (plain instance norm) or `"snr"`.
        stages: After which of the stages 1 to 4. By default all four with `"snr"`, all but the last with `"in"`.
        image_size: `(height, width)` in pixels; either may be `None`.
        reduction: The reduction ratio r of SNR's channel attention.
        batch_norm_momentum: Momentum of the moving statistics of every BatchNormalization. Keras' 0.99 needs
            several hundred steps to forget its start, which is a good part of a short run; 0.9 needs about forty.
        weights: Weights of the backbone: `None` (random), `"imagenet"` or the path of a weights file; the latter
            two for `"resnet50"` only.

    Returns:
        A functional `keras.Model` that saves and loads as `.keras`.

    Raises:
        ValueError: If a name is unknown, a stage does not exist, or instance norm is asked for after the last stage.
    """
    if num_identities < 1:
        raise ValueError(f"`num_identities` must be at least 1. Received: num_identities={num_identities}")
    if backbone not in BACKBONES:
        raise ValueError(f"`backbone` must be one of {sorted(BACKBONES)}. Received: backbone={backbone!r}")
    chosen = module_stages(normalization, stages)
    snr_embeddings = []

    def normalize(stage: int, x: keras.KerasTensor) -> keras.KerasTensor:
        if stage not in chosen:
            return x
        if normalization == "in":
            return keras.layers.GroupNormalization(groups=-1, epsilon=1e-5, name=f"stage{stage}_in")(x)
        x, embeddings = SNR(reduction=reduction, name=f"stage{stage}_snr")(x, return_embeddings=True)
        snr_embeddings.append(embeddings)
        return x

    trunk = BACKBONES[backbone](image_size, normalize, batch_norm_momentum=batch_norm_momentum, weights=weights)
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
    if snr_embeddings:
        outputs["snr"] = snr_embeddings
    return keras.Model(trunk.input, outputs, name=f"{backbone}_{normalization}")


def embedder(model: keras.Model) -> keras.Model:
    """The part of a `reid_model` that retrieval needs: images `(N, H, W, 3)` to embeddings `(N, D)`.

    The weights are shared with `model`, not copied.
    """
    return keras.Model(model.input, model.output["embedding"], name=f"{model.name}_embedder")


def module_stages(normalization: str, stages: Sequence[int] | None = None) -> tuple[int, ...]:
    """The stages, in order, that a normalization follows: `stages`, or the default of that normalization.

    Raises:
        ValueError: If the normalization is unknown, a stage does not exist or occurs twice, stages are given for
            `"none"`, or `"in"` is asked for after the last stage.
    """
    if normalization not in NORMALIZATIONS:
        raise ValueError(f"`normalization` must be one of {NORMALIZATIONS}. Received: normalization={normalization!r}")
    if stages is None:
        return {"none": (), "in": STAGES[:-1], "snr": STAGES}[normalization]
    if not set(stages) <= set(STAGES) or len(set(stages)) != len(stages):
        raise ValueError(f"`stages` must be distinct numbers out of {STAGES}. Received: stages={tuple(stages)}")
    if normalization == "none" and stages:
        raise ValueError(f'`stages` must be empty or None with normalization="none". Received: stages={tuple(stages)}')
    if normalization == "in" and STAGES[-1] in stages:
        raise ValueError(
            f"Instance normalization after stage {STAGES[-1]} is refused: global average pooling follows that "
            "stage, and the average of an instance-normalized map is beta, the same vector for every image, so "
            f'nothing could be learned. Use stages up to {STAGES[-2]}, or normalization="snr", whose restitution '
            f"keeps the averages apart. Received: stages={tuple(stages)}"
        )
    return tuple(sorted(stages))
