"""The baseline of `snr bench train`: ResNet-50 with SNR in plain, eager PyTorch, operation by operation.

Its maps have the shapes of `reid_model(backbone="resnet50")`: strides are where Keras' ResNet-50 has them, in the first
convolution of a stage (He et al., 2015), and the last stride is 1. SNR and the losses are the plain module of
`snr_ref`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snr_keras.networks import gate_reduction
from snr_keras.reid.settings.training import TrainingConfig
from snr_ref.conformance.examples import pytorch_module as port


class Bottleneck(nn.Module):
    """1x1 with the stride, 3x3, 1x1 to four times the width, and the shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, width, 1, stride, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 4 * width, 1, bias=False),
            nn.BatchNorm2d(4 * width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if channels != 4 * width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x: Tensor) -> Tensor:
        """The map (N, C, H, W) to (N, 4 width, H / stride, W / stride)."""
        return torch.relu(self.branch(x) + self.shortcut(x))


class ResNet50SNR(nn.Module):
    """ResNet-50 with SNR after all four stages, pooling, BNNeck and classifier."""

    def __init__(self, num_identities: int, reduction: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, padding=1),
        )
        self.stages, self.modules_after = nn.ModuleList(), nn.ModuleList()
        channels = 64
        for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 1)):
            stage = []
            for block in range(blocks):
                stage.append(Bottleneck(channels, width, 1 if block else stride))
                channels = 4 * width
            self.stages.append(nn.Sequential(*stage))
            self.modules_after.append(port.SNR(channels, channels // reduction))
        self.neck = nn.BatchNorm1d(channels)
        self.classifier = nn.Linear(channels, num_identities, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, list[port.Outputs]]:
        """Images (N, 3, H, W) to features (N, 2048), logits (N, identities) and the outputs of each module."""
        x, decompositions = self.stem(images), []
        for stage, module in zip(self.stages, self.modules_after, strict=True):
            decompositions.append(module(stage(x)))
            x = decompositions[-1].F_plus
        features = x.mean((2, 3))
        return features, self.classifier(self.neck(features)), decompositions


def pytorch_step(
    config: TrainingConfig, num_identities: int, images: np.ndarray, labels: np.ndarray
) -> Callable[[], Any]:
    """One step of training on one batch, with the objective and the optimizer of a config.

    Args:
        config: Settings of the training.
        num_identities: Width of the classifier.
        images: RGB images, (N, H, W, 3), float32, in [0, 255].
        labels: Labels, (N,), integers.

    Returns:
        A function that computes a step, on CUDA if PyTorch has it, and returns the loss when it is done.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = ResNet50SNR(num_identities, gate_reduction("resnet50", config.reduction)).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(device) / 127.5 - 1
    y = torch.from_numpy(labels.astype(np.int64)).to(device)
    positives, negatives = port.draws(y)

    def step() -> float:
        features, logits, decompositions = model(x)
        loss = port.cross_entropy(logits, y, config.label_smoothing)
        loss = loss + port.batch_hard_triplet_loss(features, y, config.triplet_margin)
        for weight, maps in zip(config.snr_weights, decompositions, strict=True):
            loss = loss + weight * sum(
                port.dual_causality_loss(maps.f_tilde, maps.f_plus, maps.f_minus, positives, negatives)
            )
        optimizer.zero_grad()
        loss.backward()
        if config.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        return loss.item()

    return step
