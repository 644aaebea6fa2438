"""The networks whose weights are imported, as their public codes are written, with their names: the other side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


class HalfInstanceNorm(nn.Module):
    """IBN-a: the first half of the channels by the image, the other by the batch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.half = channels // 2
        self.IN = nn.InstanceNorm2d(self.half, affine=True)
        self.BN = nn.BatchNorm2d(channels - self.half)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.IN(x[:, : self.half]), self.BN(x[:, self.half :])], 1)


class Block(nn.Module):
    """Two 3x3 convolutions, or 1x1, 3x3 and 1x1; the stride is that of the first 3x3."""

    def __init__(self, before: int, width: int, stride: int, *, bottleneck: bool, ibn: bool) -> None:
        super().__init__()
        after = 4 * width if bottleneck else width
        sizes = [(before, width, 1, 1), (width, width, 3, stride), (width, after, 1, 1)]
        if not bottleneck:
            sizes = [(before, width, 3, stride), (width, width, 3, 1)]
        self.count = len(sizes)
        for number, (fan_in, fan_out, size, step) in enumerate(sizes, 1):
            setattr(self, f"conv{number}", nn.Conv2d(fan_in, fan_out, size, step, size // 2, bias=False))
            norm = HalfInstanceNorm if ibn and number == 1 else nn.BatchNorm2d
            setattr(self, f"bn{number}", norm(fan_out))
        self.downsample = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number in range(1, self.count + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            y = torch.relu(y) if number < self.count else y
        return torch.relu(y + (self.downsample(x) if self.downsample else x))


class ChannelGate(nn.Module):
    """The attention of the public SNR codes: 1x1 convolutions with biases."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, R: Tensor) -> Tensor:
        return torch.sigmoid(self.fc2(torch.relu(self.fc1(R.mean((2, 3), keepdim=True)))))


class ResNet(nn.Module):
    """Torchvision's ResNet, with the changes that ReID codes make.

    Args:
        depth: Number of layers.
        last_stride: Stride of the fourth stage.
        fastreid: Whether the stem pools as fast-reid's does.
        snr: Stages that SNR follows.
        ibn: Whether the first three stages have IBN-a.
        reduction: Reduction ratio of SNR's attention.
        identities: Width of a classifier after a BNNeck; without it there is neither.
    """

    def __init__(
        self,
        depth: int,
        *,
        last_stride: int = 2,
        fastreid: bool = False,
        snr: tuple[int, ...] = (),
        ibn: bool = False,
        reduction: int = 16,
        identities: int | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, ceil_mode=True) if fastreid else nn.MaxPool2d(3, 2, 1)
        self.snr = snr
        channels, bottleneck = 64, depth >= 50
        for stage, (width, blocks) in enumerate(zip((64, 128, 256, 512), DEPTHS[depth], strict=True), 1):
            stride = (1, 2, 2, last_stride)[stage - 1]
            made = []
            for number in range(blocks):
                kind = {"bottleneck": bottleneck, "ibn": ibn and stage < 4}
                made.append(Block(channels, width, 1 if number else stride, **kind))
                channels = 4 * width if bottleneck else width
            setattr(self, f"layer{stage}", nn.Sequential(*made))
            if stage in snr:
                setattr(self, f"IN{stage}", nn.InstanceNorm2d(channels, affine=True))
                setattr(self, f"style_reid_laye{stage}", ChannelGate(channels, reduction))
        if identities:
            self.bottleneck = nn.BatchNorm1d(channels)
            self.classifier = nn.Linear(channels, identities, bias=False)
        else:
            self.fc = nn.Linear(channels, 1000)
        self.identities = identities

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) in [0, 255] to the pooled features, and with a neck the embedding and the logits."""
        mean = torch.tensor([0.485, 0.456, 0.406], dtype=images.dtype)[:, None, None]
        deviation = torch.tensor([0.229, 0.224, 0.225], dtype=images.dtype)[:, None, None]
        x = self.maxpool(torch.relu(self.bn1(self.conv1((images / 255 - mean) / deviation))))
        for stage in (1, 2, 3, 4):
            x = getattr(self, f"layer{stage}")(x)
            if stage in self.snr:
                normalized = getattr(self, f"IN{stage}")(x)
                residual = x - normalized
                x = normalized + getattr(self, f"style_reid_laye{stage}")(residual) * residual
        features = x.mean((2, 3))
        if not self.identities:
            return [features]
        embedding = self.bottleneck(features)
        return [features, embedding, self.classifier(embedding)]


def trained(network: ResNet, seed: int = 0) -> ResNet:
    """The network with weights unlike any initializer's, statistics included; for evaluation."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(like: Tensor, low: float, high: float) -> Tensor:
        return torch.rand(like.shape, generator=generator) * (high - low) + low

    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var") or (name.endswith("weight") and tensor.ndim == 1):
                tensor.copy_(uniform(tensor, 0.5, 1.5))
            elif name.endswith("bias") or name.endswith("running_mean"):
                tensor.copy_(uniform(tensor, -0.3, 0.3))
        if network.identities:
            network.bottleneck.bias.zero_()
    return network.eval()
