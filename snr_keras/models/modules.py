"""The modules that `normalization` puts into a backbone, and their places: SNR's or a baseline's."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from snr_keras.layers import (
    IBN,
    SNR,
    AdaptiveInstanceBatchNormalization,
    BatchInstanceNormalization,
    ChannelGate,
    EFDMix,
    MixStyle,
    SNREmbeddings,
)


class Modules:
    """The modules of one normalization; backbones offer every place where some normalization has a module.

    Args:
        normalization: One of `NORMALIZATIONS`.
        stages: Stages that have modules; the stem belongs to stage 1.
        reduction: Reduction ratio r of channel attentions.
        snr_bias: Whether SNR's attention has biases.
        snr_gate: What SNR's attention is, one of `SNR_GATES`.

    Attributes:
        embeddings: Embeddings of the SNR layers placed so far.
    """

    def __init__(
        self,
        normalization: str,
        stages: Sequence[int],
        reduction: int,
        *,
        snr_bias: bool = False,
        snr_gate: str = "learned",
    ) -> None:
        self.normalization = normalization
        self.stages = stages
        self.reduction = reduction
        self.snr_bias = snr_bias
        self.snr_gate = snr_gate
        self.embeddings: list[SNREmbeddings] = []

    def batch_norm(self, plain: keras.layers.BatchNormalization, stage: int, position: int) -> keras.Layer:
        """The layer in place of a batch normalization: `plain`, or another layer with its name.

        Args:
            plain: The backbone's layer there, not built yet.
            stage: Stage, 1 to 4; 0 is the stem.
            position: Number of the convolution in its block that it follows, from 1; 0 for the shortcut and for the
                stem.
        """
        if max(stage, 1) not in self.stages:
            return plain
        if self.normalization == "ibn_b" and stage == 0:
            return _instance_norm(plain.name)
        kind = _INSTEAD_OF_BATCH_NORM.get(self.normalization)
        if kind is None or (kind is IBN and position != 1):
            return plain
        return kind(plain.momentum, plain.epsilon, name=plain.name)

    def before_last_relu(self, x: keras.KerasTensor, stage: int) -> keras.KerasTensor:
        """The map after the last addition of a stage, before the ReLU."""
        if stage in self.stages and self.normalization in ("ibn_b", "dualnorm"):
            return _instance_norm(f"stage{stage}_in")(x)
        return x

    def after_stage(self, x: keras.KerasTensor, stage: int) -> keras.KerasTensor:
        """The map after the last ReLU of a stage."""
        if stage not in self.stages:
            return x
        name = f"stage{stage}_{self.normalization}"
        match self.normalization:
            case "in":
                return _instance_norm(name)(x)
            case "mixstyle":
                return MixStyle(name=name)(x)
            case "efdmix":
                return EFDMix(name=name)(x)
            case "gate":
                return ChannelGate(self.reduction, name=name)(x)
            case "snr":
                x, embeddings = self._snr(name)(x, return_embeddings=True)
                self.embeddings.append(embeddings)
        return x

    def _snr(self, name: str) -> SNR:
        return SNR(
            self.reduction,
            use_bias=self.snr_bias,
            trainable_gate=self.snr_gate == "learned",
            w2_initializer="zeros" if self.snr_gate == "fixed" else "glorot_uniform",  # a = sigmoid(0)
            name=name,
        )


_INSTEAD_OF_BATCH_NORM = {
    "ibn_a": IBN,
    "bin": BatchInstanceNormalization,
    "aibn": AdaptiveInstanceBatchNormalization,
}


def _instance_norm(name: str) -> keras.Layer:
    return keras.layers.GroupNormalization(groups=-1, epsilon=1e-5, name=name)
